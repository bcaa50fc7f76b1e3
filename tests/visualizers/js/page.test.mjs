// Pure modules that the tabs share, and those of the KV-cache figure. `PAYLOADS`: see test_modules.py.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { cacheCost, formulaLines, stepTopK } from "../../../assets/chat/curve_formula.js";
import { lookupWords } from "../../../assets/chat/figures.js";
import { chatHash } from "../../../assets/chat/link.js";
import { curveLayout, niceTicks } from "../../../assets/chat/curve_layout.js";
import { curvePoint, pointCells, pointText, readsAll, tableRows } from "../../../assets/chat/curve_points.js";
import { byColumn, COLUMNS, columnName, madeBy, recordedBy } from "../../../assets/shared/columns.js";
import { headLayout } from "../../../assets/shared/head_layout.js";
import { binary, digits, duration, grouped, percent, spokenBytes } from "../../../assets/shared/numbers.js";
import { decodeAttention, decodeCurve } from "../../../assets/shared/payload.js";
import { atLayer, keyHeads, keyHeadsOfAll, otherSide, sideName, SIDES } from "../../../assets/shared/sides.js";

const PAYLOADS = JSON.parse(readFileSync(process.env.SIGMA_PAYLOADS, "utf-8"));
const INFO = { layers: 30, query_heads: 9, key_heads: 1, value_heads: 3, key_head_dim: 64, value_head_dim: 64, kv_itemsize: 2 };

test("numbers have three significant digits", () => {
  assert.deepEqual([0, 2.034, 41.55, 99.97, 416.2, 1234567].map(digits), ["0", "2.03", "41.5", "100", "416", "1,234,567"]);
  assert.equal(grouped(1234567), "1,234,567");
  assert.deepEqual([120, 999.6, 1500].map(duration), ["120 ms", "1.00 s", "1.50 s"]);
});

test("bytes for the eye and for the ear", () => {
  assert.deepEqual([0, 1, 1023, 1024, 3932160, 1073741824].map(binary), ["0 B", "1 B", "0.999 KiB", "1.00 KiB", "3.75 MiB", "1.00 GiB"]);
  assert.deepEqual([1, 2, 3932160].map(spokenBytes), ["1 byte", "2 bytes", "3.75 mebibytes"]);
});

test("nearly all is not all", () => {
  assert.deepEqual([0, 0.5, 0.9999, 1].map(percent), ["0 %", "50.0 %", "> 99.9 %", "100 %"]);
});

test("attention is decoded to the weights that were packed", () => {
  const found = decodeAttention(PAYLOADS.attention.packed), { weights, marks } = PAYLOADS.attention;
  weights.forEach((row, head) => row.forEach((weight, column) => {
    assert.ok(Math.abs(found.weight(head, column) - weight) <= weight * 0.025 + 1e-5);
    assert.equal(found.fetched(head, column), marks[head][column]);
  }));
  assert.equal(found.selective, true);
  assert.equal(decodeAttention(null), null);
});

test("a curve is decoded to the bytes that were packed", () => {
  const curve = decodeCurve(PAYLOADS.curve.packed), names = ["tokens", "k", "v", "k_read", "v_read"];
  const rows = Array.from({ length: curve.points }, (_, i) => names.map((name) => curve[name][i]));
  assert.deepEqual(rows.at(-1), PAYLOADS.curve.rows.at(-1));
  const known = new Set(PAYLOADS.curve.rows.map(String));
  for (const row of rows) assert.ok(known.has(String(row)));
});

test("points of a curve", () => {
  const curve = { points: 3, tokens: [1, 10, 40], k: [1, 2, 3], v: [3, 6, 9], k_read: [1, 2, 3], v_read: [3, 6, 1] };
  assert.equal(curvePoint(curve, 12).tokens, 10);
  assert.equal(curvePoint(curve, null).tokens, 40);
  assert.equal(curvePoint({ points: 0 }, null), null);
  assert.deepEqual(pointCells(curvePoint(curve, null)), [3, 9, 12, 3, 1, 4]);
  assert.ok(readsAll(curvePoint(curve, 10)) && !readsAll(curvePoint(curve, 40)));
  assert.deepEqual(tableRows(curve).map((row) => row.tokens), [40, 10]);
  assert.equal(pointText("GQA", curvePoint(curve, 1), String), "GQA, 1 token: resident K 1, V 3, sum 4; read by the step K 1, V 3, sum 4");
});

test("what prompt lookup did is a rate, a share, and why it is off", () => {
  const on = lookupWords({ steps: 40, drafted: 100, accepted: 80, off: "" });
  assert.deepEqual([on.text, on.value], ["3.00 a step · 80 % right", 3]);
  assert.match(on.title, /^Measured: 40 steps gave 120 tokens; of 100 guessed .* 80 were right$/);
  const off = lookupWords({ steps: 99, drafted: 8, accepted: 1, off: "few right" });
  assert.equal(off.text, "off: few right · 1.01 a step");
  assert.match(off.title, /too few guesses were right/);
  assert.equal(lookupWords({ steps: 5, drafted: 0, accepted: 0, off: "sampled" }).text, "off: sampled");
  assert.equal(lookupWords({ steps: 0, drafted: 0, accepted: 0, off: "" }).text, "");
  assert.deepEqual(lookupWords(undefined), { text: "–", value: null, title: "" });
});

