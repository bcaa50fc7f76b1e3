// Pure modules of the explorer. `PAYLOADS` were packed by the server's own code from weights that are here too: see test_modules.py.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { groupsOf, groupSpans, headsLayout, pairAt, placeOf, stepsLayout } from "../../../assets/explore/geometry.js";
import { cellStrength, massThreshold, onGrid, previewChosen, rankRow } from "../../../assets/explore/measures.js";
import { decodeBits, decodeBytes, decodeMap, decodeRow, namedPiece, shownPiece, stepTop, stepWeights } from "../../../assets/explore/payloads.js";
import { cleanState, exploreBounds, exploreDefaults, fromHash, makeExploreState, toHash } from "../../../assets/explore/state.js";
import { partKey, Store } from "../../../assets/explore/store.js";
import { rowLook, stripWindow } from "../../../assets/explore/strip.js";
import { zoomWindow } from "../../../assets/explore/zoom.js";

const PAYLOADS = JSON.parse(readFileSync(process.env.SIGMA_PAYLOADS, "utf-8"));
const STEP = Math.pow(10, 5 / stepTop);  // between two steps of weight
const close = (found, wanted) => assert.ok(found <= wanted * STEP + 1e-5 && found * STEP >= wanted - 2e-5, `${found} is not ${wanted}`);

const INFO = { query_heads: 9, key_heads: 1, value_heads: 3, layers: 30 };
const RUN = {
  run: "recorded", recorded: true, text: "sigma", writers: ["sigma", "gqa"], tokens: 40, prompt: 30, steps: 10, first: 0, last: 38,
  info: { sigma: INFO, gqa: { ...INFO, key_heads: 3 } }, settings: { prompt: "Hello" },
};

test("a map is every weight that a query can see", () => {
  const { map, weights } = PAYLOADS, found = decodeMap(map);
  weights.forEach((head, h) => head.forEach((row, query) => row.forEach((weight, key) => {
    if (key > query) assert.equal(found.step(h, query, key), -1);
    else close(stepWeights[found.step(h, query, key)], weight);
  })));
  assert.equal(found.step(0, weights[0].length, 0), -1);
});

test("a binned map has the strongest weight of each bin", () => {
  const { binned, weights } = PAYLOADS, found = decodeMap(binned), w = found.width;
  assert.ok(w > 1);
  for (let row = 0; row < found.rows; row++) {
    for (let column = 0; column < found.seen[row]; column++) {
      let most = 0;
      for (let q = row * w; q < Math.min(weights[1].length, (row + 1) * w); q++) for (let k = column * w; k <= Math.min(q, (column + 1) * w - 1); k++) most = Math.max(most, weights[1][q][k]);
      close(stepWeights[found.bin(1, row, column)], most);
    }
  }
});

test("a row is the last query's weights, of every head", () => {
  const { row, weights } = PAYLOADS, found = decodeRow(row);
  weights.forEach((head, h) => head.at(-1).forEach((weight, key) => close(stepWeights[found.step(h, key)], weight)));
  assert.equal(found.step(0, row.tokens), -1);
  assert.deepEqual(found.lse(1), [row.lse[1], row.lse[1]]);
});

test("bits and bytes", () => {
  const has = decodeBits(PAYLOADS.bits.text, PAYLOADS.bits.columns);
  PAYLOADS.bits.values.forEach((line, row) => line.forEach((value, column) => assert.equal(has(row, column), value)));
  assert.equal(has(0, PAYLOADS.bits.columns), false);
  const bytes = decodeBytes(PAYLOADS.bytes.packed);
  PAYLOADS.bytes.values.forEach((line, i) => line.forEach((value, j) => assert.ok(Math.abs(bytes.at(i, j) - value) <= bytes.top / 500)));
});

test("a token is shown with what would not be seen", () => {
  assert.equal(shownPiece(" a\n\t"), "·a↵⇥");
  assert.equal(shownPiece("\u202eb"), "[U+202E]b");
  assert.equal(shownPiece(""), "▪");
  assert.equal(namedPiece("x".repeat(50)).length, 34);
});

