// The KV-cache figure: curve, readout, formula and table of one state, and how one moves over the curve.
// Hover previews, a click or a tap locks, Escape goes back to the newest point; arrow keys move from point to point.
import { drawCurve } from "./curve_draw.js";
import { showFormula } from "./curve_formula.js";
import { curvePoint, pointText } from "./curve_points.js";
import { fillCurveTable } from "./curve_table.js";
import { setText } from "../shared/dom.js";
import { binary, spokenBytes } from "../shared/numbers.js";
import { SIDES } from "../shared/sides.js";

const HELP = {
  null: "The newest point. Hover, tap or use the arrow keys to read earlier ones.",
  false: "Click to lock.",
  true: "Locked: arrow keys move, Escape goes back to the newest point.",
};

// For the eye, with a letter, its number and the unit kept on one line.
const forEye = (side, point) => pointText(side, point, binary).replace(/(K|V|sum) ([\d.,]+) /g, "$1\u00a0$2\u00a0");

export function makeCurve(root) {
  const canvas = root.querySelector("#kv-canvas"), lines = [...root.querySelectorAll("#kv-read [data-side]")];
  const help = root.querySelector("#kv-help"), formula = root.querySelector("#kv-formula");
  const details = root.querySelector("#kv-details"), table = details.querySelector("table");
  let state = null, infos = {}, at = null, locked = false, layout = null, queued = false;

  const curveOf = (side) => state.sides[side] && state.sides[side].curve;

  // Every number of tokens at which a side has a point.
  function steps() {
    const found = new Set();
    for (const side of SIDES) for (const t of (curveOf(side) || { tokens: [] }).tokens || []) if (t > 0) found.add(t);
    return [...found].sort((a, b) => a - b);
  }

  function readOut() {
    const spoken = [], stops = steps();
    for (const line of lines) {
      const point = curvePoint(curveOf(line.dataset.side), at), [eye, ear] = line.children;
      line.hidden = !point;
      if (!point) continue;
      const said = pointText(line.dataset.side, point, spokenBytes);
      setText(eye, forEye(line.dataset.side, point));
      setText(ear, said);
      spoken.push(said);
    }
    setText(help, HELP[at === null ? null : locked]);
    // While the answer grows under a reader's focus, only what the reader asks for is news.
    const growing = at === null && document.activeElement === canvas && document.body.dataset.run === "running";
    if (growing || !stops.length) return;
    const now = at === null ? stops[stops.length - 1] : at;
    const values = { valuemin: stops[0], valuemax: stops[stops.length - 1], valuenow: now, valuetext: spoken.join(". ") };
    for (const [name, value] of Object.entries(values)) {
      if (canvas.getAttribute("aria-" + name) !== String(value)) canvas.setAttribute("aria-" + name, value);
    }
  }

  function draw() {
    if (state && canvas.isConnected && canvas.parentElement.clientWidth) layout = drawCurve(canvas, state.sides, at);
  }

  // All that is text. Apart from the drawing: pictures ask for sizes, and text that has changed must be laid out first.
  function write() {
    if (!state) return;
    readOut();
    showFormula(formula, state, infos);
    const kind = state.recorded ? "from the tensors, when it was recorded" : "from the tensors";
    for (const part of formula.querySelectorAll("[data-measured]")) setText(part, kind);
    if (details.open) fillCurveTable(table, state.sides);
  }

  // Moving over the curve redraws it alone.
  function schedule() {
    if (queued) return;
    queued = true;
    requestAnimationFrame(() => {
      queued = false;
      draw();
      write();
    });
  }

  function choose(tokens, lock) {
    if (locked && !lock) return;
    if (at === tokens && locked === (lock && tokens !== null)) return;
    at = tokens;
    locked = lock && tokens !== null;
    schedule();
  }

  function nearest(x) {
    const stops = state ? steps() : [];
    if (!layout || !stops.length) return null;
    const tokens = layout.tokens(x);
    return stops.reduce((best, t) => (Math.abs(t - tokens) < Math.abs(best - tokens) ? t : best));
  }

  canvas.addEventListener("pointermove", (event) => choose(nearest(event.offsetX), event.pointerType === "touch"));
  canvas.addEventListener("pointerleave", () => choose(null, false));
  canvas.addEventListener("click", (event) => {
    const tokens = nearest(event.offsetX), same = locked && tokens === at;
    locked = false;
    choose(same ? null : tokens, !same);
  });
  canvas.addEventListener("keydown", (event) => {
    const stops = state ? steps() : [], end = stops.length - 1;
    const moves = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -8, PageUp: 8, Home: -end, End: end };
    if (event.key === "Escape" && at !== null) {
      event.preventDefault();
      locked = false;
      choose(null, false);
    } else if (stops.length && event.key in moves) {
      event.preventDefault();
      const from = at === null ? end : stops.reduce((best, t, i) => (Math.abs(t - at) < Math.abs(stops[best] - at) ? i : best), 0);
      choose(stops[Math.max(0, Math.min(end, from + moves[event.key]))], true);
    }
  });
  details.addEventListener("toggle", () => details.open && state && fillCurveTable(table, state.sides));

  return {
    canvas,
    // What is shown from now on; another run begins at its newest point.
    show(next, known) {
      if (state && (state.run !== next.run || state.recorded !== next.recorded)) {
        at = null;
        locked = false;
      }
      state = next;
      infos = known;
    },
    draw,
    write,
  };
}
