// The Memory tab's chart as numbers: bytes over the context, both axes logarithmic (visualizers/memory/figures.py).
import { cacheCost, parameters, totalOf, weightBytes } from "./kv_formulas.js";
import { binary, grouped } from "./kv_units.js";

// Powers of two that enclose [low, high], so far apart that at most eight remain.
function byteTicks(low, high) {
  const bits = (value) => (value > 0n ? value.toString(2).length : 0);
  const first = bits(low > 1n ? low : 1n) - 1, last = bits(high - 1n > 1n ? high - 1n : 1n);
  const stride = [1, 2, 3, 4, 5, 10, 20].find((n) => (last - first) / n <= 7), out = [];
  for (let step = first - (first % stride); step < last + stride; step += stride) out.push(1n << BigInt(step));
  return out;
}

// `xs`: the contexts of the chart's points; `side`: what the model is called.
export function chartView(s, xs, side) {
  const sigma = xs.map((x) => cacheCost(s.shape, x, s.batch, s.bits, s.top_k));
  const gqa = xs.map((x) => cacheCost(s.gqa, x, s.batch, s.bits, null).resident);
  const weights = weightBytes(totalOf(parameters(s.shape)), s.weight_bits), room = s.memory > weights ? s.memory - weights : 0n;
  const series = { sigma: sigma.map((c) => c.resident), k: sigma.map((c) => c.k_resident), v_read: sigma.map((c) => c.v_read), gqa };
  const names = { sigma: `${side} K + V resident`, k: "of it K", v_read: `${side} V read, one step`, gqa: `GQA-${s.gqa.n_k} K + V resident` };
  const values = Object.values(series).flat(), low = values.reduce((a, b) => (b < a ? b : a)), high = values.reduce((a, b) => (b > a ? b : a));
  const most = xs[xs.length - 1];
  return {
    x: xs, names, series: Object.fromEntries(Object.entries(series).map(([name, row]) => [name, row.map(Number)])),
    x_ticks: xs.filter((_, i) => i % 4 === 0).map((x) => [x, x === most ? "1M" : `${x >> 10}k`]),
    y_ticks: byteTicks(low, high).map((value) => [Number(value), binary(value)]),
    room: Number(room), room_text: `room beside the weights of ${side}: ${binary(room)}`, here: s.tokens,
    points: xs.map((x, i) => ({
      context: grouped(x), cells: Object.keys(names).map((name) => binary(series[name][i])),
      say: `${grouped(x)} tokens: ` + Object.keys(names).map((name) => `${names[name]} ${binary(series[name][i])}`).join("; "),
    })),
  };
}
