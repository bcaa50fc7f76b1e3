// Pointer and keyboard of the explorer. Hover previews, a click locks, Escape unlocks; one handler per canvas, no growth.
(function (S) {
  "use strict";

  // view: {layouts, map(side), large(), state(), query(), set(changes), preview(pair or null), lock(pair), unlock(), act(name) ...}
  S.wireExplore = function (root, view) {
    const mark = (name) => root.querySelector(`[data-mark="${name}"]`);

    // The pair under a pointer: {side, head, query, key} or null.
    function pairOn(name, event) {
      const layout = view.layouts[name];
      if (!layout) return null;
      if (name === "large") {
        const map = view.large(), state = view.state();
        if (!map) return null;
        const found = S.pairAt(map, event.offsetX - layout.left, event.offsetY - layout.top, layout.size);
        return found && Object.assign(found, { side: state.side, head: state.head });
      }
      const side = name.slice("heads-".length), map = view.map(side), cell = layout.at(event.offsetX, event.offsetY);
      if (!cell) return null;
      const found = map && S.pairAt(map, event.offsetX - cell.x, event.offsetY - cell.y, cell.size);
      return Object.assign({ side, head: cell.head, query: null, key: null }, found);
    }

    for (const name of ["heads-sigma", "heads-gqa", "large"]) {
      const canvas = mark(name);
      canvas.addEventListener("pointermove", (event) => view.preview(pairOn(name, event)));
      canvas.addEventListener("pointerleave", () => view.preview(null));
      canvas.addEventListener("click", (event) => {
        const pair = pairOn(name, event);
        if (pair) view.lock(pair);
      });
      if (name === "large") canvas.addEventListener("dblclick", () => view.act("zoom-in"));
      canvas.addEventListener("keydown", (event) => {
        const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
        if (!moves[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        event.stopPropagation();
        const [dq, dk] = moves[event.key], state = view.state(), query = view.query();
        const side = name === "large" ? state.side : name.slice("heads-".length);
        const next = Math.max(0, query + dq);
        const key = Math.max(0, Math.min(next, (state.key === null ? query : state.key) + dk));
        view.lock({ side, head: state.head, query: next, key });
      });
    }

    for (const side of ["sigma", "gqa"]) {
      const canvas = mark("overview-" + side);
      canvas.addEventListener("click", (event) => {
        const found = view.layouts["overview-" + side] && view.layouts["overview-" + side].at(event.offsetX, event.offsetY);
        if (found) view.set({ side, layer: found.layer, head: found.head });
      });
      canvas.addEventListener("pointermove", (event) => {
        const layout = view.layouts["overview-" + side];
        view.previewOverview(side, layout ? layout.at(event.offsetX, event.offsetY) : null);
      });
      canvas.addEventListener("pointerleave", () => view.previewOverview(side, null));
      canvas.addEventListener("keydown", (event) => {
        const moves = { ArrowLeft: ["head", -1], ArrowRight: ["head", 1], ArrowUp: ["layer", -1], ArrowDown: ["layer", 1] };
        if (!moves[event.key]) return;
        event.preventDefault();
        event.stopPropagation();
        const [name, by] = moves[event.key];
        view.set({ side, [name]: view.state()[name] + by });
      });
    }

    for (const strip of root.querySelectorAll("[data-strip]")) {
      const position = (event) => {
        const token = event.target.closest("[data-position]");
        return token && strip.contains(token) ? Number(token.dataset.position) : null;
      };
      const pair = (event) => {
        const key = position(event);
        return key === null || key > view.query() ? null : { side: strip.dataset.strip, head: view.state().head, query: view.query(), key };
      };
      strip.addEventListener("pointermove", (event) => view.preview(pair(event)));
      strip.addEventListener("pointerleave", () => view.preview(null));
      strip.addEventListener("click", (event) => {
        const found = pair(event), at = position(event);
        if (found) view.lock(found);
        else if (at !== null) view.lock({ side: strip.dataset.strip, head: view.state().head, query: at, key: null });
      });
    }

    for (const canvas of root.querySelectorAll('[data-base="time"], [data-base="track"]')) {
      canvas.addEventListener("click", (event) => {
        const layout = view.layouts[canvas.dataset.base];
        if (layout) view.set({ step: layout.step(event.offsetX) + (layout.offset || 0) });
      });
    }

    // Keys that work anywhere in the explorer but in a box that takes text or arrows itself.
    root.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select, textarea, input[type=number]")) return;
      const state = view.state(), slider = event.target.matches("input[type=range]");
      const keys = {
        ",": () => view.set({ step: state.step - 1 }), ".": () => view.set({ step: state.step + 1 }),
        "[": () => view.set({ layer: state.layer - 1 }), "]": () => view.set({ layer: state.layer + 1 }),
        p: () => view.act("play"), Escape: () => view.unlock(), "+": () => view.act("zoom-in"), 0: () => view.act("zoom-out"),
        PageUp: () => view.set({ head: state.head - 1 }), PageDown: () => view.set({ head: state.head + 1 }),
      };
      if (!keys[event.key] || (slider && event.key.startsWith("Page"))) return;
      event.preventDefault();
      keys[event.key]();
    });

    for (const button of root.querySelectorAll("[data-act]")) button.addEventListener("click", () => view.act(button.dataset.act));
    const tabs = [...root.querySelectorAll("[data-mode]")];
    for (const tab of tabs) {
      tab.addEventListener("click", () => view.set({ mode: tab.dataset.mode }));
      tab.addEventListener("keydown", (event) => {
        const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (!by) return;
        event.preventDefault();
        event.stopPropagation();
        const next = tabs[(tabs.indexOf(tab) + by + tabs.length) % tabs.length];
        view.set({ mode: next.dataset.mode });
        next.focus();
      });
    }

    // On a long text a slider alone moves by many rows at a time.
    const typed = root.querySelector("[data-k]");
    typed.addEventListener("change", () => {
      view.set({ k: typed.value });
      typed.value = view.state().k;
    });

    for (const control of root.querySelectorAll("[data-set]")) {
      const name = control.dataset.set, read = () => (control.type === "checkbox" ? control.checked : control.value);
      control.addEventListener("input", () => {
        if (name === "k") view.previewK(Number(control.value));  // while it is dragged, only what is here already
        else view.set({ [name]: read() });
      });
      if (name === "k") control.addEventListener("change", () => view.set({ k: control.value }));
    }
  };
})(window.Sigma);
