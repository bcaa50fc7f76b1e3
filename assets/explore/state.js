// What the explorer shows, as a plain object; the address that reproduces it; and `window.sigma.explore`.
//
// window.sigma.explore, for anything else on the page (the guided tour):
//
//   ready                      a Promise that resolves when the explorer can show something
//   getState()                 a copy of the state below
//   setState(changes, options) changes some of it and draws; what is out of range is clamped, unknown names are ignored.
//                              Returns the new state. {silent: true} leaves the address of the page alone.
//   onChange(fn)               calls fn(state, changedNames) after every change, whoever made it; returns a function
//                              that ends this
//   open(run)                  shows another run: "recorded", or "last" for the newest ended run of the chat; a Promise
//   element                    the explorer's root element, to point at parts of it
//   stats()                    answers kept in this browser: {parts, characters}
//   followed                   how many addresses were put in after the page was loaded, and are shown
//
//   state: run    "recorded" or the id of a run        side   "sigma" | "gqa", the side whose head is drawn large
//          text   "sigma" | "gqa": whose text both     layer  0 .. layers - 1
//                 sides read                           head   0 .. query heads - 1
//          step   generated token, 0 .. steps - 1;     k      V rows that selective V reads per query head, 1 ..
//                 negative: tokens of the prompt       mode   "attention" | "selection" | "compare": the panel below
//          key    attended position that is locked,    log, noSink   booleans: log scale, without the first token
//                 or null                              mass   1, or the part of each row's weight to draw (0.9 ...)
//          measure "captured" | "entropy" | "diverge": what the layers x heads overview shows
//
// In the address: #explore?run=recorded&layer=12&... ; a live run travels as its question and settings (see `toHash`).
import { SIDES } from "../shared/sides.js";

const MODES = ["attention", "selection", "compare"], MEASURES = ["captured", "entropy", "diverge"];
const MASSES = [1, 0.99, 0.95, 0.9, 0.75, 0.5];
export const exploreDefaults = {
  run: "recorded", text: "sigma", side: "sigma", layer: 12, head: 0, step: 0, k: 16, mode: "attention", key: null,
  log: true, noSink: false, mass: 1, measure: "captured",
};

// Bounds of the numbers for a described run.
export function exploreBounds(run) {
  const heads = Math.min(...SIDES.map((side) => run.info[side].query_heads));
  const layers = Math.min(...SIDES.map((side) => run.info[side].layers));
  return {
    layer: [0, layers - 1], head: [0, heads - 1], k: [1, Math.max(1, run.tokens - 1)],
    step: [run.first - (run.prompt - 1), run.last - (run.prompt - 1)],
  };
}

// The changes that make sense of what was asked for, clamped to the run; `problems` says what did not.
export function cleanState(changes, run, problems) {
  const clean = {}, said = problems || [];
  const bounds = run ? exploreBounds(run) : {};
  for (const name of ["layer", "head", "step", "k"]) {
    if (!(name in changes)) continue;
    const value = Number(changes[name]);
    const [low, high] = bounds[name] || [-1e6, 1e6];
    if (changes[name] === null || changes[name] === "" || !Number.isInteger(value)) {
      said.push(`${name} ${String(changes[name]).slice(0, 20)} is no whole number`);
      continue;
    }
    clean[name] = Math.min(high, Math.max(low, value));
    if (clean[name] !== value) said.push(`${name} ${value} is not between ${low} and ${high}`);
  }
  for (const [name, allowed] of [["mode", MODES], ["side", SIDES], ["text", run ? run.writers : SIDES], ["measure", MEASURES]]) {
    if (!(name in changes)) continue;
    if (allowed.includes(changes[name])) clean[name] = changes[name];
    else said.push(`${name} ${String(changes[name]).slice(0, 20)} is none of ${allowed.join(", ")}`);
  }
  for (const name of ["log", "noSink"]) if (name in changes) clean[name] = Boolean(changes[name]);
  if ("mass" in changes) {
    if (MASSES.includes(Number(changes.mass))) clean.mass = Number(changes.mass);
    else said.push(`mass ${String(changes.mass).slice(0, 20)} is none of ${MASSES.join(", ")}`);
  }
  if ("key" in changes) {
    const key = changes.key === null || changes.key === "" ? null : Number(changes.key);
    if (key === null || (Number.isInteger(key) && key >= 0 && (!run || key < run.tokens))) clean.key = key;
    else said.push(`key ${String(changes.key).slice(0, 20)} is no token of this run`);
  }
  return clean;
}

const FLAGS = ["log", "noSink"];
const QUESTION = { prompt: "", system: "", temperature: 0, top_p: 1, top_k: 0, penalty: 1, seed: null, tokens: 256, selective: null, missing: "renormalize", threshold: 0, tuned: false };
// What a run says of its columns, where they are not Sigma beside GQA with the settings of both.
for (const column of ["left", "right"]) {
  for (const name of ["", "_selective", "_missing", "_threshold", "_temperature", "_tuned", "_system"]) QUESTION[column + name] = null;
}

// The address's fragment: the recorded run by name, a live one by its question and the settings that were not default.
export function toHash(state, run) {
  const out = new URLSearchParams();
  const d = exploreDefaults;
  if (run && !run.recorded) {
    for (const [name, plain] of Object.entries(QUESTION)) {
      const value = run.settings[name];
      if (value !== undefined && value !== null && value !== plain) out.set(name, String(value));
    }
  } else {
    out.set("run", "recorded");
  }
  for (const name of ["text", "side", "layer", "head", "step", "k", "mode", "measure"]) out.set(name, String(state[name]));
  if (state.key !== null) out.set("key", String(state.key));
  if (state.mass !== d.mass) out.set("mass", String(state.mass));
  for (const name of FLAGS) if (state[name] !== d[name]) out.set(name, state[name] ? "1" : "0");
  return "#explore?" + out.toString();
}

// {changes, question} of an address, or null for one that is not ours. Nothing is believed yet: see `cleanState`.
export function fromHash(hash) {
  if (typeof hash !== "string" || !hash.startsWith("#explore")) return null;
  const given = new URLSearchParams(hash.slice("#explore".length).replace(/^\?/, ""));
  const changes = {};
  for (const name of ["run", "text", "side", "layer", "head", "step", "k", "mode", "measure", "key", "mass"]) {
    if (given.has(name)) changes[name] = given.get(name);
  }
  for (const name of FLAGS) if (given.has(name)) changes[name] = given.get(name) === "1";
  let question = null;
  if (given.get("prompt")) {
    question = {};
    for (const name of Object.keys(QUESTION)) if (given.has(name)) question[name] = given.get(name);
  }
  return { changes, question };
}

// The state and those who listen to it.
export function makeExploreState() {
  const listeners = new Set();
  let state = Object.assign({}, exploreDefaults);
  return {
    get: () => Object.assign({}, state),
    // Sets what is clean already; tells every listener which names changed.
    set(clean, options) {
      const changed = Object.keys(clean).filter((name) => name in state && state[name] !== clean[name]);
      if (!changed.length) return;
      state = Object.assign({}, state, clean);
      for (const listener of [...listeners]) listener(Object.assign({}, state), changed, options || {});
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
