// While an answer is being written: the newest token's attention of both sides, from the chat's own updates.
import { stepTop } from "./payloads.js";
import { fillTokens } from "./strip.js";
import { drawAttention } from "../shared/attention.js";
import { fitCanvas } from "../shared/canvas.js";
import { madeBy } from "../shared/columns.js";

// The chat's picture announces every state as "sigma:state"; at most two or three come a second.
export function watchLive(began, moved, ended) {
  let run = null;
  document.addEventListener("sigma:state", (event) => {
    const next = event.detail;
    if (next.recorded) return;
    const over = next.stopped || Object.values(next.sides).every((side) => side.figures.phase === "done");
    if (!over && run !== next.run) {
      run = next.run;
      began();
    }
    if (over) {
      if (run === next.run) ended();
      run = null;
    } else {
      moved(next);
    }
  });
}

// Draws one live state on the explorer's canvases, which are the models': of two columns of one model the first is drawn. False
// when there is no attention in it yet.
export function drawLive(root, next, infos, options, say) {
  const drawn = new Set();
  for (const [at, data] of Object.entries(next.sides)) {
    const side = madeBy(next, at).model, info = (next.info && next.info[at]) || infos[side];
    const canvas = root.querySelector(`[data-base="heads-${side}"]`), strip = root.querySelector(`[data-strip="${side}"]`);
    if (!info || !canvas || !data.attention || drawn.has(side)) continue;
    drawn.add(side);
    drawAttention(canvas, data.attention, info, options, null);
    const marks = root.querySelector(`[data-mark="heads-${side}"]`);
    fitCanvas(marks, parseFloat(canvas.style.height));
    const first = data.pieces.start;
    const fake = { tokens: data.pieces.list.length, prompt: -1, pieces: data.pieces.list };
    const column = (p) => Math.floor((p + first) / data.attention.width);
    fillTokens(strip, fake, {
      query: data.pieces.list.length - 1, key: null, least: 1, top: 1, options: { log: true, noSink: options.noSink && first === 0 },
      stepOf: (p) => {
        let most = 0;
        if (p + first < data.attention.tokens) for (let h = 0; h < data.attention.heads; h++) most = Math.max(most, data.attention.code(h, column(p)));
        return Math.round((most / 255) * stepTop);
      },
      fetched: !data.attention.selective ? null : (p) => {
        for (let h = 0; h < data.attention.heads; h++) if (p + first < data.attention.tokens && data.attention.fetched(h, column(p))) return true;
        return false;
      },
    });
    const width = data.attention.width;
    say(side, `newest token, layer ${data.attention.layer}` + (width > 1 ? `, each column the strongest of ${width} tokens` : ""));
  }
  return drawn.size > 0;
}
