// The explorer's other pictures: layers x heads, V rows over time, captured mass by head, the two sides over the steps.
import { stepsLayout } from "./geometry.js";
import { mix } from "./maps.js";
import { fitCanvas, rgbOf } from "../shared/canvas.js";
import { grouped } from "../shared/numbers.js";

function cells(c, x, y, w, h, colours, strength) {
  c.fillStyle = `rgb(${mix(rgbOf(colours.paper), colours.heat, Math.max(0, Math.min(1, strength))).join(",")})`;
  c.fillRect(x, y, w, h);
}

// value(layer, head) is 0..1; chosen {layer, head}.
export function drawOverview(canvas, layout, info, value, chosen, colours) {
  const { layers, query_heads: heads } = info;
  const { context: c } = fitCanvas(canvas, layout.height);
  c.font = colours.small;
  c.fillStyle = colours.soft;
  c.textBaseline = "bottom";
  c.textAlign = "left";
  c.fillText("heads 0 – " + (heads - 1), layout.left, layout.top - 3);
  c.textAlign = "right";
  c.textBaseline = "middle";
  for (let layer = 0; layer < layers; layer++) {
    const y = layout.top + layer * layout.row;
    c.fillStyle = colours.soft;
    if (layer % 5 === 0 || layer === layers - 1) c.fillText(String(layer), layout.left - 5, y + layout.row / 2);
    for (let head = 0; head < heads; head++) {
      const x = layout.left + head * layout.cell;
      const part = value ? value(layer, head) : null;
      if (part === null) {
        c.fillStyle = colours.faint;
        c.fillRect(x, y, layout.cell - 1, layout.row - 1);
      } else {
        cells(c, x, y, layout.cell - 1, layout.row - 1, colours, part);
      }
    }
  }
  c.strokeStyle = colours.v;
  c.lineWidth = 2;
  c.strokeRect(layout.left - 1, layout.top + chosen.layer * layout.row - 1, heads * layout.cell + 1, layout.row + 1);
  c.strokeStyle = colours.ink;
  c.strokeRect(layout.left + chosen.head * layout.cell - 1, layout.top + chosen.layer * layout.row - 1, layout.cell + 1, layout.row + 1);
}

function stepsAxis(c, layout, colours, offset) {
  c.font = colours.small;
  c.fillStyle = colours.soft;
  c.textBaseline = "top";
  c.textAlign = "left";
  c.fillText("step " + offset, layout.left, layout.bottom + 5);
  c.textAlign = "right";
  c.fillText(String(layout.steps - 1 + offset), layout.right, layout.bottom + 5);
}

function now(c, layout, colours, step) {
  if (step < 0 || step >= layout.steps) return;
  c.strokeStyle = colours.v;
  c.lineWidth = 1.5;
  c.strokeRect(Math.round(layout.x(step) - layout.width / layout.steps / 2) - 0.5, layout.top - 1, Math.max(3, layout.width / layout.steps) + 1, layout.height + 2);
}

// Which V rows one head reads at every step: a dark mark is a fetched row, newest text below.
export function drawTime(canvas, time, tokens, step, colours, offset) {
  const height = 200;
  const { context: c, width } = fitCanvas(canvas, height);
  const steps = time ? time.steps : 1;
  const layout = stepsLayout(width, height, steps);
  c.fillStyle = colours.faint;
  c.fillRect(layout.left, layout.top, layout.width, layout.height);
  if (time) {
    const bitmap = document.createElement("canvas");
    bitmap.width = steps;
    bitmap.height = time.columns;
    const paint = bitmap.getContext("2d"), image = paint.createImageData(steps, time.columns);
    const pixels = new Uint32Array(image.data.buffer);
    const word = (rgb) => ((255 << 24) | (rgb[2] << 16) | (rgb[1] << 8) | rgb[0]) >>> 0;
    const read = word(rgbOf(colours.v)), resident = word(rgbOf(colours.paper)), none = word(rgbOf(colours.line));
    for (let s = 0; s < steps; s++) {
      const seen = Math.floor((time.first + s) / time.width);
      for (let p = 0; p < time.columns; p++) pixels[p * steps + s] = p > seen ? none : time.has(s, p) ? read : resident;
    }
    paint.putImageData(image, 0, 0);
    c.imageSmoothingEnabled = layout.height < time.columns;
    c.drawImage(bitmap, layout.left, layout.top, layout.width, layout.height);
  }
  c.font = colours.small;
  c.fillStyle = colours.soft;
  c.textAlign = "right";
  c.textBaseline = "top";
  c.fillText("0", layout.left - 5, layout.top);
  c.textBaseline = "bottom";
  c.fillText(grouped(tokens - 1), layout.left - 5, layout.bottom);
  c.save();
  c.translate(9, layout.top + layout.height / 2);
  c.rotate(-Math.PI / 2);
  c.textAlign = "center";
  c.textBaseline = "middle";
  c.fillText("position", 0, 0);
  c.restore();
  stepsAxis(c, layout, colours, offset);
  now(c, layout, colours, step - offset);
  return layout;
}

