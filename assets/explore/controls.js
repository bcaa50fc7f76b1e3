// Sliders, switches and the line that names the run: they show the state; explore_interact.js changes it.
(function (S) {
  "use strict";

  function fillOptions(select, values) {
    const now = JSON.stringify(values);
    if (select.dataset.now === now) return;
    select.dataset.now = now;
    select.replaceChildren(...values.map(([value, text]) => S.el("option", { value }, text)));
  }

  function namedRun(run) {
    const asked = `“${run.settings.prompt.slice(0, 120)}”`;
    if (run.recorded) return `Recorded run: ${asked} (stored; weights in 64 steps)`;
    const selective = run.settings.selective ? `; the run itself read k = ${run.settings.selective}` : "";
    return `Your run: ${asked} (computed again from its tokens, all V rows read${selective})`;
  }

  S.syncControls = function (x) {
    const { root, $, run } = x;
    if (!run) return;
    const s = x.state.get(), bounds = S.exploreBounds(run), query = x.parts.query(), k = x.parts.k();
    const control = (name) => root.querySelector(`[data-set="${name}"]`);
    for (const name of ["layer", "step", "k"]) {
      const slider = control(name);
      [slider.min, slider.max] = bounds[name];
      if (!(name === "k" && x.previewK !== null) && Number(slider.value) !== s[name]) slider.value = s[name];
    }
    const typed = root.querySelector("[data-k]");
    typed.max = bounds.k[1];
    if (document.activeElement !== typed) typed.value = k;
    S.setText($("layer"), `${s.layer} of 0 – ${bounds.layer[1]}`);
    const where = s.step < 0 ? `prompt, token ${S.count(query)}` : `${S.count(s.step)} of 0 – ${S.count(Math.max(0, run.steps - 1))}`;
    S.setText($("step"), where);
    control("step").setAttribute("aria-valuetext", `${where}, token ${S.shownPiece(run.pieces[query])}`);
    S.setText($("k"), S.count(k) + (x.previewK === null ? "" : ", preview"));
    fillOptions(control("head"), Array.from({ length: bounds.head[1] + 1 }, (_, h) => [String(h), "q" + h]));
    fillOptions(control("text"), run.writers.map((side) => [side, S.sideName(side) + "'s answer"]));
    for (const name of ["head", "text", "mass", "measure"]) if (control(name).value !== String(s[name])) control(name).value = String(s[name]);
    for (const name of ["log", "noSink"]) control(name).checked = s[name];
    S.setText($("source"), namedRun(run));
    const play = root.querySelector('[data-act="play"]');
    play.setAttribute("aria-pressed", Boolean(x.timer));
    S.setText(play, x.timer ? "❚❚" : "▶");
  };

  // One sentence for a screen reader, once the state rests.
  S.makeSummary = function (x) {
    let timer = 0;
    return function summarize() {
      clearTimeout(timer);
      timer = setTimeout(() => {
        const curves = x.run && x.parts.part("figures"), s = x.state.get();
        if (!curves || !x.visible || x.timer) return;
        const query = x.parts.query(), info = x.run.info.sigma;
        const figure = S.headFigures(curves, x.parts.part("select", { k: s.k }), "sigma", info, s.k)[Math.min(s.head, info.query_heads - 1)];
        S.setText(x.$("summary"), `Layer ${s.layer}, ${s.step < 0 ? "prompt" : "step " + s.step}, head ${s.head}: Sigma reads ` +
          `${S.count(Math.min(s.k, query) + 1)} of ${S.count(query + 1)} V rows, ${S.percent(figure.captured)} of the mass.`);
      }, 900);
    };
  };
})(window.Sigma);
