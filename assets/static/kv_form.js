// What a visitor may set on the Memory tab, read and checked as visualizers/memory/form.py does it. Ranges, choices and presets are
// not written down again: they are `rules`, as visualizers/static/memory.py takes them from there.
import { gqaOf } from "./kv_formulas.js";
import { grouped } from "./kv_units.js";
import { rint } from "./rounding.js";

const WIDTHS = ["d_v", "d_k"], MILLION = 1_000_000n;

// The text without the commas or blanks that part its thousands; any other comma or blank stays, to be refused.
function bareOf(text) {
  const one = text.trim().split(/\s+/).join(" ");
  if (/^[1-9][0-9]{0,2}((,[0-9]{3})+|( [0-9]{3})+)(\.[0-9]*)?[kKmM]?$/.test(one)) return one.replace(/[, ]/g, "");
  return one.replace(/ (?=[kKmM]$)/, "");
}

const asPoint = (bare) => (/^[0-9]*,[0-9]+$/.test(bare) ? bare.replace(",", ".") : bare);
const isDecimal = (bare) => /^([0-9]+(\.[0-9]*)?|\.[0-9]+)$/.test(bare);

// One number of the form; null for an empty box that may be empty. Throws an Error with what to change.
function readNumber(name, text, { least, most, empty }) {
  const bare = bareOf(text), range = `from ${grouped(least)} to ${grouped(most)}`;
  if (!bare && empty !== null) return null;
  if (!bare) throw new Error(`Enter a whole number ${range}.`);
  const match = /^([0-9]+)([kKmM]?)$/.exec(bare);
  if (!match || (match[2] && !["context", "top_k"].includes(name) && !name.endsWith("window"))) {
    throw new Error(`Enter a whole number ${range}; “${text.trim()}” is not one.`);
  }
  const value = BigInt(match[1]) << { "": 0n, k: 10n, m: 20n }[match[2].toLowerCase()];
  if (value < BigInt(least) || value > BigInt(most)) throw new Error(`Enter a number ${range}, not ${grouped(value)}.`);
  return Number(value);
}

// Bytes of a device given in GiB.
function readMemory(text, most) {
  const bare = asPoint(bareOf(text));
  if (!isDecimal(bare) || !(Number(bare) > 0 && Number(bare) <= most)) {
    throw new Error(`Enter a number of GiB above 0 and up to ${grouped(most)}, such as 80.`);
  }
  return BigInt(rint(Number(bare) * 2 ** 30));
}

// Parameters given in millions; null for an empty box.
function readCounted(text, most) {
  const bare = asPoint(bareOf(text));
  if (!bare) return null;
  const [whole, part = ""] = bare.split("."), fraction = part.replace(/0+$/, "");
  const value = isDecimal(bare) && fraction.length <= 6 ? BigInt(whole || "0") * MILLION + BigInt(fraction.padEnd(6, "0")) : 0n;
  if (value < 1n || value > BigInt(most) * MILLION) {
    throw new Error("Enter millions of parameters above 0, such as 8030.261248 for 8,030,261,248, or leave it empty.");
  }
  return value;
}

function divisorsOf(count) {
  return Array.from({ length: count }, (_, i) => i + 1).filter((n) => count % n === 0).join(", ");
}

// Numbers that are fine alone and do not fit together.
function misfits(numbers, rules) {
  const errors = {}, { n_q: queries } = numbers, prefixes = ["", ...Object.keys(rules.kinds).map((letter) => letter + "_")];
  const heads = [["gqa", "heads"], ...prefixes.flatMap((at) => ["n_k", "n_v"].map((name) => [at + name, `${name[2].toUpperCase()} heads`]))];
  for (const [name, what] of heads) {
    const count = numbers[name];
    if (queries && count && queries % count) {
      errors[name] = `${queries} query heads cannot share ${count} ${what} evenly. Possible: ${divisorsOf(queries)}.`;
    }
  }
  for (const name of prefixes.flatMap((at) => WIDTHS.map((width) => at + width))) {
    if (numbers[name] && numbers[name] % 2) {
      errors[name] = `${numbers[name]} is odd: rotary embedding turns pairs of dimensions. Enter an even number.`;
    }
  }
  for (const [letter, fields] of Object.entries(rules.kinds)) {
    if (numbers[letter + "_layers"] === null && fields.some((name) => numbers[name])) {
      errors[letter + "_layers"] = "Enter how many layers are of this kind, or empty its other boxes.";
    }
  }
  return errors;
}

function settingsOf(text, numbers, rules) {
  const kind = (letter) => {
    const own = (name) => numbers[`${letter}_${name}`] || numbers[name];
    return {
      layers: numbers[letter + "_layers"], n_k: own("n_k"), n_v: own("n_v"), d_k: own("d_k"), d_v: own("d_v"),
      window: numbers[letter + "_window"],
    };
  };
  const { layers, n_q, n_k, n_v, d_k, d_v, window, hidden, ffn, vocabulary, augmented, counted } = numbers;
  const shape = {
    layers, n_q, n_k, n_v, d_k, d_v, window, hidden, ffn, vocabulary, augmented, counted, tied: text.tied === "yes",
    others: Object.keys(rules.kinds).filter((letter) => numbers[letter + "_layers"]).map(kind),
  };
  return {
    preset: text.preset, shape, gqa: gqaOf(shape, numbers.gqa), tokens: numbers.context, batch: numbers.batch,
    bits: rules.kv[text.kv], top_k: numbers.top_k, memory: numbers.memory, weight_bits: rules.weights[text.weights],
  };
}

// What is wrong with the fields before any is read as a number.
function refused(given, rules) {
  const errors = {};
  for (const [name, value] of Object.entries(given)) {
    if (typeof value !== "string" || [...value].length > rules.longest) errors[name] = "Enter a shorter value.";
    if (name in rules.choices && (name in errors || !rules.choices[name].includes(value))) {
      errors[name] = `Choose one of: ${rules.choices[name].join(", ")}.`;
    }
  }
  return errors;
}

// The form, {field: text}: {settings} or {errors: {field: message}}.
export function readForm(raw, rules) {
  const { numbers: fields, choices } = rules, known = [...Object.keys(choices), ...Object.keys(fields), "counted", "memory"];
  const given = Object.fromEntries(known.filter((name) => Object.hasOwn(raw, name)).map((name) => [name, raw[name]]));
  const errors = refused(given, rules);
  if ("preset" in errors) return { settings: null, errors };
  const text = { ...rules.presets[given.preset ?? rules.first], ...given }, numbers = {};
  const special = { counted: () => readCounted(text.counted, rules.most.counted), memory: () => readMemory(text.memory, rules.most.memory) };
  for (const name of [...Object.keys(fields), ...Object.keys(special)]) {
    if (name in errors) continue;
    try {
      numbers[name] = name in special ? special[name]() : readNumber(name, text[name], fields[name]);
    } catch (error) {
      errors[name] = error.message;
    }
  }
  const all = { ...misfits(numbers, rules), ...errors };
  return Object.keys(all).length ? { settings: null, errors: all } : { settings: settingsOf(text, numbers, rules), errors: {} };
}
