// Sentences with data in them: words that a browser's translator may translate, and pieces of text that it must leave alone.
import { el } from "./dom.js";

// Bytes of a token that are no whole character, as the server writes them.
const BYTES = /<([89A-F][0-9A-F])>/g;

// What a token that shows as <F0><9F> is, or "" for one that is whole characters.
export function bytesTitle(piece) {
  const found = [...piece.matchAll(BYTES)].map((match) => match[1]);
  return found.length ? `Part of a character that several tokens make up: byte${found.length > 1 ? "s" : ""} ${found.join(" ")}` : "";
}

// A piece of text that is data. Its own text decides its title.
export const verbatim = (text, title = bytesTitle(text)) => ({ data: text, title });

// mixed`words ${verbatim(x)} words`: the parts in order, each a string or data; parts within parts are flattened.
export function mixed(strings, ...values) {
  return strings.flatMap((text, i) => [text, ...(i < values.length ? [values[i]].flat(Infinity) : [])])
    .map((part) => (part?.data === undefined ? String(part) : part)).filter((part) => part !== "");
}

export const textOf = (parts) => [parts].flat().map((part) => (part.data === undefined ? part : part.data)).join("");

// Parts as nodes: data in elements that are not translated.
export function nodesOf(parts) {
  return [parts].flat().map((part) => {
    if (part.data === undefined) return part;
    const node = el("bdi", { translate: "no", class: "notranslate" }, part.data);
    if (part.title) node.title = part.title;
    return node;
  });
}

// Writes a sentence only where another one stands.
export function setMixed(element, parts) {
  if (element && element.textContent !== textOf(parts)) element.replaceChildren(...nodesOf(parts));
}
