// Plays a recorded run until the first real one: the page has something to show before any model is loaded.
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
  const sides = {};
  for (const [side, part] of Object.entries(frame.sides)) {
    const end = recording.end[side];
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
  return { sides, summary: "Recorded run. " + frame.summary, stopped: false, recorded: true, selective_k: recording.selective_k };
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
      panel.children[1].textContent = recording.prompt;
      box.replaceChildren(panel);
    }
    panel.children[2].textContent = state.sides[side].text;
  }
  return placed;
}

export function replay(recording, show) {
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  let timer = 0, stopped = false;
  function step(index) {
    if (stopped) return;
    const frame = recording.frames[index];
    const state = recordedState(recording, frame);
    const placed = showText(recording, state);
    show(state);
    if (index + 1 < recording.frames.length) {
      timer = setTimeout(() => step(index + 1), recording.frames[index + 1].t - frame.t);
    } else if (!placed) {
      timer = setTimeout(() => step(index), 100);  // without motion there is no later frame that would fill it
    } else if (!still) {
      timer = setTimeout(() => step(0), 6000);
    }
  }
  step(still ? recording.frames.length - 1 : 0);
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
