// The KV-cache curve, both columns on the same axes. Areas are resident bytes, V below and K on top of it: the left one filled,
// the right one hatched behind it. Lines are the bytes that the newest step read, V and K on top of it: left solid, right dashed.
import { curveLayout, niceTicks } from "./curve_layout.js";
import { curvePoint, readsAll } from "./curve_points.js";
import { coloursOf, fitCanvas } from "../shared/canvas.js";
import { columnName } from "../shared/columns.js";
import { binary, grouped } from "../shared/numbers.js";

const sum = (a, b) => a.map((value, i) => value + b[i]);
const last = (values) => values[values.length - 1] || 0;

function path(c, xs, ys, layout, from) {
  xs.forEach((x, i) => c[i === 0 && from ? "moveTo" : "lineTo"](layout.x(x), layout.y(ys[i])));
}

// `fills`: [colour or pattern, opacity], one over the other.
function area(c, curve, lower, upper, layout, fills) {
  c.beginPath();
  path(c, curve.tokens, upper, layout, true);
  path(c, curve.tokens.slice().reverse(), lower.slice().reverse(), layout, false);
  c.closePath();
  for (const [fill, opacity] of fills) {
    c.fillStyle = fill;
    c.globalAlpha = opacity;
    c.fill();
  }
  c.globalAlpha = 1;
}

// On a line of its own paper, so that it is seen on an area of its own colour too.
function line(c, curve, values, layout, colours, colour, width, dash) {
  c.beginPath();
  path(c, curve.tokens, values, layout, true);
  c.strokeStyle = colours.paper;
  c.lineWidth = width + 1.5;
  c.stroke();
  c.strokeStyle = colour;
  c.lineWidth = width;
  c.setLineDash(dash);
  c.stroke();
  c.setLineDash([]);
}

// Diagonal stripes of one colour; kept, because a pattern costs more to make than to draw.
const patterns = new Map();
function hatch(c, colour) {
  const ratio = window.devicePixelRatio || 1, key = colour + ratio;
  if (!patterns.has(key)) {
    const size = Math.round(6 * ratio), tile = Object.assign(document.createElement("canvas"), { width: size, height: size });
    const p = tile.getContext("2d");
    p.strokeStyle = colour;
    p.lineWidth = 1.3 * ratio;
    for (const shift of [-size, 0, size]) {
      p.moveTo(shift - 1, size + 1);
      p.lineTo(shift + size + 1, -1);
    }
    p.stroke();
    const pattern = c.createPattern(tile, "repeat");
    pattern.setTransform(new DOMMatrix().scale(1 / ratio));
    patterns.set(key, pattern);
  }
  return patterns.get(key);
}

function axes(c, layout, colours, maxTokens, maxBytes) {
  c.font = colours.small;
  c.textBaseline = "middle";
  for (const value of niceTicks(maxBytes, 4, true)) {
    const y = Math.round(layout.y(value)) + 0.5;
    c.strokeStyle = colours.line;
    c.lineWidth = 1;
    c.beginPath();
    c.moveTo(layout.left, y);
    c.lineTo(layout.right, y);
    c.stroke();
    c.fillStyle = colours.soft;
    c.textAlign = "right";
    c.fillText(binary(value), layout.left - 8, y);
  }
  c.textAlign = "center";
  c.textBaseline = "top";
  const ticks = niceTicks(maxTokens, Math.max(3, Math.floor(layout.width / 110)), false);
  const unit = layout.labels ? null : c.measureText("tokens").width;
  for (const value of ticks) {
    // On a phone the unit stands at the right end of the axis itself, in the place of a tick's number.
    if (unit && layout.x(value) > layout.right - unit - 14) continue;
    c.fillText(grouped(value), layout.x(value), layout.bottom + 6);
  }
  c.textAlign = layout.labels ? "left" : "right";
  c.fillText(layout.labels ? "tokens in the cache" : "tokens", layout.labels ? layout.right + 26 : layout.right, layout.bottom + 6);
}

// What stands at the end of a column's curve: what it holds, and what it read where that is something else.
function endings(name, curve, longest) {
  const point = curvePoint(curve, null), all = readsAll(point);
  const block = (title, k, v, rest) => ({
    tokens: point.tokens, bytes: k + v, title: `${title} ${binary(k + v)}`,
    where: point.tokens < 0.95 * longest ? ` at ${grouped(point.tokens)} tokens` : "", detail: `K ${binary(k)}, V ${binary(v)}${rest}`,
  });
  const held = block(name, point.k, point.v, all ? ", all read" : "");
  return all ? [held] : [held, block(name + " read", point.k_read, point.v_read, "")];
}

