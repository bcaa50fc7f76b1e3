// The KV-cache figure: curve, readout, formula and table of one state, and how one moves over the curve.
// Hover previews, a click or a tap locks, Escape goes back to the newest point; arrow keys move from point to point.
import { drawCurve } from "./curve_draw.js";
import { showFormula } from "./curve_formula.js";
import { curvePoint, pointText } from "./curve_points.js";
import { fillCurveTable } from "./curve_table.js";
import { COLUMNS, columnName } from "../shared/columns.js";
import { setText } from "../shared/dom.js";
import { binary, spokenBytes } from "../shared/numbers.js";

const HELP = {
  null: "The newest point. Hover, tap or use the arrow keys to read earlier ones.",
  false: "Click to lock.",
  true: "Locked: arrow keys move, Escape goes back to the newest point.",
};

// For the eye, with a letter, its number and the unit kept on one line.
const forEye = (name, point) => pointText(name, point, binary).replace(/(K|V|sum) ([\d.,]+) /g, "$1\u00a0$2\u00a0");

// Every number of tokens at which a column has a point, ascending.
function stopsOf(state) {
  const found = new Set();
  for (const column of COLUMNS) for (const t of (state.sides[column] && state.sides[column].curve.tokens) || []) if (t > 0) found.add(t);
  return [...found].sort((a, b) => a - b);
}

const nearest = (stops, tokens) => stops.reduce((best, t) => (Math.abs(t - tokens) < Math.abs(best - tokens) ? t : best));

export class CurveFigure {
  #state = null;
  #infos = {};
  #at = null;
  #locked = false;
  #layout = null;
  #queued = false;

  constructor(root) {
    const find = (selector) => root.querySelector(selector);
    this.canvas = find("#kv-canvas");
    this.lines = [...root.querySelectorAll("#kv-read [data-column]")];
    this.help = find("#kv-help");
    this.formula = find("#kv-formula");
    this.details = find("#kv-details");
    this.table = this.details.querySelector("table");
    this.#wire();
  }

  #wire() {
    const { canvas, details } = this;
    canvas.addEventListener("pointermove", (event) => this.#choose(this.#nearestTo(event.offsetX), event.pointerType === "touch"));
    canvas.addEventListener("pointerleave", () => this.#choose(null, false));
    canvas.addEventListener("click", (event) => {
      const tokens = this.#nearestTo(event.offsetX), same = this.#locked && tokens === this.#at;
      this.#locked = false;
      this.#choose(same ? null : tokens, !same);
    });
    canvas.addEventListener("keydown", (event) => this.#press(event));
    details.addEventListener("toggle", () => details.open && this.#state && fillCurveTable(this.table, this.#state));
  }

  #press(event) {
    const stops = this.#state ? stopsOf(this.#state) : [], end = stops.length - 1;
    const moves = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -8, PageUp: 8, Home: -end, End: end };
    if (event.key === "Escape" && this.#at !== null) {
      event.preventDefault();
      this.#locked = false;
      this.#choose(null, false);
    } else if (stops.length && event.key in moves) {
      event.preventDefault();
      const from = this.#at === null ? end : stops.indexOf(nearest(stops, this.#at));
      this.#choose(stops[Math.max(0, Math.min(end, from + moves[event.key]))], true);
    }
  }

  #choose(tokens, lock) {
    if (this.#locked && !lock) return;
    if (this.#at === tokens && this.#locked === (lock && tokens !== null)) return;
    this.#at = tokens;
    this.#locked = lock && tokens !== null;
    this.#schedule();
  }

  #nearestTo(x) {
    const stops = this.#state ? stopsOf(this.#state) : [];
    return this.#layout && stops.length ? nearest(stops, this.#layout.tokens(x)) : null;
  }

  // Moving over the curve redraws it alone.
  #schedule() {
    if (this.#queued) return;
    this.#queued = true;
    requestAnimationFrame(() => {
      this.#queued = false;
      this.draw();
      this.write();
    });
  }

  // What is shown from now on; another run begins at its newest point.
  show(next, infos) {
    const now = this.#state;
    if (now && (now.run !== next.run || now.recorded !== next.recorded)) {
      this.#at = null;
      this.#locked = false;
    }
    this.#state = next;
    this.#infos = infos;
  }

  draw() {
    const { canvas } = this;
    if (this.#state && canvas.isConnected && canvas.parentElement.clientWidth) this.#layout = drawCurve(canvas, this.#state, this.#at);
  }

  // All that is text. Apart from the drawing: pictures ask for sizes, and text that has changed must be laid out first.
  write() {
    const state = this.#state;
    if (!state) return;
    this.#readOut();
    showFormula(this.formula, state, this.#infos);
    const kind = state.recorded ? "from the tensors, when it was recorded" : "from the tensors";
    for (const part of this.formula.querySelectorAll("[data-measured]")) setText(part, kind);
    if (this.details.open) fillCurveTable(this.table, state);
  }

  #readOut() {
    const spoken = [];
    for (const line of this.lines) {
      const { column } = line.dataset, data = this.#state.sides[column], point = curvePoint(data && data.curve, this.#at);
      line.hidden = !point;
      if (!point) continue;
      const [eye, ear] = line.children, name = columnName(this.#state, column), said = pointText(name, point, spokenBytes);
      setText(eye, forEye(name, point));
      setText(ear, said);
      spoken.push(said);
    }
    setText(this.help, HELP[this.#at === null ? null : this.#locked]);
    this.#announce(spoken.join(". "));
  }

  #announce(valuetext) {
    const { canvas } = this, stops = stopsOf(this.#state), last = stops[stops.length - 1];
    // While the answer grows under a reader's focus, only what the reader asks for is news.
    const growing = this.#at === null && document.activeElement === canvas && document.body.dataset.run === "running";
    if (growing || !stops.length) return;
    const values = { valuemin: stops[0], valuemax: last, valuenow: this.#at === null ? last : this.#at, valuetext };
    for (const [name, value] of Object.entries(values)) {
      if (canvas.getAttribute("aria-" + name) !== String(value)) canvas.setAttribute("aria-" + name, value);
    }
  }
}
