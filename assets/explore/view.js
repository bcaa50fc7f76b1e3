// Draws the explorer's state, panel by panel. Nothing here changes it but for what the drawing itself finds out.
import { ComparePanel } from "./compare_panel.js";
import { drawLive } from "./live.js";
import { focusPair } from "./look.js";
import { MapsPanel } from "./maps_panel.js";
import { OverviewPanel } from "./overview_panel.js";
import { Painter } from "./painter.js";
import { drawRead } from "./read_line.js";
import { SelectionPanel } from "./selection_panel.js";
import { StripsPanel } from "./strips_panel.js";
import { showTable } from "./words.js";
import { coloursOf } from "../shared/canvas.js";
import { setText } from "../shared/dom.js";

export class View {
  constructor(explorer) {
    this.explorer = explorer;
    const painter = new Painter(explorer.base);
    this.painter = painter;
    this.maps = new MapsPanel(explorer, painter);
    this.strips = new StripsPanel(explorer, painter);
    this.lower = {
      attention: new OverviewPanel(explorer, painter),
      selection: new SelectionPanel(explorer, painter),
      compare: new ComparePanel(explorer, painter),
    };
  }

  draw() {
    const started = performance.now(), { explorer } = this, { root, run, live, store, parts } = explorer, colours = coloursOf(root);
    if (live) {
      this.#drawLive();
    } else if (run) {
      const pair = focusPair(explorer);
      this.maps.draw(colours, pair);
      this.#drawLower(colours);
      this.strips.draw(pair);  // late: the pictures ask for sizes, and changed text would have to be laid out for that
      drawRead(explorer, pair);
      this.strips.keepInView();
      store.want(() => parts.wanted());
    }
    root.dataset.state = live ? "live" : run && parts.part("maps") && parts.here() ? "ready" : run ? "waiting" : "empty";
    root.dataset.missing = store.missing();
    root.dataset.step = run ? explorer.state.get().step : "";
    root.dataset.draws = Number(root.dataset.draws || 0) + 1;
    root.dataset.drawMs = (performance.now() - started).toFixed(1);
  }

  #drawLower(colours) {
    const { explorer } = this, { root, parts, run } = explorer, s = explorer.state.get();
    const shared = {
      curves: parts.part("figures"), rows: { sigma: parts.row("sigma"), gqa: parts.row("gqa") }, select: parts.select(),
      side: s.side, layer: s.layer, head: s.head, k: parts.k(), step: s.step, query: parts.query(),
    };
    for (const panel of root.querySelectorAll("[data-panel]")) panel.hidden = panel.dataset.panel !== s.mode;
    for (const tab of root.querySelectorAll("[data-mode]")) {
      tab.setAttribute("aria-selected", tab.dataset.mode === s.mode);
      tab.tabIndex = tab.dataset.mode === s.mode ? 0 : -1;
    }
    this.lower[s.mode].draw(shared, colours);
    if (explorer.$("table").open) showTable(explorer.$("table-body"), run, shared);
  }

  #drawLive() {
    const { explorer } = this, { root, live, run } = explorer, { log, noSink } = explorer.state.get();
    const say = (side, text) => {
      setText(explorer.$("heads-" + side), text);
      setText(explorer.$("strip-" + side), "each token as lit as in its strongest head");
    };
    root.dataset.state = "live";  // first: the style sheet then makes room
    setText(explorer.$("source"), "The answers that are being written now");
    const drawn = drawLive(root, live, run ? run.info : {}, { log, noSink }, say);
    this.painter.forget();
    explorer.say("pending", drawn ? "Live: the newest token of both answers. Every step can be explored when they are finished." :
      "Live: an answer is being written; its attention comes with the first token, if live pictures are on.");
  }
}
