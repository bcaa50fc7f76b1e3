// Ties the parts together: one payload string in, figures and pictures out. Called once by the picture component.
import { makeAttentionView } from "./attention_view.js";
import { makeCurve } from "./curve_figure.js";
import { showFigures, showSummary } from "./figures.js";
import { replay } from "./replay.js";
import { fillStrip } from "./strip.js";
import { drawAttention } from "../shared/attention.js";
import { decodeAttention, decodeCurve } from "../shared/payload.js";

function recording() {
  const element = document.getElementById("sigma-recording");
  return element ? JSON.parse(element.textContent) : null;
}

function decode(text) {
  const state = JSON.parse(text);
  for (const side of Object.values(state.sides)) {
    side.attention = decodeAttention(side.attention);
    side.curve = decodeCurve(side.curve);
  }
  return state;
}

export function mountChat(root, props, watch) {
  const recorded = recording();
  let infos = recorded ? recorded.info : {};
  let state = null, stopReplay = null, queued = false;
  const summary = root.querySelector("#live-summary");
  if (recorded) root.querySelector("#recorded-tag").title = "Recorded from " + recorded.made;
  const view = makeAttentionView(root, schedule), curve = makeCurve(root);
  view.columns = (side) => (state && state.sides[side] && state.sides[side].attention ? state.sides[side].attention.columns : 1);

  // While an answer is written, only what is on the screen is drawn; the rest when it comes into view, or at the end.
  const inView = new Set();
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) inView[entry.isIntersecting ? "add" : "delete"](entry.target);
    schedule();
  }, { rootMargin: "120px" });
  for (const canvas of root.querySelectorAll("canvas")) watcher.observe(canvas);

  function draw() {
    queued = false;
    if (!state || !root.isConnected) return;
    const started = performance.now(), texts = [];
    const needed = (canvas) => inView.has(canvas) || document.body.dataset.run !== "running";
    if (needed(curve.canvas)) {
      curve.draw();
      texts.push(curve.write);
    }
    for (const [side, data] of Object.entries(state.sides)) {
      const canvas = root.querySelector(`canvas[data-side="${side}"]`);
      if (!canvas || !infos[side] || !needed(canvas)) continue;
      const chosen = view.selection && view.selection.side === side ? view.selection : null;
      view.layouts[side] = drawAttention(canvas, data.attention, infos[side], view.options, chosen);
      texts.push(() => fillStrip(root.querySelector("#strip-" + side), data, view.options, chosen));
      const pooled = root.querySelector("#pooled-" + side);
      const width = data.attention ? data.attention.width : 1;
      const note = width > 1 ? `each column: the strongest of ${width} tokens` : "";
      if (pooled.textContent !== note) pooled.textContent = note;
    }
    texts.forEach((fill) => fill());  // last: the pictures ask for sizes, and text that has changed must be laid out first
    const one = state.sides.sigma || Object.values(state.sides)[0];
    const layer = root.querySelector("#attention-layer"), named = one.attention ? `layer ${one.attention.layer}` : "";
    if (layer.textContent !== named) layer.textContent = named;
    view.describe(state.sides);
    root.dataset.drawMs = (performance.now() - started).toFixed(1);
  }

  // Redraws are gathered into one per frame, whatever asked for them.
  function schedule() {
    if (queued) return;
    queued = true;
    requestAnimationFrame(draw);
  }

  function show(next) {
    state = next;
    curve.show(next, infos);
    for (const [side, data] of Object.entries(next.sides)) showFigures(side, data.figures, next.stopped, next.recorded);
    const over = next.stopped || Object.values(next.sides).every((side) => side.figures.phase === "done");
    if (!next.recorded) showSummary(summary, next.summary, over);
    root.dataset.source = next.recorded ? "recorded" : "live";
    root.dataset.seq = next.seq || 0;
    document.body.dataset.run = next.recorded ? "recorded" : over ? "over" : "running";
    root.querySelector("#recorded-tag").hidden = !next.recorded;
    root.dispatchEvent(new CustomEvent("sigma:state", { detail: next, bubbles: true }));
    schedule();
  }

  function update() {
    if (!props.value) return;
    if (stopReplay) stopReplay();
    stopReplay = null;
    root.dataset.bytes = props.value.length;
    root.dataset.updates = Number(root.dataset.updates || 0) + 1;
    const next = decode(props.value);
    if (next.info.sigma || next.info.gqa) infos = next.info;
    show(next);
  }

  watch("value", update);
  if (props.value) update();
  else if (recorded) stopReplay = replay(recorded, show);

  new ResizeObserver(schedule).observe(root);
  new MutationObserver(schedule).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", schedule);
  (function watchRatio() {
    window.matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`).addEventListener("change", () => {
      schedule();
      watchRatio();
    }, { once: true });
  })();
}
