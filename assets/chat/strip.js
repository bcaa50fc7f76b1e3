// The text under the attention picture.
import { strengthOf, topWeight } from "../shared/attention.js";
import { coloursOf } from "../shared/canvas.js";
import { bytesTitle } from "../shared/mixed.js";
import { grouped } from "../shared/numbers.js";

// One hue from paper to ink; zero stays paper so that "no weight" and "no data" look the same: empty.
function heat(colours, strength) {
  const [r, g, b] = colours.heat;
  return `rgba(${r},${g},${b},${Math.min(1, Math.max(0, strength)).toFixed(3)})`;
}

const SHADES = 20;  // more, the eye does not tell apart behind text
const written = new WeakMap();  // what each span of a strip shows

// The text under the picture: the newest tokens, shaded by the selected head (or the strongest head).
export function fillStrip(strip, side, options, selection) {
  const attention = side.attention;
  const list = side.pieces.list, start = side.pieces.start;
  const top = attention ? topWeight(attention, options) : 0;
  // The window slides: what left it goes at the front, so that the others keep their places and nothing to write.
  while (strip.firstElementChild && Number(strip.firstElementChild.dataset.index) < start) strip.firstElementChild.remove();
  while (strip.children.length > list.length) strip.lastElementChild.remove();
  while (strip.children.length < list.length) strip.append(document.createElement("span"));
  const colours = coloursOf(strip);
  const heads = !attention ? [] : selection ? [selection.head] : Array.from({ length: attention.heads }, (_, h) => h);
  const columns = new Map();  // strength and mark of each column, once for all its tokens
  const columnOf = (column) => {
    if (!columns.has(column)) {
      const strength = heads.reduce((most, h) => Math.max(most, strengthOf(attention, h, column, options, top)), 0);
      columns.set(column, [Math.round(strength * SHADES), attention.selective && heads.some((h) => attention.fetched(h, column))]);
    }
    return columns.get(column);
  };
  const hue = colours.heat.join();
  list.forEach((piece, i) => {
    const span = strip.children[i];
    const index = start + i;
    const seen = attention && index < attention.tokens;
    const column = seen ? Math.floor(index / attention.width) : -1;
    const [shade, fetched] = seen && !(options.noSink && index === 0) ? columnOf(column) : [0, false];
    const skipped = Boolean(seen && attention.selective && !fetched);
    const here = Boolean(selection && seen && column === selection.column);
    // A browser pays for every write, also of what is there already: most tokens do not change between two steps.
    const now = `${index}|${shade}|${fetched}|${skipped}|${here}|${hue}|${piece}`;
    if (written.get(span) === now) return;
    written.set(span, now);
    const text = piece.replace(/ /g, "·").replace(/\n/g, "↵") || "▪";
    if (span.textContent !== text) span.textContent = text;
    span.title = bytesTitle(piece);
    span.dataset.index = index;
    span.style.backgroundColor = shade ? heat(colours, (shade / SHADES) * (skipped ? colours.litSkipped : colours.lit)) : "";
    span.className = [fetched && "fetched", skipped && "skipped", here && "here"].filter(Boolean).join(" ");
  });
  const more = start > 0 ? `newest ${list.length} of ${grouped(start + list.length)} tokens` : "";
  if (strip.dataset.more !== more) strip.dataset.more = more;
}
