// The panel of strips: the text of both sides, lit by what the head under the pointer attends to.
import { fetchedIn, lookAt, optionsFor } from "./look.js";
import { massThreshold } from "./measures.js";
import { namedPiece } from "./payloads.js";
import { fillTokens, showPosition } from "./strip.js";
import { mixed, setMixed, verbatim } from "../shared/mixed.js";
import { grouped } from "../shared/numbers.js";
import { SIDES } from "../shared/sides.js";

export class StripsPanel {
  #stood = "";

  constructor(explorer, painter) {
    this.explorer = explorer;
    this.painter = painter;
  }

  strip(side) {
    return this.explorer.root.querySelector(`[data-strip="${side}"]`);
  }

  draw(pair) {
    const { explorer } = this, { run, parts } = explorer, s = explorer.state.get(), options = optionsFor(explorer, "gqa");
    for (const side of SIDES) {
      const seen = lookAt(explorer, side, pair), fetched = fetchedIn(explorer, side, pair.query, pair.head);
      const least = s.mass < 1 ? massThreshold((p) => (s.noSink && p === 0 ? 0 : seen.stepOf(p)), seen.count, s.mass) : 1;
      fillTokens(this.strip(side), run, Object.assign(seen, { query: pair.query, key: pair.key, fetched, options, least }));
      const words = [];
      if (side === "gqa") words.push("every V row");
      else if (fetched) words.push(`outlined: ${grouped(Math.min(parts.k(), pair.query) + 1)} of ${grouped(pair.query + 1)} V rows`);
      if (!seen.exactly) words.push("binned");
      setMixed(explorer.$("strip-" + side), mixed`${verbatim("q" + pair.head)} at ${verbatim(namedPiece(run.pieces[pair.query]))}${words.map((each) => "; " + each).join("")}`);
    }
  }

  // A new step shows its query in the strips, a lock its key; hovering and the visitor's own scrolling move nothing.
  keepInView() {
    const { run, parts, state } = this.explorer, s = state.get(), position = s.key === null ? parts.query() : s.key;
    const now = [run.run, run.text, position, this.painter.layouts.large.size].join("|");
    if (this.#stood === now) return;
    this.#stood = now;
    for (const side of SIDES) showPosition(this.strip(side), position);
  }
}
