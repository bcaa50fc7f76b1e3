// Payload strings to numbers. The other half of visualizers/shared/packing.py.

const DECADES = 5;
const CURVE_FIELDS = ["tokens", "k", "v", "k_read", "v_read"];

// Base64 to bytes.
export function bytesOf(text) {
  const raw = atob(text);
  const out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
  return out;
}

// Weight of every uint8 code: 255 is 1, 0 is 10^-5 or less and drawn as nothing.
const WEIGHTS = Float32Array.from({ length: 256 }, (_, c) => (c === 0 ? 0 : Math.pow(10, (c / 255 - 1) * DECADES)));

export function decodeAttention(packed) {
  if (!packed) return null;
  const codes = bytesOf(packed.codes);
  const stride = Math.ceil(packed.columns / 8);
  const bits = packed.marks === null ? null : bytesOf(packed.marks);
  return Object.assign({}, packed, {
    codes,
    code: (head, column) => codes[head * packed.columns + column],
    weight: (head, column) => WEIGHTS[codes[head * packed.columns + column]],
    fetched: (head, column) => bits === null || (bits[head * stride + (column >> 3)] & (128 >> (column & 7))) !== 0,
    selective: bits !== null,
  });
}

export function decodeCurve(packed) {
  const n = packed.points;
  const view = new DataView(bytesOf(packed.data).buffer);
  const curve = { points: n };
  CURVE_FIELDS.forEach((name, f) => {
    curve[name] = Array.from({ length: n }, (_, i) => view.getUint16((f * n + i) * 2, true) * packed.unit[f]);
  });
  return curve;
}
