// Compares the Memory tab as the browser computes it with what the server answered: see test_same_answers.py.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { Memory } from "../../../assets/static/kv_figures.js";

const { rules, infos, forms, measured } = JSON.parse(readFileSync(process.env.SIGMA_CASES, "utf-8"));
const memory = new Memory(rules, infos);
for (const [form, wanted] of forms) {
  assert.deepEqual(JSON.parse(await memory.project(form)), wanted, JSON.stringify(form));
}
for (const [given, wanted] of measured) assert.deepEqual(JSON.parse(await memory.check(given)), wanted);
console.log(`${forms.length} forms`);
