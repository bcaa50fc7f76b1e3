// Fills the Memory tab's tables and sentences from the server's view. Text goes in as text, never as HTML.
import { grouped } from "../shared/numbers.js";

function make(tag, text, attributes) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
  return element;
}

// "2.03 GiB" for the eye, "2.03 gibibytes" for the ear, the exact count on hover and for tests.
function amount(tag, value) {
  const cell = make(tag, undefined, { "data-bytes": value.bytes, title: grouped(value.bytes) + " bytes" });
  cell.append(make("span", value.text, { "aria-hidden": "true", translate: "no" }), make("span", value.say, { class: "sr-only" }));
  return cell;
}

function headRow(names) {
  const head = make("thead"), row = make("tr");
  names.forEach((name) => row.append(make("th", name, { scope: "col" })));
  head.append(row);
  return head;
}

function table(root, names, rows) {
  const body = make("tbody");
  rows.forEach((cells) => {
    const row = make("tr");
    row.append(...cells);
    body.append(row);
  });
  root.replaceChildren(headRow(names), body);
}

export function showMemory(root, view) {
  const at = (id) => root.querySelector("#" + id);
  at("mem-name").textContent = view.name;
  at("mem-use").textContent = view.use;
  at("mem-summary").textContent = view.summary;
  at("mem-headline").replaceChildren(...view.headline.map((item) => {
    const card = make("li", undefined, { "data-headline": item.id });
    const kind = make("small", "computed", { class: "kind-tag" });
    card.append(make("h3", item.title), amount("b", item), make("p", item.detail), kind);
    return card;
  }));
  at("mem-notes").replaceChildren(...view.notes.map((note) => make("li", note)));
  table(at("mem-rows"), ["All layers", view.side, view.gqa, "difference"], view.rows.map((row) => [
    make("th", row.name, { scope: "row", "data-kind": row.kind }), amount("td", row.sigma), amount("td", row.gqa),
    make("td", row.change),
  ]));
  at("mem-formulas").replaceChildren(...view.formulas.flatMap((formula) => {
    const text = make("dd");
    text.append(make("span", formula.words, { class: "mem-words" }));
    if (formula.numbers) text.append(make("span", "= " + formula.numbers, { class: "mem-numbers", translate: "no" }));
    text.append(make("span", "= " + formula.result, { class: "mem-result", translate: "no" }));
    return [make("dt", formula.name), text];
  }));
  showKinds(at("mem-by-kind"), view.kinds);
  showFit(at("mem-fit"), view.fit);
  const names = view.chart.names;
  for (const label of root.querySelectorAll("[data-series]")) label.textContent = names[label.dataset.series];
  table(at("mem-points"), ["tokens", ...Object.values(names)], view.chart.points.map((point) => [
    make("th", point.context, { scope: "row" }), ...point.cells.map((cell) => make("td", cell)),
  ]));
}

// What layers of each kind hold; hidden where all layers keep all tokens and are alike.
function showKinds(card, kinds) {
  card.hidden = !kinds;
  if (!kinds) return;
  table(card.querySelector("#mem-kind-rows"), ["Layers", "heads × width", "rows each", "K", "V", "K + V resident"], kinds.rows.map((row) => [
    make("th", row.name, { scope: "row" }), make("td", row.heads), make("td", row.rows), amount("td", row.k), amount("td", row.v), amount("td", row.sum),
  ]));
  const text = card.querySelector("#mem-kind-text");
  text.textContent = kinds.text;
  text.dataset.full = kinds.full.bytes;
}

function showFit(root, fit) {
  const list = make("ul", undefined, { class: "mem-fit" });
  for (const side of fit.sides) {
    const item = make("li", undefined, { "data-sequences": side.sequences });
    item.append(make("b", grouped(side.sequences)), make("span", side.text));
    list.append(item);
  }
  const how = make("p", "Parameters, counted from the sizes above unless given: " + fit.sides.map((side) => `${side.name} ${side.parameters} (${side.parts})`).join("; ") + ".", { class: "note" });
  const rest = make("p", "Only weights and K and V are counted. Activations and the framework's own memory come on top.", { class: "note" });
  root.replaceChildren(list, how, rest);
}

// What the Chat tab shows now, measured on its tensors, beside the formula.
export function showMemoryCheck(root, lines, recorded) {
  const grid = make("table");
  table(grid, ["", "tokens", "K resident", "V resident", "V read, newest step", "formula"], lines.map((line) => [
    make("th", line.name, { scope: "row" }), make("td", line.tokens), amount("td", line.k[0]), amount("td", line.v[0]),
    amount("td", line.v_read),
    make("td", line.same ? "the same, to the byte" : `K ${line.k[1].text}, V ${line.v[1].text}`, { "data-same": line.same }),
  ]));
  const box = make("div", undefined, { class: "mem-scroll", tabindex: "0", role: "region", "aria-label": "Measured against computed" });
  box.append(grid);
  const from = recorded ? "the recorded run" : "the newest run of the Chat tab";
  const note = lines.length ? `Measured on the cache's tensors in ${from}; K and V resident also computed by the formula above.` : "Nothing was measured yet: run a prompt in the Chat tab.";
  document.getElementById("mem-check-kind").textContent = recorded ? "stored: recorded run" : "measured";
  root.replaceChildren(...(lines.length ? [box] : []), make("p", note, { class: "note" }));
}
