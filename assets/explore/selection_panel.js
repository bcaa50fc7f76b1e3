// The panel of V selection: which rows a head reads over time, how much of the mass they hold, and what another k would do.
import { drawHistogram, drawOverK, drawTime } from "./charts.js";
import { showSelection } from "./words.js";
import { setText } from "../shared/dom.js";
import { sideName } from "../shared/sides.js";

export class SelectionPanel {
  constructor(explorer, painter) {
    this.explorer = explorer;
    this.painter = painter;
  }

  draw(shared, colours) {
    const { explorer, painter } = this, { run, parts } = explorer, s = explorer.state.get(), { curves } = shared;
    const time = parts.part("time"), offset = time ? time.first - (run.prompt - 1) : 0, k = parts.k();
    painter.repaint("time", [painter.numberOf(time), s.step, run.tokens], (canvas) => {
      painter.layouts.time = Object.assign(drawTime(canvas, time, run.tokens, s.step, colours, offset), { offset });
    });
    painter.repaint("histogram", [painter.numberOf(time), s.head, s.side], (canvas) =>
      drawHistogram(canvas, time && time.captured, run.info[s.side], s.head, colours));
    painter.repaint("over-k", [painter.numberOf(curves), s.side, s.head, k], (canvas) =>
      drawOverK(canvas, curves && curves[s.side], curves && curves.grid, s.head, k, colours));
    setText(explorer.$("time-name"), `q${s.head}, k = ${s.k}` + (time && time.width > 1 ? `; each point any of ${time.width} rows` : ""));
    setText(explorer.$("histogram-name"), `${sideName(s.side)}, k = ${s.k}`);
    setText(explorer.$("over-k-name"), `q${s.head} at this step`);
    showSelection(explorer.$("selection-words"), run, shared);
  }
}
