// The Efficiency tab: the bar of a run, and its tables that can be saved. Gradio's Plotly draws the charts.
import { keepAsWritten, setText } from "../shared/dom.js";
import { saveButtons } from "../shared/files.js";

const parts = (root) => (name) => root.querySelector(`[data-part="${name}"]`);

export function mountProgress(root, props, watch) {
  const part = parts(root);
  function show() {
    if (!props.value) return;
    const { running, text, fraction } = JSON.parse(props.value);
    part("box").hidden = !running;
    part("bar").value = fraction;
    setText(part("text"), text);
  }
  watch("value", show);
  show();
}

// What is saved is made in the browser: the server keeps no file for it. The tables are the server's HTML, escaped there.
export function mountTables(root, props, watch) {
  const part = parts(root);
  let state = null;
  saveButtons(part, () => state);
  function show() {
    if (!props.value) return;
    state = JSON.parse(props.value);
    part("tables").innerHTML = state.html;
    keepAsWritten(part("tables"));
    part("saves").hidden = !state.file;
    setText(part("said"), state.said);
  }
  watch("value", show);
  show();
}
