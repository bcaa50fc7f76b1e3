// The cache formula with the numbers of both columns put in, beside what was measured. The same arithmetic as
// visualizers/shared/formulas.py, which a test holds it against.
import { columnName, madeBy } from "../shared/columns.js";
import { setText } from "../shared/dom.js";
import { binary, grouped } from "../shared/numbers.js";
import { keyHeadsOfAll } from "../shared/sides.js";

const bytes = (value) => grouped(value) + " B";
const heads = (count, kind) => `${count} ${kind} head${count === 1 ? "" : "s"}`;

// Bytes of all layers at `tokens` cached tokens (Eq. 1). `topK`: V rows fetched per query head (App. B.2), null for all.
export function cacheCost(info, tokens, topK) {
  const rows = info.layers * info.kv_itemsize;
  const k = info.kv_itemsize * tokens * keyHeadsOfAll(info) * info.key_head_dim, v = rows * tokens * info.value_heads * info.value_head_dim;
  const fetched = info.query_heads * (Math.min(topK, tokens - 1) + 1);
  return { k, v, k_read: k, v_read: topK === null || tokens < 1 ? v : rows * fetched * info.value_head_dim };
}

// Selective V begins with the first decode step: the prompt, whose logits give token 0, is read whole.
export const stepTopK = (made, figures) => (made.selective_k && figures.step > 0 ? made.selective_k : null);

function verdict(pairs) {
  const off = pairs.map(([name, measured, computed]) => [name, measured - computed]).filter(([, by]) => by !== 0);
  if (!off.length) return "the same, to the byte";
  return "differs by " + off.map(([name, by]) => `${name} ${by > 0 ? "+" : "−"}${bytes(Math.abs(by))}`).join(", ");
}

// Under a threshold some of the k rows are too light to be read, which ones only the run knows: the formula is the most.
const few = (threshold, topK) => topK !== null && threshold > 0;

// What each line of a column's part says, as plain text; `same`: whether measured and computed agree.
export function formulaLines(info, figures, topK, threshold = 0) {
  const one = cacheCost(info, 1, null), tokens = figures.context, cost = cacheCost(info, tokens, topK);
  const values = `${heads(info.value_heads, "V")} × ${info.value_head_dim}`, mixed = keyHeadsOfAll(info) !== info.layers * info.key_heads;
  const row = mixed ? `(${heads(keyHeadsOfAll(info), "K")} of all layers × ${info.key_head_dim} + ${info.layers} layers × ${values})` : `${info.layers} layers × (${heads(info.key_heads, "K")} × ${info.key_head_dim} + ${values})`;
  const token = `${row} × ${info.kv_itemsize} B = ${bytes(one.k + one.v)} a token`;
  if (!tokens) return { computed: token, measured: "nothing yet", read: "nothing yet", same: null };
  const held = verdict([["K", figures.k, cost.k], ["V", figures.v, cost.v]]);
  const light = few(threshold, topK), pairs = [["K", figures.k_read, cost.k_read], ["V", figures.v_read, cost.v_read]];
  const counted = verdict(light && figures.v_read < cost.v_read ? pairs.slice(0, 1) : pairs) + (light ? `; V ${bytes(figures.v_read)} of at most ${bytes(cost.v_read)}, as rows that weigh less than ${threshold} are not read` : "");
  const rows = `(min(${grouped(topK || 0)}, ${grouped(tokens - 1)}) + 1) rows`;
  const read = topK === null ? "every row of K and V" : `every row of K; V: ${info.layers} layers × ${info.query_heads} Q heads × ${rows} × ${info.value_head_dim} × ${info.kv_itemsize} B = ${bytes(cost.v_read)}`;
  const same = figures.k === cost.k && figures.v === cost.v && figures.k_read === cost.k_read && (figures.v_read === cost.v_read || (light && figures.v_read < cost.v_read));
  return {
    computed: `${token}; × ${grouped(tokens)} tokens = ${bytes(cost.k + cost.v)} = ${binary(cost.k + cost.v)}`,
    measured: `K ${bytes(figures.k)} + V ${bytes(figures.v)}: ${held}`,
    read: `${read}; counted by the run: ${bytes(figures.k_read + figures.v_read)}, ${counted}`,
    same,
  };
}

export function showFormula(box, state, infos) {
  for (const part of box.querySelectorAll("[data-formula]")) {
    const column = part.dataset.formula, info = infos[column], data = state.sides[column], made = madeBy(state, column);
    part.hidden = !(info && data && info.kv_itemsize);
    if (part.hidden) continue;
    const lines = formulaLines(info, data.figures, stepTopK(made, data.figures), made.selective_threshold || 0);
    part.dataset.same = String(lines.same);
    setText(part.querySelector("h4"), columnName(state, column));
    for (const cell of part.querySelectorAll("[data-line]")) {
      setText(cell, lines[cell.dataset.line]);
    }
  }
}
