// What a column's value says, and which lines of a message are code. Nothing is left out: the parts put together are the text.

// Messages as `visualizers/chat/messages.py` packs them.
export function unpackMessages(value) {
  return value ? value.split("\n").map((line) => ({ role: line[0] === "u" ? "user" : "assistant", text: JSON.parse(`"${line.slice(1)}"`) })) : [];
}

const OPENS = /^[ \t]*(?:(`{3,})[^`]*|(~{3,}).*)$/;

// A message's text in pieces {kind: "text" | "fence" | "code", text}. A fence that is not closed yet has code to the end.
export function messageParts(text) {
  const parts = [];
  const add = (kind, line) => {
    const last = parts.at(-1);
    if (last && last.kind === kind && kind !== "fence") last.text += line;
    else parts.push({ kind, text: line });
  };
  let fence = "";
  for (const line of text.match(/[^\n]*\n|[^\n]+$/g) || []) {
    const bare = line.trim();
    if (fence) {
      const closes = bare.length >= fence.length && bare === fence[0].repeat(bare.length);
      add(closes ? "fence" : "code", line);
      if (closes) fence = "";
      continue;
    }
    const opened = OPENS.exec(line.replace(/\n$/, ""));
    if (opened) fence = opened[1] || opened[2];
    add(opened ? "fence" : "text", line);
  }
  return parts;
}

const MARKED = /(`[^`\n]+`|(?<![^\s([])\*\*(?=\S)[^*\n]*[^*\s]\*\*(?![\w*]))/;

// Text in pieces {tag, text}: what is marked as code or strong in its line; the marks stay, they may be meant.
export function inlineParts(text) {
  return text.split(MARKED).map((piece, i) => ({ tag: i % 2 ? (piece[0] === "`" ? "code" : "strong") : "", text: piece }))
    .filter((piece) => piece.text);
}
