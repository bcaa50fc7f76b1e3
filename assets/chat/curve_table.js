// The KV-cache curve as a table: the newest point of each side and some earlier ones. Filled only while it is open.
(function (S) {
  "use strict";
  const EARLIER = 8;
  const NAMES = { sigma: "Sigma", gqa: "GQA" };

  // The newest point and those nearest to multiples of a power of two, so that rows stay while the curve grows.
  S.tableRows = function (curve) {
    if (!curve || !curve.points) return [];
    const newest = S.curvePoint(curve, null), rows = [newest];
    let stride = 1;
    while (newest.tokens / stride > EARLIER) stride *= 2;
    for (let t = Math.floor(newest.tokens / stride) * stride; t > 0; t -= stride) {
      const point = S.curvePoint(curve, t);
      if (point.tokens > 0 && point.tokens < rows[rows.length - 1].tokens) rows.push(point);
    }
    return rows;
  };

  S.pointCells = (point) => [point.k, point.v, point.k + point.v, point.k_read, point.v_read, point.k_read + point.v_read];

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
  S.fillCurveTable = function (table, sides) {
    for (const body of table.tBodies) {
      const side = body.dataset.side, rows = S.tableRows(sides[side] && sides[side].curve);
      while (body.rows.length > rows.length + 1) body.lastElementChild.remove();
      rows.forEach((point, i) => {
        const values = S.pointCells(point), cells = [point.tokens, ...values];
        if (!body.rows[i + 1]) body.append(rowOf(cells));
        const row = body.rows[i + 1];
        write(row.cells[0], S.count(point.tokens) + (i ? "" : " (newest)"));
        values.forEach((value, j) => write(row.cells[j + 1], S.binary(value), S.count(value) + " bytes"));
      });
      write(body.rows[0].cells[0], NAMES[side] + (rows.length ? "" : ": nothing yet"));
    }
  };
})(window.Sigma);
