// Settings -> what the Memory tab shows, where there is no server to ask: visualizers/memory/figures.py in the browser, tested to
// give the same figures and the same words.
import { chartView } from "./kv_chart.js";
import { cacheCost, fit, gqaOf, kindsOf, parameters, rowsOf, totalOf, weightBytes } from "./kv_formulas.js";
import { readForm } from "./kv_form.js";
import { amount, binary, change, digits, grouped, plural, spoken } from "./kv_units.js";
import { formulasView, kindsView } from "./kv_worked.js";
import { SIDES, keyHeads, sideName } from "../shared/sides.js";

// Whether two shapes are the same model, whatever the order of their fields.
function alike(one, other) {
  const plain = (value) => JSON.stringify(value, (_, part) => {
    if (typeof part === "bigint") return String(part);
    return part && typeof part === "object" && !Array.isArray(part) ? Object.fromEntries(Object.entries(part).sort()) : part;
  });
  return plain(one) === plain(other);
}

export class Memory {
  // `rules`: see kv_form.js; `infos`: the sides of the recorded run (sigma.events.SideInfo).
  constructor(rules, infos) {
    const models = Object.entries(rules.models).map(([name, model]) => {
      const counted = model.shape.counted === null ? null : BigInt(model.shape.counted);
      return [name, { ...model, shape: { ...model.shape, counted } }];
    });
    Object.assign(this, { rules, infos, models: Object.fromEntries(models) });
  }

  // The form as the browser has it -> a Promise of JSON {errors, view}, as the page's server answers it.
  project = async (raw) => {
    const { settings, errors } = readForm(raw, this.rules);
    return JSON.stringify({ errors, view: settings && this.#view(settings) });
  };

  // Measured bytes of the recorded run beside the formula.
  check = async (measured) => JSON.stringify(SIDES.filter((side) => this.infos[side]).flatMap((side) => {
    const { tokens, k, v, v_read: read } = measured[side] || {}, info = this.infos[side];
    if (![tokens, k, v, read].every((value) => Number.isSafeInteger(value) && value >= 0) || tokens < 1) return [];
    const kind = (layers, n_k) => ({ layers, n_k, n_v: info.value_heads, d_k: info.key_head_dim, d_v: info.value_head_dim, window: null });
    const each = keyHeads(info);
    const kinds = [...new Set(each)].map((n_k) => kind(each.filter((heads) => heads === n_k).length, n_k));
    const shape = { ...kinds[0], n_q: info.query_heads, others: kinds.slice(1) };
    const cost = cacheCost(shape, tokens, 1, 8 * info.kv_itemsize, null), pair = (given, found) => [amount(BigInt(given)), amount(found)];
    return [{
      name: sideName(side), tokens: grouped(tokens), k: pair(k, cost.k_resident), v: pair(v, cost.v_resident), v_read: amount(BigInt(read)),
      same: BigInt(k) === cost.k_resident && BigInt(v) === cost.v_resident,
    }];
  }));

  #view(s) {
    const sigma = cacheCost(s.shape, s.tokens, s.batch, s.bits, s.top_k), gqa = cacheCost(s.gqa, s.tokens, s.batch, s.bits, null);
    return {
      name: this.#modelName(s), side: this.#sideName(s), gqa: `GQA-${s.gqa.n_k}`,
      use: `${plural(s.tokens, "token")}, ${plural(s.batch, "sequence")}, ${s.bits}-bit cache`,
      headline: this.#headline(s, sigma, gqa), rows: rowsView(s, sigma, gqa), kinds: kindsView(s, sigma),
      formulas: formulasView(s, sigma, gqa), fit: this.#fits(s), notes: this.#notes(s, sigma, gqa),
      chart: chartView(s, this.rules.contexts, this.#sideName(s)), summary: this.#summary(s, sigma, gqa),
    };
  }

  #unchanged(s) {
    const model = this.models[s.preset];
    return alike(s.shape, model.shape) && alike(s.gqa, gqaOf(model.shape, model.gqa));
  }

  #modelName(s) {
    const { name } = this.models[s.preset];
    return this.#unchanged(s) ? name : `your own, from ${name}`;
  }

