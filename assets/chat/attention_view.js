// Hover, click, keyboard and switches of the attention picture. Hover previews, a click locks, Escape unlocks.
import { grouped, percent } from "../shared/numbers.js";

export function makeAttentionView(root, redraw) {
  const view = { options: { log: true, noSink: false }, selection: null, locked: false, layouts: {} };
  const read = root.querySelector("#attention-read");

  for (const box of root.querySelectorAll("[data-option]")) {
    box.addEventListener("change", () => {
      view.options[box.dataset.option] = box.checked;
      redraw();
    });
  }

  function describe(sides) {
    if (!view.selection) {
      const help = "Hover a cell to read it, click to lock, Escape to unlock; arrow keys move.";
      if (read.textContent !== help) read.textContent = help;
      return;
    }
    const { side, head, column } = view.selection;
    const data = sides[side];
    const attention = data && data.attention;
    if (!attention || column >= attention.columns) return;
    const index = column * attention.width;
    const upto = Math.min(attention.tokens, index + attention.width) - 1;
    const piece = data.pieces.list[index - data.pieces.start];
    const where = attention.width > 1 ? `tokens ${grouped(index)}–${grouped(upto)} (strongest)` : `token ${grouped(index)}` + (piece === undefined ? "" : ` “${piece}”`);
    const row = attention.selective ? (attention.fetched(head, column) ? "; V row fetched" : "; V row skipped, still resident") : "";
    const mass = attention.selective ? `; this head fetched ${attention.rows} of ${grouped(attention.tokens)} rows, ${percent(attention.captured[head])} of the mass` : "";
    read.textContent = `${side === "sigma" ? "Sigma" : "GQA"} q${head}, ${where}: weight ${percent(attention.weight(head, column))}${row}${mass}` + (view.locked ? " (locked)" : "");
  }
  view.describe = describe;

  function choose(side, hit, lock) {
    if (view.locked && !lock) return;
    view.selection = hit ? { side, head: hit.head, column: hit.column } : null;
    view.locked = Boolean(hit) && lock;
    redraw();
  }

  for (const canvas of root.querySelectorAll("canvas[data-side]")) {
    const side = canvas.dataset.side;
    const hit = (event) => view.layouts[side] && view.layouts[side].at(event.offsetX, event.offsetY);
    canvas.addEventListener("pointermove", (event) => choose(side, hit(event), false));
    canvas.addEventListener("pointerleave", () => choose(side, null, false));
    canvas.addEventListener("click", (event) => {
      const found = hit(event), old = view.selection;
      const same = view.locked && found && old && old.side === side && old.head === found.head && old.column === found.column;
      view.locked = false;
      choose(side, same ? null : found, !same);
    });
    canvas.addEventListener("keydown", (event) => {
      const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
      if (event.key === "Escape") {
        view.locked = false;
        choose(side, null, false);
      } else if (moves[event.key] && view.layouts[side]) {
        event.preventDefault();
        const start = view.selection && view.selection.side === side ? view.selection : { head: 0, column: 0 };
        const [dh, dc] = moves[event.key];
        const head = Math.min(view.layouts[side].rows.length - 1, Math.max(0, start.head + dh));
        const column = Math.max(0, Math.min(view.columns(side) - 1, start.column + dc));
        view.locked = false;
        choose(side, { head, column }, true);
      }
    });
  }
  return view;
}
