// The panel of layers and heads: one measure of every head of both sides, on one scale.
import { drawOverview } from "./charts.js";
import { overviewLayout } from "./geometry.js";
import { showAttention } from "./words.js";
import { fitCanvas } from "../shared/canvas.js";
import { setText } from "../shared/dom.js";
import { percent } from "../shared/numbers.js";
import { SIDES, sideName } from "../shared/sides.js";

const MEANS = {
  captured: (s) => ` of the mass is missed with k = ${s.k}`,
  entropy: () => " of the greatest entropy",
  diverge: () => " of a bit between the two sides",
};

export class OverviewPanel {
  constructor(explorer, painter) {
    this.explorer = explorer;
    this.painter = painter;
  }

  draw(shared, colours) {
    const { explorer } = this, overview = explorer.parts.part("overview");
    if (!explorer.overviewHover) showAttention(explorer.$("attention-words"), explorer.run, shared);
    for (const side of SIDES) this.#drawSide(side, overview, colours);
  }

  #drawSide(side, overview, colours) {
    const { explorer, painter } = this, s = explorer.state.get(), name = "overview-" + side, info = explorer.run.info[side];
    const layout = overviewLayout(painter.width(name), info.layers, info.query_heads);
    painter.layouts[name] = layout;
    painter.repaint(name, [painter.numberOf(overview), s.measure, s.layer, s.head], (canvas) =>
      drawOverview(canvas, layout, info, this.#stretched(side, overview), { layer: s.layer, head: s.head }, colours));
    const { context } = fitCanvas(explorer.mark(name), layout.height), at = explorer.overviewHover;
    if (!at || at.side !== side) return;
    context.strokeStyle = colours.ink;
    context.strokeRect(layout.left + at.head * layout.cell - 0.5, layout.top + at.layer * layout.row - 0.5, layout.cell, layout.row);
    const value = this.#value(side, overview);
    const words = value ? percent(value(at.layer, at.head)) + MEANS[s.measure](s) : "–";
    setText(explorer.$("attention-words"), `${sideName(side)}, layer ${at.layer}, q${at.head}: ${words}`);
  }

  // (layer, head) to 0..1, or null.
  #value(side, overview) {
    const { measure } = this.explorer.state.get(), values = overview && overview[side];
    return values && ((layer, head) => (measure === "captured" ? 1 - values.at(layer, head) : values.at(layer, head) / values.top));
  }

  // For the eye: the darkest cell is the largest value of either side.
  #stretched(side, overview) {
    const values = SIDES.map((one) => this.#value(one, overview)), { run } = this.explorer;
    if (!values[0]) return null;
    let top = 1e-6;
    SIDES.forEach((one, i) => {
      const { layers, query_heads: heads } = run.info[one];
      for (let layer = 0; layer < layers; layer++) for (let head = 0; head < heads; head++) top = Math.max(top, values[i](layer, head));
    });
    setText(this.explorer.$("overview-top"), `blank 0, full tone ${percent(top)}`);
    const own = values[SIDES.indexOf(side)];
    return (layer, head) => own(layer, head) / top;
  }
}
