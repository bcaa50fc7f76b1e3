// Plays a recorded run until the first real one: the page has something to show before any model is loaded.
import { byColumn, recordedBy } from "../shared/columns.js";
import { decodeAttention, decodeCurve } from "../shared/payload.js";

// The curve up to a frame: the recorded points before it, and the frame's own figures as the newest point.
function cutCurve(curve, figures) {
  const n = curve.tokens.filter((t) => t < figures.context).length;
  const newest = { tokens: figures.context, k: figures.k, v: figures.v, k_read: figures.k_read, v_read: figures.v_read };
  const cut = { points: n + 1 };
  for (const name of Object.keys(newest)) cut[name] = [...curve[name].slice(0, n), newest[name]];
  return cut;
}

// A recorded frame holds only what changes; text, tokens and the curve come from the end of the recording.
function recordedState(recording, frame) {
  const sides = {}, ends = byColumn(recording.end);
  for (const [side, part] of Object.entries(byColumn(frame.sides))) {
    const end = ends[side];
    const tokens = part.figures.context;
    const shown = part.figures.step >= 0 ? tokens + 1 : tokens;
    sides[side] = {
      figures: part.figures,
      text: end.text.slice(0, part.chars),
      attention: decodeAttention(part.attention),
      curve: cutCurve(decodeCurve(end.curve), part.figures),
      pieces: { start: end.pieces.start, list: end.pieces.list.slice(0, Math.max(0, shown - end.pieces.start)) },
    };
  }
  return { sides, summary: "Recorded run. " + frame.summary, stopped: false, recorded: true, made: recordedBy(recording) };
}

// False while a column is not on the page yet.
function showText(recording, state) {
  let placed = true;
  for (const side of Object.keys(state.sides)) {
    const box = document.querySelector(`#chat-${side} .placeholder`);
    placed = placed && Boolean(box && document.getElementById("head-" + side));
    if (!box) continue;
    let panel = box.querySelector(".replay");
    if (!panel) {
      panel = document.createElement("div");
      panel.className = "replay";
      panel.translate = false;
      // It sits in the chat's live region; read aloud at every frame it would drown everything else.
      panel.setAttribute("aria-live", "off");
      for (const name of ["replay-tag", "replay-prompt", "replay-answer"]) {
        const part = document.createElement("p");
        part.className = name;
        panel.append(part);
      }
      panel.children[0].textContent = "recorded run";
      box.replaceChildren(panel);
    }
    panel.children[1].textContent = recording.prompt;
    panel.children[2].textContent = state.sides[side].text;
  }
  return placed;
}

const AGAIN_MS = 6000, LOOK_MS = 100;

// Plays a recording, again and again, and shows any frame of it. `show(state)` draws one; `moved()` is called when another
// frame is shown, and when it begins or stops to play.
export class Replay {
  index = 0;
  playing = false;
  #timer = 0;

  constructor(recording, show, moved) {
    Object.assign(this, { recording, show, moved });
  }

  get last() {
    return this.recording.frames.length - 1;
  }

  // From the beginning; for whoever wants no motion, the end alone.
  begin() {
    if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) return this.seek(this.last);
    this.playing = true;
    return this.#show(0);
  }

  play() {
    this.playing = true;
    this.#show(this.index < this.last ? this.index : 0);
  }

  stop() {
    clearTimeout(this.#timer);
    this.playing = false;
    this.moved();
  }

  // Stands still at a frame.
  seek(index) {
    this.playing = false;
    this.#show(Math.max(0, Math.min(this.last, index)));
  }

  #show(index) {
    clearTimeout(this.#timer);
    this.index = index;
    const { frames } = this.recording, state = recordedState(this.recording, frames[index]);
    const placed = showText(this.recording, state);
    this.show(state);
    if (this.playing && index < this.last) this.#then(index + 1, frames[index + 1].t - frames[index].t);
    else if (!placed) this.#then(index, LOOK_MS);  // without motion there is no later frame that would fill it
    else if (this.playing) this.#then(0, AGAIN_MS);
    this.moved();
  }

  #then(index, ms) {
    this.#timer = setTimeout(() => this.#show(index), ms);
  }
}
