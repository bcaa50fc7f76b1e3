// The KV cache in bytes (arXiv 2501.13629, Eq. 1), parameters and what fits: visualizers/shared/formulas.py and shapes.py in the
// browser. Exact whole numbers (BigInt), and tested beside the server's own. Sizes of a model come as plain numbers.

const big = BigInt;

// All layers by kind, the first kind first: {layers, n_k, n_v, d_k, d_v, window}.
export const kindsOf = (shape) => [
  { layers: shape.layers, n_k: shape.n_k, n_v: shape.n_v, d_k: shape.d_k, d_v: shape.d_v, window: shape.window }, ...shape.others,
];

// Rows of K, and of V, that one head of such a layer holds after `tokens` tokens.
export const rowsOf = (kind, tokens) => (kind.window === null ? tokens : Math.min(tokens, kind.window));

export function bytesOf(numbers, bits) {
  return (numbers * big(bits)) / 8n;  // widths are even: they fill whole bytes
}

// Bytes of all layers and sequences: rows held, and rows that one decode step asks for.
export function cacheCost(shape, tokens, batch, bits, topK) {
  let k = 0n, v = 0n, read = 0n;
  for (const kind of kindsOf(shape)) {
    const rows = rowsOf(kind, tokens), held = big(kind.layers) * big(rows), layers = big(kind.layers);
    k += held * big(kind.n_k) * big(kind.d_k);
    v += held * big(kind.n_v) * big(kind.d_v);
    // Two query heads that want the same row ask for it twice (App. B.2).
    read += layers * (topK === null ? big(kind.n_v) * big(rows) : big(shape.n_q) * big(Math.min(topK, rows - 1) + 1)) * big(kind.d_v);
  }
  [k, v, read] = [k, v, read].map((numbers) => bytesOf(big(batch) * numbers, bits));
  return { k_resident: k, v_resident: v, k_read: k, v_read: read, resident: k + v, read: k + read };
}

// The same model with grouped-query attention: `heads` K and V heads, K at least as wide as V, a plain query.
export function gqaOf(shape, heads) {
  const kinds = kindsOf(shape).map((kind) => {
    const same = kind.n_k === shape.n_k && kind.n_v === shape.n_v, count = same ? heads : Math.max(kind.n_k, kind.n_v);
    return { ...kind, n_k: count, n_v: count, d_k: Math.max(kind.d_k, kind.d_v) };
  });
  const merged = new Map();  // kinds that have become alike are one
  for (const { layers, ...rest } of kinds) {
    const name = JSON.stringify([rest.n_k, rest.n_v, rest.d_k, rest.d_v, rest.window]);
    merged.set(name, { ...rest, layers: layers + (merged.has(name) ? merged.get(name).layers : 0) });
  }
  const [first, ...others] = merged.values();
  return { ...shape, layers: first.layers, n_k: heads, n_v: heads, d_k: first.d_k, augmented: null, others };
}

const queryOf = (shape, kind) => big(shape.n_q) * big(Math.max(kind.d_k, kind.d_v));  // a K wider than V has a query as wide

function attention(shape, kind) {
  const expand = kind.d_k < kind.d_v ? big(kind.d_k) * big(kind.n_k) * big(kind.d_v) : 0n;
  const written = queryOf(shape, kind) + big(kind.n_k) * big(kind.d_k) + big(kind.n_v) * big(kind.d_v);
  return big(shape.hidden) * (written + big(shape.n_q) * big(kind.d_v)) + expand;
}

// Parameters by origin; a model whose number is known has that alone.
export function parameters(shape) {
  if (shape.counted !== null) return { given: shape.counted };
  const kinds = kindsOf(shape), layers = kinds.reduce((sum, kind) => sum + big(kind.layers), 0n), hidden = big(shape.hidden);
  const all = (one) => kinds.reduce((sum, kind) => sum + big(kind.layers) * one(kind), 0n);
  return {
    attention: all((kind) => attention(shape, kind)),
    "augmented query": big(shape.layers) * 3n * queryOf(shape, kinds[0]) * big(shape.augmented || 0),
    "feed-forward": layers * 3n * hidden * big(shape.ffn),
    embedding: big(shape.vocabulary) * hidden * (shape.tied ? 1n : 2n),
    norms: (2n * layers + 1n) * hidden,
  };
}

export const totalOf = (counted) => Object.values(counted).reduce((a, b) => a + b, 0n);

// Bytes of `count` parameters, the last byte filled up.
export const weightBytes = (count, bits) => (count * big(bits) + 7n) / 8n;

// The most tokens that `batch` sequences may have each in `room` bytes; null where there is no most.
function longest(shape, room, batch, bits) {
  const kinds = kindsOf(shape), endless = kinds.filter((kind) => kind.window === null);
  const windows = Math.max(0, ...kinds.map((kind) => kind.window || 0)), held = (tokens) => cacheCost(shape, tokens, batch, bits, null).resident;
  if (!endless.length && held(windows) <= room) return null;
  // Past every window the cache grows by the same bytes with each token; before, by more.
  const grows = endless.reduce((sum, kind) => sum + big(kind.layers) * (big(kind.n_k) * big(kind.d_k) + big(kind.n_v) * big(kind.d_v)), 0n);
  let low = 0, high = Math.max(windows, endless.length ? Number(room / bytesOf(big(batch) * grows, bits)) : 0);
  while (low < high) {
    const middle = Math.floor((low + high + 1) / 2);
    if (held(middle) <= room) low = middle;
    else high = middle - 1;
  }
  return low;
}

// What a device of `memory` bytes holds beside the weights: sequences of `tokens` tokens, and how long `batch` may be.
export function fit(shape, memory, weights, tokens, batch, bits) {
  const room = memory > weights ? memory - weights : 0n;
  return { weights, room, sequences: room / cacheCost(shape, tokens, 1, bits, null).resident, context: longest(shape, room, batch, bits) };
}
