// Answers the explorer's questions from the recording, as visualizers/explore/answers.py does on the server: the same parts, packed
// alike, so that what draws them cannot tell who has answered. Tested beside the server's own.
import { capturedCurve, choose, entropyBits, jensenShannon, kGrid, sharing, smallestK } from "./measures.js";
import { columnWidth, maxPool, packBits, packBytes, rint, rounded, scoreLetter, short, toBase64 } from "./rounding.js";
import { SIDES } from "../shared/sides.js";

const { fround } = Math;
const SMALL = 128, LARGE = 512, ROW = 512, MASS = 0.99, MEASURES = ["captured", "entropy", "diverge"];

// A whole number of the question, low .. high.
function whole(question, name, low, high) {
  const value = question[name];
  if (!Number.isInteger(value) || value < low || value > high) throw new Error(`${name} must be a whole number from ${low} to ${high}.`);
  return value;
}

// One place in the recorded run: what either side's attention did, and the question that says what of it.
class View {
  constructor(recorded, question, layers) {
    Object.assign(this, { recorded, question, layers, query: question.query });
    this.tokens = recorded.pieces.length;
  }

  whole(name, low, high) {
    return whole(this.question, name, low, high);
  }

  side() {
    if (!SIDES.includes(this.question.side)) throw new Error(`side must be one of ${SIDES.join(", ")}.`);
    return this.question.side;
  }

  // A side's recording and, at this place, its layer.
  at(side) {
    return [this.recorded.sides[side], this.layers[side]];
  }

  rows(side, query = this.query) {
    const [one, layer] = this.at(side);
    return one.rows(layer, query);
  }

  sums(side, query = this.query) {
    const [one, layer] = this.at(side);
    return one.sums(layer, query);
  }

  errors(side, ks) {
    const [one, layer] = this.at(side);
    return one.outputErrors(layer, this.query, ks);
  }

  head(side) {
    return this.whole("head", 0, this.recorded.sides[side].heads - 1);
  }
}

// Log-sum-exp of rows [heads][queries] as bytes between each head's least and most: one number per bin, or its least and most.
function packSums(sums, width) {
  const bins = sums.map((own) => Array.from({ length: Math.ceil(own.length / width) }, (_, i) => own.slice(i * width, (i + 1) * width)));
  const least = sums.map((own) => Math.min(...own)), most = sums.map((own) => Math.max(...own));
  const ends = width > 1 ? [(bin) => Math.min(...bin), (bin) => Math.max(...bin)] : [(bin) => bin[0]];
  const scale = sums.map((_, head) => fround(255 / fround(Math.max(fround(most[head] - least[head]), 1e-6))));
  const codes = ends.flatMap((end) => bins.flatMap((own, head) =>
    own.map((bin) => rint(fround(fround(end(bin) - least[head]) * scale[head])))));
  return { least: rounded(least, 3), most: rounded(most, 3), data: toBase64(Uint8Array.from(codes)) };
}

// A window of maps, at most `size` bins a side, each bin its largest weight; only what a causal query can see.
function packWindow(view, side, heads, [q0, q1], [k0, k1], size) {
  const width = columnWidth(Math.max(q1 - q0, k1 - k0), size), queries = Array.from({ length: q1 - q0 }, (_, i) => q0 + i);
  const rows = queries.map((query) => view.rows(side, query)), sums = queries.map((query) => view.sums(side, query));
  let codes = "";
  for (const head of heads) {
    for (let top = 0; top < queries.length; top += width) {
      const seen = Math.min(Math.ceil((k1 - k0) / width), Math.max(0, Math.floor((q0 + top + width - 1 - k0) / width) + 1));
      const bins = new Float32Array(seen);
      for (const row of rows.slice(top, top + width)) {
        maxPool(row[head].subarray(k0, k1), width).forEach((weight, c) => { bins[c] = Math.max(bins[c], weight); });
      }
      for (const weight of bins) codes += scoreLetter(weight);
    }
  }
  const own = heads.map((head) => sums.map((all) => all[head]));
  return { heads: heads.length, q0, q1, k0, k1, width, codes, lse: packSums(own, width) };
}

function packRow(rows, sums) {
  const width = columnWidth(rows[0].length, ROW);
  const codes = rows.map((row) => Array.from(maxPool(row, width), scoreLetter).join("")).join("");
  return { heads: rows.length, tokens: rows[0].length, width, codes, lse: rounded(sums, 3) };
}

const eachSide = (make) => Object.fromEntries(SIDES.map((side) => [side, make(side)]));
const firsts = (table) => table.map((row) => row[0]);

