// Where things go: sizes, scales and hit tests in CSS pixels. Nothing here draws.
(function (S) {
  "use strict";

  // The largest "nice" step that gives about `wanted` ticks from 0 to `top`; powers of two for bytes.
  S.ticks = function (top, wanted, binary) {
    if (top <= 0) return [0];
    const rough = top / wanted;
    const base = binary ? Math.pow(2, Math.ceil(Math.log2(rough))) : Math.pow(10, Math.floor(Math.log10(rough)));
    const step = binary ? base : [1, 2, 5, 10].map((m) => m * base).find((s) => s >= rough);
    const out = [];
    for (let t = 0; t <= top * 1.0001; t += step) out.push(t);
    return out;
  };

  S.curveLayout = function (width, height, maxTokens, maxBytes) {
    const left = 66, right = width < 520 ? 12 : 196, top = 12, bottom = 30;
    const w = Math.max(10, width - left - right), h = Math.max(10, height - top - bottom);
    return {
      left, top, width: w, height: h, right: left + w, bottom: top + h, labels: right > 100,
      x: (tokens) => left + (tokens / Math.max(1, maxTokens)) * w,
      y: (bytes) => top + h - (bytes / Math.max(1, maxBytes)) * h,
      tokens: (x) => ((x - left) / w) * maxTokens,
    };
  };

  // Rows of query heads with a gap between K groups; V groups are brackets on the right.
  S.headLayout = function (width, info, columns) {
    const left = 54, right = 44, top = 4, row = 15, gap = 6;
    const perKey = info.query_heads / info.key_heads, perValue = info.query_heads / info.value_heads;
    const rows = [];
    let y = top;
    for (let q = 0; q < info.query_heads; q++) {
      if (q > 0 && (q % perKey === 0 || q % perValue === 0)) y += gap;
      rows.push({ head: q, key: Math.floor(q / perKey), value: Math.floor(q / perValue), y, height: row });
      y += row + 1;
    }
    const cells = Math.max(10, width - left - right);
    const cell = cells / Math.max(1, columns);
    return {
      left, right: left + cells, top, cell, rows, height: y + 22, bottom: y,
      at: (x, py) => {
        const found = rows.find((r) => py >= r.y && py < r.y + r.height + 1);
        const column = Math.floor((x - left) / cell);
        return found && column >= 0 && column < columns ? { head: found.head, column } : null;
      },
    };
  };

  // A canvas sized for its box and for the screen's pixel ratio; returns a context in CSS pixels.
  S.fitCanvas = function (canvas, height) {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, canvas.parentElement.clientWidth);
    const w = Math.round(width * ratio), h = Math.round(height * ratio);
    if (canvas.width !== w || canvas.height !== h) {
      canvas.width = w;
      canvas.height = h;
      canvas.style.height = height + "px";
    }
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    return { context, width, height };
  };

  S.colours = function (element) {
    const style = getComputedStyle(element);
    const read = (name) => style.getPropertyValue(name).trim();
    return {
      q: read("--q"), k: read("--k"), v: read("--v"), ink: read("--ink"), soft: read("--soft"), faint: read("--faint"),
      line: read("--line"), paper: read("--paper"), heat: read("--heat").split(",").map(Number),
      font: "12px " + (style.fontFamily || "sans-serif"), small: "11px " + (style.fontFamily || "sans-serif"),
    };
  };
})(window.Sigma);
