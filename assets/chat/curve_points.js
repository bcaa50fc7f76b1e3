// Single points of a KV-cache curve: the nearest one, what it says, and those that a table shows.
import { grouped } from "../shared/numbers.js";

const FIELDS = ["tokens", "k", "v", "k_read", "v_read"];
const EARLIER = 8;

// The point of a curve that lies nearest to a number of tokens (null: the newest), or null when there is none.
export function curvePoint(curve, tokens) {
  if (!curve || !curve.points) return null;
  let best = curve.points - 1;
  if (tokens !== null) curve.tokens.forEach((t, i) => { if (Math.abs(t - tokens) < Math.abs(curve.tokens[best] - tokens)) best = i; });
  return Object.fromEntries(FIELDS.map((name) => [name, curve[name][best]]));
}

export const readsAll = (point) => point.k_read === point.k && point.v_read === point.v;

// The newest point and those nearest to multiples of a power of two, so that rows stay while the curve grows.
export function tableRows(curve) {
  if (!curve || !curve.points) return [];
  const newest = curvePoint(curve, null), rows = [newest];
  let stride = 1;
  while (newest.tokens / stride > EARLIER) stride *= 2;
  for (let t = Math.floor(newest.tokens / stride) * stride; t > 0; t -= stride) {
    const point = curvePoint(curve, t);
    if (point.tokens > 0 && point.tokens < rows[rows.length - 1].tokens) rows.push(point);
  }
  return rows;
}

export const pointCells = (point) => [point.k, point.v, point.k + point.v, point.k_read, point.v_read, point.k_read + point.v_read];

// "Sigma, 1,024 tokens: resident K 3.75 MiB, V 11.3 MiB, sum 15 MiB; read K ..."; `unit` writes the bytes.
export function pointText(name, point, unit) {
  const [k, v, held, kRead, vRead, read] = pointCells(point).map(unit);
  const tokens = `${grouped(point.tokens)} token${point.tokens === 1 ? "" : "s"}`;
  return `${name}, ${tokens}: resident K ${k}, V ${v}, sum ${held}; read by the step K ${kRead}, V ${vRead}, sum ${read}`;
}
