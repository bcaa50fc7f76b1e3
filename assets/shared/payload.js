// Payload strings to numbers, and numbers to text. The other half of visualizers/shared/packing.py.
window.Sigma = window.Sigma || {};
(function (S) {
  "use strict";
  const DECADES = 5;
  const CURVE_FIELDS = ["tokens", "k", "v", "k_read", "v_read"];

  function bytes(text) {
    const raw = atob(text);
    const out = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
    return out;
  }

  // Weight of every uint8 code: 255 is 1, 0 is 10^-5 or less and drawn as nothing.
  const WEIGHTS = Float32Array.from({ length: 256 }, (_, c) => (c === 0 ? 0 : Math.pow(10, (c / 255 - 1) * DECADES)));

  S.decodeAttention = function (packed) {
    if (!packed) return null;
    const codes = bytes(packed.codes);
    const stride = Math.ceil(packed.columns / 8);
    const bits = packed.marks === null ? null : bytes(packed.marks);
    return Object.assign({}, packed, {
      codes,
      code: (head, column) => codes[head * packed.columns + column],
      weight: (head, column) => WEIGHTS[codes[head * packed.columns + column]],
      fetched: (head, column) => bits === null || (bits[head * stride + (column >> 3)] & (128 >> (column & 7))) !== 0,
      selective: bits !== null,
    });
  };

  S.decodeCurve = function (packed) {
    const n = packed.points;
    const view = new DataView(bytes(packed.data).buffer);
    const curve = { points: n };
    CURVE_FIELDS.forEach((name, f) => {
      curve[name] = Array.from({ length: n }, (_, i) => view.getUint16((f * n + i) * 2, true) * packed.unit[f]);
    });
    return curve;
  };

  // Three significant digits, as everywhere on the page.
  S.digits = function (value) {
    if (value >= 999.5) return S.count(Math.round(value));
    if (value === 0) return "0";
    const near = Number(value.toPrecision(3));  // 99.97 is 100, not 100.0
    return near.toFixed(Math.min(Math.max(0, 2 - Math.floor(Math.log10(Math.abs(near)))), 3));
  };

  const UNITS = [["B", "byte"], ["KiB", "kibibyte"], ["MiB", "mebibyte"], ["GiB", "gibibyte"]];
  function scaled(value) {
    if (value === 0) return ["0", 0];
    let step = Math.min(3, Math.floor(Math.log2(value) / 10));
    // 1,013 KiB would be four digits: from 1,000 on the next unit is used.
    if (step < 3 && value / Math.pow(1024, step) >= 999.5) step += 1;
    return [step === 0 ? S.count(value) : S.digits(value / Math.pow(1024, step)), step];
  }

  // Bytes for the eye, "2.03 MiB", and for the ear, "2.03 mebibytes".
  S.binary = function (value) {
    const [number, step] = scaled(value);
    return number + " " + UNITS[step][0];
  };
  S.spoken = function (value) {
    const [number, step] = scaled(value);
    return number + " " + UNITS[step][1] + (value === 1 ? "" : "s");
  };

  S.duration = function (ms) {
    return ms >= 999.5 ? S.digits(ms / 1000) + " s" : S.digits(ms) + " ms";
  };

  const whole = new Intl.NumberFormat("en-US");
  S.count = (value) => whole.format(value);
  // What is nearly all is not all; one part in a million is the rounding of a sum.
  S.percent = (part) => (part >= 0.9995 && part < 1 - 1e-6 ? "> 99.9 %" : S.digits(part * 100) + " %");
})(window.Sigma);