  #sideName(s) {
    const model = this.models[s.preset];
    if (model.sigma) return "Sigma";
    return this.#unchanged(s) ? model.name : "Your model";
  }

  // The three quantities that are never mixed.
  #headline(s, sigma, gqa) {
    const side = this.#sideName(s), most = Math.max(...kindsOf(s.shape).map((kind) => rowsOf(kind, s.tokens))) - 1;
    const saved = change(sigma.resident, gqa.resident).replace(/^[−+]+/, "") + (sigma.resident < gqa.resident ? " less" : " more");
    const k = s.top_k === null ? "all rows" : `top ${grouped(Math.min(s.top_k, most))} rows per query head`;
    return [
      {
        id: "resident", title: `${side}: K + V resident`, ...amount(sigma.resident),
        detail: `K ${binary(sigma.k_resident)}, V ${binary(sigma.v_resident)}`,
      },
      { id: "v_read", title: `${side}: V read, one step`, ...amount(sigma.v_read), detail: `${k}; K read besides: ${binary(sigma.k_read)}` },
      {
        id: "gqa", title: `GQA-${s.gqa.n_k}: K + V resident`, ...amount(gqa.resident),
        detail: `all of it read at each step; ${side} holds ${sigma.resident === gqa.resident ? "as much" : saved}`,
      },
    ];
  }

  // How many sequences fit, for both; how the weights were counted.
  #fits(s) {
    const sides = [[this.#sideName(s), s.shape], [`GQA-${s.gqa.n_k}`, s.gqa]].map(([name, shape]) => {
      const counted = parameters(shape), total = totalOf(counted), weights = weightBytes(total, s.weight_bits), many = Number(total);
      const found = fit(shape, s.memory, weights, s.tokens, s.batch, s.bits);
      return {
        name, sequences: Number(found.sequences), context: found.context,
        parameters: many >= 1e9 ? `${digits(many / 1e9)} billion` : `${digits(many / 1e6)} million`,
        parts: Object.entries(counted).filter(([, n]) => n).map(([part, n]) => `${part} ${digits(Number(n) / 1e6)}M`).join(", "),
        weights: s.weight_bits ? amount(weights) : null, room: amount(found.room), text: fitText(s, name, found),
      };
    });
    return { memory: amount(s.memory), sides };
  }

  // What the figures do not say by themselves.
  #notes(s, sigma, gqa) {
    const said = [], side = this.#sideName(s);
    if (s.top_k !== null) said.push("Selective V reads fewer V rows; the others stay resident.");
    if (s.top_k !== null && sigma.v_read > sigma.v_resident) {
      const heads = [...new Set(kindsOf(s.shape).map((kind) => kind.n_v))].join(" or ");
      said.push(`Here selective V asks for more than all of V (${binary(sigma.v_read)} against ${binary(sigma.v_resident)}): ` +
        `each of ${s.shape.n_q} query heads fetches its own rows, and only ${heads} V heads hold them. ` +
        "It pays at longer contexts or a smaller k.");
    }
    if (sigma.resident > gqa.resident) said.push(`With these heads ${side} holds more than GQA-${s.gqa.n_k}.`);
    if (s.bits < 16) said.push("The scales of a quantised cache come on top; they are not counted.");
    return said;
  }

  // One sentence for a screen reader, units in words.
  #summary(s, sigma, gqa) {
    const { sides } = this.#fits(s);
    return `${this.#modelName(s)}, ${plural(s.tokens, "token")}, ${plural(s.batch, "sequence")}: ${spoken(sigma.resident)} resident, ` +
      `${spoken(sigma.v_read)} of V read in one step; GQA-${s.gqa.n_k} needs ${spoken(gqa.resident)}. ` +
      `In ${spoken(s.memory)} fit ${plural(sides[0].sequences, "sequence")}, with GQA ${grouped(sides[1].sequences)}.`;
  }
}

function fitText(s, name, found) {
  const beside = s.weight_bits ? ` beside ${binary(found.weights)} of weights` : "";
  if (found.room === 0n) return `${name}: nothing fits, the weights alone take ${binary(found.weights)}.`;
  const length = found.context === null ? "of any length" : `${plural(found.context, "token")} long`;
  return `${name}: ${plural(found.sequences, "sequence")} of ${plural(s.tokens, "token")}${beside}; ${plural(s.batch, "sequence")} may be ${length}.`;
}

// Bytes by which one sequence grew with its newest token: a layer whose window is full gave as many away.
function newest(shape, s) {
  const before = s.tokens > 1 ? cacheCost(shape, s.tokens - 1, 1, s.bits, null).resident : 0n;
  return cacheCost(shape, s.tokens, 1, s.bits, null).resident - before;
}

// The table: what, Sigma, GQA, difference.
function rowsView(s, sigma, gqa) {
  const single = kindsOf(s.shape).every((kind) => !kind.window);
  const entries = [
    [single ? "Resident per token, one sequence" : "Newest token adds, one sequence", "", newest(s.shape, s), newest(s.gqa, s)],
    ["K resident", "k", sigma.k_resident, gqa.k_resident],
    ["V resident", "v", sigma.v_resident, gqa.v_resident],
    ["K + V resident", "sum", sigma.resident, gqa.resident],
    ["K read, one step", "k", sigma.k_read, gqa.k_read],
    ["V read, one step", "v", sigma.v_read, gqa.v_read],
    ["K + V read, one step", "sum", sigma.read, gqa.read],
  ];
  return entries.map(([name, kind, a, b]) => ({ name, kind, sigma: amount(a), gqa: amount(b), change: change(a, b) }));
}
