// The recorded runs of the first tab: which one, and its frames, played, stopped or one after the other.
import { el, setText } from "../shared/dom.js";
import { grouped } from "../shared/numbers.js";

const PLAY = ["▶", "Play"], STOP = ["❚❚", "Pause"];

// What of a run is on the page besides its pictures: whose columns these are, and how it was made.
function showRun(run) {
  for (const [side, html] of Object.entries(run.heads)) {
    // Made by the export from the run's own description, and escaped there.
    document.getElementById("holder-" + side).innerHTML = html;
  }
  setText(document.getElementById("run-made"), run.made);
}

class RunControls {
  #replay = null;

  constructor(box, pictures, runs) {
    Object.assign(this, { pictures, runs });
    this.part = (name) => box.querySelector(`[data-run="${name}"]`);
    this.part("pick").replaceChildren(...runs.map((run, i) => el("option", { value: i }, run.title)));
    this.#wire();
  }

  #wire() {
    const moves = { first: () => 0, back: () => this.#replay.index - 1, forward: () => this.#replay.index + 1, end: () => this.#replay.last };
    for (const [name, to] of Object.entries(moves)) this.part(name).addEventListener("click", () => this.#replay.seek(to()));
    this.part("play").addEventListener("click", () => (this.#replay.playing ? this.#replay.stop() : this.#replay.play()));
    this.part("frame").addEventListener("input", () => this.#replay.seek(Number(this.part("frame").value)));
    this.part("pick").addEventListener("change", () => this.choose(Number(this.part("pick").value)));
  }

  choose(index) {
    const run = this.runs[index];
    showRun(run);
    this.part("frame").max = run.recording.frames.length - 1;
    this.#replay = null;
    this.#replay = this.pictures.play(run.recording, () => this.#moved());
    this.#moved();
  }

  #moved() {
    const replay = this.#replay;
    if (!replay) return;  // it has only just begun
    const { frames } = replay.recording, frame = frames[replay.index], sides = Object.values(frame.sides);
    const tokens = Math.max(...sides.map((side) => side.figures.context)), seconds = (frame.t / 1000).toFixed(1);
    const where = `frame ${grouped(replay.index + 1)} of ${grouped(frames.length)}: ${grouped(tokens)} tokens, after ${seconds} s`;
    const slider = this.part("frame"), play = this.part("play"), [sign, name] = replay.playing ? STOP : PLAY;
    if (Number(slider.value) !== replay.index) slider.value = replay.index;
    slider.setAttribute("aria-valuetext", where);
    setText(this.part("where"), where);
    setText(play, sign);
    play.setAttribute("aria-label", name);
    play.title = name;
  }
}

// `runs`: [{title, made, heads: {side: HTML}, recording}], visualizers/static/page.py; the first is chosen.
export function mountRuns(box, pictures, runs) {
  new RunControls(box, pictures, runs).choose(0);
}