// Pushed apart so that they never overlap, and kept inside the picture.
function spread(ys, gap, top, bottom) {
  let free = top;
  const down = ys.map((y) => (free = Math.max(y, free) + gap) - gap);
  let limit = bottom;
  return down.reverse().map((y) => (limit = Math.min(y, limit) - gap) + gap).reverse();
}

function endLabels(c, layout, colours, items) {
  items.sort((a, b) => b.bytes - a.bytes);
  c.textBaseline = "middle";
  if (!layout.labels) return narrowLabels(c, layout, colours, items);
  c.textAlign = "left";
  const ys = spread(items.map((item) => layout.y(item.bytes)), 34, layout.top, layout.bottom - 20);
  items.forEach((item, i) => {
    const x = layout.right + 10, y = ys[i];
    c.font = colours.small;
    c.fillStyle = colours.ink;
    c.fillText(item.title + item.where, x, y);
    c.fillStyle = colours.soft;
    c.fillText(item.detail, x, y + 14);
  });
}

// Without room beside the curve, names and sums stand above the ends of their lines; the readout has the rest.
function narrowLabels(c, layout, colours, items) {
  c.font = colours.small;
  c.textAlign = "right";
  const ys = spread(items.map((item) => layout.y(item.bytes) - 9), 14, layout.top - 2, layout.bottom - 4);
  items.forEach((item, i) => {
    const x = Math.min(layout.x(item.tokens), layout.right) - 2;
    c.strokeStyle = colours.paper;
    c.lineWidth = 4;
    c.lineJoin = "round";
    c.strokeText(item.title, x, ys[i]);
    c.fillStyle = colours.ink;
    c.fillText(item.title, x, ys[i]);
  });
}

function dot(c, x, y, colour, paper, hollow) {
  c.beginPath();
  c.arc(x, y, 4, 0, 7);
  c.fillStyle = hollow ? paper : colour;
  c.fill();
  c.strokeStyle = hollow ? colour : paper;
  c.lineWidth = hollow ? 2 : 1;
  c.stroke();
}

// The chosen number of tokens: a rule, and on it the bytes read, the left column's filled and the right one's hollow.
function cursor(c, layout, colours, curves, tokens) {
  const x = Math.round(layout.x(tokens)) + 0.5;
  c.strokeStyle = colours.ink;
  c.lineWidth = 1;
  c.beginPath();
  c.moveTo(x, layout.top);
  c.lineTo(x, layout.bottom);
  c.stroke();
  for (const [column, curve] of curves) {
    const point = curvePoint(curve, tokens), hollow = column === "right", at = layout.x(point.tokens);
    dot(c, at, layout.y(point.v_read), colours.v, colours.paper, hollow);
    dot(c, at, layout.y(point.v_read + point.k_read), colours.ink, colours.paper, hollow);
  }
}

// `tokens`: the number of tokens that is being read, or null. Returns the layout.
export function drawCurve(canvas, state, tokens) {
  const narrow = canvas.parentElement.clientWidth < 520;
  const { context: c, width, height } = fitCanvas(canvas, narrow ? 200 : 248);
  const colours = coloursOf(canvas);
  // The right one first: it lies behind.
  const curves = ["right", "left"].map((column) => [column, state.sides[column] && state.sides[column].curve]).filter(([, curve]) => curve && curve.points > 0);
  const longest = Math.max(0, ...curves.map(([, curve]) => last(curve.tokens))), maxTokens = Math.max(32, longest);
  const tops = curves.map(([, curve]) => Math.max(...sum(curve.k, curve.v), ...sum(curve.k_read, curve.v_read)));
  const maxBytes = Math.max(1 << 18, ...tops) * 1.06;
  const layout = curveLayout(width, height, maxTokens, maxBytes);
  axes(c, layout, colours, maxTokens, maxBytes);
  for (const [column, curve] of curves) {
    const fills = (colour, opacity) => (column === "right" ? [[colours.faint, 1], [hatch(c, colour), 0.8]] : [[colours.paper, 1], [colour, opacity]]);
    area(c, curve, curve.v.map(() => 0), curve.v, layout, fills(colours.v, 0.55));
    area(c, curve, curve.v, sum(curve.v, curve.k), layout, fills(colours.k, 0.85));
  }
  for (const [column, curve] of curves) {
    const [width, dash] = column === "right" ? [1.75, [6, 4]] : [2.25, []];
    line(c, curve, curve.v_read, layout, colours, colours.v, width, dash);
    line(c, curve, sum(curve.v_read, curve.k_read), layout, colours, colours.ink, width, dash);
  }
  if (tokens !== null) cursor(c, layout, colours, curves, tokens);
  endLabels(c, layout, colours, curves.flatMap(([column, curve]) => endings(columnName(state, column), curve, longest)));
  return layout;
}
