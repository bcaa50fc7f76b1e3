// Where the rows of query heads go, in CSS pixels. Nothing here draws.

// Rows of query heads with a gap between K groups; V groups are brackets on the right.
export function headLayout(width, info, columns) {
  const left = 54, right = 44, top = 4, row = 15, gap = 6;
  const perKey = info.query_heads / info.key_heads, perValue = info.query_heads / info.value_heads;
  const rows = [];
  let y = top;
  for (let q = 0; q < info.query_heads; q++) {
    if (q > 0 && (q % perKey === 0 || q % perValue === 0)) y += gap;
    rows.push({ head: q, key: Math.floor(q / perKey), value: Math.floor(q / perValue), y, height: row });
    y += row + 1;
  }
  const cells = Math.max(10, width - left - right);
  const cell = cells / Math.max(1, columns);
  return {
    left, right: left + cells, top, cell, rows, height: y + 22, bottom: y,
    at: (x, py) => {
      const found = rows.find((r) => py >= r.y && py < r.y + r.height + 1);
      const column = Math.floor((x - left) / cell);
      return found && column >= 0 && column < columns ? { head: found.head, column } : null;
    },
  };
}
