// The line that reads one pair out, or says how to choose one.
import { fetchedIn, lookAt } from "./look.js";
import { describePair } from "./words.js";
import { setText } from "../shared/dom.js";
import { setMixed } from "../shared/mixed.js";
import { atLayer } from "../shared/sides.js";

const HELP = "Hover a point to read it, click to lock, Escape to unlock. Arrow keys move the cell, [ and ] the layer, comma and dot the step, p plays.";

// The locked weight as the server computed it. A click on a bin meant its strongest weight, which is known now.
function exactWeight(explorer, pair) {
  const s = explorer.state.get(), { bin } = explorer, exact = s.key !== null && pair.key === s.key ? explorer.parts.part("exact") : null;
  if (!exact) return undefined;
  if (bin && bin.key === pair.key) {
    let best = bin.key;
    for (let p = best; p < Math.min(bin.key + bin.width, exact.weights.length); p++) if (exact.weights[p] > exact.weights[best]) best = p;
    explorer.bin = null;
    if (best !== pair.key) Promise.resolve().then(() => explorer.set({ key: best }));
  }
  return { weight: exact.weights[pair.key], lse: exact.lse };
}

export function drawRead(explorer, pair) {
  const { run, hover } = explorer, s = explorer.state.get(), given = s.key !== null || hover;
  const line = explorer.$("read");
  line.dataset.pair = given ? "1" : "";  // on a phone it then stays in view
  if (!given) return setText(line, HELP);
  const fetched = fetchedIn(explorer, pair.side, pair.query, pair.head);
  const shown = hover && s.key === null ? hover : pair;
  return setMixed(line, describePair(run, atLayer(run.info[pair.side], explorer.state.get().layer), shown, lookAt(explorer, pair.side, pair, true), {
    layer: s.layer, locked: s.key !== null, exact: exactWeight(explorer, pair),
    fetched: fetched && pair.key !== null ? fetched(pair.key) : null,
  }));
}
