// The explorer's payloads to numbers: maps, rows, bits. The other half of visualizers/explore/payloads.py.
import { bytesOf } from "../shared/payload.js";

const DECADES = 5;
let letters = "";
for (let c = 32; c < 127; c++) if (!'"\\<'.includes(String.fromCharCode(c))) letters += String.fromCharCode(c);
const TOP = letters.length - 1;
const STEP = new Uint8Array(128);
[...letters].forEach((letter, i) => { STEP[letter.charCodeAt(0)] = i; });

// Weight of every step: the last is 1, the first 10^-5 or less and taken as nothing. Strength: the same on a log scale.
export const stepWeights = Float32Array.from({ length: TOP + 1 }, (_, i) => (i === 0 ? 0 : Math.pow(10, (i / TOP - 1) * DECADES)));
export const stepTop = TOP;

function decodeSteps(text) {
  const out = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) out[i] = STEP[text.charCodeAt(i)];
  return out;
}

// Bin columns that bin row r can see: keys up to the row's last query. As payloads.columns_of_row.
function columnsOfRow(map, row) {
  const last = map.q0 + (row + 1) * map.width - 1;
  return Math.min(Math.ceil((map.k1 - map.k0) / map.width), Math.max(0, Math.floor((last - map.k0) / map.width) + 1));
}

// Log-sum-exp of each query's scores -> lse(head, query): [least, most] over the query's bin; null where unknown.
function decodeSums(packed, heads, rows, q0, width) {
  if (!packed) return () => null;
  const data = bytesOf(packed.data), parts = data.length / (heads * rows);
  return (head, query) => {
    const at = head * rows + Math.floor((query - q0) / width), span = packed.most[head] - packed.least[head];
    const value = (part) => packed.least[head] + (data[part * heads * rows + at] / 255) * span;
    return [value(0), value(parts - 1)];
  };
}

// A binned window of maps: `step(head, query, key)` is the bin's strongest, -1 where the query cannot look.
export function decodeMap(packed) {
  if (packed.steps) return packed;
  const steps = decodeSteps(packed.codes);
  const rows = Math.ceil((packed.q1 - packed.q0) / packed.width);
  const columns = Math.ceil((packed.k1 - packed.k0) / packed.width);
  const starts = new Uint32Array(rows + 1), seen = new Uint32Array(rows);
  for (let r = 0; r < rows; r++) {
    seen[r] = columnsOfRow(packed, r);
    starts[r + 1] = starts[r] + seen[r];
  }
  const perHead = starts[rows];
  const bin = (head, r, c) => (c < seen[r] ? steps[head * perHead + starts[r] + c] : -1);
  return Object.assign({}, packed, {
    codes: null, steps, rows, columns, seen, starts, perHead, bin, lse: decodeSums(packed.lse, packed.heads, rows, packed.q0, packed.width),
    step: (head, query, key) => {
      if (query < packed.q0 || query >= packed.q1 || key < packed.k0 || key >= packed.k1 || key > query) return -1;
      return bin(head, Math.floor((query - packed.q0) / packed.width), Math.floor((key - packed.k0) / packed.width));
    },
  });
}

// Rows of one query, of every head of a side or of one: `has(head)`; `base(head)` is where a head's steps begin.
export function decodeRow(packed) {
  const steps = decodeSteps(packed.codes), columns = Math.ceil(packed.tokens / packed.width), first = packed.first || 0;
  const base = (head) => (head - first) * columns;
  return Object.assign({}, packed, {
    codes: null, steps, columns, base, lse: (head) => (packed.lse ? [packed.lse[head - first], packed.lse[head - first]] : null), has: (head) => head >= first && head < first + packed.heads,
    step: (head, key) => (key < packed.tokens ? steps[base(head) + Math.floor(key / packed.width)] : -1),
  });
}

// Numbers 0 .. top as bytes -> {shape, at(i, j)}.
export function decodeBytes(packed) {
  const data = bytesOf(packed.data), wide = packed.shape[packed.shape.length - 1] || 1;
  return { shape: packed.shape, top: packed.top, at: (i, j) => (data[i * wide + (j || 0)] / 255) * packed.top };
}

// Bits, rows of `columns` padded to whole bytes -> has(row, column).
export function decodeBits(text, columns) {
  const data = bytesOf(text), stride = Math.ceil(columns / 8);
  return (row, column) => column < columns && (data[row * stride + (column >> 3)] & (128 >> (column & 7))) !== 0;
}

export function decodeFloats(text) {
  return new Float32Array(bytesOf(text).buffer);
}

// A token for the eye: spaces and line ends visible, what has no width by its code point. Text, never markup.
const HIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/gu;
export function shownPiece(piece) {
  const text = piece.replace(/ /g, "·").replace(/\r/g, "␍").replace(/\n/g, "↵").replace(/\t/g, "⇥")
    .replace(HIDDEN, (c) => "[U+" + c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0") + "]");
  return text || "▪";
}

// For sentences: as it is spoken, short.
export const namedPiece = (piece) => "“" + shownPiece(piece).slice(0, 32) + "”";
