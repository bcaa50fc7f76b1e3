// The guided tour: a dialog with a live picture. Arrow keys, Escape, ?tour=3 in the address; drives the explorer if it can.
import { tourAttention, tourBars, tourHeads } from "./picture.js";
import { setQuery } from "../shared/address.js";
import { grouped } from "../shared/numbers.js";
import { isOpen, tabButtons, tabNamed } from "../shared/tabs.js";

const WIDE = window.matchMedia("(min-width: 1200px)"), WAIT_MS = 4000;

function build(tour, body) {
  const dialog = document.createElement("dialog");
  dialog.id = "tour";
  dialog.setAttribute("aria-labelledby", "tour-title");
  dialog.append(body.content.cloneNode(true));
  // Inside .contain: Gradio's rules for narrow screens reach no further up.
  document.querySelector(".gradio-container .contain").append(dialog);
  const at = (selector) => dialog.querySelector(selector);
  const draws = [
    tourHeads(at(".tour-heads"), tour.steps[0].heads.query_heads),
    tourBars(at(".tour-bars"), tour),
    tourAttention(at(".tour-attention")),
  ];
  at(".tour-dots").replaceChildren(...tour.steps.map(() => document.createElement("li")));
  at(".tour-kind").textContent = `Computed for a model of the default's size at ${grouped(tour.tokens)} tokens, 16-bit cache. The line marks GQA.`;
  return { dialog, at, draws };
}

class Tour {
  #parts = null;
  #index = 0;
  #cameFrom = null;
  #before = null;
  #finished = false;

  // `body` is the template of the dialog: see tour.html.
  constructor(button, body) {
    Object.assign(this, { button, body });
    this.tour = JSON.parse(button.dataset.tour);
    button.addEventListener("click", () => this.begin(0));
    // The page makes room for the dialog where there is some.
    WIDE.addEventListener("change", () => this.#room());
  }

  get #last() {
    return this.tour.steps.length - 1;
  }

  #open() {
    return Boolean(this.#parts && this.#parts.dialog.open);
  }

  #room() {
    document.body.classList.toggle("touring", this.#open() && WIDE.matches);
  }

  // The explorer is made when its tab is first opened; the tour does not wait for it, and does without.
  async #explore(changes) {
    if (!changes || !WIDE.matches) return;
    const asked = this.#index, end = performance.now() + WAIT_MS;
    while (!window.sigma.explore && performance.now() < end) await new Promise((done) => setTimeout(done, 100));
    if (!window.sigma.explore) return;
    try {
      await window.sigma.explore.ready;
      if (this.#index !== asked || !this.#open()) return;
      window.sigma.explore.setState(changes, { silent: true });
      setQuery("tour", this.#index + 1);  // the explorer writes an address of its own when it comes into view
    } catch {
      // The explorer says itself what it cannot show.
    }
  }

  #show(next) {
    this.#index = Math.max(0, Math.min(this.#last, next));
    const { dialog, at, draws } = this.#parts, number = this.#index + 1, step = this.tour.steps[this.#index];
    at(".tour-count").textContent = `Step ${number} of ${this.tour.steps.length}`;
    at("h2").textContent = step.title;
    at(".tour-text div").replaceChildren(...step.text.map((text) => Object.assign(document.createElement("p"), { textContent: text })));
    // Not disabled: a disabled button would lose the focus.
    at(".tour-back").setAttribute("aria-disabled", String(this.#index === 0));
    at(".tour-next").textContent = this.#index === this.#last ? "Finish" : "Next";
    [...at(".tour-dots").children].forEach((dot, i) => dot.classList.toggle("here", i === this.#index));
    at(".tour-described").textContent = step.described;
    draws.forEach((draw) => draw(step));
    dialog.dataset.step = number;
    setQuery("tour", number);
    this.#explore(step.explore);
  }

  begin(first) {
    if (!this.#parts) {
      this.#parts = build(this.tour, this.body);
      this.#wire();
    }
    if (this.#open()) return;
    this.#cameFrom = tabButtons().find(isOpen);
    this.#before = window.sigma.explore ? window.sigma.explore.getState() : null;
    if (WIDE.matches && tabNamed("Explore")) tabNamed("Explore").click();
    this.#parts.dialog.showModal();
    this.#room();
    this.#show(first);
    this.#parts.at(".tour-next").focus();
  }

  // Skipped, the page is as it was; finished, the explorer stays open to be played with.
  #end() {
    this.#room();
    setQuery("tour", null);
    if (!this.#finished) {
      if (this.#before && window.sigma.explore) window.sigma.explore.setState(this.#before, { silent: true });
      if (this.#cameFrom && this.#cameFrom.isConnected) this.#cameFrom.click();
    } else if (tabNamed("Explore")) {
      tabNamed("Explore").click();
    }
    this.#finished = false;
    this.button.focus();
  }

  #step(by) {
    if (this.#index + by > this.#last) {
      this.#finished = true;
      this.#parts.dialog.close();
    } else {
      this.#show(this.#index + by);
    }
  }

  #wire() {
    const { dialog, at } = this.#parts;
    at(".tour-next").addEventListener("click", () => this.#step(1));
    at(".tour-back").addEventListener("click", () => this.#step(-1));
    at(".tour-skip").addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => this.#end());
    dialog.addEventListener("keydown", (event) => {
      const keys = { ArrowRight: 1, ArrowLeft: -1, PageDown: 1, PageUp: -1, Home: -this.#index, End: this.#last - this.#index };
      // The explorer and Gradio listen to keys too; the tour's are its own.
      event.stopPropagation();
      if (!(event.key in keys) || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      if (this.#index + keys[event.key] <= this.#last) this.#show(this.#index + keys[event.key]);
    });
  }
}

export function mountTour(element) {
  const tour = new Tour(element.querySelector("#tour-button"), element.querySelector("template")), asked = new URLSearchParams(location.search).get("tour");
  if (asked === null) return;
  const number = /^\d{1,3}$/.test(asked) ? Number(asked) : 1;
  // The tabs come after this button; the tour opens over a page that is there.
  const start = () => tabButtons().length > 1 && (tour.begin(number - 1), true);
  if (start()) return;
  const watcher = new MutationObserver(() => start() && watcher.disconnect());
  watcher.observe(document.body, { childList: true, subtree: true });
}
