// The newest token's attention, one row per query head, rows grouped by K head and bracketed by V head.
import { coloursOf, fitCanvas, pixelOf, rgbOf } from "./canvas.js";
import { headLayout } from "./head_layout.js";
import { grouped } from "./numbers.js";
import { atLayer } from "./sides.js";

// Strength 0..1 of a cell under the chosen scale; `top` is the largest weight shown.
export function strengthOf(attention, head, column, options, top) {
  if (options.log) return attention.code(head, column) / 255;
  return top > 0 ? attention.weight(head, column) / top : 0;
}

export function topWeight(attention, options) {
  let top = 0;
  for (let h = 0; h < attention.heads; h++) {
    for (let i = options.noSink ? 1 : 0; i < attention.columns; i++) top = Math.max(top, attention.weight(h, i));
  }
  return top;
}

function groupLabels(c, layout, colours) {
  c.font = colours.small;
  c.textBaseline = "middle";
  for (const kind of ["key", "value"]) {
    const groups = new Map();
    for (const row of layout.rows) groups.set(row[kind], [...(groups.get(row[kind]) || []), row]);
    for (const [index, rows] of groups) {
      const y0 = rows[0].y, y1 = rows[rows.length - 1].y + rows[0].height;
      if (kind === "key") {
        c.fillStyle = colours.k;
        c.fillRect(20, y0, 4, y1 - y0);
        c.textAlign = "right";
        c.fillText("K" + index, 16, (y0 + y1) / 2);
      } else {
        c.strokeStyle = colours.v;
        c.lineWidth = 2;
        c.beginPath();
        c.moveTo(layout.right + 5, y0 + 1);
        c.lineTo(layout.right + 11, y0 + 1);
        c.lineTo(layout.right + 11, y1 - 1);
        c.lineTo(layout.right + 5, y1 - 1);
        c.stroke();
        c.fillStyle = colours.ink;
        c.textAlign = "left";
        c.fillText("V" + index, layout.right + 17, (y0 + y1) / 2);
      }
    }
  }
  c.fillStyle = colours.soft;
  c.textAlign = "right";
  for (const row of layout.rows) c.fillText("q" + row.head, layout.left - 6, row.y + row.height / 2);
}

function foot(c, layout, colours, attention) {
  c.fillStyle = colours.soft;
  c.font = colours.small;
  c.textBaseline = "top";
  c.textAlign = "left";
  c.fillText("0", layout.left, layout.bottom + 5);
  c.textAlign = "right";
  c.fillText("key (attended) " + grouped(attention.tokens - 1), layout.right, layout.bottom + 5);
}

// All cells as one small bitmap, a pixel per column, stretched once: thousands of rectangles cost a browser without a
// graphics card more than everything else on the page.
let bitmap = null;
function drawCells(c, layout, colours, attention, options) {
  const { columns } = attention, height = Math.ceil(layout.bottom);
  bitmap = bitmap || document.createElement("canvas");
  if (bitmap.width !== columns || bitmap.height !== height) Object.assign(bitmap, { width: columns, height });
  const paint = bitmap.getContext("2d", { willReadFrequently: true });
  const image = paint.createImageData(columns, height);
  const pixels = new Uint32Array(image.data.buffer);  // little-endian: alpha, blue, green, red
  const [r, g, b] = colours.heat;
  const hue = (b << 16) | (g << 8) | r, mark = pixelOf(rgbOf(colours.v));
  const top = topWeight(attention, options);
  for (const row of layout.rows) {
    for (let i = options.noSink ? 1 : 0; i < columns; i++) {
      const fetched = attention.fetched(row.head, i);
      const strength = strengthOf(attention, row.head, i, options, top);
      // A skipped V row keeps its score (it took part in the softmax) but is dimmed and cut to half height.
      const alpha = Math.min(255, Math.round((fetched ? strength : strength * 0.45) * 255));
      const inset = fetched ? 0 : row.height >> 2;
      const marks = attention.selective && fetched ? 3 : 0;
      const value = ((alpha << 24) | hue) >>> 0;
      let at = (row.y + inset) * columns + i;
      for (let y = inset; y < row.height - inset; y++, at += columns) pixels[at] = y < row.height - marks ? value : mark;
    }
  }
  paint.putImageData(image, 0, 0);
  // Sharp, unless the screen has fewer pixels than there are columns: then they are blended, or some would be lost.
  c.imageSmoothingEnabled = layout.cell * (window.devicePixelRatio || 1) < 1;
  c.drawImage(bitmap, layout.left, 0, layout.right - layout.left, height);
  if (layout.cell < 4) return;
  c.fillStyle = colours.faint;  // wide cells stand apart
  for (let i = 1; i < columns; i++) {
    for (const row of layout.rows) c.fillRect(layout.left + i * layout.cell - 1, row.y, 1, row.height);
  }
}

export function drawAttention(canvas, attention, info, options, selection) {
  const columns = attention ? attention.columns : 1;
  info = atLayer(info, attention ? attention.layer : 0);
  const probe = headLayout(canvas.parentElement.clientWidth, info, columns);
  const { context: c, width } = fitCanvas(canvas, probe.height);
  const layout = headLayout(width, info, columns);
  const colours = coloursOf(canvas);
  groupLabels(c, layout, colours);
  for (const row of layout.rows) {
    c.fillStyle = colours.faint;
    c.fillRect(layout.left, row.y, layout.right - layout.left, row.height);
  }
  if (!attention) return layout;
  drawCells(c, layout, colours, attention, options);
  if (selection && selection.column < attention.columns) {
    const x = layout.left + selection.column * layout.cell;
    c.strokeStyle = colours.ink;
    c.lineWidth = 1.5;
    c.strokeRect(x - 1, layout.top - 2, Math.max(layout.cell, 3) + 1, layout.bottom - layout.top + 3);
    const row = layout.rows[selection.head];
    if (row) c.strokeRect(layout.left - 1, row.y - 1, layout.right - layout.left + 2, row.height + 2);
  }
  foot(c, layout, colours, attention);
  return layout;
}
