// Where the KV-cache curve goes: ticks and scales in CSS pixels. Nothing here draws.
// The largest "nice" step that gives about `wanted` ticks from 0 to `top`; powers of two for bytes.

export function niceTicks(top, wanted, powersOfTwo) {
  if (top <= 0) return [0];
  const rough = top / wanted;
  const base = powersOfTwo ? Math.pow(2, Math.ceil(Math.log2(rough))) : Math.pow(10, Math.floor(Math.log10(rough)));
  const step = powersOfTwo ? base : [1, 2, 5, 10].map((m) => m * base).find((s) => s >= rough);
  const out = [];
  for (let t = 0; t <= top * 1.0001; t += step) out.push(t);
  return out;
}

export function curveLayout(width, height, maxTokens, maxBytes) {
  const left = 66, right = width < 520 ? 12 : 196, top = 12, bottom = 30;
  const w = Math.max(10, width - left - right), h = Math.max(10, height - top - bottom);
  return {
    left, top, width: w, height: h, right: left + w, bottom: top + h, labels: right > 100,
    x: (tokens) => left + (tokens / Math.max(1, maxTokens)) * w,
    y: (bytes) => top + h - (bytes / Math.max(1, maxBytes)) * h,
    tokens: (x) => ((x - left) / w) * maxTokens,
  };
}
