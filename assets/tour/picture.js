// The tour's live picture: a model's heads, its cache as bars, and the attention of the recorded run.
import { drawAttention } from "../shared/attention.js";
import { grouped, percent } from "../shared/numbers.js";
import { decodeAttention } from "../shared/payload.js";

const SVG = "http://www.w3.org/2000/svg", STEP = 40, LEFT = 26, TALL = 128;

function shape(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

// One bar per query head and kind. Bars of one group take the same place, so heads are seen to merge.
export function tourHeads(svg, queries) {
  const width = LEFT + queries * STEP + 6, q = [], k = [], v = [], joins = [];
  svg.setAttribute("viewBox", `0 0 ${width} ${TALL}`);
  for (const [text, y] of [["K", 21], ["Q", 68], ["V", 115]]) {
    const label = shape("text", { x: 4, y });
    label.textContent = text;
    svg.append(label);
  }
  for (let i = 0; i < queries; i++) {
    joins.push([shape("line", { class: "join-k" }), shape("line", { class: "join-v" })]);
    svg.append(...joins[i]);
  }
  for (let i = 0; i < queries; i++) {
    k.push(shape("rect", { class: "head-k", y: 8, height: 18, rx: 4 }));
    v.push(shape("rect", { class: "head-v", y: 102, height: 18, rx: 4 }));
    q.push(shape("rect", { class: "head-q" }));
    svg.append(k[i], v[i], q[i]);
  }
  const middle = (i) => LEFT + i * STEP + STEP / 2;
  // As CSS properties: those can move, and stand still for whoever prefers that.
  const put = (element, values) => Object.assign(element.style, values);
  return function show(step) {
    for (let i = 0; i < queries; i++) {
      for (const [bars, count] of [[k, step.heads.key_heads], [v, step.heads.value_heads]]) {
        const size = queries / count, first = Math.floor(i / size) * size;
        put(bars[i], { x: `${LEFT + first * STEP + 4}px`, width: `${size * STEP - 8}px` });
      }
      const r = step.augmented ? 16 : 10;
      put(q[i], { x: `${middle(i) - r}px`, y: `${63 - r}px`, width: `${2 * r}px`, height: `${2 * r}px`, rx: `${r}px` });
      const [up, down] = joins[i];
      for (const [line, y] of [[up, [26, 63 - r]], [down, [63 + r, 102]]]) {
        for (const [name, value] of [["x1", middle(i)], ["x2", middle(i)], ["y1", y[0]], ["y2", y[1]]]) line.setAttribute(name, value);
      }
    }
    svg.classList.toggle("selective", step.selective);
    svg.setAttribute("aria-label", step.described);
  };
}

// Two bars on one scale: what is resident, what one step reads; K blue, V orange, a mark where GQA stands.
export function tourBars(root, tour) {
  const row = (name) => root.querySelector(`[data-bar="${name}"]`);
  return function show(step) {
    for (const [name, k, v, sum] of [["resident", "k", "v", "resident"], ["read", "k_read", "v_read", "read"]]) {
      const bar = row(name), bytes = step.bytes;
      bar.querySelector(".k").style.width = (100 * bytes[k].bytes) / tour.most + "%";
      bar.querySelector(".v").style.width = (100 * bytes[v].bytes) / tour.most + "%";
      bar.querySelector(".mark").style.left = (100 * tour.gqa) / tour.most + "%";
      const text = bar.querySelector("b");
      text.dataset.bytes = bytes[sum].bytes;
      text.children[0].textContent = bytes[sum].text;
      text.children[1].textContent = bytes[sum].say;
      const parts = `K ${bytes[k].text}, V ${bytes[v].text}`;
      bar.querySelector("small").textContent = parts;
    }
  };
}

// The last frame of the recorded run in which both sides have attention: the newest token's, by head.
export function tourAttention(root) {
  const element = document.getElementById("sigma-recording"), canvas = root.querySelector("canvas");
  const recording = element ? JSON.parse(element.textContent) : null;
  const note = root.querySelector("p");
  let now = null;
  function packed(side) {
    const frames = recording ? recording.frames.filter((frame) => frame.sides[side] && frame.sides[side].attention) : [];
    return frames.length ? frames[frames.length - 1].sides[side].attention : null;
  }
  function draw() {
    if (!now || root.hidden || !root.clientWidth) return;
    drawAttention(canvas, now.attention, recording.info[now.side], { log: true, noSink: false }, null);
  }
  new ResizeObserver(draw).observe(root);
  new MutationObserver(draw).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  return function show(step) {
    const found = step.recorded && packed(step.recorded);
    root.hidden = !found;
    if (!found) return;
    const attention = decodeAttention(step.rows ? found : Object.assign({}, found, { marks: null }));
    now = { side: step.recorded, attention };
    const name = step.recorded === "sigma" ? "Sigma" : "GQA";
    const mass = attention.captured.reduce((a, b) => a + b, 0) / attention.captured.length;
    const rows = attention.selective ? ` Orange: V rows fetched, ${attention.rows} of ${grouped(attention.tokens)} per head, ${percent(mass)} of the attention (mean of the heads).` : "";
    note.textContent = `Recorded run, layer ${attention.layer}: what ${name}'s newest token reads, one row per query head.${rows}`;
    canvas.setAttribute("aria-label", note.textContent);
    draw();
  };
}
