// Hover, click, keyboard and switches of the attention picture. Hover previews, a click locks, Escape unlocks.
import { columnName } from "../shared/columns.js";
import { setText } from "../shared/dom.js";
import { mixed, setMixed, verbatim } from "../shared/mixed.js";
import { grouped, percent } from "../shared/numbers.js";

const HELP = "Hover a cell to read it, click to lock, Escape to unlock; arrow keys move.";
const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

export class AttentionView {
  options = { log: true, noSink: false };
  layouts = {};
  selection = null;
  #locked = false;

  // `redraw()` is called after every change; `columns(side)` is how many columns a side's picture has now.
  constructor(root, redraw, columns) {
    Object.assign(this, { redraw, columns });
    this.read = root.querySelector("#attention-read");
    for (const box of root.querySelectorAll("[data-option]")) {
      box.addEventListener("change", () => {
        this.options[box.dataset.option] = box.checked;
        redraw();
      });
    }
    for (const canvas of root.querySelectorAll("canvas[data-side]")) this.#wire(canvas, canvas.dataset.side);
  }

  #wire(canvas, side) {
    const hit = (event) => this.layouts[side] && this.layouts[side].at(event.offsetX, event.offsetY);
    canvas.addEventListener("pointermove", (event) => this.#choose(side, hit(event), false));
    canvas.addEventListener("pointerleave", () => this.#choose(side, null, false));
    canvas.addEventListener("click", (event) => {
      const found = hit(event), old = this.selection;
      const same = this.#locked && found && old && old.side === side && old.head === found.head && old.column === found.column;
      this.#locked = false;
      this.#choose(side, same ? null : found, !same);
    });
    canvas.addEventListener("keydown", (event) => this.#press(side, event));
  }

  #press(side, event) {
    const layout = this.layouts[side];
    if (event.key === "Escape") {
      this.#locked = false;
      this.#choose(side, null, false);
    } else if (MOVES[event.key] && layout) {
      event.preventDefault();
      const start = this.selection && this.selection.side === side ? this.selection : { head: 0, column: 0 };
      const [dh, dc] = MOVES[event.key];
      const head = Math.min(layout.rows.length - 1, Math.max(0, start.head + dh));
      const column = Math.max(0, Math.min(this.columns(side) - 1, start.column + dc));
      this.#locked = false;
      this.#choose(side, { head, column }, true);
    }
  }

  #choose(side, hit, lock) {
    if (this.#locked && !lock) return;
    this.selection = hit ? { side, head: hit.head, column: hit.column } : null;
    this.#locked = Boolean(hit) && lock;
    this.redraw();
  }

  // The line below the pictures: the chosen cell in words.
  describe(state) {
    if (!this.selection) return setText(this.read, HELP);
    const { side, head, column } = this.selection, data = state.sides[side], attention = data && data.attention;
    if (!attention || column >= attention.columns) return undefined;
    const index = column * attention.width, upto = Math.min(attention.tokens, index + attention.width) - 1;
    const piece = data.pieces.list[index - data.pieces.start];
    const one = mixed`token ${grouped(index)}${piece === undefined ? "" : mixed` ${verbatim(`“${piece}”`)}`}`;
    const where = attention.width > 1 ? `tokens ${grouped(index)}–${grouped(upto)} (strongest)` : one;
    const words = [`: weight ${percent(attention.weight(head, column))}`];
    if (attention.selective) {
      words.push(attention.fetched(head, column) ? "V row fetched" : "V row skipped, still resident");
      const rows = `${Array.isArray(attention.rows) ? attention.rows[head] : attention.rows} of ${grouped(attention.tokens)} rows`;
      words.push(`this head fetched ${rows}, ${percent(attention.captured[head])} of the mass`);
    }
    setMixed(this.read, mixed`${verbatim(`${columnName(state, side)} q${head}`)}, ${where}${words.join("; ")}${this.#locked ? " (locked)" : ""}`);
    return undefined;
  }
}
