// A message in parts: code is found, and the parts together are the text.
import assert from "node:assert/strict";
import { test } from "node:test";

import { inlineParts, messageParts, unpackMessages } from "../../../assets/chat/message_parts.js";

const kinds = (text) => messageParts(text).map((part) => part.kind).join(" ");

test("the parts of a message are its text", () => {
  for (const text of ["", "\n", "a\n\nb", "```cpp\nint x;\n```\nend", "~~~\n```\n~~~\n", "1. x\n   ```\n   y\n   ```", "````\n```\n````", "\r\n```\r\nx", "**a** `b` **kwargs, **more"]) {
    assert.equal(messageParts(text).map((part) => part.text).join(""), text);
    assert.equal(inlineParts(text).map((part) => part.text).join(""), text);
  }
});

test("fences hold code to their end, or to the end of the text", () => {
  assert.equal(kinds("a\n```cpp\nx\ny\n```\nb"), "text fence code fence text");
  assert.equal(kinds("```mermaid\ngraph TD"), "fence code");
  assert.equal(kinds("````\n```\n````"), "fence code fence");
  assert.equal(kinds("~~~\n```\n~~~"), "fence code fence");
  assert.equal(kinds("``` a`b\nc"), "text");
  assert.equal(kinds("   ```\n   x\n   ```"), "fence code fence");
});

test("only what is clearly marked stands out", () => {
  const marked = (text) => inlineParts(text).filter((part) => part.tag).map((part) => part.text);
  assert.deepEqual(marked("a **b c** and `d`"), ["**b c**", "`d`"]);
  for (const text of ["2*3*4", "2**3**4", "f(**a, **b)", "a ** b ** c", "__init__", "a_b_c"]) assert.deepEqual(marked(text), []);
});

test("messages are unpacked as they were packed", () => {
  assert.deepEqual(unpackMessages('ua\\nb \\"c\\" \\u003cd>\na'), [{ role: "user", text: 'a\nb "c" <d>' }, { role: "assistant", text: "" }]);
  assert.deepEqual(unpackMessages(""), []);
});
