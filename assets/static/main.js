// The page without a server: the parts of the live page, with recordings and the browser's own arithmetic in place of its answers.
// A classic script made of these modules runs it (visualizers/static/bundle.py). As on the live page, `window.sigma` is the one
// name on `window`; here it holds the explorer, and `receive(value)`, which the script beside the page calls with its data.
import { Asked } from "./asked.js";
import { Memory } from "./kv_figures.js";
import { mountRuns } from "./runs.js";
import { wireTabs } from "./tabs.js";
import { mountChat } from "../chat/mount.js";
import { mountExplore } from "../explore/mount.js";
import { openExploreFromAddress } from "../explore/open.js";
import { mountMemory, openMemoryFromAddress } from "../memory/mount.js";
import { el } from "../shared/dom.js";
import { mountTour } from "../tour/tour.js";

const DATA = "explore.js", NO_CHAT = "This page has no model to ask: it shows recorded runs.";

const carried = (id) => JSON.parse(document.getElementById(id).textContent);

// Gradio's switch between light and dark: as the visitor's system has it, or as the address says.
function watchTheme() {
  const asked = new URLSearchParams(location.search).get("__theme"), dark = window.matchMedia("(prefers-color-scheme: dark)");
  const set = () => document.body.classList.toggle("dark", asked ? asked === "dark" : dark.matches);
  dark.addEventListener("change", set);
  set();
}

// The recording for the explorer is a script beside the page: a page from a file may not fetch, but it may run that.
let coming = null;
function exploration() {
  coming = coming || new Promise((done, failed) => {
    window.sigma.receive = done;
    const script = el("script", { src: DATA });
    script.addEventListener("error", () => {
      coming = null;  // asked again, it is tried again
      failed(new Error(`The file ${DATA} is missing beside this page: the recorded attention is in it.`));
    });
    document.head.append(script);
  });
  return coming;
}

function openExplore() {
  let changed = () => {};
  const value = (more) => JSON.stringify({ page: "static", run: null, ...more }), props = { value: value() };
  const trigger = () => {
    props.value = value({ error: NO_CHAT });
    changed();
  };
  const asked = new Asked(exploration);
  mountExplore(document.getElementById("explorer"), props, (_, listener) => { changed = listener; }, { ask_explorer: asked.ask }, trigger);
}

function openMemory({ rules, infos }) {
  mountMemory(document.getElementById("memory"), new Memory(rules, infos));
}

function begin() {
  const data = carried("sigma-static");
  window.sigma = { explore: null, receive: null };
  watchTheme();
  const opening = { Explore: openExplore, Memory: () => openMemory(data) };
  wireTabs((name) => opening[name] && opening[name]());
  const pictures = mountChat(document.getElementById("live"), {}, () => {});
  mountRuns(document.getElementById("runs"), pictures, [{ ...data.runs[0], recording: carried("sigma-recording") }, ...data.runs.slice(1)]);
  mountTour(document.getElementById("tour-box"));
  openExploreFromAddress();
  openMemoryFromAddress();
}

begin();
