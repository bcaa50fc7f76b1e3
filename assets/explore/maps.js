// Attention maps on canvas: all heads of a layer small, one head large. Pictures and marks on separate canvases, so that
// moving the pointer redraws a few lines and no map.
import { groupSpans, placeOf } from "./geometry.js";
import { cellStrength, massThreshold } from "./measures.js";
import { stepTop, stepWeights } from "./payloads.js";
import { fitCanvas, pixelOf, rgbOf } from "../shared/canvas.js";
import { grouped } from "../shared/numbers.js";

// K heads by colour, and always by label: Okabe-Ito without V's orange and the yellow that no white page shows.
const KEY_COLOURS = ["#0072B2", "#CC79A7", "#56B4E9", "#D55E00", "#009E73"];
const keyColour = (index) => KEY_COLOURS[index % KEY_COLOURS.length];

export function mix(paper, ink, part) {
  return paper.map((p, i) => Math.round(p + (ink[i] - p) * part));
}

// Colour of every step of weight: one hue, from paper to ink (in the dark from dark to light).
function heatTable(colours, options, top, dim) {
  const paper = rgbOf(colours.paper), ink = colours.heat;
  return Uint32Array.from({ length: stepTop + 1 }, (_, step) => pixelOf(mix(paper, ink, cellStrength(step, options, top) * (dim || 1))));
}

// The strongest weight of a head's map, the sink's column left out when it is hidden.
function strongest(map, head, options) {
  let top = 0;
  for (let r = 0; r < map.rows; r++) {
    for (let c = options.noSink && map.k0 === 0 ? 1 : 0; c < map.seen[r]; c++) top = Math.max(top, map.bin(head, r, c));
  }
  return stepWeights[top];
}

// Maps of heads first .. first + count - 1, one under the other, a pixel per bin.
export function paintMaps(map, heads, colours, options) {
  const canvas = document.createElement("canvas");
  canvas.width = map.columns;
  canvas.height = map.rows * heads.length;
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(image.data.buffer);
  pixels.fill(pixelOf(rgbOf(colours.line)));  // above the diagonal: neutral, nothing was computed there
  const blank = pixelOf(rgbOf(colours.paper));
  const sink = options.noSink && map.k0 === 0;
  heads.forEach((head, place) => {
    const top = options.log ? 1 : strongest(map, head, options);
    const heat = heatTable(colours, options, top), dim = heatTable(colours, options, top, 0.3);
    for (let r = 0; r < map.rows; r++) {
      const base = head * map.perHead + map.starts[r], seen = map.seen[r];
      const start = (place * map.rows + r) * map.columns;
      const least = massThreshold((c) => (sink && c === 0 ? 0 : map.steps[base + c]), seen, options.mass);
      const kept = options.k ? keptStep(map, base, seen, options.k) : 0;
      for (let c = 0; c < seen; c++) {
        const step = map.steps[base + c];
        pixels[start + c] = step < least || (sink && c === 0) ? blank : step >= kept || c === seen - 1 ? heat[step] : dim[step];
      }
    }
  });
  context.putImageData(image, 0, 0);
  return canvas;
}

// The step of the k-th strongest earlier cell of a row: what is weaker is not fetched.
function keptStep(map, base, seen, k) {
  if (k >= seen - 1) return 0;
  const tally = new Uint32Array(stepTop + 1);
  for (let c = 0; c < seen - 1; c++) tally[map.steps[base + c]]++;
  let sum = 0;
  for (let step = stepTop; step >= 0; step--) {
    sum += tally[step];
    if (sum >= k) return step;
  }
  return 0;
}

function groups(c, layout, colours) {
  c.font = colours.small;
  for (const span of groupSpans(layout, "key")) {
    const colour = keyColour(span.index);
    c.fillStyle = colour;
    c.fillRect(span.x0, span.y - layout.label, span.x1 - span.x0, 2.5);
    if (span.x0 === layout.left) c.fillRect(layout.left - 8, span.y - layout.label, 3.5, span.size + layout.label);
  }
  let named = -1;
  c.textAlign = "right";
  c.textBaseline = "top";
  for (const cell of layout.cells) {
    if (cell.key === named || cell.x !== layout.left) continue;
    named = cell.key;
    c.fillStyle = colours.ink;
    c.fillText("K" + cell.key, layout.left - 11, cell.y);
  }
  c.textAlign = "center";
  for (const span of groupSpans(layout, "value")) {
    const y = span.y + span.size + 3;
    c.strokeStyle = colours.v;
    c.lineWidth = 2;
    c.beginPath();
    c.moveTo(span.x0 + 1, y);
    c.lineTo(span.x0 + 1, y + 5);
    c.lineTo(span.x1 - 1, y + 5);
    c.lineTo(span.x1 - 1, y);
    c.stroke();
    const middle = (span.x0 + span.x1) / 2, wide = c.measureText("V" + span.index).width + 6;
    c.fillStyle = colours.paper;
    c.fillRect(middle - wide / 2, y + 2, wide, 11);
    c.fillStyle = colours.ink;
    c.fillText("V" + span.index, middle, y + 1);
  }
  c.textAlign = "left";
  c.fillStyle = colours.soft;
  for (const cell of layout.cells) c.fillText("q" + cell.head, cell.x, cell.y - layout.label + 4);
}

