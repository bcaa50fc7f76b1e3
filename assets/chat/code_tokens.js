// The parts of a line of code that have a colour. They are pieces of the line: put together they are the line, whatever it holds.

const words = (text) => new Set(text.split(" "));

const DOUBLE = String.raw`"(?:\\.|[^"\\])*"?`, SINGLE = String.raw`'(?:\\.|[^'\\])*'?`, STRINGS = `${DOUBLE}|${SINGLE}`;
const NUMBER = String.raw`(?:0[xXbBoO][\da-fA-F_]+|\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)\w*`;
const WORD = String.raw`[A-Za-z_]\w*`;

// What a language's line is made of, in the order in which it is looked for. `long` opens what may end on a later line: each by what closes it.
const LANGUAGES = {
  python: {
    comment: "#.*", long: { '"""': '"""', "'''": "'''" }, string: STRINGS, key: String.raw`@${WORD}`,
    words: words("False None True and as assert async await break case class continue def del elif else except finally for from global if import in is lambda match nonlocal not or pass raise return try while with yield"),
  },
  sh: {
    comment: String.raw`(?<![^\s;])#.*`, string: STRINGS, key: String.raw`\$(?:\w+|\{[^}]*\}|[?#@*!$-])`,
    words: words("if then else elif fi for in do done while until case esac function select return exit export local readonly unset set source cd echo exec eval trap shift test true false"),
  },
  json: { key: String.raw`"(?:\\.|[^"\\])*"(?=\s*:)`, string: DOUBLE, words: words("true false null") },
  kql: {
    comment: "//.*", string: `[@hH]{0,2}(?:${STRINGS})`, word: String.raw`[A-Za-z_]\w*(?:-[A-Za-z]+)*`,
    words: words("and or not in has contains startswith endswith between by asc desc on kind let where project project-away project-keep project-rename project-reorder extend summarize order sort top take limit count distinct join union lookup mv-expand mv-apply make-series parse parse-where parse-kv evaluate render datatable materialize serialize search range print as invoke scan sample getschema true false nulls first last"),
  },
  c: {
    comment: "//.*", long: { "/*": "*/" }, string: STRINGS, key: String.raw`(?<=^\s*)#\s*\w+`,
    words: words("alignas alignof asm auto bool break case catch char class concept const consteval constexpr const_cast continue decltype default delete do double dynamic_cast else enum explicit export extern false final float for friend goto if inline int long mutable namespace new noexcept nullptr operator override private protected public register reinterpret_cast requires restrict return short signed sizeof static static_assert static_cast struct switch template this thread_local throw true try typedef typename union unsigned using virtual void volatile while __global__ __device__ __host__ __shared__ NULL"),
  },
  yaml: {
    comment: String.raw`(?<!\S)#.*`, key: String.raw`(?<=^[\s-]*)(?:"[^"]*"|'[^']*'|[\w./-]+)(?=\s*:(?:\s|$))`, string: `(?<![^\\s,:\\[{-])(?:${STRINGS})`, word: String.raw`[A-Za-z_][\w./-]*`,
    words: words("true false null yes no on off True False"),
  },
  javascript: {
    comment: "//.*", long: { "/*": "*/", "`": "`" }, string: STRINGS,
    words: words("as async await break case catch class const continue debugger default delete do else enum export extends false finally for from function get if implements import in instanceof interface let new null of private protected public readonly return set static super switch this throw true try type typeof undefined var void while with yield"),
  },
};

const NAMES = { py: "python", python3: "python", pycon: "python", bash: "sh", shell: "sh", zsh: "sh", console: "sh", kusto: "kql", cpp: "c", "c++": "c", cc: "c", h: "c", hpp: "c", cuda: "c", cu: "c", yml: "yaml", js: "javascript", mjs: "javascript", jsx: "javascript", ts: "javascript", typescript: "javascript", tsx: "javascript", jsonl: "json", json5: "json" };

// The language that a fence's first line names, or "" for one that has no colours here: "```python title=x" is "python".
export function languageOf(fence) {
  const name = /^\s*(?:`+|~+)\s*([\w+#.-]+)/.exec(fence)?.[1].toLowerCase() || "";
  const known = Object.hasOwn(NAMES, name) ? NAMES[name] : name;
  return Object.hasOwn(LANGUAGES, known) ? known : "";
}

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

// One expression per language that always matches where it is asked to: what nothing else is goes by runs.
function expressionOf(language) {
  const groups = { comment: language.comment, long: Object.keys(language.long || {}).map(escape).join("|"), key: language.key, string: language.string, number: NUMBER, word: language.word || WORD };
  const named = Object.entries(groups).filter(([, source]) => source).map(([name, source]) => `(?<${name}>${source})`);
  return new RegExp([...named, String.raw`\s+`, String.raw`\w+`, String.raw`[\s\S]`].join("|"), "y");
}

const expressions = new Map();

function expression(name) {
  if (!expressions.has(name)) expressions.set(name, expressionOf(LANGUAGES[name]));
  return expressions.get(name);
}

// Where what `close` ends is over, from `at` on; -1 when the line does not end it. A backslash keeps a quote from closing.
function endOf(line, at, close) {
  for (let end = line.indexOf(close, at); end >= 0; end = line.indexOf(close, end + 1)) {
    let slashes = 0;
    while (close !== "*/" && line[end - 1 - slashes] === "\\" && end - 1 - slashes >= at) slashes += 1;
    if (slashes % 2 === 0) return end + close.length;
  }
  return -1;
}

function kindOf(groups, language) {
  if (groups.word !== undefined) return language.words.has(groups.word) ? "word" : "";
  return ["comment", "key", "string", "number"].find((name) => groups[name] !== undefined) || "";
}

// A line's pieces {look, text}; `open` is what the line before left open ("" or the text that closes it), and so is the answer's.
export function codeTokens(line, name, open = "") {
  const pieces = [];
  const add = (look, text) => {
    if (!text) return;
    if (pieces.at(-1)?.look === look) pieces.at(-1).text += text;
    else pieces.push({ look, text });
  };
  if (!Object.hasOwn(LANGUAGES, name)) {
    add("", line);
    return { pieces, open: "" };
  }
  const language = LANGUAGES[name], pattern = expression(name);
  let at = 0;
  while (at < line.length) {
    let look = "", end = line.length, close = open;
    if (!close) {
      pattern.lastIndex = at;
      const { groups, 0: text } = pattern.exec(line);
      close = language.long?.[groups.long] || "";
      look = kindOf(groups, language);
      end = at + text.length;
    }
    if (close) {
      const over = endOf(line, open ? at : end, close);
      look = close === "*/" ? "comment" : "string";
      open = over < 0 ? close : "";
      end = over < 0 ? line.length : over;
    }
    add(look && `code-${look}`, line.slice(at, end));
    at = end;
  }
  return { pieces, open };
}
