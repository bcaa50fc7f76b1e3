// A message in lines: what each one is is found, and the lines, with their pieces, are the text.
import assert from "node:assert/strict";
import { test } from "node:test";

import { codeTokens, languageOf } from "../../../assets/chat/code_tokens.js";
import { inlineParts, Lines, unpackMessage } from "../../../assets/chat/message_parts.js";

const HARD = [
  "", "\n", "a\n\nb", "```cpp\nint x;\n```\nend", "~~~\n```\n~~~\n", "1. x\n   ```\n   y\n   ```", "````\n```\n````", "\r\n```\r\nx\r\n~~~\r\ny",
  "**a** `b` **kwargs, **more", "    indented\n\tdef f():\n\t\treturn 2*3*4\n", "kubectl get pods -n <namespace> &lt;b&gt; \u200b<a", "```mermaid\ngraph TD; A-->B",
  "# one\n## two ##\n#three\n> a\n>> b\n- x\n  more\n* y\n+ z\n12) w\n---\n| a | b |\n|---|---|\n***\n", "```python\ns = '''a\n\\''' b\n'''  # c\n@d\ndef é🙂(x='\\', y=\"",
  "```yaml\na: 'b' # c\n- \"d e\": [1, 2]\n🙂\n```\n", "line\u2028separator\u2029 \ud83d lone", "```js\nconst a = `x\n${b}\\`\n`; /* c\n*/ d // e\n",
  "```sh\necho \"it's $HOME ${X} # no\" # yes\n```", "```json\n{\"a\": \"b\\\"\", \"c\": [1.5e-3, null]}\n```", "``` KQL\nT | where x between (1h .. 2h) // y\n",
];

const linesOf = (text) => {
  const lines = new Lines();
  lines.feed(text);
  return lines.list;
};
const together = (pieces) => pieces.map((piece) => piece.text).join("");
const kinds = (text) => linesOf(text).map((line) => line.kind).join(" ");

test("the lines of a message and the pieces of each are its text", () => {
  for (const text of HARD) {
    const lines = linesOf(text);
    assert.equal(lines.map((line) => line.text).join(""), text);
    for (const line of lines) assert.equal(together(line.pieces), line.text);
    assert.equal(together(inlineParts(text)), text);
  }
});

test("a text that grows, in whatever steps, has the lines of the whole", () => {
  for (const text of HARD) {
    for (const step of [1, 3, 7]) {
      const lines = new Lines(), shown = [];
      for (let at = 0; at < text.length + step; at += step) {
        const first = lines.feed(text.slice(0, at));
        shown.splice(first, Infinity, ...lines.list.slice(first));
        assert.deepEqual(shown, lines.list);
      }
      assert.deepEqual(lines.list, linesOf(text));
    }
  }
  const lines = new Lines();
  lines.feed("a\nb\nc");
  assert.equal(lines.feed("a\nb\nc\nd"), 2);
  assert.equal(lines.feed("other\n"), 0);
  assert.deepEqual(lines.list, linesOf("other\n"));
});

test("an answer of 8,000 letters costs the same per token at its end as at its start", () => {
  const code = "```python\n" + "value = table[row]['name'] * 2  # a comment\n".repeat(200), lines = new Lines();
  let read = 0;
  for (let at = 0; at < code.length; at += 4) read += lines.list.length - lines.feed(code.slice(0, at));
  assert.ok(code.length > 8000 && read <= code.length / 4 + 200, `${read} lines read again`);
});

test("fences hold code to their end, or to the end of the text", () => {
  assert.equal(kinds("a\n```cpp\nx\ny\n```\nb"), "text fence code code fence text");
  assert.equal(kinds("```mermaid\ngraph TD"), "fence code");
  assert.equal(kinds("````\n```\n````"), "fence code fence");
  assert.equal(kinds("~~~\n```\n~~~"), "fence code fence");
  assert.equal(kinds("~~~\r\nx\r\n~~~\r\n"), "fence code fence");
  assert.equal(kinds("``` a`b\nc"), "text text");
  assert.equal(kinds("   ```\n   x\n   ```"), "fence code fence");
});

