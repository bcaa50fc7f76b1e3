// The Memory tab: the form, what it asks the server, and its state in the address: #memory?preset=sigma-10b&n_k=8
import { memoryChart } from "./chart.js";
import { showMemory, showMemoryCheck } from "./view.js";
import { setHash } from "../shared/address.js";
import { tabNamed } from "../shared/tabs.js";

const MINE = "#memory", WAIT_MS = 150, LONGEST = 24;

// Only what differs from the preset is written, so a link stays short.
function writeURL(values, base) {
  const out = new URLSearchParams({ preset: values.preset });
  for (const [name, value] of Object.entries(values)) if (value !== base[name]) out.set(name, value);
  setHash(MINE + "?" + out);
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

export function mountMemory(element, server) {
  const root = element.querySelector(".memory");
  const start = JSON.parse(root.dataset.start);
  const form = root.querySelector("form"), view = root.querySelector(".mem-view");
  const stale = root.querySelector("#mem-stale"), source = root.querySelector("#mem-source");
  const fields = Object.fromEntries([...form.elements].filter((box) => box.name).map((box) => [box.name, box]));
  const chart = memoryChart(root.querySelector("#mem-chart"), root.querySelector("#mem-read"));
  let timer = 0, asked = 0;

  const values = () => Object.fromEntries(Object.entries(fields).map(([name, box]) => [name, box.value]));

  function fill(next) {
    for (const [name, box] of Object.entries(fields)) {
      if (next[name] === undefined) continue;
      box.value = next[name];
      // A choice that does not exist leaves the box empty, which says nothing: take the preset's.
      if (box.tagName === "SELECT" && box.selectedIndex < 0) box.value = start.presets[next.preset][name];
    }
  }

  function showErrors(errors) {
    for (const [name, box] of Object.entries(fields)) {
      const line = root.querySelector("#mem-error-" + name), text = errors[name] || "";
      if (line.textContent !== text) line.textContent = text;
      box.toggleAttribute("aria-invalid", Boolean(text));
      if (text) box.setAttribute("aria-invalid", "true");
    }
    root.querySelector("#mem-error-form").textContent = errors.form || "";
    const more = root.querySelector("#mem-more");
    if ([...more.querySelectorAll("[name]")].some((box) => errors[box.name])) more.open = true;
  }

  async function ask() {
    const number = ++asked, sent = values();
    let answer;
    showSlide();
    view.setAttribute("aria-busy", "true");
    try {
      answer = JSON.parse(await server.project(sent));
    } catch {
      answer = { errors: { form: "The server did not answer. The picture shows the last settings that it answered." }, view: null };
    }
    if (number !== asked) return;  // a newer question is on its way
    view.setAttribute("aria-busy", "false");
    showErrors(answer.errors);
    stale.hidden = Boolean(answer.view);
    source.textContent = JSON.parse(source.dataset.sources)[sent.preset];
    if (!answer.view) return;
    showMemory(root, answer.view);
    chart.show(answer.view.chart);
    root.dataset.asked = number;
    if (visible()) writeURL(sent, start.presets[sent.preset]);
  }

  function measured() {
    const found = { recorded: document.body.dataset.run === "recorded" };
    for (const side of ["sigma", "gqa"]) {
      const read = (name) => {
        const cell = document.querySelector(`#head-${side} [data-figure="${name}"]`);
        return cell && cell.dataset.value ? Number(cell.dataset.value) : null;
      };
      found[side] = { tokens: read("context"), k: read("k"), v: read("v"), v_read: read("v_read") };
    }
    return found;
  }

  async function check() {
    const sent = measured();
    try {
      showMemoryCheck(root.querySelector("#mem-check"), JSON.parse(await server.check(sent)), sent.recorded);
    } catch {
      // The server is gone; the form says so at the next question.
    }
  }

  const visible = () => root.offsetParent !== null;

  const slide = root.querySelector("#mem-slide");
  function showSlide() {
    const tokens = Number(fields.context.value.replace(/[, ]/g, "")) || 0, points = start.contexts;
    const next = points.findIndex((point) => point >= tokens);
    slide.value = next < 0 ? points.length - 1 : next;
    slide.setAttribute("aria-valuetext", fields.context.value + " tokens");
  }
  slide.addEventListener("input", () => {
    fields.context.value = String(start.contexts[slide.value]);
  });

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", (event) => {
    if (event.target === fields.preset) fill(start.presets[fields.preset.value]);
    clearTimeout(timer);
    timer = setTimeout(ask, event.target.tagName === "SELECT" ? 0 : WAIT_MS);
  });
  root.querySelector("#mem-reset").addEventListener("click", () => {
    fill(start.presets[fields.preset.value]);
    ask();
  });
  // Opening the tab again: its state belongs in the address, and the Chat tab may have measured something new.
  new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting)) {
      if (root.dataset.asked) writeURL(values(), start.presets[fields.preset.value]);
      check();
    } else if (!visible() && isMine()) {
      setHash("");
    }
  }).observe(form);

  function load() {
    fill(readURL(start));
    ask();
  }
  window.addEventListener("hashchange", () => isMine() && load());
  load();
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
