// The recorded exploration's attention, unpacked layer by layer as it is asked for: visualizers/explore/recorded.py in the browser.
// visualizers/static/recording.py packs what is read here.
import { kGrid } from "./measures.js";
import { bytesOf } from "../shared/payload.js";

const LEVELS = 63, DECADES = 5;
const { fround } = Math;  // the server computes in 32 bits, and so do we
const WEIGHTS = Float32Array.from({ length: LEVELS + 1 }, (_, i) => (i === 0 ? 0 : 10 ** fround(fround(fround(i / LEVELS) - 1) * DECADES)));

async function inflate(text) {
  if (!globalThis.DecompressionStream) throw new Error("This browser is too old to unpack the recording; any of 2023 or later can.");
  const stream = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Linear between the points (xs, ys), xs ascending; beyond the ends the end's value.
function interpolate(x, xs, ys) {
  const after = xs.findIndex((one) => one >= x);
  if (after < 0) return ys[ys.length - 1];
  if (after === 0 || xs[after] === x) return ys[after];
  const part = (x - xs[after - 1]) / (xs[after] - xs[after - 1]);
  return ys[after - 1] + part * (ys[after] - ys[after - 1]);
}

export class RecordedSide {
  #layers = new Map();

  constructor(data, tokens, prompt) {
    Object.assign(this, { data, tokens, prompt, layers: data.info.layers, heads: data.info.query_heads, valueHeads: data.info.value_heads });
  }

  // A Promise of one layer: weights of every head's causal rows, one after the other, and what else was recorded of it.
  layer(index) {
    if (!this.#layers.has(index)) this.#layers.set(index, this.#read(index));
    return this.#layers.get(index);
  }

  async #read(index) {
    const [levels, sums, errors] = await Promise.all(["weights", "log_sums", "errors"].map((name) => inflate(this.data[name][index])));
    const weights = Float32Array.from(levels, (level) => WEIGHTS[level]);
    const rows = this.heads * this.tokens, layer = { weights, sums: new Int16Array(sums.buffer), errors };
    for (let i = 0; i < rows; i++) {
      const row = this.#row(layer, Math.floor(i / this.tokens), i % this.tokens);
      const total = fround(row.reduce((sum, value) => sum + value, 0));
      for (let k = 0; k < row.length; k++) row[k] /= Math.max(total, 1e-9);
    }
    return layer;
  }

  #row(layer, head, query) {
    const start = (head * this.tokens * (this.tokens + 1)) / 2 + (query * (query + 1)) / 2;
    return layer.weights.subarray(start, start + query + 1);
  }

  // The softmax row of a query, one of query + 1 numbers per head.
  rows(layer, query) {
    return Array.from({ length: this.heads }, (_, head) => this.#row(layer, head, query));
  }

  // The log-sum-exp of a query's scores, per head.
  sums(layer, query) {
    return Array.from({ length: this.heads }, (_, head) => layer.sums[head * this.tokens + query] / 64);
  }

  // How far each head's output is off when k rows are read, [heads][ks]; null before the answer.
  outputErrors(layer, query, ks) {
    const step = query - (this.prompt - 1), grid = kGrid(this.tokens), logs = grid.map(Math.log2);
    if (step < 0) return null;
    return Array.from({ length: this.heads }, (_, head) => {
      const start = (step * this.heads + head) * grid.length;
      const table = Array.from(layer.errors.subarray(start, start + grid.length), (level) => WEIGHTS[level]);
      return ks.map((k) => (k >= query ? 0 : fround(interpolate(Math.log2(Math.min(k, Math.max(1, query))), logs, table))));
    });
  }

  // [ids, probabilities, probability of the token that came, entropy], or null before the answer.
  next(position) {
    return this.data.next[position - (this.prompt - 1)] || null;
  }
}
