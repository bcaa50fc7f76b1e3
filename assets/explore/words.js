// The explorer's words and tables: what a pair is, which V rows a step reads, where the two sides differ. Text nodes only.
import { groupsOf } from "./geometry.js";
import { mean, onGrid } from "./measures.js";
import { namedPiece, shownPiece, stepWeights } from "./payloads.js";
import { rowLook } from "./strip.js";
import { el, setText } from "../shared/dom.js";
import { mixed, nodesOf, setMixed, verbatim } from "../shared/mixed.js";
import { binary, digits, grouped, percent } from "../shared/numbers.js";
import { sideName } from "../shared/sides.js";

// Replaces a table's rows only when they say something else: a screen reader keeps its place, the page its nodes.
function fillTable(table, head, rows, caption) {
  const now = JSON.stringify([head, rows, caption]);
  if (table.dataset.now === now) return;
  table.dataset.now = now;
  const cells = (tag, row) => el("tr", {}, ...row.map((cell, i) => el(tag === "td" && i === 0 ? "th" : tag, tag === "th" || i === 0 ? { scope: tag === "th" ? "col" : "row" } : {}, el("bdi", {}, ...nodesOf(cell)))));
  const parts = [el("thead", {}, cells("th", head)), el("tbody", {}, ...rows.map((row) => cells("td", row)))];
  if (caption) parts.unshift(el("caption", {}, ...nodesOf(caption)));
  table.replaceChildren(...parts);
}

// Where a pair stands in its row: weight, rank, and the mass of everything at least as strong.
function standingOf(look, key) {
  const step = look.stepOf(key);
  if (step < 0) return null;
  let above = 0, mass = 0, total = 0;
  for (let p = 0; p < look.count; p++) {
    const other = look.stepOf(p);
    if (other < 0) continue;
    total += stepWeights[other];
    if (other > step) above++;
    if (other >= step) mass += stepWeights[other];
  }
  return { weight: stepWeights[step], rank: above + 1, mass: total > 0 ? mass / total : 0 };
}

const few = (step) => (stepWeights[step] > 0 ? "≈ " + percent(stepWeights[step]) : "under 0.001 %");

const signed = (value, places) => value.toFixed(places).replace("-", "−");
const NEAR = 0.15, LEAST = Math.log(1e-5);
// The score of a weight, ln(weight) + log-sum-exp; `exact` is the weight as the server has it, else `step` its step.
function describeScore(look, step, exact) {
  if (!look.lse) return "";
  const [low, high] = look.lse, sure = exact !== undefined && exact.lse !== null;
  if (sure) return exact.weight > 0 ? `score ${signed(Math.log(exact.weight) + exact.lse, 2)}` : `score under ${signed(exact.lse - 87, 0)}`;
  if (!(stepWeights[step] > 0)) return `score under ${signed(LEAST + high, 1)}`;
  const log = Math.log(stepWeights[step]);
  return high - low < NEAR ? `score ≈ ${signed(log + (low + high) / 2, 1)}` : `score ≈ ${signed(log + low, 1)} to ${signed(log + high, 1)}`;
}

// One sentence about a (query, key) pair of a head, in parts.
export function describePair(run, info, pair, look, more) {
  const token = (p) => mixed`${verbatim(namedPiece(run.pieces[p]))} (${grouped(p)})`;
  const { key, value } = groupsOf(info, pair.head);
  const head = mixed`${verbatim(`${sideName(pair.side)} q${pair.head} (K${key}, V${value})`)}, layer ${more.layer}`;
  if (pair.query === null || pair.query === undefined) return head;
  if (pair.key === null || pair.key === undefined) return mixed`${head}: ${token(pair.query)} attends`;
  const step = look.stepOf(pair.key), standing = standingOf(look, pair.key);
  if (!standing) return mixed`${head}: ${token(pair.query)} → ${token(pair.key)}`;
  const binned = !look.exactly && more.exact === undefined ? ", the strongest of its bin" : "";
  // A recorded run holds its weights in steps: what it has is told, not more.
  const weight = more.exact === undefined || more.exact.weight < 1e-5 ? few(more.exact ? 0 : step) : percent(more.exact.weight) + (run.recorded ? " as stored" : " exactly");
  const score = describeScore(look, step, run.recorded ? undefined : more.exact);
  const place = look.part ? "" : `, rank ${grouped(standing.rank)} of ${grouped(look.count)}, with all above it ${percent(standing.mass)} of the mass`;
  const row = more.fetched === null ? "" : more.fetched ? "; V row read" : "; V row not read, still resident";
  return mixed`${head}: ${token(pair.query)} → ${token(pair.key)}: ${score && score + ", "}weight ${weight}${binned}${place}${row}${more.locked ? " (locked)" : ""}`;
}

