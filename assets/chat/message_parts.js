// What a column's value says, and what each line of a message is. Nothing is left out: the lines, and the pieces of each, put together are the text.
import { codeTokens, languageOf } from "./code_tokens.js";

const ROLES = { u: "user", a: "assistant", w: "waiting", n: "note" };

// A message as `visualizers/chat/messages.py` packs it.
export function unpackMessage(line) {
  return { role: ROLES[line[0]], text: JSON.parse(`"${line.slice(1)}"`) };
}

const OPENS = /^[ \t]*(?:(`{3,})[^`]*|(~{3,})[^]*)$/;
const HEADING = /^( {0,3}(#{1,6})[ \t]+)\S/, ITEM = /^[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+(?=\S)/, QUOTE = /^ {0,3}(?:>[ \t]?)+/, MORE = /^[ \t]{2,}(?=\S)/;
const RULE = /^ {0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$/, ROW = /^[ \t]*\|.*\|[ \t]*$/;
const TAB = 8, WIDEST = 24;  // columns

const MARKED = /(`[^`\n]+`|(?<![^\s([])\*\*(?=\S)[^*\n]*[^*\s]\*\*(?![\w*]))/;

// Text in pieces {look, text}: what is marked as code or strong in its line; the marks stay, they may be meant.
export function inlineParts(text) {
  return text.split(MARKED).map((piece, i) => ({ look: i % 2 ? (piece[0] === "`" ? "code" : "strong") : "", text: piece }))
    .filter((piece) => piece.text);
}

function columns(text) {
  let at = 0;
  for (const letter of text) at += letter === "\t" ? TAB - (at % TAB) : 1;
  return Math.min(at, WIDEST);
}

// A line of prose: {kind, text, pieces} and, for what hangs after its mark, the mark's width in columns.
function proseLine(text, bare, inList) {
  const marked = (kind, look, mark, rest = {}) => ({ kind, text, pieces: [{ look, text: mark }, ...inlineParts(text.slice(mark.length))], ...rest });
  const heading = HEADING.exec(bare);
  if (heading) return marked("heading", "mark", heading[1], { level: heading[2].length });
  if (RULE.test(bare)) return { kind: "rule", text, pieces: [{ look: "mark", text }] };
  const item = ITEM.exec(bare) || (inList && MORE.exec(bare));
  if (item) return marked("item", "hang", item[0], { hang: columns(item[0]) });
  const quote = QUOTE.exec(bare);
  if (quote) return marked("quote", "mark", quote[0]);
  return { kind: ROW.test(bare) ? "row" : "text", text, pieces: inlineParts(text) };
}

const START = { fence: "", language: "", open: "", inList: false };

// One line of a message after `before`, what the lines before it have left open.
function lineOf(text, before) {
  const bare = text.replace(/\r?\n$/, ""), trimmed = bare.trim();
  if (before.fence) {
    if (trimmed.length >= before.fence.length && trimmed === before.fence[0].repeat(trimmed.length)) return { kind: "fence", text, pieces: [{ look: "", text }], after: START };
    const { pieces, open } = codeTokens(text, before.language, before.open);
    return { kind: "code", text, pieces, after: { ...before, open } };
  }
  const opened = OPENS.exec(bare);
  if (opened) return { kind: "fence", text, pieces: [{ look: "", text }], after: { ...START, fence: opened[1] || opened[2], language: languageOf(bare) } };
  const line = proseLine(text, bare, before.inList);
  return { ...line, after: { ...START, inList: line.kind === "item" || (before.inList && !trimmed) } };
}

// The lines of a text that grows: only those are read again that it changed, so that an answer costs the same per token at any length.
export class Lines {
  list = [];
  text = "";
  #whole = 0;  // characters in the lines that have ended

  // Takes in the text as it is now, and says which line is the first that may differ.
  feed(text) {
    const { list } = this;
    let first = 0;
    if (text.startsWith(this.text)) {
      first = list.length && !list.at(-1).text.endsWith("\n") ? list.length - 1 : list.length;
    } else {
      this.#whole = 0;
    }
    this.text = text;
    list.length = first;
    for (let at = this.#whole; at < text.length;) {
      const end = text.indexOf("\n", at) + 1 || text.length;
      list.push(lineOf(text.slice(at, end), list.at(-1)?.after || START));
      at = end;
      if (text[at - 1] === "\n") this.#whole = at;
    }
    return first;
  }
}
