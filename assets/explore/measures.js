// Figures of rows in the browser, from their quantised weights: previews until the server has the exact ones.
import { stepTop, stepWeights } from "./payloads.js";

// Earlier columns of a head's row, strongest first; ties to the lowest. Long rows: bins, each with its strongest.
export function rankRow(row, head) {
  const own = row.columns - 1, base = row.base(head);
  const order = Array.from({ length: own }, (_, i) => i);
  return order.sort((a, b) => row.steps[base + b] - row.steps[base + a] || a - b);
}

// Columns that k V rows fall into, the current one always: a Set, approximate where weights are equal or binned.
export function previewChosen(row, head, k) {
  const chosen = new Set([row.columns - 1]);
  for (const column of rankRow(row, head).slice(0, k)) chosen.add(column);
  return chosen;
}

// The value of a curve sent at the k of a grid, in between on log k.
export function onGrid(curve, head, grid, k) {
  if (!curve) return null;
  const last = grid.length - 1;
  if (k >= grid[last]) return curve.at(head, last);
  if (k <= grid[0]) return curve.at(head, 0);
  let i = 1;
  while (grid[i] < k) i++;
  const part = Math.log(k / grid[i - 1]) / Math.log(grid[i] / grid[i - 1]);
  return curve.at(head, i - 1) * (1 - part) + curve.at(head, i) * part;
}

// The least step a cell must have so that the row's cells from there on hold `mass` of its weight.
export function massThreshold(stepsOf, count, mass) {
  if (mass >= 1) return 1;
  const tally = new Uint32Array(stepTop + 1);
  let total = 0;
  for (let i = 0; i < count; i++) {
    const step = stepsOf(i);
    if (step > 0) {
      tally[step]++;
      total += stepWeights[step];
    }
  }
  let sum = 0;
  for (let step = stepTop; step > 0; step--) {
    sum += tally[step] * stepWeights[step];
    if (sum >= mass * total) return step;
  }
  return 1;
}

// Strength 0..1 of a cell for drawing; `top` is the strongest weight of its map or row. On the log scale three decades
// are told apart, 0.1 % to 100 %: over five, every cell of a picture would be some grey.
const DRAWN = 0.6;
export function cellStrength(step, options, top) {
  if (step <= 0) return 0;
  return options.log ? Math.max(0.02, (step / stepTop - 1 + DRAWN) / DRAWN) : Math.min(1, stepWeights[step] / Math.max(top, 1e-6));
}

export const mean = (values) => (values.length ? values.reduce((a, b) => a + b, 0) / values.length : 0);
