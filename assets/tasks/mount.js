// The Tasks tab: answers as they are written, verdicts part by part, and results that can be saved.
// A task's own script defines window.sigmaTasks.NAME(root); it is called after every change of a verdict's parts.
window.sigmaTasks = window.sigmaTasks || {};
(function (S) {
  "use strict";

  function put(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  // One side's answer: text only, so whatever a model writes stays text.
  S.mountAnswer = function (root, props, watch) {
    const part = (name) => root.querySelector(`[data-part="${name}"]`);
    function show() {
      if (!props.value) return;
      const state = JSON.parse(props.value);
      put(part("name"), state.name);
      put(part("words"), state.turn ? `${state.turn}: ${state.words}` : state.words);
      part("words").dataset.phase = state.phase;
      put(part("text"), state.text);
      put(part("tokens"), state.budget ? `${S.count(state.tokens)} of ${S.count(state.budget)}` : "–");
      part("budget").max = state.budget || 1;
      part("budget").value = state.tokens;
      put(part("prompt"), state.prompt ? S.count(state.prompt) : "–");
      put(part("rate"), state.rate ? S.digits(state.rate) + " tok/s" : "–");
      put(part("first"), state.first ? S.duration(state.first) : "–");
    }
    watch("value", show);
    show();
  };

  // One verdict. The server sends HTML in which every text is escaped; a part that is there already is left alone, so
  // that a picture in it keeps its place and its buttons their focus.
  S.mountVerdict = function (root, props, watch) {
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
        const made = holder.firstElementChild;
        if (list.children[i]) list.children[i].replaceWith(made);
        else list.append(made);
        drawn[i] = html;
        changed = true;
      });
      put(part("note"), state.note);
      if (part("scores").dataset.html !== state.scores) {
        part("scores").dataset.html = state.scores;
        part("scores").innerHTML = state.scores;
      }
      root.querySelector(".verdict").dataset.state = state.state;
      root.querySelector(".verdict").setAttribute("aria-busy", String(state.state === "judging"));
      put(part("said"), state.summary);
      const own = window.sigmaTasks[state.task];
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
  };

  function save(name, type, text) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  // The evaluation's progress and table. What is saved is made in the browser: the server keeps no file for it.
  S.mountResults = function (root, props, watch) {
    const part = (name) => root.querySelector(`[data-part="${name}"]`);
    let state = null;
    for (const [name, type] of [["csv", "text/csv"], ["json", "application/json"]]) {
      part("save-" + name).addEventListener("click", () => save(`${state.file}.${name}`, type, state[name]));
    }
    function show() {
      if (!props.value) return;
      state = JSON.parse(props.value);
      for (const name of ["progress", "table"]) {
        if (part(name).dataset.html === state[name]) continue;
        part(name).dataset.html = state[name];
        part(name).innerHTML = state[name];
      }
      part("saves").hidden = !state.csv;
      root.querySelector(".trial").dataset.running = state.running;
      put(part("said"), state.summary);
    }
    watch("value", show);
    show();
  };
})(window.Sigma);
