// The large map's window.

// Half of what is shown now, at most 512 and at least 16 positions a side, around a pair. `zoom`: the window now, or null.
export function zoomWindow(run, zoom, query, key) {
  const now = zoom ? zoom.q1 - zoom.q0 : run.tokens;
  const wide = Math.min(run.tokens, Math.max(16, Math.min(512, Math.ceil(now / 2))));
  const from = (middle) => Math.max(0, Math.min(run.tokens - wide, Math.round(middle - wide / 2)));
  const q0 = Math.max(run.first, from(query)), k0 = from(key);
  return { q0, q1: Math.min(run.tokens, q0 + wide), k0, k1: k0 + wide };
}
