// Answers of the Tasks tab as they are written.
import { setText } from "../shared/dom.js";
import { digits, duration, grouped } from "../shared/numbers.js";

// One side's answer: text only, so whatever a model writes stays text.
export function mountAnswer(root, props, watch) {
  const part = (name) => root.querySelector(`[data-part="${name}"]`);
  function show() {
    if (!props.value) return;
    const state = JSON.parse(props.value);
    setText(part("name"), state.name);
    setText(part("words"), state.turn ? `${state.turn}: ${state.words}` : state.words);
    part("words").dataset.phase = state.phase;
    setText(part("text"), state.text);
    setText(part("tokens"), state.budget ? `${grouped(state.tokens)} of ${grouped(state.budget)}` : "–");
    part("budget").max = state.budget || 1;
    part("budget").value = state.tokens;
    setText(part("prompt"), state.prompt ? grouped(state.prompt) : "–");
    setText(part("rate"), state.rate ? digits(state.rate) + " tok/s" : "–");
    setText(part("first"), state.first ? duration(state.first) : "–");
  }
  watch("value", show);
  show();
}
