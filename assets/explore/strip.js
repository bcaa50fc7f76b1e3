// The text as tokens: lit by what one head attends to, V rows that are read outlined, the rest dimmed.
import { cellStrength } from "./measures.js";
import { shownPiece, stepWeights } from "./payloads.js";
import { coloursOf } from "../shared/canvas.js";
import { bytesTitle } from "../shared/mixed.js";
import { grouped } from "../shared/numbers.js";

const SHADES = 20, SHOWN = 640;
const written = new WeakMap();

// Tokens shown: around the query, all of a text up to SHOWN tokens.
export function stripWindow(tokens, query) {
  const start = Math.max(0, Math.min(query + 1 - SHOWN + 64, tokens - SHOWN));
  return [Math.floor(start), Math.min(tokens, Math.floor(start) + SHOWN)];
}

// look: {query, key, stepOf(position), fetched(position) or null, top, options}. Every token is text, never markup.
export function fillTokens(strip, run, look) {
  const [start, stop] = stripWindow(run.tokens, look.query);
  while (strip.children.length > stop - start) strip.lastElementChild.remove();
  while (strip.children.length < stop - start) strip.append(document.createElement("bdi"));
  const colours = coloursOf(strip), hue = colours.heat.join();
  for (let i = 0; i < stop - start; i++) {
    const span = strip.children[i], position = start + i, seen = position <= look.query;
    const step = seen && !(look.options.noSink && position === 0) ? look.stepOf(position) : -1;
    const light = step < look.least ? 0 : cellStrength(step, look.options, look.top);
    const shade = Math.round(light * SHADES);
    const fetched = seen && look.fetched !== null && look.fetched(position);
    const name = [
      fetched && "fetched", seen && look.fetched !== null && !fetched && "skipped", !seen && "later",
      position === look.query && "query", position === look.key && "key", position === run.prompt && "answer",
    ].filter(Boolean).join(" ");
    const piece = run.pieces[position];
    const now = `${position}|${shade}|${name}|${hue}|${piece}`;
    if (written.get(span) === now) continue;
    written.set(span, now);
    const text = shownPiece(piece);
    if (span.textContent !== text) span.textContent = text;
    span.title = bytesTitle(piece);
    span.dataset.position = position;
    span.style.backgroundColor = shade ? `rgba(${hue},${((shade / SHADES) * (name.includes("skipped") ? colours.litSkipped : colours.lit)).toFixed(3)})` : "";
    if (span.className !== name) span.className = name;
  }
  const more = stop - start < run.tokens ? `tokens ${grouped(start)} – ${grouped(stop - 1)} of ${grouped(run.tokens)}: ` : "";
  if (strip.dataset.more !== more) strip.dataset.more = more;
}

// Scrolls a strip's box, when its text does not fit, so that a position stands in it. Asks for sizes: after all changes.
export function showPosition(strip, position) {
  const box = strip.parentElement, span = strip.querySelector(`[data-position="${position}"]`);
  if (!span || box.scrollHeight <= box.clientHeight) return;
  const top = span.offsetTop, bottom = top + span.offsetHeight;
  if (top < box.scrollTop || bottom > box.scrollTop + box.clientHeight) box.scrollTop = top - box.clientHeight / 2;
}

// What lights the strip: the row of the query when it is here, else its bin in the map. `lse`: the log-sum-exp of the
// query's scores as [least, most], which differ where queries are binned; null when it is not known.
export function rowLook(row, map, head, query) {
  if (row && row.tokens === query + 1 && row.has(head)) {
    let top = 0;
    for (let i = 0; i < row.columns; i++) top = Math.max(top, row.steps[row.base(head) + i]);
    return { stepOf: (p) => row.step(head, p), top: stepWeights[top], count: row.tokens, exactly: row.width === 1, lse: row.lse(head), of: row };
  }
  if (map) {
    let top = 0;
    for (let p = map.k0; p <= query; p += map.width) top = Math.max(top, map.step(head, query, p));
    return { stepOf: (p) => map.step(head, query, p), top: stepWeights[Math.max(0, top)], count: query + 1, exactly: map.width === 1, lse: map.lse(head, query), of: map };
  }
  return { stepOf: () => -1, top: 1, count: query + 1, exactly: false, lse: null, of: null };
}
