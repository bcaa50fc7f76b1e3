// The formulas with their numbers put in, and what layers of each kind hold: visualizers/memory/worked.py in the browser.
import { bytesOf, cacheCost, kindsOf, rowsOf } from "./kv_formulas.js";
import { amount, binary, change, grouped, plural } from "./kv_units.js";

const TIMES = " × ";

// What each kind of layers holds, where there is more to say than all together; and what they would without windows.
export function kindsView(s, sigma) {
  const kinds = kindsOf(s.shape), windows = kinds.some((kind) => kind.window);
  if (kinds.length === 1 && !windows) return null;
  const rows = kinds.map((kind) => {
    const held = BigInt(s.batch) * BigInt(kind.layers) * BigInt(rowsOf(kind, s.tokens));
    const [k, v] = [[kind.n_k, kind.d_k], [kind.n_v, kind.d_v]].map(([heads, width]) => bytesOf(held * BigInt(heads) * BigInt(width), s.bits));
    const reach = kind.window === null ? "all tokens" : `window ${grouped(kind.window)}`;
    return {
      name: `${plural(kind.layers, "layer")}, ${reach}`, heads: `K ${kind.n_k} × ${kind.d_k}, V ${kind.n_v} × ${kind.d_v}`,
      rows: grouped(rowsOf(kind, s.tokens)), k: amount(k), v: amount(v), sum: amount(k + v),
    };
  });
  const endless = { ...s.shape, window: null, others: s.shape.others.map((kind) => ({ ...kind, window: null })) };
  const full = cacheCost(endless, s.tokens, s.batch, s.bits, null).resident;
  let text = `If every layer kept all tokens: ${binary(full)}; this model holds ${change(sigma.resident, full).slice(1)} less.`;
  if (full === sigma.resident) text = windows ? "No window is full at this context: every layer still keeps all tokens." : "";
  return { rows, text, full: amount(full) };
}

function product(s, kind, ...parts) {
  const size = s.bits >= 8 ? `${s.bits / 8} B` : "½ B";
  return [`${kind.layers} layers`, `${grouped(s.batch)} seq.`, ...parts, size].join(TIMES);
}

const tokensOf = (s, kind) => (kind.window === null ? `${grouped(s.tokens)} tokens` : `min(${grouped(s.tokens)}, ${grouped(kind.window)}) tokens`);

const resident = (s, count, width) =>
  kindsOf(s.shape).map((kind) => product(s, kind, tokensOf(s, kind), `${kind[count]} heads`, String(kind[width]))).join(" + ");

const fetched = (s) => kindsOf(s.shape).map((kind) => product(
  s, kind, `${s.shape.n_q} query heads`, `(min(${grouped(s.top_k)}, ${grouped(rowsOf(kind, s.tokens) - 1)}) + 1)`, String(kind.d_v),
)).join(" + ");

const groupedQuery = (s) => kindsOf(s.gqa).map((kind) => {
  const alike = kind.d_k === kind.d_v, heads = alike ? `(${kind.n_k} + ${kind.n_v}) heads` : `${kind.n_k} heads`;
  return product(s, kind, tokensOf(s, kind), heads, alike ? String(kind.d_v) : `(${kind.d_k} + ${kind.d_v})`);
}).join(" + ");

// Each formula in words, with the numbers put in, and its result to the byte.
export function formulasView(s, sigma, gqa) {
  const kinds = kindsOf(s.shape), several = kinds.length > 1, windows = kinds.some((kind) => kind.window);
  const each = several ? "each kind's " : "", rows = windows ? "min(tokens, window)" : "tokens";
  const summed = several && windows ? "; a layer without a window has all tokens" : "";
  const words = (heads, width) => `${each}layers × sequences × ${rows} × ${heads} heads × ${width} × bytes (Eq. 1)${summed}`;
  const all = s.top_k === null;
  const vWords = all ? "every V row that is held once: V resident" :
    `${each}layers × sequences × query heads × (min(k, ${rows} − 1) + 1) × head dim × bytes (App. B.2)${summed}`;
  const wider = kindsOf(s.gqa).some((kind) => kind.d_k !== kind.d_v);
  const gqaWords = words(wider ? "K and V" : "(K + V)", wider ? "(key head dim + head dim)" : "head dim");
  const k = resident(s, "n_k", "d_k"), v = resident(s, "n_v", "d_v");
  return [
    ["K resident", words("K", "key head dim"), k, sigma.k_resident],
    ["V resident", words("V", "head dim"), v, sigma.v_resident],
    ["K read, one step", "every K row that is held once: the scores need all of K", "", sigma.k_read],
    ["V read, one step", vWords, all ? v : fetched(s), sigma.v_read],
    [`GQA-${s.gqa.n_k} resident`, gqaWords, groupedQuery(s), gqa.resident],
  ].map(([name, text, numbers, value]) => ({ name, words: text, numbers, result: `${grouped(value)} B = ${binary(value)}` }));
}
