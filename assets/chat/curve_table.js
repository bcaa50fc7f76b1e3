// The KV-cache curve as a table: the newest point of each column and some earlier ones. Filled only while it is open.
import { pointCells, tableRows } from "./curve_points.js";
import { columnName } from "../shared/columns.js";
import { binary, grouped } from "../shared/numbers.js";

function rowOf(cells) {
  const row = document.createElement("tr");
  cells.forEach((_, i) => {
    const cell = document.createElement(i ? "td" : "th");
    if (!i) cell.scope = "row";
    row.append(cell);
  });
  return row;
}

function write(cell, text, title) {
  if (cell.textContent !== text) cell.textContent = text;
  if (title && cell.title !== title) cell.title = title;
}

// Rows are kept and rewritten: what a reader has scrolled to, or a screen reader stands on, stays.
export function fillCurveTable(table, state) {
  for (const body of table.tBodies) {
    const { column } = body.dataset, data = state.sides[column], rows = tableRows(data && data.curve);
    while (body.rows.length > rows.length + 1) body.lastElementChild.remove();
    rows.forEach((point, i) => {
      const values = pointCells(point), cells = [point.tokens, ...values];
      if (!body.rows[i + 1]) body.append(rowOf(cells));
      const row = body.rows[i + 1];
      write(row.cells[0], grouped(point.tokens) + (i ? "" : " (newest)"));
      values.forEach((value, j) => write(row.cells[j + 1], binary(value), grouped(value) + " bytes"));
    });
    write(body.rows[0].cells[0], columnName(state, column) + (rows.length ? "" : ": nothing yet"));
  }
}
