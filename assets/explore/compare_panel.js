// The panel that compares the two models: where their answers part, what each expects next, which heads differ most.
import { drawTrack } from "./charts.js";
import { showDivergence, showNext, showParting } from "./words.js";

export class ComparePanel {
  constructor(explorer, painter) {
    this.explorer = explorer;
    this.painter = painter;
  }

  draw(shared, colours) {
    const { explorer, painter } = this, { run, parts } = explorer, { step } = explorer.state.get(), track = parts.part("track");
    showParting(explorer.$("parting"), run);
    showNext(explorer.root, parts.part("next"));
    showDivergence(explorer.$("diverge"), shared.curves);
    painter.repaint("track", [painter.numberOf(track), step], (canvas) => {
      painter.layouts.track = drawTrack(canvas, track, step, colours);
    });
  }
}
