// Ties the parts together: one payload string in, figures and pictures out. Called once by the picture component.
import { AttentionView } from "./attention_view.js";
import { CurveFigure } from "./curve_figure.js";
import { showFigures, showSummary } from "./figures.js";
import { onWiden, wireHeads } from "./heads.js";
import { keptPicture, note, watchLeaving } from "./kept.js";
import { Replay } from "./replay.js";
import { fillStrip } from "./strip.js";
import { drawAttention } from "../shared/attention.js";
import { byColumn, columnName, madeBy } from "../shared/columns.js";
import { setText } from "../shared/dom.js";
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

class ChatPictures {
  infos = {};
  #state = null;
  #replay = null;
  #queued = false;
  #inView = new Set();

  constructor(root) {
    this.root = root;
    this.schedule = this.schedule.bind(this);
    this.view = new AttentionView(root, this.schedule, (side) => this.#columns(side));
    this.curve = new CurveFigure(root);
  }

  #columns(side) {
    const data = this.#state && this.#state.sides[side];
    return data && data.attention ? data.attention.columns : 1;
  }

  // Redraws are gathered into one per frame, whatever asked for them.
  schedule() {
    if (this.#queued) return;
    this.#queued = true;
    requestAnimationFrame(() => this.#draw());
  }

  // While an answer is written, only what is on the screen is drawn; the rest when it comes into view, or at the end.
  #needed(canvas) {
    return this.#inView.has(canvas) || document.body.dataset.run !== "running";
  }

  #draw() {
    const { root, curve } = this, state = this.#state;
    this.#queued = false;
    if (!state || !root.isConnected) return;
    const started = performance.now(), texts = [];
    if (this.#needed(curve.canvas)) {
      curve.draw();
      texts.push(() => curve.write());
    }
    for (const [side, data] of Object.entries(state.sides)) this.#drawSide(side, data, texts);
    texts.forEach((fill) => fill());  // last: the pictures ask for sizes, and text that has changed must be laid out first
    const one = state.sides.left;
    setText(root.querySelector("#attention-layer"), one.attention ? `layer ${one.attention.layer}` : "");
    this.view.describe(state);
    this.#name(state);
    root.dataset.drawMs = (performance.now() - started).toFixed(1);
  }

  // Whose pictures these are, wherever they are named.
  #name(state) {
    for (const part of this.root.querySelectorAll("[data-name]")) setText(part, columnName(state, part.dataset.name));
    for (const canvas of this.root.querySelectorAll("canvas[data-side]")) {
      const label = `${columnName(state, canvas.dataset.side)}: attention of the newest token, one row per query head, one column per attended token.`;
      if (canvas.getAttribute("aria-label") !== label) canvas.setAttribute("aria-label", label);
    }
  }

  #drawSide(side, data, texts) {
    const { root, view, infos } = this, canvas = root.querySelector(`canvas[data-side="${side}"]`);
    if (!canvas || !infos[side] || !this.#needed(canvas) || !canvas.parentElement.clientWidth) return;
    const chosen = view.selection && view.selection.side === side ? view.selection : null;
    view.layouts[side] = drawAttention(canvas, data.attention, infos[side], view.options, chosen);
    texts.push(() => fillStrip(root.querySelector("#strip-" + side), data, view.options, chosen));
    const width = data.attention ? data.attention.width : 1;
    setText(root.querySelector("#pooled-" + side), width > 1 ? `each column: the strongest of ${width} tokens` : "");
  }

  show(next) {
    const { root } = this;
    this.#state = next;
    this.curve.show(next, this.infos);
    for (const [side, data] of Object.entries(next.sides)) showFigures(side, data.figures, next.stopped, next.recorded, madeBy(next, side).settings);
    const over = next.stopped || Object.values(next.sides).every((side) => side.figures.phase === "done");
    if (!next.recorded) showSummary(root.querySelector("#live-summary"), next.summary, over);
    root.dataset.source = next.recorded ? "recorded" : "live";
    root.dataset.seq = next.seq || 0;
    document.body.dataset.run = next.recorded ? "recorded" : over ? "over" : "running";
    root.querySelector("#recorded-tag").hidden = !next.recorded;
    root.dispatchEvent(new CustomEvent("sigma:state", { detail: next, bubbles: true }));
    this.schedule();
  }

  // What a reload has brought back is the only picture that comes: the headers, which may not be there yet, get their figures then.
  showAgain(tries = 100) {
    if (document.getElementById("head-left")) this.show(this.#state);
    else if (tries) setTimeout(() => this.showAgain(tries - 1), 50);
  }

  // A payload from the server; it ends the recorded run.
  update(text) {
    const { root } = this;
    if (!text) return;
    note("picture", text);
    this.#end();
    root.dataset.bytes = text.length;
    root.dataset.updates = Number(root.dataset.updates || 0) + 1;
    const next = decode(text);
    if (next.info.left) this.infos = next.info;
    this.show(next);
  }

  #end() {
    if (this.#replay) this.#replay.stop();
    this.#replay = null;
  }

  // Plays a recorded run in place of what is shown; returns what plays it. `moved`: see replay.js.
  play(recorded, moved = () => {}) {
    this.#end();
    this.infos = byColumn(recorded.info);
    this.root.querySelector("#recorded-tag").title = "Recorded from " + recorded.made;
    this.#replay = new Replay(recorded, (state) => this.show(state), moved);
    this.#replay.begin();
    return this.#replay;
  }

  // Draws again when what is seen, its size, the theme or the screen's pixels change.
  watch() {
    const watcher = new IntersectionObserver((entries) => {
      for (const entry of entries) this.#inView[entry.isIntersecting ? "add" : "delete"](entry.target);
      this.schedule();
    }, { rootMargin: "120px" });
    for (const canvas of this.root.querySelectorAll("canvas")) watcher.observe(canvas);
    new ResizeObserver(this.schedule).observe(this.root);
    new MutationObserver(this.schedule).observe(document.body, { attributes: true, attributeFilter: ["class"] });
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", this.schedule);
    this.#watchRatio();
  }

  #watchRatio() {
    window.matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`).addEventListener("change", () => {
      this.schedule();
      this.#watchRatio();
    }, { once: true });
  }
}

export function mountChat(root, props, watch) {
  const pictures = new ChatPictures(root), recorded = recording();
  watch("value", () => pictures.update(props.value));
  if (recorded) pictures.infos = byColumn(recorded.info);
  const shown = props.value || keptPicture();
  watchLeaving();
  if (shown) pictures.update(shown);
  if (!props.value && shown) pictures.showAgain();
  else if (recorded) pictures.play(recorded);
  pictures.watch();
  wireHeads();
  onWiden(pictures.schedule);
  return pictures;
}
