// Pointer and keyboard of the explorer. Hover previews, a click locks, Escape unlocks; one handler per canvas, no growth.
import { SIDES } from "../shared/sides.js";

const CELL_MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
const OVERVIEW_MOVES = { ArrowLeft: ["head", -1], ArrowRight: ["head", 1], ArrowUp: ["layer", -1], ArrowDown: ["layer", 1] };
const withModifier = (event) => event.ctrlKey || event.metaKey || event.altKey;

// This key is taken: nothing else on the page acts on it.
function take(event) {
  event.preventDefault();
  event.stopPropagation();
}

function wireMaps(explorer, pointer, act) {
  for (const name of ["heads-sigma", "heads-gqa", "large"]) {
    const canvas = explorer.mark(name);
    canvas.addEventListener("pointermove", (event) => pointer.preview(pointer.pairOn(name, event)));
    canvas.addEventListener("pointerleave", () => pointer.preview(null));
    canvas.addEventListener("click", (event) => {
      const pair = pointer.pairOn(name, event);
      if (pair) pointer.lock(pair);
    });
    if (name === "large") canvas.addEventListener("dblclick", () => act("zoom-in"));
    canvas.addEventListener("keydown", (event) => {
      if (!CELL_MOVES[event.key] || withModifier(event)) return;
      take(event);
      const [dq, dk] = CELL_MOVES[event.key], state = explorer.state.get(), query = explorer.parts.query();
      const side = name === "large" ? state.side : name.slice("heads-".length);
      const next = Math.max(0, query + dq), from = state.key === null ? query : state.key;
      pointer.lock({ side, head: state.head, query: next, key: Math.max(0, Math.min(next, from + dk)) });
    });
  }
}

function wireOverviews(explorer, pointer) {
  for (const side of SIDES) {
    const canvas = explorer.mark("overview-" + side);
    const found = (event) => {
      const layout = explorer.view.painter.layouts["overview-" + side];
      return layout ? layout.at(event.offsetX, event.offsetY) : null;
    };
    canvas.addEventListener("click", (event) => {
      const at = found(event);
      if (at) explorer.set({ side, layer: at.layer, head: at.head });
    });
    canvas.addEventListener("pointermove", (event) => pointer.previewOverview(side, found(event)));
    canvas.addEventListener("pointerleave", () => pointer.previewOverview(side, null));
    canvas.addEventListener("keydown", (event) => {
      if (!OVERVIEW_MOVES[event.key]) return;
      take(event);
      const [name, by] = OVERVIEW_MOVES[event.key];
      explorer.set({ side, [name]: explorer.state.get()[name] + by });
    });
  }
}

function wireStrips(explorer, pointer) {
  for (const strip of explorer.root.querySelectorAll("[data-strip]")) {
    const side = strip.dataset.strip, head = () => explorer.state.get().head, query = () => explorer.parts.query();
    const position = (event) => {
      const token = event.target.closest("[data-position]");
      return token && strip.contains(token) ? Number(token.dataset.position) : null;
    };
    const pair = (event) => {
      const key = position(event);
      return key === null || key > query() ? null : { side, head: head(), query: query(), key };
    };
    strip.addEventListener("pointermove", (event) => pointer.preview(pair(event)));
    strip.addEventListener("pointerleave", () => pointer.preview(null));
    strip.addEventListener("click", (event) => {
      const found = pair(event), at = position(event);
      if (found) pointer.lock(found);
      else if (at !== null) pointer.lock({ side, head: head(), query: at, key: null });
    });
  }
}

// Pictures over the steps: a click goes to one.
function wireSteps(explorer) {
  for (const canvas of explorer.root.querySelectorAll('[data-base="time"], [data-base="track"]')) {
    canvas.addEventListener("click", (event) => {
      const layout = explorer.view.painter.layouts[canvas.dataset.base];
      if (layout) explorer.set({ step: layout.step(event.offsetX) + (layout.offset || 0) });
    });
  }
}

// Keys that work anywhere in the explorer but in a box that takes text or arrows itself.
function wireKeys(explorer, pointer, act) {
  const move = (name, by) => () => explorer.set({ [name]: explorer.state.get()[name] + by });
  const keys = {
    ",": move("step", -1), ".": move("step", 1), "[": move("layer", -1), "]": move("layer", 1),
    p: () => act("play"), Escape: () => pointer.unlock(), "+": () => act("zoom-in"), 0: () => act("zoom-out"),
    PageUp: move("head", -1), PageDown: move("head", 1),
  };
  explorer.root.addEventListener("keydown", (event) => {
    if (withModifier(event) || event.target.matches("select, textarea, input[type=number]")) return;
    const slider = event.target.matches("input[type=range]");
    if (!keys[event.key] || (slider && event.key.startsWith("Page"))) return;
    event.preventDefault();
    keys[event.key]();
  });
}

function wireTabs(explorer) {
  const tabs = [...explorer.root.querySelectorAll("[data-mode]")];
  for (const tab of tabs) {
    tab.addEventListener("click", () => explorer.set({ mode: tab.dataset.mode }));
    tab.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!by) return;
      take(event);
      const next = tabs[(tabs.indexOf(tab) + by + tabs.length) % tabs.length];
      explorer.set({ mode: next.dataset.mode });
      next.focus();
    });
  }
}

function wireControls(explorer, pointer, act) {
  const { root } = explorer;
  for (const button of root.querySelectorAll("[data-act]")) button.addEventListener("click", () => act(button.dataset.act));
  // On a long text a slider alone moves by many rows at a time.
  const typed = root.querySelector("[data-k]");
  typed.addEventListener("change", () => {
    explorer.set({ k: typed.value });
    typed.value = explorer.state.get().k;
  });
  for (const control of root.querySelectorAll("[data-set]")) {
    const name = control.dataset.set, read = () => (control.type === "checkbox" ? control.checked : control.value);
    control.addEventListener("input", () => {
      if (name === "k") pointer.previewK(Number(control.value));  // while it is dragged, only what is here already
      else explorer.set({ [name]: read() });
    });
    if (name === "k") control.addEventListener("change", () => explorer.set({ k: control.value }));
  }
}

// `act(name)` does what the button of that name does.
export function wireExplore(explorer, pointer, act) {
  wireMaps(explorer, pointer, act);
  wireOverviews(explorer, pointer);
  wireStrips(explorer, pointer);
  wireSteps(explorer);
  wireKeys(explorer, pointer, act);
  wireTabs(explorer);
  wireControls(explorer, pointer, act);
}