// Figures of every head for one k: from the server when they are there, else previewed from the curves of the step.
export function headFigures(curves, select, side, info, k) {
  const part = select && select[side];
  return Array.from({ length: info.query_heads }, (_, head) => ({
    head, value: groupsOf(info, head).value,
    captured: part ? part.captured[head] : curves ? onGrid(curves[side].captured, head, curves.grid, k) : null,
    error: part ? (part.errors ? part.errors[head] : null) : curves ? onGrid(curves[side].errors, head, curves.grid, k) : null,
    smallest: curves ? curves[side].smallest[head] : null,
    shared: part ? part.shared[head] : null,
  }));
}

// What the weight of the rows that are not read does to the heads' outputs, by each use of it.
function missingMass(part) {
  if (!part || !part.missing) return "";
  const { drop, renormalize, mean: average } = part.missing, outside = mean(part.captured.map((c) => 1 - c));
  return ` They hold ${percent(outside)} of the softmax mass on average; the heads' outputs are off by ${percent(drop)} if it is dropped, ${percent(renormalize)} if the read rows are scaled up for it (renormalised), ${percent(average)} if it goes to the mean of the rows not read.`;
}

const dash = "–";
export function showSelection(box, run, view) {
  const { curves, select, side, k, query, layer } = view, info = run.info[side];
  const figures = headFigures(curves, select, side, info, k);
  const rows = Math.min(k, query) + 1, exact = Boolean(select);
  let table = box.querySelector("table");
  if (!table) {
    box.replaceChildren(el("p", {}), el("div", { class: "ex-scroll", tabindex: "0", role: "group", "aria-label": "Figures of every head" }, el("table", { class: "ex-table" })));
    table = box.querySelector("table");
  }
  const size = info.value_head_dim * info.kv_itemsize;
  const requested = info.query_heads * rows, all = info.value_heads * (query + 1);
  const distinct = select ? select[side].distinct.reduce((a, b) => a + b, 0) : null;
  const words = side === "gqa" ? "The GQA side always reads every V row; this is what selecting would keep of it. " : "";
  setText(box.querySelector("p"), `${words}Layer ${layer}, step ${grouped(view.step)}, k = ${grouped(k)}: each head requests ${grouped(rows)} of ${grouped(query + 1)} V rows, ` +
    `together ${grouped(requested)} rows or ${binary(requested * size)} (computed)` + (distinct === null ? "" : `, ${grouped(distinct)} distinct`) +
    `; without selection every V row is read once: ${grouped(all)} rows, ${binary(all * size)}. Rows not read stay resident.` + missingMass(select && select[side]) + (exact ? "" : " Preview; exact figures follow."));
  const about = exact ? "" : "≈ ";
  fillTable(table, ["query head", "V head", "V rows read", "also read by its V group", "captured mass", "output error", "smallest k for 99 %"],
    figures.map((f) => [verbatim("q" + f.head), verbatim("V" + f.value), grouped(rows), f.shared === null ? dash : grouped(f.shared),
      f.captured === null ? dash : about + percent(f.captured), f.error === null ? dash : about + percent(f.error), f.smallest === null ? dash : grouped(f.smallest)]));
}

export function showAttention(box, run, view) {
  const { curves, side, layer, k } = view, info = run.info[side];
  if (!curves) return setText(box, "");
  const figures = headFigures(curves, view.select, side, info, k).filter((f) => f.captured !== null);
  const best = figures.reduce((a, b) => (b.captured > a.captured ? b : a)), worst = figures.reduce((a, b) => (b.captured < a.captured ? b : a));
  setText(box, `${sideName(side)}, layer ${layer}: ${grouped(k)} V rows and the current one hold ${percent(mean(figures.map((f) => f.captured)))} of the softmax mass on average; ` +
    `most in q${best.head} (${percent(best.captured)}), least in q${worst.head} (${percent(worst.captured)}). Click a cell to look at its head.`);
}

