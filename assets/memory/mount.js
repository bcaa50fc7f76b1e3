// The Memory tab: the form, what it asks the server, and its state in the address: #memory?preset=sigma-10b&n_k=8
import { memoryChart } from "./chart.js";
import { showMemory, showMemoryCheck } from "./view.js";
import { setHash, sharedAddress } from "../shared/address.js";
import { setText } from "../shared/dom.js";
import { grouped } from "../shared/numbers.js";
import { giveLink } from "../shared/share.js";
import { SIDES } from "../shared/sides.js";
import { tabNamed } from "../shared/tabs.js";

const MINE = "#memory", WAIT_MS = 150, NOTE_MS = 5000, LONGEST = 24;

// Only what differs from the preset is written, so a link stays short.
function hashOf(values, base) {
  const out = new URLSearchParams({ preset: values.preset });
  for (const [name, value] of Object.entries(values)) if (value !== base[name]) out.set(name, value);
  return MINE + "?" + out;
}

const isMine = () => location.hash === MINE || location.hash.startsWith(MINE + "?");

function readURL(start) {
  const given = {};
  if (isMine()) {
    for (const [name, value] of new URLSearchParams(location.hash.slice(MINE.length + 1))) given[name] = value.slice(0, LONGEST + 1);
  }
  const preset = Object.hasOwn(start.presets, given.preset) ? given.preset : start.first;
  return { ...start.presets[preset], ...given, preset };
}

// What the Chat tab shows now, as its header's cells hold it.
function measured() {
  const found = { recorded: document.body.dataset.run === "recorded" };
  for (const side of SIDES) {
    const read = (name) => {
      const cell = document.querySelector(`.side-head[data-model="${side}"] [data-figure="${name}"]`);
      return cell && cell.dataset.value ? Number(cell.dataset.value) : null;
    };
    found[side] = { tokens: read("context"), k: read("k"), v: read("v"), v_read: read("v_read") };
  }
  return found;
}

class MemoryForm {
  #timer = 0;
  #asked = 0;

  constructor(root, server) {
    Object.assign(this, { root, server });
    this.start = JSON.parse(root.dataset.start);
    this.form = root.querySelector("form");
    this.slide = root.querySelector("#mem-slide");
    this.fields = Object.fromEntries([...this.form.elements].filter((box) => box.name).map((box) => [box.name, box]));
    this.chart = memoryChart(root.querySelector("#mem-chart"), root.querySelector("#mem-read"));
  }

