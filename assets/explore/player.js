// Plays the steps of a run.

const PLAY_MS = 400;

export class Player {
  #timer = 0;

  constructor(explorer) {
    this.explorer = explorer;
  }

  get playing() {
    return Boolean(this.#timer);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
  }

  toggle() {
    if (this.playing) return this.#end();
    if (this.#atEnd()) this.explorer.set({ step: 0, key: null });
    this.#wait();
    return this.explorer.sync();
  }

  #end() {
    this.stop();
    this.explorer.sync();
    this.explorer.summarize();
  }

  #atEnd() {
    return this.explorer.state.get().step >= Math.max(0, this.explorer.run.steps - 1);
  }

  #wait() {
    this.#timer = setTimeout(() => this.#tick(), PLAY_MS);
  }

  #tick() {
    if (this.#atEnd()) return this.#end();
    // Never faster than the pictures come: the next step waits until this one's row is here.
    if (this.explorer.parts.here()) this.explorer.set({ step: this.explorer.state.get().step + 1, key: null });
    return this.#wait();
  }
}
