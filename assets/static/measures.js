// Figures of attention rows, as visualizers/explore/measures.py has them. `rows` holds one softmax row per query head; the last
// position is the query's own, whose V row selective V always reads (arXiv 2501.13629, Appendix B.2).

const earlierOf = (row) => row.subarray(0, row.length - 1);

// Values of k at which curves are sent: powers of two up to the earlier rows, and their number.
export function kGrid(tokens) {
  const earlier = Math.max(1, tokens - 1), out = [];
  for (let k = 1; k < earlier; k *= 2) out.push(k);
  return [...out, earlier];
}

// V rows that selective V reads: the k best earlier rows of each head, ties to the lowest index, and the current one.
export function choose(rows, k) {
  return rows.map((row) => {
    const order = Array.from(earlierOf(row), (_, i) => i).sort((a, b) => row[b] - row[a] || a - b);
    const marks = new Array(row.length).fill(false);
    for (const i of order.slice(0, k)) marks[i] = true;
    marks[row.length - 1] = true;
    return marks;
  });
}

// The mass of the best n earlier rows, for n = 0, 1, 2 ...
function sumsOf(row) {
  const sums = [0];
  for (const value of earlierOf(row).slice().sort().reverse()) sums.push(sums[sums.length - 1] + value);
  return sums;
}

// Softmax mass on the rows read, [heads][ks].
export function capturedCurve(rows, ks) {
  return rows.map((row) => {
    const sums = sumsOf(row), own = row[row.length - 1];
    return ks.map((k) => Math.min(sums[Math.min(k, sums.length - 1)] + own, 1));
  });
}

// The least k whose rows hold `mass` of each head's softmax.
export function smallestK(rows, mass) {
  return rows.map((row) => {
    const sums = sumsOf(row).slice(1), own = row[row.length - 1], total = row.reduce((sum, value) => sum + value, 0);
    if (!sums.length) return 1;
    const found = sums.findIndex((sum) => sum + own >= mass * total - 1e-9);
    return found < 0 ? sums.length : found + 1;
  });
}

const entropyOf = (row) => -row.reduce((sum, value) => sum + (value > 0 ? value * Math.log2(value) : 0), 0);

// Shannon entropy of each row, bits.
export const entropyBits = (rows) => rows.map(entropyOf);

// Jensen-Shannon divergence of the same head's rows on two sides, bits; null where the sides do not match.
export function jensenShannon(one, other) {
  if (one.length !== other.length || one[0].length !== other[0].length) return null;
  return one.map((p, head) => {
    const q = other[head], middle = p.map((value, i) => (value + q[i]) / 2);
    return Math.min(1, Math.max(0, entropyOf(middle) - (entropyOf(p) + entropyOf(q)) / 2));
  });
}

// How the query heads of a V head share the rows they read: per V head rows requested and distinct, per query head how many
// of its rows another head of the same V head reads too.
export function sharing(marks, valueHeads) {
  const size = marks.length / valueHeads, out = { requested: [], distinct: [], shared: [] };
  for (let v = 0; v < valueHeads; v++) {
    const group = marks.slice(v * size, (v + 1) * size), readers = group[0].map((_, i) => group.filter((row) => row[i]).length);
    out.requested.push(readers.reduce((a, b) => a + b, 0));
    out.distinct.push(readers.filter((n) => n > 0).length);
    out.shared.push(...group.map((row) => row.filter((read, i) => read && readers[i] > 1).length));
  }
  return out;
}
