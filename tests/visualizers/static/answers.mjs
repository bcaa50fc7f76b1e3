// Compares the explorer's answers as the browser computes them with the server's: see test_same_answers.py.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { Asked } from "../../../assets/static/asked.js";
import { bytesOf } from "../../../assets/shared/payload.js";

const { data, cases, refused = [] } = JSON.parse(readFileSync(process.env.SIGMA_CASES, "utf-8"));
const asked = new Asked(async () => data);
const ask = async (question) => JSON.parse(await asked.ask(JSON.stringify(question)));

// NumPy adds up a row's 32-bit numbers in another order: its weights may differ in the last bit, and only they.
const floatsOf = (text) => [...new Float32Array(bytesOf(text).buffer)];
function nearly(found, wanted, where) {
  assert.equal(found.length, wanted.length, where);
  found.forEach((value, i) => assert.ok(Math.abs(value - wanted[i]) <= 1e-7 + 3e-7 * wanted[i], `${where}: ${value} is not ${wanted[i]}`));
}

for (const [question, wanted] of cases) {
  const found = await ask(question), where = JSON.stringify(question);
  if (wanted.exact) {
    nearly(floatsOf(found.exact.weights), floatsOf(wanted.exact.weights), where);
    found.exact.weights = wanted.exact.weights;
  }
  if (wanted.numbers) {
    for (const [side, rows] of Object.entries(wanted.numbers.weights)) rows.forEach((row, head) => nearly(found.numbers.weights[side][head], row, where));
    found.numbers.weights = wanted.numbers.weights;
  }
  assert.deepEqual(found, wanted, where);
}
for (const [question, words] of refused) {
  const { error } = await ask(question);
  assert.ok(error && error.includes(words), `${JSON.stringify(question)}: ${error}`);
}
console.log(`${cases.length} answers`);