const PARTS = {
  maps: (view) => eachSide((side) =>
    packWindow(view, side, [...view.rows(side).keys()], [0, view.tokens], [0, view.tokens], SMALL)),

  head(view) {
    const side = view.side(), head = view.head(side), n = view.tokens;
    const given = (name, low, high, otherwise) => (name in view.question ? view.whole(name, low, high) : otherwise);
    const q0 = given("q0", 0, n - 1, 0), q1 = given("q1", q0 + 1, n, n), k0 = given("k0", 0, n - 1, 0), k1 = given("k1", k0 + 1, n, n);
    return { side, head, ...packWindow(view, side, [head], [q0, q1], [k0, k1], LARGE) };
  },

  row(view) {
    const side = view.side();
    return { side, ...packRow(view.rows(side), view.sums(side)) };
  },

  linked(view) {
    const side = SIDES.find((one) => one !== view.side()), head = view.head(side);
    return { side, first: head, ...packRow([view.rows(side)[head]], [view.sums(side)[head]]) };
  },

  figures(view) {
    const grid = kGrid(view.query + 1), diverge = jensenShannon(...SIDES.map((side) => view.rows(side)));
    const sides = eachSide((side) => {
      const rows = view.rows(side), errors = view.errors(side, grid);
      return {
        captured: packBytes(capturedCurve(rows, grid), 1),
        errors: errors && packBytes(errors.map((row) => row.map((one) => Math.min(one, 1))), 1),
        smallest: smallestK(rows, MASS),
      };
    });
    return { grid, ...sides, diverge: diverge && rounded(diverge, 3) };
  },

  exact(view) {
    const side = view.side(), head = view.head(side), row = view.rows(side)[head];
    const from = "from" in view.question ? view.whole("from", 0, view.query) : 0;
    const to = "to" in view.question ? view.whole("to", from + 1, view.query + 1) : view.query + 1;
    const part = row.slice(from, to);
    return { side, head, from, weights: toBase64(new Uint8Array(part.buffer)), lse: view.sums(side)[head] };
  },

  select(view) {
    const k = view.whole("k", 1, 1 << 20);
    return { k, tokens: view.query + 1, ...eachSide((side) => {
      const rows = view.rows(side), marks = choose(rows, k), errors = view.errors(side, [k]);
      return {
        marks: side === "sigma" ? packBits(marks) : null,  // GQA reads every row, nothing to mark
        captured: rounded(firsts(capturedCurve(rows, [k]))),
        errors: errors && rounded(firsts(errors)),
        missing: null,  // the recording holds the default use of the missing mass alone
        ...sharing(marks, view.recorded.sides[side].valueHeads),
      };
    }) };
  },

  time(view) {
    const k = view.whole("k", 1, 1 << 20), side = view.side(), head = view.head(side), n = view.tokens;
    const first = view.recorded.prompt - 1, last = n > view.recorded.prompt ? n - 1 : n;  // the last token is never a query
    const width = columnWidth(n, ROW), captured = view.rows(side).map(() => []), marks = [];
    for (let query = first; query < last; query++) {
      const rows = view.rows(side, query), row = choose([rows[head]], k)[0];
      capturedCurve(rows, [k]).forEach(([mass], q) => captured[q].push(mass));
      marks.push(maxPool([...row.map(Number), ...new Array(n - row.length).fill(0)], width));
    }
    return {
      side, head, k, first, steps: last - first, width, columns: marks[0].length,
      marks: packBits(marks), captured: packBytes(captured, 1),
    };
  },

  next(view) {
    const { recorded, query } = view, known = query + 1 < view.tokens;
    return {
      came: known ? recorded.pieces[query + 1] : null, came_id: known ? recorded.ids[query + 1] : null,
      ...eachSide((side) => {
        const told = recorded.sides[side].next(query);
        if (!told) return null;
        const [ids, probabilities, taken, entropy] = told;
        return {
          top: ids.map((id, i) => [recorded.piece(id), short(probabilities[i], 4), id]),
          taken: short(taken, 4), entropy: short(entropy, 2),
        };
      }),
    };
  },

  track(view) {
    const { recorded } = view, steps = Array.from({ length: view.tokens - recorded.prompt }, (_, i) => recorded.prompt - 1 + i);
    const told = eachSide((side) => steps.map((query) => recorded.sides[side].next(query)));
    const taken = eachSide((side) => told[side].map((one) => (one ? short(one[2], 3) : null)));
    const agree = steps.map((_, i) => Number(new Set(SIDES.map((side) => told[side][i]).filter(Boolean).map((one) => one[0][0])).size === 1));
    return { ...taken, agree };
  },

  numbers: (view) => ({
    weights: eachSide((side) => view.rows(side).map((row) => rounded(row, 7))),
    log_sum_exp: eachSide((side) => rounded(view.sums(side), 5)),
  }),
};

// Layers x heads at one query: the one part that looks at every layer.
async function overview(recorded, question) {
  const { measure, query } = question;
  if (!MEASURES.includes(measure)) throw new Error(`measure must be one of ${MEASURES.join(", ")}.`);
  const layers = await Promise.all(SIDES.map((side) => {
    const one = recorded.sides[side];
    return Promise.all(Array.from({ length: one.layers }, async (_, i) => one.rows(await one.layer(i), query)));
  }));
  if (measure === "diverge") {
    const tables = layers[0].map((rows, i) => jensenShannon(rows, layers[1][i]));
    return { measure, both: tables.includes(null) ? null : packBytes(tables, 1) };
  }
  const k = measure === "captured" ? whole(question, "k", 1, 1 << 20) : 0;
  const top = measure === "entropy" ? Math.max(1e-6, Math.log2(query + 1)) : 1;
  const of = (rows) => (measure === "entropy" ? entropyBits(rows) : firsts(capturedCurve(rows, [k])));
  return { measure, ...Object.fromEntries(SIDES.map((side, i) => [side, packBytes(layers[i].map(of), top)])) };
}

// The parts that a question names. An Error says what there is not, in a sentence for the reader.
export async function partsOf(recorded, question) {
  const known = [...Object.keys(PARTS), "overview"];
  if (!Array.isArray(question.parts) || !question.parts.length || !question.parts.every((part) => known.includes(part))) {
    throw new Error(`parts must be a list out of ${known.join(", ")}.`);
  }
  const layer = whole(question, "layer", 0, Math.min(...SIDES.map((side) => recorded.sides[side].layers)) - 1);
  const query = whole(question, "query", 0, recorded.pieces.length - 1), layers = {};
  for (const side of SIDES) layers[side] = await recorded.sides[side].layer(layer);
  const view = new View(recorded, question, layers), answer = { layer, query, first_query: 0 };
  for (const part of question.parts) answer[part] = part === "overview" ? await overview(recorded, question) : PARTS[part](view);
  return answer;
}
