// Stepping through an all-gather plan: the picture that visualizers/tasks/optiflow.py drew at its last step is redrawn
// at any other, from the data-plan attribute. Geometry and words are the same as there.

const SIDE = 300, NODE = 15, MAX_LABELS = 12, MAX_LISTED = 60, PLAY_MS = 900;
const SVG = "http://www.w3.org/2000/svg";

function shape(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// An arrow from a to b: bent to the middle where it goes through a switch, else a little to one side.
function curve(a, b, through) {
  const middle = SIDE / 2, dx = b[0] - a[0], dy = b[1] - a[1], length = Math.hypot(dx, dy) || 1;
  const mx = (a[0] + b[0]) / 2, my = (a[1] + b[1]) / 2;
  const cx = through ? mx + (middle - mx) * 0.8 : mx - (dy / length) * 9;
  const cy = through ? my + (middle - my) * 0.8 : my + (dx / length) * 9;
  const from = Math.hypot(cx - a[0], cy - a[1]) || 1, to = Math.hypot(b[0] - cx, b[1] - cy) || 1;
  const s = [a[0] + ((cx - a[0]) / from) * NODE, a[1] + ((cy - a[1]) / from) * NODE];
  const e = [b[0] - ((b[0] - cx) / to) * (NODE + 4), b[1] - ((b[1] - cy) / to) * (NODE + 4)];
  const at = (i, c) => 0.09 * s[i] + 0.42 * c + 0.49 * e[i];
  return { s, c: [cx, cy], e, label: [at(0, cx), at(1, cy)] };
}

function arrow(line, kind) {
  const { s, c, e } = line, length = Math.hypot(e[0] - c[0], e[1] - c[1]) || 1;
  const ux = (e[0] - c[0]) / length, uy = (e[1] - c[1]) / length;
  const corners = [[e[0] + ux * 4, e[1] + uy * 4], [e[0] - ux * 4 - uy * 4, e[1] - uy * 4 + ux * 4], [e[0] - ux * 4 + uy * 4, e[1] - uy * 4 - ux * 4]];
  const f = (x) => x.toFixed(1);
  return [
    shape("path", { class: "of-arrow" + kind, d: `M${f(s[0])} ${f(s[1])}Q${f(c[0])} ${f(c[1])} ${f(e[0])} ${f(e[1])}` }),
    shape("polygon", { class: "of-head" + kind, points: corners.map((p) => p.map(f).join(",")).join(" ") }),
  ];
}

function transfers(step) {
  const list = [];
  for (let i = 0; i < step[2].length; i += 4) list.push(step[2].slice(i, i + 4));
  return list;
}

function words(data, k) {
  const step = data.steps[k], count = step[2].length / 4;
  if (data.bad && k === data.steps.length - 1) return "Here the plan stops: this transfer is not possible.";
  return `${data.grouped ? "Round" : "Step"} ${k + 1} of ${data.steps.length}: ${step[0].toFixed(2)} to ${step[1].toFixed(2)} us, ${count} transfer${count > 1 ? "s" : ""}`;
}

function drawArrows(group, data, direct, k) {
  const kind = data.bad && k === data.steps.length - 1 ? " bad" : "";
  const ways = new Map();
  for (const [s, c, a, b] of transfers(data.steps[k])) {
    const key = a + "-" + b;
    if (!ways.has(key)) ways.set(key, { a, b, carried: [] });
    ways.get(key).carried.push(`${s}.${c}`);
  }
  const shapes = [], names = [];
  for (const [key, way] of ways) {
    if (way.a === way.b) continue;
    const through = data.places.length > data.gpus && !direct.has(key);
    const line = curve(data.places[way.a], data.places[way.b], through);
    shapes.push(...arrow(line, kind));
    if (ways.size <= MAX_LABELS) {
      const text = way.carried.length === 1 ? way.carried[0] : `${way.carried[0]} +${way.carried.length - 1}`;
      names.push(shape("text", { x: line.label[0].toFixed(1), y: (line.label[1] + 3).toFixed(1) }, text));
    }
  }
  group.replaceChildren(...shapes, ...names);
}

function arrivals(data) {
  const found = new Map(), last = data.steps.length - (data.bad ? 1 : 0);
  for (let k = 0; k < last; k++)
    for (const [s, c, , b] of transfers(data.steps[k])) {
      const key = b * data.gpus * data.chunks + s * data.chunks + c;
      if (!found.has(key)) found.set(key, k);
    }
  return found;
}

function drawHeld(root, data, arrival, k) {
  const columns = data.gpus * data.chunks;
  const svg = root.querySelector('[data-of="held"]'), counts = root.querySelectorAll('[data-of="count"]');
  if (svg)
    svg.querySelectorAll("rect").forEach((cell, i) => {
      const g = Math.floor(i / columns), s = Math.floor((i % columns) / data.chunks), at = arrival.get(i);
      const state = s === g ? "own" : at === undefined || at > k ? "" : at === k ? "new" : "old";
      cell.setAttribute("class", "of-cell " + state);
    });
  if (counts.length) {
    const held = new Array(data.gpus).fill(data.chunks);
    for (const [key, at] of arrival) if (at <= k) held[Math.floor(key / columns)] += 1;
    counts.forEach((meter, g) => { meter.value = held[g]; });
  }
}

// One plan: its picture at any step, and the controls that choose one.
class Plan {
  #timer = 0;

  constructor(root) {
    this.root = root;
    this.data = JSON.parse(root.dataset.plan);
    this.direct = new Set();
    for (let i = 0; i < this.data.direct.length; i += 2) this.direct.add(this.data.direct[i] + "-" + this.data.direct[i + 1]);
    this.arrival = arrivals(this.data);
    this.count = this.data.steps.length;
    this.k = this.count - 1;
  }

  part(name) {
    return this.root.querySelector(`[data-of="${name}"]`);
  }

  show(to) {
    const { data, count } = this, k = Math.max(0, Math.min(count - 1, to)), said = words(data, k);
    this.k = k;
    this.part("slider").value = k + 1;
    this.part("slider").setAttribute("aria-valuetext", said);
    // Not `disabled`: a button that is switched off under the keyboard's focus loses it.
    this.part("back").setAttribute("aria-disabled", k === 0);
    this.part("next").setAttribute("aria-disabled", k === count - 1);
    this.part("now").textContent = said;
    this.part("machine").setAttribute("aria-label", said);
    drawArrows(this.part("arrows"), data, this.direct, k);
    drawHeld(this.root, data, this.arrival, k);
    const list = transfers(data.steps[k]);
    const lines = list.slice(0, MAX_LISTED).map(([s, c, a, b]) => `D(${s}, ${c}): G(${a}) => G(${b})`);
    if (list.length > MAX_LISTED) lines.push(`... ${list.length - MAX_LISTED} more`);
    this.part("sends").textContent = lines.join("\n");
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.part("play").textContent = "play";
    this.part("now").setAttribute("aria-live", "polite");
  }

  start() {
    if (this.k === this.count - 1) this.show(0);
    // Read aloud at every step of a film it would drown everything else.
    this.part("now").setAttribute("aria-live", "off");
    this.part("play").textContent = "pause";
    this.#timer = setInterval(() => {
      if (!this.root.isConnected || this.k >= this.count - 1) return this.stop();
      this.show(this.k + 1);
      if (this.k >= this.count - 1) this.stop();
    }, PLAY_MS);
  }

  // A step that the visitor chose ends the film.
  #go(to) {
    this.stop();
    this.show(to);
  }

  mount() {
    const slider = this.part("slider"), play = this.part("play"), controls = this.part("controls");
    slider.addEventListener("input", () => this.#go(slider.value - 1));
    this.part("back").addEventListener("click", () => this.#go(this.k - 1));
    this.part("next").addEventListener("click", () => this.#go(this.k + 1));
    play.addEventListener("click", () => (this.#timer ? this.stop() : this.start()));
    controls.addEventListener("keydown", (event) => {
      if (event.target === slider) return;  // it moves by the arrow keys itself
      const move = { ArrowLeft: this.k - 1, ArrowRight: this.k + 1, Home: 0, End: this.count - 1 }[event.key];
      if (move === undefined) return;
      event.preventDefault();
      this.#go(move);
    });
    // Nothing moves by itself for those who asked for that; stepping by hand remains.
    play.hidden = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    controls.hidden = false;
    this.show(this.count - 1);
  }
}

// Every plan in `root` that is not yet mounted.
export function drawPlans(root) {
  for (const plan of root.querySelectorAll(".of-plan:not([data-mounted])")) {
    plan.dataset.mounted = "1";
    if (plan.querySelector('[data-of="controls"]')) new Plan(plan).mount();
  }
}
