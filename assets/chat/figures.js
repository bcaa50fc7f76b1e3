// The line of figures above each column: text for the eye, exact values in data-* attributes for everything else.
import { binary, digits, duration, grouped } from "../shared/numbers.js";

const PHASES = { waiting: "waiting", prefill: "reading the prompt", decode: "writing", done: "done" };
const ENDS = { stop: "done", length: "done: token limit", context: "done: context is full" };

function set(root, name, text, value, title) {
  const cell = root.querySelector(`[data-figure="${name}"]`);
  if (!cell) return;
  const shown = cell.querySelector("b") || cell;
  if (shown.textContent !== text) shown.textContent = text;
  cell.dataset.value = value === null || value === undefined ? "" : String(value);
  if (title) cell.title = title;
}

const OFF = {
  sampled: "off: the answer is sampled; only greedy ones are guessed",
  "few right": "off: too few guesses were right to pay for their checking",
};

// What prompt lookup did: the text of its cell, the tokens a step has given, and the words of the title. Nothing without it.
export function lookupWords(lookup) {
  if (!lookup) return { text: "–", value: null, title: "" };
  const { steps, drafted, accepted, off } = lookup;
  const each = steps ? (steps + accepted) / steps : null;
  const words = `Measured: ${grouped(steps)} steps gave ${grouped(steps + accepted)} tokens; of ${grouped(drafted)} guessed from the prompt and the answer, ${grouped(accepted)} were right`;
  const speed = each === null ? "" : digits(each) + " a step";
  const share = drafted ? ` · ${Math.round((100 * accepted) / drafted)} % right` : "";
  const text = off ? `off: ${off}${accepted ? ` · ${speed}` : ""}` : speed + share;
  return { text, value: each, title: words + (off ? `; ${OFF[off] || off}` : "") };
}

// When a model has loaded, the server sends the header anew, without figures; what it showed comes back at once.
const last = {}, watches = {};
function keepShown(side, root) {
  const holder = root.parentElement;
  if (watches[side] && watches[side].holder === holder) return watches[side].observer.takeRecords();
  if (watches[side]) watches[side].observer.disconnect();
  const observer = new MutationObserver(() => showFigures(side, ...last[side]));
  observer.observe(holder, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-value"] });
  watches[side] = { holder, observer };
}

// `settings`: how the column's model answered, in words.
export function showFigures(side, figures, stopped, recorded, settings = "") {
  last[side] = [figures, stopped, recorded, settings];
  const root = document.getElementById("head-" + side);
  if (!root) return;
  let phase = PHASES[figures.phase];
  if (figures.phase === "prefill") phase += ` ${grouped(figures.prefilled)} of ${grouped(figures.prompt)}`;
  if (figures.phase === "done") phase = ENDS[figures.finish] || "done";
  else if (stopped) phase = "stopped";
  if (recorded) phase = "recorded run";
  const kind = root.querySelector(".kind"), made = root.querySelector(".made");
  if (made.textContent !== settings) made.textContent = settings;
  const label = recorded ? "stored: recorded run" : "measured";
  if (kind.textContent !== label) kind.textContent = label;
  const card = root.querySelector("[data-phase]");
  if (card) {
    card.dataset.phase = stopped && figures.phase !== "done" ? "stopped" : figures.phase;
    if (card.textContent !== phase) card.textContent = phase;
  }
  const dash = "–";
  const wall = figures.wall_rate === null ? "" : `; ${digits(figures.wall_rate)} tok/s on the wall clock, the other side's time included`;
  set(root, "rate", figures.rate === null ? dash : digits(figures.rate) + " tok/s", figures.rate,
    "Measured: decode tokens over this side's own compute time" + wall);
  const first = figures.first_wall === null ? "" : `; ${duration(figures.first_wall)} on the wall clock`;
  set(root, "first", figures.first === null ? dash : duration(figures.first), figures.first,
    "Measured: compute time of the prefill and of the first token" + first);
  set(root, "context", grouped(figures.context), figures.context,
    `Measured: tokens whose K and V are in the cache; ${grouped(figures.reused)} of the prompt's ${grouped(figures.prompt)} were reused from the last turn`);
  set(root, "k", binary(figures.k), figures.k, `Measured on the cache's tensors: ${grouped(figures.k)} bytes of K resident`);
  set(root, "v", binary(figures.v), figures.v, `Measured on the cache's tensors: ${grouped(figures.v)} bytes of V resident`);
  set(root, "v_read", binary(figures.v_read), figures.v_read,
    `Measured: ${grouped(figures.v_read)} bytes of V requested by the newest step, ${grouped(figures.v_distinct)} of them distinct rows`);
  const cell = root.querySelector('[data-figure="lookup"]'), lookup = lookupWords(figures.lookup);
  if (cell) cell.hidden = !figures.lookup;
  set(root, "lookup", lookup.text, lookup.value, lookup.title);
  keepShown(side, root);  // after our own writes, which are no news
}

// A polite region is read aloud on every change, so it changes at most every three seconds, and at the end.
let lastSummary = 0;
export function showSummary(element, text, final) {
  const now = performance.now();
  if (!text || (!final && now - lastSummary < 3000)) return;
  lastSummary = now;
  if (element.textContent !== text) element.textContent = text;
}