test("the cache formula by hand: 30 layers of 1 K and 3 V heads of 64, 2 bytes", () => {
  const cost = cacheCost(INFO, 100, 16);
  assert.deepEqual(cost, { k: 384000, v: 1152000, k_read: 384000, v_read: 30 * 2 * 9 * 17 * 64 });
  assert.equal(cacheCost(INFO, 100, null).v_read, 1152000);
  assert.equal(cacheCost(INFO, 5, 4096).v_read, 30 * 2 * 9 * 5 * 64);
  const figures = { context: 100, k: cost.k, v: cost.v, k_read: cost.k_read, v_read: cost.v_read };
  assert.equal(formulaLines(INFO, figures, 16).same, true);
  assert.match(formulaLines(INFO, { ...figures, v: cost.v - 2 }, 16).measured, /differs by V −2 B/);
});

test("layers may differ in their K heads: the picture of a layer and the cache formula know it", () => {
  const mixed = { ...INFO, layers: 3, layer_key_heads: [1, 3, 1] }, alike = { ...INFO, layer_key_heads: [] };
  assert.deepEqual([0, 1, 2].map((layer) => atLayer(mixed, layer).key_heads), [1, 3, 1]);
  assert.equal(atLayer(alike, 1), alike);
  assert.equal(atLayer(undefined, 1), undefined);
  assert.deepEqual([keyHeads(mixed), keyHeads({ ...alike, layers: 2 })], [[1, 3, 1], [1, 1]]);
  assert.deepEqual([mixed, alike, INFO].map(keyHeadsOfAll), [5, 30, 30]);
  const cost = cacheCost(mixed, 10, 4);
  assert.deepEqual(cost, { k: 10 * 5 * 64 * 2, v: 10 * 9 * 64 * 2, k_read: 6400, v_read: 3 * 2 * 9 * 5 * 64 });
  const lines = formulaLines(mixed, { context: 10, step: 1, ...cost }, 4);
  assert.ok(lines.computed.startsWith("(5 K heads of all layers × 64 + 3 layers × 3 V heads × 64) × 2 B = 1,792 B a token; × 10 tokens"));
  assert.equal(lines.same, true);
});

test("selective V begins with the first decode step, in a column that has it", () => {
  assert.deepEqual([[16, 1], [16, 0], [null, 1]].map(([selective_k, step]) => stepTopK({ selective_k }, { step })), [16, null, null]);
});

test("a column is named by who answered in it; before, by who will", () => {
  const state = { made: { left: { model: "gqa", label: "GQA (left)" } } };
  assert.deepEqual(COLUMNS.map((column) => columnName(state, column)), ["GQA (left)", "GQA"]);
  assert.deepEqual(COLUMNS.map((column) => madeBy(null, column).model), ["sigma", "gqa"]);
});

test("the chat's address holds its settings, the column that is shown alone, and a prompt", () => {
  assert.equal(chatHash("", ""), "");
  assert.equal(chatHash("#chat?right=sigma", ""), "#chat?right=sigma");
  assert.equal(chatHash("#chat?right=sigma", "left", "a & b"), "#chat?right=sigma&wide=left&prompt=a+%26+b");
  assert.equal(chatHash("", "right"), "#chat?wide=right");
});

test("a recording is by model, and shown by column", () => {
  assert.deepEqual(byColumn({ gqa: 2, sigma: 1 }), { left: 1, right: 2 });
  assert.deepEqual(byColumn({ gqa: 2 }), { right: 2 });
  assert.equal(recordedBy({ selective_k: 16 }).left.label, "Sigma (k = 16)");
  assert.equal(recordedBy({ selective_k: null }).left.label, "Sigma");
});

test("ticks are round, and places go both ways", () => {
  assert.deepEqual(niceTicks(100, 4, false), [0, 50, 100]);
  assert.deepEqual(niceTicks(4096, 4, true), [0, 1024, 2048, 3072, 4096]);
  assert.deepEqual(niceTicks(0, 4, true), [0]);
  const layout = curveLayout(900, 248, 512, 1 << 20);
  assert.ok(Math.abs(layout.tokens(layout.x(300)) - 300) < 1e-9);
  assert.equal(layout.y(0), layout.bottom);
  assert.equal(curveLayout(390, 200, 512, 1).labels, false);
});

test("rows of heads: a point finds its head and column", () => {
  const layout = headLayout(700, INFO, 50);
  assert.equal(layout.rows.length, 9);
  assert.deepEqual(layout.rows.map((row) => row.value), [0, 0, 0, 1, 1, 1, 2, 2, 2]);
  const row = layout.rows[4];
  assert.deepEqual(layout.at(layout.left + 7.5 * layout.cell, row.y + 2), { head: 4, column: 7 });
  assert.equal(layout.at(layout.left - 1, row.y + 2), null);
});

test("two sides", () => {
  assert.deepEqual(SIDES.map(sideName), ["Sigma", "GQA"]);
  assert.deepEqual(SIDES.map(otherSide), ["gqa", "sigma"]);
});
