// Numbers rounded, packed and written as the server does it: visualizers/shared/packing.py and visualizers/explore/payloads.py.

const DECADES = 5, CHUNK = 0x8000;
let letters = "";
for (let c = 32; c < 127; c++) if (!'"\\<'.includes(String.fromCharCode(c))) letters += String.fromCharCode(c);

// To the nearest whole number, halves to the even one.
export function rint(value) {
  const up = Math.round(value);
  return up - value === 0.5 && up % 2 ? up - 1 : up;
}

export function rounded(values, digits = 4) {
  const scale = 10 ** digits;
  return Array.from(values, (value) => rint(value * scale) / scale);
}

// One number, rounded as Python's round() does it; null stays null.
export const short = (value, digits) => (value === null ? null : Number(value.toFixed(digits)));

export function toBase64(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i += CHUNK) text += String.fromCharCode(...bytes.subarray(i, i + CHUNK));
  return btoa(text);
}

// A softmax weight as one character: 92 steps over five decades.
export function scoreLetter(weight) {
  const top = letters.length - 1, step = rint(top * (1 + Math.log10(Math.max(weight, 10 ** -DECADES)) / DECADES));
  return letters[Math.min(top, Math.max(0, step))];
}

export function packBytes(rows, top) {
  const wide = rows[0].length, data = new Uint8Array(rows.length * wide);
  rows.forEach((row, i) => row.forEach((value, j) => { data[i * wide + j] = Math.min(255, Math.max(0, rint(value * (255 / top)))); }));
  return { top: rint(top * 1e4) / 1e4, shape: [rows.length, wide], data: toBase64(data) };
}

// Rows of booleans as bits, each padded to whole bytes.
export function packBits(rows) {
  const stride = Math.ceil(rows[0].length / 8), data = new Uint8Array(rows.length * stride);
  rows.forEach((row, i) => row.forEach((bit, j) => { if (bit) data[i * stride + (j >> 3)] |= 128 >> (j & 7); }));
  return toBase64(data);
}

// Positions that share a column, so that `count` of them fit into `most` columns.
export const columnWidth = (count, most) => Math.max(1, Math.ceil(count / most));

// The largest of each run of `width` numbers.
export function maxPool(row, width) {
  if (width === 1) return row;
  return Array.from({ length: Math.ceil(row.length / width) }, (_, i) => {
    let most = 0;
    for (let j = i * width; j < Math.min(row.length, (i + 1) * width); j++) most = Math.max(most, row[j]);
    return most;
  });
}
