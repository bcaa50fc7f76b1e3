// Paints a canvas only when something that its picture depends on has changed.

export class Painter {
  #painted = {};
  #numbers = new WeakMap();
  #counted = 0;

  // `base(name)` is the canvas of a picture; `layouts` holds where each picture's parts went, for the pointer.
  constructor(base) {
    this.base = base;
    this.layouts = {};
  }

  width(name) {
    return this.base(name).parentElement.clientWidth;
  }

  repaint(name, depends, paint) {
    const look = [document.body.classList.contains("dark"), window.devicePixelRatio, this.width(name)];
    const now = [...depends, ...look].join("|");
    if (this.#painted[name] === now) return;
    this.#painted[name] = now;
    paint(this.base(name));
  }

  // A number for each decoded answer, to tell pictures apart; 0 for none.
  numberOf(thing) {
    if (!thing) return 0;
    if (!this.#numbers.has(thing)) this.#numbers.set(thing, ++this.#counted);
    return this.#numbers.get(thing);
  }

  // The canvases hold something else now.
  forget() {
    this.#painted = {};
  }
}
