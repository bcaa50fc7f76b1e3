// Where the explorer's pictures go, in CSS pixels. Nothing here draws.

// The K head and the V head that a query head shares with others.
export function groupsOf(info, head) {
  return { key: Math.floor((head * info.key_heads) / info.query_heads), value: Math.floor((head * info.value_heads) / info.query_heads) };
}

// How many small maps stand in a row: as many as fit, whole V groups, and no K group broken unevenly.
function headColumns(width, info) {
  const perKey = info.query_heads / info.key_heads, perValue = info.query_heads / info.value_heads;
  const least = info.query_heads <= 12 ? 92 : 46;
  const most = Math.max(1, Math.floor(width / least));
  const divides = (whole, part) => whole % part === 0;
  let best = 1;
  for (let c = 1; c <= Math.min(most, info.query_heads); c++) {
    const keeps = divides(c, perValue) || divides(perValue, c);
    const even = divides(perKey, c) || divides(c, perKey);
    if (keeps && even) best = c;
  }
  return best;
}

// Small maps of all query heads: framed by K head, bracketed by V head. Any counts that divide.
export function headsLayout(width, info) {
  const perKey = info.query_heads / info.key_heads;
  const columns = headColumns(width - 34, info);
  const left = 30, gap = 8, label = 16, bracket = 17, groupGap = 8;
  const size = Math.max(24, Math.min(220, Math.floor((width - left - 6 - gap * (columns - 1)) / columns)));
  const cells = [];
  let y = 4;
  for (let head = 0; head < info.query_heads; head++) {
    const column = head % columns;
    if (head > 0 && column === 0) {
      y += label + size + bracket;
      if (Math.floor(head / perKey) !== Math.floor((head - 1) / perKey)) y += groupGap;
    }
    cells.push({
      head, ...groupsOf(info, head),
      x: left + column * (size + gap), y: y + label, size,
    });
  }
  return {
    left, columns, size, label, cells, height: y + label + size + bracket + 4,
    at: (x, py) => cells.find((c) => x >= c.x && x < c.x + c.size && py >= c.y && py < c.y + c.size) || null,
  };
}

// The groups of a layout that stand side by side, for brackets and frames: one entry per row of the grid and group.
export function groupSpans(layout, kind) {
  const spans = [];
  for (const cell of layout.cells) {
    const last = spans[spans.length - 1];
    if (last && last.index === cell[kind] && last.y === cell.y) last.x1 = cell.x + cell.size;
    else spans.push({ index: cell[kind], y: cell.y, x0: cell.x, x1: cell.x + cell.size, size: cell.size });
  }
  return spans;
}

// From a place in a square map to the (query, key) pair, or null above the diagonal; and back.
export function pairAt(map, px, py, size) {
  const row = Math.floor((py / size) * map.rows), column = Math.floor((px / size) * map.columns);
  if (row < 0 || row >= map.rows || column < 0 || column >= map.seen[row]) return null;
  const query = Math.min(map.q1 - 1, map.q0 + row * map.width), key = map.k0 + column * map.width;
  // In a bin, its last query: that is the one that can see all of the bin's keys.
  const lastQuery = Math.min(map.q1 - 1, query + map.width - 1);
  return { query: map.width > 1 ? lastQuery : query, key, width: map.width };
}
export function placeOf(map, query, key, size) {
  const row = Math.floor((query - map.q0) / map.width), column = Math.floor((key - map.k0) / map.width);
  return {
    inside: row >= 0 && row < map.rows && column >= 0 && column < map.columns,
    x: (column / map.columns) * size, y: (row / map.rows) * size, w: size / map.columns, h: size / map.rows,
  };
}

export function largeLayout(width) {
  const left = 46, top = 24;
  const size = Math.max(120, Math.min(520, width - left - 8));
  return { left, top, size, height: top + size + 10 };
}

// A grid of layers x heads.
export function overviewLayout(width, layers, heads) {
  const left = 30, top = 16;
  const cell = Math.max(4, Math.min(40, Math.floor((width - left - 4) / heads)));
  const row = Math.max(5, Math.min(16, Math.floor(330 / layers)));
  return {
    left, top, cell, row, height: top + layers * row + 6,
    at: (x, y) => {
      const head = Math.floor((x - left) / cell), layer = Math.floor((y - top) / row);
      return head >= 0 && head < heads && layer >= 0 && layer < layers ? { layer, head } : null;
    },
  };
}

// A picture over the steps: rows or a curve, time to the right.
export function stepsLayout(width, height, steps) {
  const left = 46, right = 8, top = 8, bottom = 22;
  const w = Math.max(10, width - left - right);
  return {
    left, top, width: w, right: left + w, bottom: height - bottom, height: height - top - bottom, steps,
    x: (step) => left + ((step + 0.5) / Math.max(1, steps)) * w,
    step: (x) => Math.max(0, Math.min(steps - 1, Math.floor(((x - left) / w) * steps))),
  };
}
