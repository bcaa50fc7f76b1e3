// The two columns that answer one prompt, and who answered in each: a picture's `made` (visualizers/shared/columns.py) says it.

export const COLUMNS = ["left", "right"];

// Who answers where until a visitor chooses.
const FIRST = { left: { model: "sigma", label: "Sigma" }, right: { model: "gqa", label: "GQA" } };

export const madeBy = (state, column) => (state && state.made && state.made[column]) || FIRST[column];

// "Sigma", or with what sets it apart: "Sigma (k = 16)".
export const columnName = (state, column) => madeBy(state, column).label;

// What a recording holds by model, by column: it was made with the first models of both.
export function byColumn(recorded) {
  return Object.fromEntries(COLUMNS.filter((column) => recorded[FIRST[column].model]).map((column) => [column, recorded[FIRST[column].model]]));
}

// Who made a recording.
export function recordedBy(recording) {
  const k = recording.selective_k, sigma = k ? { label: `Sigma (k = ${k})`, settings: `k = ${k}`, selective_k: k } : {};
  return { left: { ...FIRST.left, ...sigma }, right: FIRST.right };
}
