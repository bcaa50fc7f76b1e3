// Sentences with data in them, and what a token of bytes is.
import assert from "node:assert/strict";
import { test } from "node:test";

import { bytesTitle, mixed, textOf, verbatim } from "../../../assets/shared/mixed.js";

test("bytes that are no whole character are named, other text is not", () => {
  assert.equal(bytesTitle("<F0><9F>"), "Part of a character that several tokens make up: bytes F0 9F");
  assert.equal(bytesTitle(" <E2>"), "Part of a character that several tokens make up: byte E2");
  for (const text of ["", "é", "<b>", "<F0", "F0>", "<0A>", "<7F>", "<f0>", "<ABC>"]) assert.equal(bytesTitle(text), "");
});

test("parts keep their order, and only data is data", () => {
  const token = (text) => mixed`${verbatim(text)} (${3})`;
  const parts = mixed`q: ${token("“<b>”")} → ${token("“<F0>”")}${""}.`;
  assert.equal(textOf(parts), "q: “<b>” (3) → “<F0>” (3).");
  assert.deepEqual(parts.filter((part) => part.data), [verbatim("“<b>”"), { data: "“<F0>”", title: "Part of a character that several tokens make up: byte F0" }]);
  assert.equal(textOf("plain"), "plain");
  assert.equal(textOf(mixed`${verbatim("")}`), "");
  assert.equal(verbatim("<F0>", "").title, "");
});