// All heads; `atlas` is what paintMaps made, or null while there is nothing yet.
export function drawHeads(canvas, layout, map, atlas, colours) {
  const { context: c } = fitCanvas(canvas, layout.height);
  groups(c, layout, colours);
  for (const cell of layout.cells) {
    c.fillStyle = colours.faint;
    c.fillRect(cell.x, cell.y, cell.size, cell.size);
    if (!atlas) continue;
    c.imageSmoothingEnabled = cell.size * (window.devicePixelRatio || 1) < map.columns;
    c.drawImage(atlas, 0, cell.head * map.rows, map.columns, map.rows, cell.x, cell.y, cell.size, cell.size);
  }
}

// Lines of the current query and key in every small map, a frame around the chosen head.
export function markHeads(canvas, layout, map, colours, mark) {
  const { context: c } = fitCanvas(canvas, layout.height);
  for (const cell of layout.cells) {
    const chosen = mark.chosen === cell.head;
    c.strokeStyle = colours.ink;
    c.lineWidth = chosen ? 2.5 : 1;
    if (chosen) c.strokeRect(cell.x - 2, cell.y - 2, cell.size + 4, cell.size + 4);
    if (!map) continue;
    cross(c, map, cell.x, cell.y, cell.size, mark, colours);
  }
}

function cross(c, map, x, y, size, mark, colours) {
  const place = placeOf(map, mark.query, mark.key === null ? map.k0 : mark.key, size);
  if (!place.inside) return;
  c.strokeStyle = colours.v;
  c.lineWidth = 1;
  c.beginPath();
  c.moveTo(x, y + place.y + place.h / 2);
  c.lineTo(x + size, y + place.y + place.h / 2);
  c.stroke();
  if (mark.key === null) return;
  c.beginPath();
  c.moveTo(x + place.x + place.w / 2, y);
  c.lineTo(x + place.x + place.w / 2, y + size);
  c.stroke();
  const w = Math.max(place.w, 5), h = Math.max(place.h, 5);
  c.strokeStyle = colours.ink;
  c.lineWidth = 1.5;
  c.strokeRect(x + place.x + place.w / 2 - w / 2, y + place.y + place.h / 2 - h / 2, w, h);
}

export function drawLarge(canvas, layout, map, bitmap, colours) {
  const { context: c } = fitCanvas(canvas, layout.height);
  const { left, top, size } = layout;
  c.fillStyle = colours.faint;
  c.fillRect(left, top, size, size);
  c.font = colours.small;
  c.fillStyle = colours.soft;
  c.textBaseline = "bottom";
  c.textAlign = "left";
  c.fillText("key (attended) →", left, top - 3);
  c.save();
  c.translate(11, top + 18);  // below the first query's number, which may be long
  c.rotate(-Math.PI / 2);
  c.textAlign = "right";
  c.textBaseline = "middle";
  c.fillText("← query (attending)", 0, 0);
  c.restore();
  if (!map) return;
  c.imageSmoothingEnabled = size * (window.devicePixelRatio || 1) < map.columns;
  c.drawImage(bitmap, left, top, size, size);
  c.textAlign = "right";
  c.textBaseline = "top";
  c.fillText(grouped(map.q0), left - 5, top);
  c.textBaseline = "bottom";
  c.fillText(grouped(map.q1 - 1), left - 5, top + size);
  c.textAlign = "right";
  c.fillText(grouped(map.k0) + " – " + grouped(map.k1 - 1), left + size, top - 3);
}

export function markLarge(canvas, layout, map, colours, mark) {
  const { context: c } = fitCanvas(canvas, layout.height);
  if (map) cross(c, map, layout.left, layout.top, layout.size, mark, colours);
}
