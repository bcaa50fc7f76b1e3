// The evaluation on the test set: results that can be saved.
import { keepAsWritten, setText } from "../shared/dom.js";
import { saveButtons } from "../shared/files.js";

// The evaluation's progress and table. What is saved is made in the browser: the server keeps no file for it.
export function mountResults(root, props, watch) {
  const part = (name) => root.querySelector(`[data-part="${name}"]`);
  let state = null;
  saveButtons(part, () => state);
  function show() {
    if (!props.value) return;
    state = JSON.parse(props.value);
    for (const name of ["progress", "table"]) {
      if (part(name).dataset.html === state[name]) continue;
      part(name).dataset.html = state[name];
      part(name).innerHTML = state[name];
      keepAsWritten(part(name));
    }
    part("saves").hidden = !state.csv;
    root.querySelector(".trial").dataset.running = state.running;
    setText(part("said"), state.summary);
  }
  watch("value", show);
  show();
}
