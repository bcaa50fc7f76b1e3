// The explorer: what is open, what the pointer is on, and every change of it. Pictures are the view's, answers the store's.
import { makeSummary, syncControls } from "./controls.js";
import { Parts } from "./parts.js";
import { Player } from "./player.js";
import { cleanState, makeExploreState, toHash } from "./state.js";
import { Store, firstView } from "./store.js";
import { View } from "./view.js";
import { setHash } from "../shared/address.js";
import { setText } from "../shared/dom.js";

const ADDRESS_MS = 250;

export class Explorer {
  run = null;  // described by the server; `first` and `last` are the positions that can be a query
  live = null;  // the chat's newest state while an answer is written
  zoom = null;  // the large map's window
  hover = null;  // the pair under the pointer
  overviewHover = null;
  previewK = null;  // while the slider is held
  bin = null;  // what was clicked where a point is more than one weight
  visible = false;
  #queued = false;
  #opening = 0;
  #addressTimer = 0;

  // `ask(question)` is a Promise of the server's answer.
  constructor(root, ask) {
    this.root = root;
    this.ask = ask;
    this.base = (name) => root.querySelector(`[data-base="${name}"]`);
    this.schedule = this.schedule.bind(this);
    this.set = this.set.bind(this);
    this.state = makeExploreState();
    this.store = new Store(ask, this.schedule, (message, pending) => this.#told(message, pending), firstView());
    this.parts = new Parts(this);
    this.player = new Player(this);
    this.view = new View(this);
    this.summarize = makeSummary(this);
    this.state.onChange((_, names, options) => this.#changed(names, options));
  }

  // Elements by their names in explore.html.
  $(name) {
    return this.root.querySelector(`[data-ex="${name}"]`);
  }

  mark(name) {
    return this.root.querySelector(`[data-mark="${name}"]`);
  }

  say(name, text) {
    setText(this.$(name), text);
    this.$(name).hidden = !text;
  }

  complain(text) {
    this.say("message", text || "");
  }

  #told(message, pending) {
    if (message) this.complain(message);
    if (pending !== null) this.say("pending", `Both models read the text again: ${Math.round(pending * 100)} %.`);
    else if (this.root.dataset.pending) this.say("pending", "");
    this.root.dataset.pending = pending === null ? "" : "1";
  }

  // Draws in the next frame, whatever asked for it.
  schedule() {
    if (this.#queued) return;
    this.#queued = true;
    this.root.dataset.queued = "1";
    requestAnimationFrame(() => {
      this.#queued = false;
      delete this.root.dataset.queued;
      if (this.root.isConnected && this.visible) this.view.draw();
    });
  }

  sync() {
    syncControls(this);
  }

  // Changes some of the state; what is out of range is clamped. Returns the new state.
  set(changes, options) {
    const { run, state } = this, clean = cleanState(changes, run), s = state.get();
    const other = run && "text" in clean && clean.text !== run.text ? clean.text : null;
    delete clean.text;
    // A locked key that the new step cannot see is no longer locked.
    if (run && "step" in clean && !("key" in clean) && s.key !== null && s.key > run.prompt - 1 + clean.step) clean.key = null;
    if ("side" in clean && clean.side !== s.side) this.zoom = null;
    state.set(clean, options);
    this.sync();
    if (other) this.open(run.run, other);
    return state.get();
  }

  #changed(names, options) {
    if (names.includes("k")) this.previewK = null;
    if (!options.silent) this.writeAddress();
    this.schedule();
    this.summarize();
  }

  address() {
    return toHash(this.state.get(), this.run);
  }

  writeAddress() {
    clearTimeout(this.#addressTimer);
    this.#addressTimer = setTimeout(() => {
      if (this.visible && this.run) setHash(this.address());
    }, ADDRESS_MS);
  }

  // Shows a run, keeping layer, head and the like; the newest call wins. `wishes`: what a link asks for.
  async open(id, text, wishes) {
    const turn = ++this.#opening;
    let answer = this.store.opened(id, text);
    try {
      answer = answer || (await this.ask({ op: "open", run: id, text }));
    } catch {
      answer = { error: "The server did not answer; is it still running?" };
    }
    if (turn !== this.#opening) return;
    if (answer.error) {
      if (!this.run && !(id === "recorded" && text === undefined)) await this.open("recorded");
      this.complain(answer.error);
      return;
    }
    this.player.stop();
    this.#show(answer, wishes);
  }

  #show(answer, wishes) {
    const same = this.run && this.run.run === answer.run, problems = [], s = this.state.get();
    this.run = Object.assign(answer, { first: 0, last: answer.steps > 0 ? answer.tokens - 2 : answer.tokens - 1 });
    this.live = this.hover = this.overviewHover = this.zoom = this.previewK = this.bin = null;
    this.complain("");
    this.store.forgive();
    // The last step: it has everything before it.
    const step = same ? s.step : Math.max(0, answer.steps - 1);
    const kept = cleanState({ layer: s.layer, head: s.head, k: s.k, step }, this.run);
    const asked = wishes ? cleanState(wishes, this.run, problems) : {};
    const next = Object.assign({ key: null }, kept, asked, { run: answer.run, text: answer.text });
    this.state.set(next, wishes ? {} : { silent: !this.visible });
    if (problems.length) this.complain("The link was not quite right: " + problems.join("; ") + ". The rest of it is shown.");
    this.root.dataset.run = answer.run;
    this.root.dataset.state = "waiting";  // until it is drawn: the old run's "ready" is not this one's
    this.sync();
    this.schedule();
  }
}