  #values() {
    return Object.fromEntries(Object.entries(this.fields).map(([name, box]) => [name, box.value]));
  }

  #fill(next) {
    for (const [name, box] of Object.entries(this.fields)) {
      if (next[name] === undefined) continue;
      box.value = next[name];
      // A choice that does not exist leaves the box empty, which says nothing: take the preset's.
      if (box.tagName === "SELECT" && box.selectedIndex < 0) box.value = this.start.presets[next.preset][name];
    }
    // What is set is seen: a preset or a link with layers of other kinds opens their boxes.
    const kinds = this.root.querySelector("#mem-kinds");
    kinds.open = [...kinds.querySelectorAll("input")].some((box) => box.value);
  }

  #preset() {
    return this.start.presets[this.fields.preset.value];
  }

  #visible() {
    return this.root.offsetParent !== null;
  }

  #showErrors(errors) {
    const { root } = this;
    for (const [name, box] of Object.entries(this.fields)) {
      const text = errors[name] || "";
      setText(root.querySelector("#mem-error-" + name), text);
      box.toggleAttribute("aria-invalid", Boolean(text));
      if (text) box.setAttribute("aria-invalid", "true");
    }
    root.querySelector("#mem-error-form").textContent = errors.form || "";
    for (const more of root.querySelectorAll("#mem-more, #mem-kinds")) {
      if ([...more.querySelectorAll("[name]")].some((box) => errors[box.name])) more.open = true;
    }
  }

  async #ask() {
    const { root, start } = this, number = ++this.#asked, sent = this.#values(), view = root.querySelector(".mem-view");
    let answer;
    view.setAttribute("aria-busy", "true");
    try {
      answer = JSON.parse(await this.server.project(sent));
    } catch {
      answer = { errors: { form: "The server did not answer. The picture shows the last settings that it answered." }, view: null };
    }
    if (number !== this.#asked) return;  // a newer question is on its way
    view.setAttribute("aria-busy", "false");
    this.#showErrors(answer.errors);
    root.querySelector("#mem-stale").hidden = Boolean(answer.view);
    const source = root.querySelector("#mem-source");
    source.textContent = JSON.parse(source.dataset.sources)[sent.preset];
    if (!answer.view) return;
    showMemory(root, answer.view);
    this.chart.show(answer.view.chart);
    this.#showSlide(answer.view.chart.here);
    root.dataset.asked = number;
    if (this.#visible()) setHash(hashOf(sent, start.presets[sent.preset]));
  }

  async #check() {
    const sent = measured();
    try {
      showMemoryCheck(this.root.querySelector("#mem-check"), JSON.parse(await this.server.check(sent)), sent.recorded);
    } catch {
      // The server is gone; the form says so at the next question.
    }
  }

  // `tokens`: the context as the server has read it, whose boxes also take "128k" and "1 000".
  #showSlide(tokens) {
    const points = this.start.contexts, next = points.findIndex((point) => point >= tokens);
    this.slide.value = next < 0 ? points.length - 1 : next;
    this.slide.setAttribute("aria-valuetext", grouped(tokens) + " tokens");
  }

  wire() {
    const { form, slide, fields } = this;
    slide.addEventListener("input", () => {
      const tokens = this.start.contexts[slide.value];
      fields.context.value = String(tokens);
      this.#showSlide(tokens);
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", (event) => {
      if (event.target === fields.preset) this.#fill(this.#preset());
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#ask(), event.target.tagName === "SELECT" ? 0 : WAIT_MS);
    });
    this.root.querySelector("#mem-reset").addEventListener("click", () => {
      this.#fill(this.#preset());
      this.#ask();
    });
    this.root.querySelector("#mem-link").addEventListener("click", () => this.#link());
    new IntersectionObserver((entries) => this.#seen(entries.some((entry) => entry.isIntersecting))).observe(form);
    window.addEventListener("hashchange", () => isMine() && this.load());
  }

  async #link() {
    const hash = hashOf(this.#values(), this.#preset()), said = this.root.querySelector("#mem-linked");
    setHash(hash);
    said.textContent = await giveLink(sharedAddress(hash), this.root.querySelector("#mem-by-hand"));
    setTimeout(() => { said.textContent = ""; }, NOTE_MS);
  }

  // Opening the tab again: its state belongs in the address, and the Chat tab may have measured something new.
  #seen(now) {
    if (now) {
      if (this.root.dataset.asked) setHash(hashOf(this.#values(), this.#preset()));
      this.#check();
    } else if (!this.#visible() && isMine()) {
      setHash("");
    }
  }

  // The form as the address has it.
  load() {
    this.#fill(readURL(this.start));
    this.#ask();
  }
}

export function mountMemory(element, server) {
  const form = new MemoryForm(element.querySelector(".memory"), server);
  form.wire();
  form.load();
}

// A link to the tab opens it, once its button is there.
function openFromURL() {
  if (!isMine()) return;
  const press = () => {
    const button = tabNamed("Memory");
    if (button) button.click();
    return Boolean(button);
  };
  if (press()) return;
  const watcher = new MutationObserver(() => press() && watcher.disconnect());
  watcher.observe(document.documentElement, { childList: true, subtree: true });
}
export function openMemoryFromAddress() {
  window.addEventListener("hashchange", openFromURL);
  openFromURL();
}
