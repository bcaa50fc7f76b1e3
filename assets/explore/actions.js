// What the explorer's buttons do: play, zoom, other runs, links, files, and answers written anew.
import { exportData, exportHTML, exportJSON, exportPNG } from "./export.js";
import { zoomWindow } from "./zoom.js";
import { setHash, sharedAddress } from "../shared/address.js";
import { setText } from "../shared/dom.js";
import { mixed, setMixed, verbatim } from "../shared/mixed.js";
import { giveLink } from "../shared/share.js";

const LONG_LINK = 8000;

export class Actions {
  constructor(explorer, server, runs) {
    Object.assign(this, { explorer, server, runs });
  }

  // Does what a button names; complains instead of failing.
  async act(name) {
    const { explorer } = this, { run } = explorer;
    if (!run) return;
    const { step } = explorer.state.get(), steps = { first: 0, end: run.steps - 1, back: step - 1, forward: step + 1 };
    if (name in steps) return void explorer.set({ step: steps[name] });
    if (!(name in this.#acts)) return;
    try {
      await this.#acts[name]();
    } catch (error) {
      explorer.complain(`That did not work: ${error.message}.`);
    }
  }

  #acts = {
    play: () => this.explorer.player.toggle(),
    "zoom-in": () => this.#zoom(true),
    "zoom-out": () => this.#zoom(false),
    recorded: () => {
      this.runs.leave();
      return this.explorer.open("recorded");
    },
    last: () => this.runs.newest(true),
    diverge: () => this.explorer.set({ mode: "attention", measure: "diverge" }),
    link: () => this.#copyLink(),
    png: () => exportPNG(this.explorer.root, this.explorer.run, this.explorer.state.get(), this.#words()),
    json: async () => exportJSON(this.explorer.run, this.explorer.state.get(), await this.#collect()),
    html: async () => {
      // The view as it was when the button was pressed.
      const words = this.#words(), state = this.explorer.state.get();
      exportHTML(this.explorer.root, this.explorer.run, state, words, await this.#collect());
    },
    rerun: () => this.#rerun(),
  };

  #zoom(closer) {
    const { explorer } = this, { run, zoom, parts } = explorer, { key } = explorer.state.get(), query = parts.query();
    explorer.zoom = closer ? zoomWindow(run, zoom, query, key === null ? query : key) : null;
    explorer.schedule();
  }

  #words() {
    const { explorer } = this, s = explorer.state.get(), large = explorer.$("large-name").textContent, locked = s.key !== null;
    return {
      title: explorer.$("source").textContent, where: `${large}, step ${s.step}, k = ${s.k}`,
      names: ["Sigma", "GQA", large], read: locked ? explorer.$("read").textContent : "", locked,
    };
  }

  #address() {
    return sharedAddress(this.explorer.address());
  }

  async #copyLink() {
    const { explorer } = this, url = this.#address();
    setHash(explorer.address());
    let note = await giveLink(url, explorer.$("link"));
    if (explorer.run.settings.turns > 1) note += " It holds the last question only, not the chat before it.";
    if (url.length > LONG_LINK) note += " The question is long: not every program takes a link of over 8,000 characters.";
    explorer.say("pending", note);
    setTimeout(() => { if (explorer.$("pending").textContent === note) explorer.say("pending", ""); }, 5000);
  }

  async #collect() {
    const { explorer } = this, { k } = explorer.state.get();
    const answer = await explorer.ask(Object.assign(explorer.parts.place(), { op: "view", parts: ["numbers", "select", "next"], k }));
    if (answer.error || answer.pending !== undefined) throw new Error(answer.error || "the text is still being read");
    const numbers = { ...answer.numbers, selection: answer.select, next: answer.next };
    return exportData(explorer.run, explorer.state.get(), this.#address(), numbers);
  }

  // Sigma answers once more, reading k V rows per head.
  async #rerun() {
    const { explorer } = this, { k } = explorer.state.get(), box = explorer.$("rerun"), asked = `Sigma answers again with k = ${k}`;
    setText(box, `${asked} …`);
    try {
      const question = { op: "rerun", run: explorer.run.run, text: "sigma", k };
      const answer = await this.server.write(question, (so) => setMixed(box, mixed`${asked}: ${verbatim(so.words || "…", "")}`));
      const parts = answer.parting === null ? "the text is the same as before" : `it parts from the text before at step ${answer.parting}`;
      setMixed(box, mixed`With k = ${k}, ${parts}: “${verbatim(answer.words, "")}”`);
      explorer.root.dataset.rerun = answer.k;
    } catch (error) {
      setText(box, "");
      throw error;
    }
  }
}
