// What is known of the pair that the explorer stands on: how its row is lit, which V rows are read, how it is drawn.
import { previewChosen } from "./measures.js";
import { rowLook } from "./strip.js";

// How a side's weights are drawn.
export function optionsFor(explorer, side) {
  const s = explorer.state.get();
  return { log: s.log, noSink: s.noSink, mass: s.mass, k: side === "sigma" && s.mode === "selection" ? explorer.parts.k() : 0 };
}

// What the marks stand on: the locked pair, else the one under the pointer, else the step's row.
export function focusPair(explorer) {
  const s = explorer.state.get(), { hover } = explorer;
  return s.key === null && hover && hover.query !== null ? hover : { side: s.side, head: s.head, query: explorer.parts.query(), key: s.key };
}

// The map of the large picture and the head's place in it.
export function largeMap(explorer) {
  const s = explorer.state.get(), maps = explorer.parts.part("maps"), map = explorer.parts.part("head");
  if (map) return { map, head: 0 };
  return maps && !explorer.zoom ? { map: maps[s.side], head: s.head } : null;
}

// Whether Sigma reads a V row at the state's query: exact once the server has said it, previewed before. Null: unknown.
export function fetchedIn(explorer, side, at, head) {
  const { parts } = explorer;
  if (side !== "sigma" || at !== parts.query()) return null;
  const select = parts.select();
  if (select) return (p) => select.sigma.has(head, p);
  const found = parts.row("sigma");
  if (!found || !found.has(head)) return null;
  const chosen = previewChosen(found, head, parts.k());
  return (p) => chosen.has(Math.floor(p / found.width));
}

// What is known best of a head's row at a query: the row itself, else the map that the pointer is on. A zoomed window that
// holds a part of the row is good for its one pair (`closely`), not for the whole strip.
export function lookAt(explorer, side, pair, closely) {
  const s = explorer.state.get(), { parts, run } = explorer;
  const maps = parts.part("maps"), head = Math.min(pair.head, run.info[side].query_heads - 1), large = parts.part("head");
  const cut = large && (large.k0 > 0 || large.k1 <= pair.query);
  const onIt = large && side === s.side && head === s.head && large.width === (pair.width || 1);
  if (!onIt || (cut && !closely) || large.step(0, pair.query, pair.key === null ? large.k0 : pair.key) < 0) {
    return rowLook(parts.row(side), maps && maps[side], head, pair.query);
  }
  const own = Object.assign({}, large, { step: (_, query, key) => large.step(0, query, key), lse: (_, query) => large.lse(0, query) });
  const found = rowLook(parts.row(side), own, head, pair.query);
  return Object.assign(found, { part: cut && found.of === own });
}
