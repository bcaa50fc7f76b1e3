// The pure modules of the browser under fuzz: one JSON case a line comes in, one line goes out, "ok" or what is wrong.
import assert from "node:assert/strict";
import { createInterface } from "node:readline";

import { inlineParts, Lines, unpackMessage } from "../../assets/chat/message_parts.js";
import { cleanState, exploreBounds, exploreDefaults, fromHash, makeExploreState, toHash } from "../../assets/explore/state.js";
import { decodeAttention, decodeCurve } from "../../assets/shared/payload.js";

const INFO = { query_heads: 9, key_heads: 1, value_heads: 3, layers: 30 };
const RECORDED = {
  run: "recorded", recorded: true, text: "sigma", writers: ["sigma", "gqa"], tokens: 40, prompt: 30, steps: 10, first: 0, last: 38,
  info: { sigma: INFO, gqa: { ...INFO, key_heads: 3 } }, settings: { prompt: "Hello" },
};
const TYPES = { layer: "number", head: "number", step: "number", k: "number", mode: "string", side: "string", text: "string", measure: "string", log: "boolean", noSink: "boolean", mass: "number" };

const CHECKS = {
  // An address is ours or it is not; what is left of it after cleaning is a state of this run, whose own address brings it back.
  address({ hash }) {
    const link = fromHash(hash);
    if (link === null) return assert.ok(!hash.startsWith("#explore"));
    for (const run of [RECORDED, null]) {
      const problems = [], clean = cleanState(link.changes, run, problems);
      for (const words of problems) assert.ok(words.length < 200, "a complaint that quotes too much");
      for (const [name, kind] of Object.entries(TYPES)) assert.ok(!(name in clean) || typeof clean[name] === kind, name);
      assert.ok(!("key" in clean) || clean.key === null || Number.isInteger(clean.key));
      const state = makeExploreState();
      state.set(clean);
      const now = state.get();
      assert.deepEqual(Object.keys(now).sort(), Object.keys(exploreDefaults).sort());
      if (!run) continue;
      for (const [name, [low, high]] of Object.entries(exploreBounds(run))) assert.ok(!(name in clean) || (clean[name] >= low && clean[name] <= high), name);
      const fitting = { ...now, ...cleanState(now, run) };
      const again = makeExploreState();
      again.set(cleanState(fromHash(toHash(fitting, run)).changes, run));
      assert.deepEqual({ ...again.get(), run: fitting.run }, fitting);
    }
    // A question travels whole.
    if (!link.question) return;
    const live = { ...RECORDED, recorded: false, settings: link.question };
    const back = fromHash(toHash(exploreDefaults, live)).question;
    assert.equal(back.prompt, link.question.prompt);
    for (const name of Object.keys(back)) assert.equal(back[name], link.question[name]);
    return undefined;
  },

  // A message in lines is its text, read at once or as it grows.
  message({ packed, text, cuts }) {
    const found = unpackMessage(packed);
    assert.equal(found.text, text);
    const whole = new Lines(), grows = new Lines();
    whole.feed(text);
    assert.equal(whole.list.map((line) => line.text).join(""), text);
    for (const line of whole.list) assert.equal(line.pieces.map((piece) => piece.text).join(""), line.text);
    assert.equal(inlineParts(text).map((piece) => piece.text).join(""), text);
    for (const cut of cuts.map((part) => Math.floor(part * text.length)).sort((a, b) => a - b)) grows.feed(text.slice(0, cut));
    grows.feed(text);
    assert.deepEqual(grows.list, whole.list);
  },

  // What the server packed, as the page draws it.
  payload({ probe, curve, weights, marks, rows }) {
    const found = decodeAttention(probe);
    weights.forEach((row, head) => row.forEach((weight, column) => {
      const drawn = found.weight(head, column);
      assert.ok(Math.abs(drawn - weight) <= 0.06 * weight + 1.1e-5, `${drawn} for ${weight}`);
      assert.equal(found.fetched(head, column), marks === null || marks[head][column]);
    }));
    const line = decodeCurve(curve);
    assert.equal(line.points, rows.length);
    ["tokens", "k", "v", "k_read", "v_read"].forEach((name, field) => rows.forEach((row, i) => assert.ok(Math.abs(line[name][i] - row[field]) <= 1e-6 * row[field] + 1e-6)));
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { kind, ...given } = JSON.parse(line);
  let said = "ok";
  try {
    CHECKS[kind](given);
  } catch (error) {
    said = `${error.name}: ${error.message}`;
  }
  process.stdout.write(JSON.stringify(said) + "\n");
}