test("headings, items, quotes, rules and rows are found, and nothing else", () => {
  assert.equal(kinds("# a\n###### b\n   ## c"), "heading heading heading");
  assert.equal(kinds("#a\n####### b\n#\n    # c\n-a\n1.5\n*a*\n|\n-- b"), Array(9).fill("text").join(" "));
  assert.equal(kinds("- a\n  more\n\n  more\n1. b\n22) c\nd\n  e"), "item item text item item item text text");
  assert.equal(kinds("> a\n>\n---\n* * *\n| a | b |\n|:--|--:|"), "quote quote rule rule row row");
  const [item, more] = linesOf("  10. **a** b\n      c");
  assert.deepEqual([item.hang, more.hang, item.pieces[0], item.pieces[1]], [6, 6, { look: "hang", text: "  10. " }, { look: "strong", text: "**a**" }]);
  assert.equal(linesOf("## a")[0].level, 2);
  assert.equal(linesOf("\t- a")[0].hang, 10);
});

test("only what is clearly marked stands out", () => {
  const marked = (text) => inlineParts(text).filter((part) => part.look).map((part) => part.text);
  assert.deepEqual(marked("a **b c** and `d`"), ["**b c**", "`d`"]);
  for (const text of ["2*3*4", "2**3**4", "f(**a, **b)", "a ** b ** c", "__init__", "a_b_c"]) assert.deepEqual(marked(text), []);
});

test("code has the colours of its language, also over line ends, and other languages have none", () => {
  const seen = (line, name, open) => codeTokens(line, name, open).pieces.filter((piece) => piece.look).map((piece) => `${piece.look.slice(5)}:${piece.text}`);
  assert.deepEqual(seen("@a\n", "python"), ["key:@a"]);
  assert.deepEqual(seen("def f(x=1.5): return '#'  # c\n", "python"), ["word:def", "number:1.5", "word:return", "string:'#'", "comment:# c"]);
  assert.deepEqual(seen("for f in $A ${B}; do echo \"x\"; done # y", "sh"), ["word:for", "word:in", "key:$A", "key:${B}", "word:do", "word:echo", 'string:"x"', "word:done", "comment:# y"]);
  assert.deepEqual(seen("echo a#b", "sh"), ["word:echo"]);
  assert.deepEqual(seen('{"a": "b", "c": [-1e3, true]}', "json"), ['key:"a"', 'string:"b"', 'key:"c"', "number:1e3", "word:true"]);
  assert.deepEqual(seen("T | project-away x | where t > ago(1h) // z", "kql"), ["word:project-away", "word:where", "number:1h", "comment:// z"]);
  assert.deepEqual(seen("#include <vector> // a", "c"), ["key:#include", "comment:// a"]);
  assert.deepEqual(seen("- a.b: 'c' # d", "yaml"), ["key:a.b", "string:'c'", "comment:# d"]);
  assert.deepEqual(seen("let x = 'a' + `b", "javascript"), ["word:let", "string:'a'", "string:`b"]);
  const first = codeTokens("a = '''x\n", "python");
  assert.equal(first.open, "'''");
  const second = codeTokens("y ''' + 1\n", "python", first.open);
  assert.deepEqual([second.pieces[0].text, second.open], ["y '''", ""]);
  assert.equal(codeTokens("/* a", "c").open, "*/");
  for (const name of ["", "mermaid", "constructor", "__proto__"]) assert.deepEqual(codeTokens("let 1 'a'", name).pieces, [{ look: "", text: "let 1 'a'" }]);
});

test("a fence names its language in its first word", () => {
  for (const [fence, name] of [["```python title=x", "python"], ["~~~ C++", "c"], ["```bash\r", "sh"], ["```mermaid", ""], ["```constructor", ""], ["```", ""]]) assert.equal(languageOf(fence), name);
});

test("hard lines are read in time", () => {
  const start = performance.now();
  for (const unit of ["- ", "**a", "`", "\\\"", "'", "| ", "> ", "#", "/*", "a-", "* ", "_ ", "0x"]) {
    for (const name of ["python", "sh", "json", "kql", "c", "yaml", "javascript", ""]) linesOf("```" + name + "\n" + unit.repeat(4000));
    linesOf(unit.repeat(4000));
  }
  assert.ok(performance.now() - start < 4000, `${performance.now() - start} ms`);
});

test("messages are unpacked as they were packed", () => {
  assert.deepEqual(unpackMessage('ua\\nb \\"c\\" \\u003cd>'), { role: "user", text: 'a\nb "c" <d>' });
  assert.deepEqual(unpackMessage("a"), { role: "assistant", text: "" });
  assert.deepEqual(unpackMessage("wwaiting: 2 before you"), { role: "waiting", text: "waiting: 2 before you" });
});
