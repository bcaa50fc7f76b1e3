// Which answers the explorer's state needs, how they are asked for, and those that are here.
import { SIDES, otherSide } from "../shared/sides.js";

const MAP_BINS = 128;  // SMALL in visualizers/explore/answers.py

export class Parts {
  constructor(explorer) {
    this.explorer = explorer;
  }

  get state() {
    return this.explorer.state.get();
  }

  // The position that the step's token was written after: the one that attends.
  query() {
    return this.explorer.run.prompt - 1 + this.state.step;
  }

  // V rows per head as they are shown: the slider's own value while it is held.
  k() {
    return this.explorer.previewK === null ? this.state.k : this.explorer.previewK;
  }

  place() {
    const { run } = this.explorer;
    return { run: run.run, text: run.text, layer: this.state.layer, query: this.query() };
  }

  // A side's head: what the questions about one head have in common.
  #head() {
    return { side: this.state.side, head: this.state.head };
  }

  // What each part asks for besides the place.
  #more(name) {
    const s = this.state;
    if (name === "head") return { ...this.#head(), ...this.explorer.zoom };
    if (name === "linked" || name === "exact") return this.#head();
    if (name === "time") return { ...this.#head(), k: s.k };
    if (name === "overview") return { k: s.k, measure: s.measure };
    return name === "select" ? { k: s.k } : {};
  }

  // The question of a part at the state's place, as [part, question].
  #question(name, more) {
    return [name, { ...this.place(), ...this.#more(name), ...more }];
  }

  // The newest answer to a part at the state's place, or null.
  part(name, more) {
    return this.explorer.run ? this.explorer.store.get(...this.#question(name, more)) : null;
  }

  // What Sigma selects, once the server has said it; while the slider is held nothing is known exactly.
  select() {
    return this.explorer.previewK === null ? this.part("select") : null;
  }

  // A side's rows at the state's query: every head of the chosen side, of the other the same head until more is asked for.
  row(side) {
    return this.part("row", { side }) || (side === this.state.side ? null : this.part("linked"));
  }

  // Whether the step's own rows and figures are here.
  here() {
    return Boolean(this.row("sigma") && this.row("gqa") && this.part("figures"));
  }

  // Rows of the head under the pointer that are not here yet: both strips show that head.
  #hovered() {
    const at = this.explorer.hover;
    if (!at || at.query !== this.query() || this.state.key !== null) return [];
    return SIDES.filter((side) => this.row(side) && !this.row(side).has(at.head)).map((side) => this.#question("row", { side }));
  }

  // What is wanted now, most urgent first.
  wanted() {
    const { run, visible, live, zoom } = this.explorer;
    if (!run || !visible || live) return [];
    const s = this.state, list = [this.#question("row", { side: s.side }), this.#question("figures"), this.#question("select")];
    if (!this.row(otherSide(s.side))) list.push(this.#question("linked"));
    list.push(this.#question("maps"));
    // Where the small maps are binned the head's own is wanted, too, and asked for along with them: one way to the server.
    if (zoom || run.tokens > MAP_BINS) list.push(this.#question("head"));
    if (s.key !== null) list.push(this.#question("exact"));
    if (s.mode === "attention") list.push(this.#question("overview"));
    if (s.mode === "selection") list.push(this.#question("time"));
    if (s.mode === "compare") list.push(this.#question("next"), this.#question("track"));
    list.push(...this.#hovered());
    return list;
  }
}
