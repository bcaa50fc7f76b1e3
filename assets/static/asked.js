// Who answers the explorer where there is no server: the recording that lies beside the page.
import { partsOf } from "./answers.js";
import { RecordedSide } from "./recording.js";
import { SIDES } from "../shared/sides.js";

const NO_MODEL = "This page has no model: it shows recorded runs. Where the demo runs live, this works";

// What was recorded, opened: tokens by position, a token's text by its id, both sides' attention.
class Recorded {
  constructor(data) {
    const { about } = data;
    Object.assign(this, { about, ids: data.ids, prompt: about.prompt, pieces: data.ids.map((id) => data.pieces[id]) });
    this.piece = (id) => data.pieces[id] ?? "?";
    this.sides = Object.fromEntries(SIDES.map((side) => [side, new RecordedSide(data.sides[side], data.ids.length, about.prompt)]));
  }
}

// `load()` is a Promise of the recording's data (visualizers/static/recording.py).
export class Asked {
  #recorded = null;

  constructor(load) {
    this.load = load;
  }

  // A question as text, a Promise of its answer as text: what the page's server does with `ask_explorer`.
  ask = async (text) => JSON.stringify(await this.#answer(JSON.parse(text)));

  async #answer(question) {
    try {
      this.#recorded = this.#recorded || new Recorded(await this.load());
      return await this.#found(question);
    } catch (error) {
      return { error: error.message };
    }
  }

  #found(question) {
    const { about } = this.#recorded;
    if (question.op === "run" || question.op === "rerun") throw new Error(`${NO_MODEL}.`);
    if (question.run !== about.run) throw new Error("This run is not known here; the recorded run is.");
    if (question.text && !about.writers.includes(question.text)) throw new Error("Attention was recorded for Sigma's text only.");
    if (question.op === "open") return about;
    if (question.op === "view") return partsOf(this.#recorded, question);
    throw new Error("The explorer can open and view, nothing else.");
  }
}