// A histogram per head over all steps: how much of the softmax mass its k rows hold, 0 to 100 % in twenty bins.
const BINS = 20;
export function drawHistogram(canvas, captured, info, head, colours) {
  const rows = info.query_heads, row = rows > 16 ? 9 : 15;
  const { context: c, width } = fitCanvas(canvas, rows * row + 26);
  const left = 46, right = 8, w = width - left - right;
  c.font = colours.small;
  for (let h = 0; h < rows; h++) {
    const y = 4 + h * row;
    const counts = new Array(BINS).fill(0), values = [];
    for (let s = 0; captured && s < captured.shape[1]; s++) {
      const value = captured.at(h, s);
      values.push(value);
      counts[Math.min(BINS - 1, Math.floor(value * BINS))]++;
    }
    const most = Math.max(1, ...counts);
    counts.forEach((n, b) => cells(c, left + (b * w) / BINS, y, w / BINS - 1, row - 2, colours, n / most));
    if (values.length) {
      values.sort((a, b) => a - b);
      const middle = values[values.length >> 1];
      c.fillStyle = colours.v;
      c.fillRect(left + middle * w - 1.5, y - 1, 3, row);
    }
    c.fillStyle = h === head ? colours.ink : colours.soft;
    c.textAlign = "right";
    c.textBaseline = "middle";
    if (row > 10 || h % 4 === 0 || h === head) c.fillText((h === head ? "▸ q" : "q") + h, left - 5, y + row / 2 - 1);
  }
  c.fillStyle = colours.soft;
  c.textBaseline = "top";
  const y = 8 + rows * row;
  for (const [at, align] of [[0, "left"], [0.5, "center"], [1, "right"]]) {
    c.textAlign = align;
    c.fillText(at * 100 + " %", left + at * w, y);
  }
}

// Captured mass (solid) and output error (dashed) of one head over k; a line where k stands.
export function drawOverK(canvas, curves, grid, head, k, colours) {
  const height = 150;
  const { context: c, width } = fitCanvas(canvas, height);
  const left = 40, right = 10, top = 8, bottom = height - 22, w = width - left - right, h = bottom - top;
  const last = grid ? grid[grid.length - 1] : 1;
  const x = (value) => left + (last > 1 ? Math.log(value) / Math.log(last) : 0.5) * w;
  const y = (value) => bottom - value * h;
  c.font = colours.small;
  c.textBaseline = "middle";
  c.textAlign = "right";
  for (const value of [0, 0.5, 1]) {
    c.strokeStyle = colours.line;
    c.lineWidth = 1;
    c.beginPath();
    c.moveTo(left, Math.round(y(value)) + 0.5);
    c.lineTo(left + w, Math.round(y(value)) + 0.5);
    c.stroke();
    c.fillStyle = colours.soft;
    c.fillText(value * 100 + " %", left - 5, y(value));
  }
  if (!curves) return;
  const line = (curve, dash) => {
    c.strokeStyle = colours.ink;
    c.lineWidth = 2;
    c.setLineDash(dash);
    c.beginPath();
    grid.forEach((value, i) => c[i ? "lineTo" : "moveTo"](x(value), y(curve.at(head, i))));
    c.stroke();
    c.setLineDash([]);
  };
  line(curves.captured, []);
  if (curves.errors) line(curves.errors, [5, 4]);
  const at = Math.min(k, last);
  c.strokeStyle = colours.v;
  c.lineWidth = 2;
  c.beginPath();
  c.moveTo(x(at), top);
  c.lineTo(x(at), bottom);
  c.stroke();
  c.fillStyle = colours.soft;
  c.textBaseline = "top";
  c.textAlign = "left";
  c.fillText("k = 1", left, bottom + 5);
  c.textAlign = "right";
  c.fillText(grouped(last), left + w, bottom + 5);
  const k0 = Math.max(left + 44, Math.min(left + w - 30, x(at)));
  c.fillStyle = colours.ink;
  c.textAlign = "center";
  if (last > 4) c.fillText("k = " + at, k0, bottom + 5);
}

// Probability that each side gave to the token that came, over the steps; a tick below where their favourites differ.
export function drawTrack(canvas, track, step, colours) {
  const height = 150;
  const { context: c, width } = fitCanvas(canvas, height);
  const steps = track ? track.agree.length : 1;
  const layout = stepsLayout(width, height, steps);
  const y = (value) => layout.bottom - 10 - value * (layout.height - 10);
  c.font = colours.small;
  c.textBaseline = "middle";
  c.textAlign = "right";
  for (const value of [0, 0.5, 1]) {
    c.strokeStyle = colours.line;
    c.beginPath();
    c.moveTo(layout.left, Math.round(y(value)) + 0.5);
    c.lineTo(layout.right, Math.round(y(value)) + 0.5);
    c.stroke();
    c.fillStyle = colours.soft;
    c.fillText(value * 100 + " %", layout.left - 5, y(value));
  }
  if (track) {
    for (const [side, dash] of [["sigma", []], ["gqa", [5, 4]]]) {
      c.strokeStyle = colours.ink;
      c.lineWidth = side === "sigma" ? 2 : 1.5;
      c.setLineDash(dash);
      c.beginPath();
      track[side].forEach((value, i) => c[i ? "lineTo" : "moveTo"](layout.x(i), y(value || 0)));
      c.stroke();
    }
    c.setLineDash([]);
    c.fillStyle = colours.ink;
    track.agree.forEach((same, i) => {
      if (!same) c.fillRect(layout.x(i) - 1.5, layout.bottom - 6, 3, 8);
    });
  }
  stepsAxis(c, layout, colours, 0);
  now(c, layout, colours, step);
  return layout;
}