test("rank, preview and mass of a row", () => {
  const row = { columns: 5, steps: Uint8Array.from([50, 91, 50, 10, 80]), base: () => 0, width: 1 };
  assert.deepEqual(rankRow(row, 0), [1, 0, 2, 3]);
  assert.deepEqual([...previewChosen(row, 0, 2)].sort(), [0, 1, 4]);
  const steps = [91, 91, 45, 0];
  assert.equal(massThreshold((i) => steps[i], 4, 0.5), 91);
  assert.equal(massThreshold((i) => steps[i], 4, 1), 1);
  assert.ok(massThreshold((i) => steps[i], 4, 0.9999) <= 45);
});

test("a curve between two k of its grid, on log k", () => {
  const curve = { at: (head, i) => [0.2, 0.4, 0.8][i] }, grid = [1, 4, 16];
  assert.equal(onGrid(curve, 0, grid, 1), 0.2);
  assert.ok(Math.abs(onGrid(curve, 0, grid, 2) - 0.3) < 1e-9);
  assert.ok(Math.abs(onGrid(curve, 0, grid, 8) - 0.6) < 1e-9);
  assert.equal(onGrid(curve, 0, grid, 99), 0.8);
  assert.equal(onGrid(null, 0, grid, 2), null);
});

test("strength: nothing is nothing, one is full, three decades on the log scale", () => {
  const log = { log: true }, linear = { log: false };
  assert.equal(cellStrength(0, log, 1), 0);
  assert.equal(cellStrength(stepTop, log, 1), 1);
  assert.equal(cellStrength(stepTop, linear, 1), 1);
  assert.equal(cellStrength(1, log, 1), 0.02);
  assert.ok(Math.abs(cellStrength(Math.round(stepTop * 0.7), log, 1) - 0.5) < 0.01);
});

test("small maps: groups are framed whole, and a point finds its head", () => {
  for (const [q, k, v] of [[9, 1, 3], [9, 3, 3], [32, 4, 16], [1, 1, 1]]) {
    const info = { query_heads: q, key_heads: k, value_heads: v }, layout = headsLayout(460, info);
    assert.equal(layout.cells.length, q);
    for (const cell of layout.cells) assert.equal(layout.at(cell.x + 1, cell.y + 1).head, cell.head);
    assert.equal(layout.at(0, 0), null);
    assert.equal(new Set(groupSpans(layout, "key").map((span) => span.index)).size, k);
    assert.equal(new Set(layout.cells.map((cell) => cell.value)).size, v);
    assert.equal(layout.cells.at(-1).key, k - 1);
  }
  assert.deepEqual(groupsOf(INFO, 4), { key: 0, value: 1 });
  assert.deepEqual(groupsOf({ query_heads: 32, key_heads: 4, value_heads: 16 }, 31), { key: 3, value: 15 });
});

test("a place in a map and its pair", () => {
  const map = decodeMap(PAYLOADS.map), size = 240, query = 17, key = 5;
  const place = placeOf(map, query, key, size);
  assert.ok(place.inside);
  assert.deepEqual(pairAt(map, place.x + 1, place.y + 1, size), { query, key, width: 1 });
  assert.equal(pairAt(map, size - 1, 1, size), null);  // the future
});

test("steps to places and back", () => {
  const layout = stepsLayout(500, 150, 32);
  for (const step of [0, 7, 31]) assert.equal(layout.step(layout.x(step)), step);
  assert.equal(layout.step(-100), 0);
  assert.equal(layout.step(9999), 31);
});

test("what is asked for is clamped, and what makes no sense is named", () => {
  const problems = [];
  const clean = cleanState({ layer: "99", head: 3, step: -1000, k: "x", mode: "dance", key: 7, mass: 0.9, noSink: 1, other: 1 }, RUN, problems);
  assert.deepEqual(clean, { layer: 29, head: 3, step: -29, key: 7, mass: 0.9, noSink: true });
  assert.deepEqual(problems.map((text) => text.split(" ")[0]), ["layer", "step", "k", "mode"]);
  assert.deepEqual(cleanState({ key: 40 }, RUN, []), {});
  assert.deepEqual(exploreBounds(RUN), { layer: [0, 29], head: [0, 8], k: [1, 39], step: [-29, 9] });
});

