// Sliders, switches and the line that names the run: they show the state; interact.js changes it.
import { shownPiece } from "./payloads.js";
import { exploreBounds } from "./state.js";
import { headFigures, writerName } from "./words.js";
import { el, setText } from "../shared/dom.js";
import { grouped, percent } from "../shared/numbers.js";

function fillOptions(select, values) {
  const now = JSON.stringify(values);
  if (select.dataset.now === now) return;
  select.dataset.now = now;
  select.replaceChildren(...values.map(([value, text]) => el("option", { value }, text)));
}

function namedRun(run) {
  const asked = `“${run.settings.prompt.slice(0, 120)}”`;
  if (run.recorded) return `Recorded run: ${asked} (stored; weights in 64 steps)`;
  const selective = run.settings.selective ? `; the run itself read k = ${run.settings.selective}` : "";
  const chosen = Object.keys(run.settings).some((name) => /^(left|right)/.test(name)) ? `; ${Object.values(run.labels).join(" beside ")}` : "";
  const tuned = run.settings.tuned ? "; tuned base" : "";
  return `Your run: ${asked} (computed again from its tokens, all V rows read${selective}${chosen}${tuned})`;
}

export function syncControls(explorer) {
  const { root, run } = explorer, $ = (name) => explorer.$(name);
  if (!run) return;
  const s = explorer.state.get(), bounds = exploreBounds(run), query = explorer.parts.query(), k = explorer.parts.k();
  const control = (name) => root.querySelector(`[data-set="${name}"]`);
  for (const name of ["layer", "step", "k"]) {
    const slider = control(name);
    [slider.min, slider.max] = bounds[name];
    if (!(name === "k" && explorer.previewK !== null) && Number(slider.value) !== s[name]) slider.value = s[name];
  }
  const typed = root.querySelector("[data-k]");
  typed.max = bounds.k[1];
  if (document.activeElement !== typed) typed.value = k;
  setText($("layer"), `${s.layer} of 0 – ${bounds.layer[1]}`);
  const where = s.step < 0 ? `prompt, token ${grouped(query)}` : `${grouped(s.step)} of 0 – ${grouped(Math.max(0, run.steps - 1))}`;
  setText($("step"), where);
  control("step").setAttribute("aria-valuetext", `${where}, token ${shownPiece(run.pieces[query])}`);
  setText($("k"), grouped(k) + (explorer.previewK === null ? "" : ", preview"));
  fillOptions(control("head"), Array.from({ length: bounds.head[1] + 1 }, (_, h) => [String(h), "q" + h]));
  fillOptions(control("text"), run.writers.map((writer) => [writer, writerName(run, writer) + "'s answer"]));
  for (const name of ["head", "text", "mass", "measure"]) if (control(name).value !== String(s[name])) control(name).value = String(s[name]);
  for (const name of ["log", "noSink"]) control(name).checked = s[name];
  setText($("source"), namedRun(run));
  const play = root.querySelector('[data-act="play"]');
  play.setAttribute("aria-pressed", explorer.player.playing);
  setText(play, explorer.player.playing ? "❚❚" : "▶");
}

// One sentence for a screen reader, once the state rests.
export function makeSummary(explorer) {
  let timer = 0;
  return function summarize() {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const curves = explorer.run && explorer.parts.part("figures"), s = explorer.state.get();
      if (!curves || !explorer.visible || explorer.player.playing) return;
      const query = explorer.parts.query(), info = explorer.run.info.sigma;
      const figure = headFigures(curves, explorer.parts.part("select"), "sigma", info, s.k)[Math.min(s.head, info.query_heads - 1)];
      setText(explorer.$("summary"), `Layer ${s.layer}, ${s.step < 0 ? "prompt" : "step " + s.step}, head ${s.head}: Sigma reads ` +
        `${grouped(Math.min(s.k, query) + 1)} of ${grouped(query + 1)} V rows, ${percent(figure.captured)} of the mass.`);
    }, 900);
  };
}
