// Verdicts of the Tasks tab, part by part.
import { drawPlans } from "./optiflow.js";
import { keepAsWritten, setText } from "../shared/dom.js";

// What draws the pictures of a task's verdicts; called after every change of their parts, with the element that holds them.
const PICTURES = { optiflow: drawPlans };

// One verdict. The server sends HTML in which every text is escaped; a part that is there already is left alone, so
// that a picture in it keeps its place and its buttons their focus.
export function mountVerdict(root, props, watch) {
  const part = (name) => root.querySelector(`[data-part="${name}"]`);
  let key = null, drawn = [];
  function show() {
    if (!props.value) return;
    const state = JSON.parse(props.value), list = part("parts");
    if (state.key !== key) {
      key = state.key;
      drawn = [];
      list.replaceChildren();
    }
    let changed = false;
    state.parts.forEach((html, i) => {
      if (drawn[i] === html) return;
      const holder = document.createElement("div");
      holder.innerHTML = html;
      keepAsWritten(holder);
      const made = holder.firstElementChild;
      if (list.children[i]) list.children[i].replaceWith(made);
      else list.append(made);
      drawn[i] = html;
      changed = true;
    });
    setText(part("note"), state.note);
    if (part("scores").dataset.html !== state.scores) {
      part("scores").dataset.html = state.scores;
      part("scores").innerHTML = state.scores;
    }
    root.querySelector(".verdict").dataset.state = state.state;
    root.querySelector(".verdict").setAttribute("aria-busy", String(state.state === "judging"));
    setText(part("said"), state.summary);
    const own = PICTURES[state.task];
    if (changed && own) {
      try {
        own(list);
      } catch (error) {
        console.warn("the picture of a verdict could not be made", error);
      }
    }
  }
  watch("value", show);
  show();
}
