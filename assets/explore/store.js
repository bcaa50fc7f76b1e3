// Asks the server for parts of a view, one question per lane at a time, and keeps a bounded number of answers.
import { decodeBits, decodeBytes, decodeFloats, decodeMap, decodeRow } from "./payloads.js";

const KEPT_CHARACTERS = 24e6, RETRY_MS = 350;
// Quick parts never wait behind slow ones: a map of 8,192 tokens takes seconds.
const LANES = { row: "quick", linked: "quick", figures: "quick", select: "quick", next: "quick", exact: "quick" };
const DECODERS = {
  maps: (part) => ({ sigma: decodeMap(part.sigma), gqa: decodeMap(part.gqa) }),
  head: decodeMap,
  row: decodeRow,
  linked: decodeRow,
  figures: (part) => {
    const side = (one) => Object.assign({}, one, { captured: decodeBytes(one.captured), errors: one.errors && decodeBytes(one.errors) });
    return Object.assign({}, part, { sigma: side(part.sigma), gqa: side(part.gqa) });
  },
  exact: (part) => Object.assign({}, part, { weights: decodeFloats(part.weights) }),
  select: (part) => {
    const side = (one) => Object.assign({}, one, { has: one.marks && decodeBits(one.marks, part.tokens) });
    return Object.assign({}, part, { sigma: side(part.sigma), gqa: side(part.gqa) });
  },
  overview: (part) => {
    const table = (name) => part[name] && decodeBytes(part[name]);
    return { measure: part.measure, sigma: table("sigma") || table("both"), gqa: table("gqa") || table("both") };
  },
  time: (part) => Object.assign({}, part, { has: decodeBits(part.marks, part.columns), captured: decodeBytes(part.captured) }),
};

// What an answer depends on; two states with the same key show the same answer.
const DEPENDS = {
  maps: (q) => [q.layer],
  head: (q) => [q.layer, q.side, q.head, q.q0, q.q1, q.k0, q.k1],
  row: (q) => [q.layer, q.query, q.side],
  linked: (q) => [q.layer, q.query, q.side, q.head],
  figures: (q) => [q.layer, q.query],
  exact: (q) => [q.layer, q.query, q.side, q.head],
  select: (q) => [q.layer, q.query, q.k],
  overview: (q) => [q.query, q.measure, q.measure === "captured" ? q.k : ""],
  time: (q) => [q.layer, q.side, q.head, q.k],
  next: (q) => [q.query],
  track: () => [],
};
export const partKey = (name, question) => [name, question.run, question.text, ...DEPENDS[name](question)].join("|");

const decoded = (name, answer) => (DECODERS[name] ? DECODERS[name](answer[name]) : answer[name]);

// The answers that the page carries (visualizers/explore/first.py): [{question, answer}].
export function firstView() {
  const element = document.getElementById("sigma-first-view");
  return element ? JSON.parse(element.textContent) : [];
}

const lost = { error: "The server did not answer; is it still running?" };

export class Store {
  #kept = new Map();
  #failed = new Set();
  #busy = {};
  #opened = new Map();
  #held = 0;
  #wanted = () => [];

  // ask(question) -> Promise of an answer; changed() is called when there is something new to draw;
  // told(message, pending) when something is wrong or is still being computed; first: see `firstView`.
  constructor(ask, changed, told, first) {
    Object.assign(this, { ask, changed, told });
    for (const one of first || []) this.#feed(one);
  }

  // Answers that came with the page: kept under the keys of the questions that would have brought them.
  #feed({ question, answer }) {
    if (question.op === "open") for (const text of [question.text, answer.text]) this.#opened.set([answer.run, text].join("|"), answer);
    else for (const name of question.parts) this.#keep(partKey(name, question), decoded(name, answer), JSON.stringify(answer[name]).length);
  }

  #keep(key, value, size) {
    this.#kept.set(key, { value, size });
    this.#held += size;
    for (const [old, entry] of this.#kept) {
      if (this.#held <= KEPT_CHARACTERS || this.#kept.size <= 8) break;
      this.#kept.delete(old);
      this.#held -= entry.size;
    }
  }

  // What is wanted and neither here nor known to fail.
  #absent() {
    return this.#wanted().filter(([name, q]) => !this.#kept.has(partKey(name, q)) && !this.#failed.has(partKey(name, q)));
  }

  async #run(lane) {
    if (this.#busy[lane]) return;
    this.#busy[lane] = true;
    try {
      for (;;) {
        const missing = this.#absent().filter(([name]) => (LANES[name] || "slow") === lane);
        if (!missing.length) return;
        await this.#askFor(missing);
      }
    } finally {
      this.#busy[lane] = false;
    }
  }

  // One question for the first part and all others that fit into it: the same place, the same head.
  async #askFor(missing) {
    const question = {}, fits = missing.filter(([, q]) => {
      const same = Object.keys(q).every((field) => !(field in question) || question[field] === q[field]);
      if (same) Object.assign(question, q);
      return same;
    });
    question.parts = fits.map(([name]) => name);
    question.op = "view";
    let answer;
    try {
      answer = await this.ask(question);
    } catch {
      answer = lost;
    }
    if (answer.pending !== undefined) {
      this.told(null, answer.pending);
      await new Promise((done) => setTimeout(done, RETRY_MS));
      return;
    }
    this.told(answer.error || null, null);
    for (const [name, q] of fits) {
      const key = partKey(name, q);
      if (answer.error || answer[name] === undefined) this.#failed.add(key);
      else this.#keep(key, decoded(name, answer), answer.size / fits.length);
    }
    this.changed();
  }

  // What is known already of a run, without asking: a copy of the answer to {op: "open"}, or null.
  opened(run, text) {
    const key = [run, text].join("|");
    return this.#opened.has(key) ? Object.assign({}, this.#opened.get(key)) : null;
  }

  // The newest answer to a part, or null; the newest used stays longest.
  get(name, question) {
    const key = partKey(name, question), entry = this.#kept.get(key);
    if (!entry) return null;
    this.#kept.delete(key);
    this.#kept.set(key, entry);
    return entry.value;
  }

  missing() {
    return this.#absent().length;
  }

  // list() names what is wanted now, most urgent first, as [part, question]; asked again before every request.
  want(list) {
    this.#wanted = list;
    for (const lane of ["quick", "slow"]) this.#run(lane);
  }

  forgive() {
    this.#failed.clear();
  }

  stats() {
    return { parts: this.#kept.size, characters: this.#held };
  }
}