// What the writer of one of a run's texts is called.
export const writerName = (run, writer) => (run.labels && run.labels[writer]) || sideName(writer);

export function showParting(box, run) {
  const p = run.parting, other = Object.keys(run.others)[0];
  let text = "Only one side has answered.";
  if (other && p === null) text = `Both sides wrote the same ${grouped(run.steps)} tokens.`;
  else if (other) {
    const mine = run.pieces[run.prompt + p], theirs = run.others[other][p];
    const say = (side, piece) => mixed`${writerName(run, side)} ${piece === undefined ? "ended" : mixed`wrote ${verbatim(namedPiece(piece))}`}`;
    text = mixed`The answers part at step ${grouped(p)}: ${say(run.text, mine)}, ${say(other, theirs)}. Here both read ${writerName(run, run.text)}'s answer, so every step can be compared.`;
  }
  setMixed(box, text);
}

export function showNext(root, next) {
  for (const side of ["sigma", "gqa"]) {
    const table = root.querySelector(`[data-ex="next-${side}"]`), told = next && next[side];
    const other = next && next[side === "sigma" ? "gqa" : "sigma"];
    const known = new Set((other ? other.top : []).map(([, , id]) => id));
    const rows = !told ? [] : told.top.map(([piece, p, id]) => [
      verbatim(shownPiece(piece)), "█".repeat(Math.round(p * 8)) || "▏", percent(p),
      [id === next.came_id && "came", !known.has(id) && "only here"].filter(Boolean).join(", "),
    ]);
    if (told && next.came !== null && !told.top.some(([, , id]) => id === next.came_id)) {
      rows.push([verbatim(shownPiece(next.came)), "", percent(told.taken), "came"]);
    }
    fillTable(table, ["token", "", "probability", ""], rows, told ? `entropy ${digits(told.entropy)} bits` : "before the answer nothing was kept");
  }
}

export function showDivergence(table, curves) {
  const values = (curves && curves.diverge) || [];
  const order = values.map((value, head) => [value, head]).sort((a, b) => b[0] - a[0]).slice(0, 8);
  fillTable(table, ["query head", "Jensen-Shannon"], order.map(([value, head]) => [verbatim("q" + head), digits(value) + " bits"]), "0 is alike, 1 bit is nothing in common");
}

// The picture in numbers: what the chosen head attends to most, on both sides.
export function showTable(box, run, view) {
  const { rows, select, head, query, k } = view;
  let table = box.querySelector("table");
  if (!table) {
    table = el("table", { class: "ex-table" });
    box.replaceChildren(table);
  }
  if (!rows.sigma || !rows.gqa) return fillTable(table, ["position"], [], "Nothing is here yet.");
  const looks = ["sigma", "gqa"].map((side) => rowLook(rows[side], null, Math.min(head, run.info[side].query_heads - 1), query));
  const side = view.side === "gqa" ? 1 : 0;
  const order = Array.from({ length: query + 1 }, (_, p) => p).sort((a, b) => looks[side].stepOf(b) - looks[side].stepOf(a) || a - b).slice(0, 20);
  const kept = select && select.sigma;
  return fillTable(table, ["position", "token", "Sigma: weight, score", "GQA: weight, score", `V row read by Sigma, k = ${grouped(k)}`],
    order.map((p) => [grouped(p), verbatim(shownPiece(run.pieces[p])), ...looks.map((look) => [few(look.stepOf(p)), describeScore(look, look.stepOf(p))].filter(Boolean).join(", ")), !kept ? dash : kept.has(head, p) ? "yes" : "no"]),
    mixed`Layer ${view.layer}, query head ${head}, query ${verbatim(namedPiece(run.pieces[query]))} (${grouped(query)}): the ${order.length} strongest of ${grouped(query + 1)} positions${
      rows.sigma.width > 1 ? `, each with its bin's strongest weight (bins of ${rows.sigma.width})` : ""}`);
}
