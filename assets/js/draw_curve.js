// The KV-cache curve: resident bytes as areas, bytes read by the newest step as lines, both sides on the same axes.
(function (S) {
  "use strict";

  function path(c, xs, ys, layout, from) {
    xs.forEach((x, i) => c[i === 0 && from ? "moveTo" : "lineTo"](layout.x(x), layout.y(ys[i])));
  }

  function area(c, curve, lower, upper, layout, fill) {
    c.beginPath();
    path(c, curve.tokens, upper, layout, true);
    path(c, curve.tokens.slice().reverse(), lower.slice().reverse(), layout, false);
    c.closePath();
    c.fillStyle = fill;
    c.fill();
  }

  function line(c, curve, values, layout, colour, width, dash) {
    c.beginPath();
    path(c, curve.tokens, values, layout, true);
    c.strokeStyle = colour;
    c.lineWidth = width;
    c.setLineDash(dash);
    c.stroke();
    c.setLineDash([]);
  }

  const sum = (a, b) => a.map((value, i) => value + b[i]);
  const last = (values) => values[values.length - 1] || 0;

  function axes(c, layout, colours, maxTokens, maxBytes) {
    c.font = colours.small;
    c.textBaseline = "middle";
    for (const value of S.ticks(maxBytes, 4, true)) {
      const y = Math.round(layout.y(value)) + 0.5;
      c.strokeStyle = colours.line;
      c.lineWidth = 1;
      c.beginPath();
      c.moveTo(layout.left, y);
      c.lineTo(layout.right, y);
      c.stroke();
      c.fillStyle = colours.soft;
      c.textAlign = "right";
      c.fillText(S.binary(value), layout.left - 8, y);
    }
    c.textAlign = "center";
    c.textBaseline = "top";
    const ticks = S.ticks(maxTokens, Math.max(2, Math.floor(layout.width / 110)), false);
    for (const value of ticks) c.fillText(S.count(value), layout.x(value), layout.bottom + 6);
    if (layout.labels) {
      c.textAlign = "left";
      c.fillText("tokens in the cache", layout.right + 10, layout.bottom + 6);
    }
  }

  // Labels at the right end of the curves, pushed apart so that they never overlap.
  function endLabels(c, layout, colours, items) {
    if (!layout.labels) return;
    c.font = colours.small;
    c.textAlign = "left";
    c.textBaseline = "middle";
    items.sort((a, b) => a.y - b.y);
    let free = layout.top - 8;
    for (const item of items) {
      const y = Math.max(item.y, free + 15);
      free = y;
      c.fillStyle = item.colour;
      c.fillText(item.text, layout.right + 10, y);
    }
  }

  S.drawCurve = function (canvas, sides, infos) {
    const { context: c, width, height } = S.fitCanvas(canvas, curveHeight(canvas));
    const colours = S.colours(canvas);
    const curves = Object.entries(sides).map(([side, data]) => [side, data.curve]).filter(([, curve]) => curve.points > 0);
    const maxTokens = Math.max(32, ...curves.map(([, curve]) => last(curve.tokens)));
    const tops = curves.map(([, curve]) => Math.max(...sum(curve.k, curve.v), ...sum(curve.k_read, curve.v_read)));
    const maxBytes = Math.max(1 << 18, ...tops) * 1.06;
    const layout = S.curveLayout(width, height, maxTokens, maxBytes);
    axes(c, layout, colours, maxTokens, maxBytes);
    const labels = [];
    const gqa = sides.gqa && sides.gqa.curve.points ? sides.gqa.curve : null;
    const sigma = sides.sigma && sides.sigma.curve.points ? sides.sigma.curve : null;
    if (gqa) {
      const total = sum(gqa.k, gqa.v);
      area(c, gqa, total.map(() => 0), total, layout, colours.faint);
      line(c, gqa, gqa.k, layout, colours.k, 1, [2, 3]);
      line(c, gqa, sum(gqa.k_read, gqa.v_read), layout, colours.ink, 1.75, [6, 4]);
      labels.push({ y: layout.y(last(total)), text: "GQA " + S.binary(last(total)), colour: colours.ink });
    }
    if (sigma) {
      const total = sum(sigma.k, sigma.v);
      c.globalAlpha = 0.85;
      area(c, sigma, total.map(() => 0), sigma.k, layout, colours.k);
      c.globalAlpha = 0.55;
      area(c, sigma, sigma.k, total, layout, colours.v);
      c.globalAlpha = 1;
      const read = sum(sigma.k_read, sigma.v_read);
      line(c, sigma, read, layout, colours.ink, 2.25, []);
      labels.push({ y: layout.y(last(total)), text: "Sigma " + S.binary(last(total)), colour: colours.ink });
      if (Math.abs(last(read) - last(total)) > 0.02 * last(total)) {
        labels.push({ y: layout.y(last(read)), text: "Sigma read " + S.binary(last(read)), colour: colours.ink });
      }
    }
    endLabels(c, layout, colours, labels);
    return { layout, infos };
  };

  function curveHeight(canvas) {
    return canvas.parentElement.clientWidth < 520 ? 190 : 208;
  }
})(window.Sigma);
