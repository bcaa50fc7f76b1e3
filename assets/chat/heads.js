// The buttons in a column's header: choose who answers there, and show that column alone and both again.
import { COLUMNS } from "../shared/columns.js";
import { setText } from "../shared/dom.js";

const OPEN_MS = 3000;

// The column that is shown alone, or "".
let wide = "";
const listeners = new Set();

export const widened = () => wide;

export const onWiden = (listener) => listeners.add(listener);

// Headers are sent anew by the server: their buttons then say what is so.
function label() {
  for (const button of document.querySelectorAll("[data-widen]")) {
    const alone = button.dataset.widen === wide;
    setText(button, alone ? "Both columns" : "Expand");
    if (button.getAttribute("aria-pressed") !== String(alone)) button.setAttribute("aria-pressed", String(alone));
  }
}

export function widen(column) {
  wide = COLUMNS.includes(column) ? column : "";
  if (wide) document.body.dataset.wide = wide;
  else delete document.body.dataset.wide;
  label();
  for (const listener of listeners) listener();
}

// Opens the settings at the column's own.
async function choose(column) {
  const toggle = document.querySelector("#settings button.label-wrap"), end = performance.now() + OPEN_MS;
  if (!toggle) return;
  if (!toggle.classList.contains("open")) toggle.click();
  const box = () => document.querySelector(`#${column}-model input`);
  while (!box()?.offsetParent && performance.now() < end) await new Promise((done) => requestAnimationFrame(done));
  box()?.scrollIntoView({ block: "center" });
  box()?.focus({ preventScroll: true });
}

export function wireHeads() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-widen], [data-choose]");
    if (!button) return;
    const { widen: alone, choose: chosen } = button.dataset;
    if (chosen) choose(chosen);
    else widen(alone === wide ? "" : alone);
  });
  const columns = document.getElementById("columns");
  if (columns) new MutationObserver(label).observe(columns, { childList: true, subtree: true });
}