test("an address brings back the state it was made of", () => {
  const state = { ...exploreDefaults, layer: 3, step: 9, key: 12, mass: 0.5, log: false, mode: "selection" };
  const { changes, question } = fromHash(toHash(state, RUN));
  assert.equal(question, null);
  assert.deepEqual({ ...exploreDefaults, ...cleanState(changes, RUN, []) }, state);
  const asked = { ...RUN, recorded: false, settings: { prompt: "Why & how? #1", temperature: 0.7, top_p: 1, seed: 3 } };
  assert.deepEqual(fromHash(toHash(state, asked)).question, { prompt: "Why & how? #1", temperature: "0.7", seed: "3" });
  for (const other of ["", "#memory?preset=x", "#exp", null]) assert.equal(fromHash(other), null);
});

test("listeners are told what changed, and only then", () => {
  const state = makeExploreState(), seen = [], end = state.onChange((now, changed) => seen.push([now.layer, ...changed]));
  state.set({ layer: 3 });
  state.set({ layer: 3 });
  end();
  state.set({ layer: 4 });
  assert.deepEqual(seen, [[3, "layer"]]);
  assert.equal(state.get().layer, 4);
});

test("the store asks once for what fits together, keeps it, and asks no more for what failed", async () => {
  const asked = [], told = [];
  const ask = async (question) => {
    asked.push(question.parts);
    return question.parts.includes("track") ? { error: "no" } : { next: [1], size: 10, select: undefined };
  };
  const store = new Store(ask, () => {}, (...message) => told.push(message), []);
  const place = { run: "recorded", text: "sigma", layer: 1, query: 5 };
  store.want(() => [["next", place], ["track", { ...place, layer: 2 }]]);
  await new Promise((done) => setTimeout(done, 10));
  assert.deepEqual(asked, [["next"], ["track"]]);
  assert.deepEqual(store.get("next", place), [1]);
  assert.equal(store.get("track", place), null);
  assert.deepEqual(told, [[null, null], ["no", null]]);
  assert.equal(store.missing(), 0);
  store.forgive();
  assert.equal(store.missing(), 1);
  assert.deepEqual(store.stats(), { parts: 1, characters: 10 });
});

test("answers that came with the page are known without asking", () => {
  const first = [{ question: { op: "open" }, answer: { run: "recorded", text: "sigma", steps: 3 } }];
  const store = new Store(null, null, null, first);
  assert.deepEqual(store.opened("recorded"), { run: "recorded", text: "sigma", steps: 3 });
  assert.deepEqual(store.opened("recorded", "sigma"), store.opened("recorded"));
  assert.equal(store.opened("recorded", "gqa"), null);
  assert.notEqual(partKey("row", { query: 1, side: "sigma" }), partKey("row", { query: 1, side: "gqa" }));
});

test("the strip shows what fits, around the query", () => {
  assert.deepEqual(stripWindow(40, 20), [0, 40]);
  assert.deepEqual(stripWindow(5000, 4999), [4360, 5000]);
  const [start, stop] = stripWindow(5000, 2000);
  assert.ok(start < 2000 && 2000 < stop && stop - start === 640);
});

test("what lights the strip: the row when it is here, else the map", () => {
  const map = decodeMap(PAYLOADS.map), row = decodeRow(PAYLOADS.row), last = row.tokens - 1;
  assert.equal(rowLook(row, map, 0, last).of, row);
  assert.equal(rowLook(row, map, 0, last - 1).of, map);
  assert.equal(rowLook(null, null, 0, last).stepOf(0), -1);
});

test("zooming halves the window around the pair, and stays in the text", () => {
  const run = { tokens: 1000, first: 0 };
  const near = zoomWindow(run, null, 500, 100);
  assert.deepEqual(near, { q0: 250, q1: 750, k0: 0, k1: 500 });
  assert.deepEqual(zoomWindow(run, near, 999, 999), { q0: 750, q1: 1000, k0: 750, k1: 1000 });
  assert.deepEqual(zoomWindow({ tokens: 10, first: 0 }, null, 3, 3), { q0: 0, q1: 10, k0: 0, k1: 10 });
});
