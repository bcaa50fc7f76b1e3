// The newest token's attention, one row per query head, rows grouped by K head and bracketed by V head.
(function (S) {
  "use strict";

  // One hue from paper to ink; zero stays paper so that "no weight" and "no data" look the same: empty.
  function heat(colours, strength) {
    const [r, g, b] = colours.heat;
    return `rgba(${r},${g},${b},${Math.min(1, Math.max(0, strength)).toFixed(3)})`;
  }

  // Strength 0..1 of a cell under the chosen scale; `top` is the largest weight shown.
  S.strength = function (attention, head, column, options, top) {
    if (options.log) return attention.code(head, column) / 255;
    return top > 0 ? attention.weight(head, column) / top : 0;
  };

  S.topWeight = function (attention, options) {
    let top = 0;
    for (let h = 0; h < attention.heads; h++) {
      for (let i = options.noSink ? 1 : 0; i < attention.columns; i++) top = Math.max(top, attention.weight(h, i));
    }
    return top;
  };

  function groupLabels(c, layout, colours, info) {
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
    c.fillText("key (attended) " + S.count(attention.tokens - 1), layout.right, layout.bottom + 5);
  }

  S.drawAttention = function (canvas, attention, info, options, selection) {
    const columns = attention ? attention.columns : 1;
    const probe = S.headLayout(canvas.parentElement.clientWidth, info, columns);
    const { context: c, width } = S.fitCanvas(canvas, probe.height);
    const layout = S.headLayout(width, info, columns);
    const colours = S.colours(canvas);
    groupLabels(c, layout, colours, info);
    for (const row of layout.rows) {
      c.fillStyle = colours.faint;
      c.fillRect(layout.left, row.y, layout.right - layout.left, row.height);
    }
    if (!attention) return layout;
    const top = S.topWeight(attention, options);
    const wide = layout.cell >= 4;
    for (const row of layout.rows) {
      for (let i = 0; i < attention.columns; i++) {
        if (options.noSink && i === 0) continue;
        const fetched = attention.fetched(row.head, i);
        const strength = S.strength(attention, row.head, i, options, top);
        const x = layout.left + i * layout.cell;
        // A skipped V row keeps its score (it took part in the softmax) but is dimmed and cut to half height.
        const h = fetched ? row.height : row.height / 2;
        c.fillStyle = heat(colours, fetched ? strength : strength * 0.45);
        c.fillRect(x, row.y + (row.height - h) / 2, Math.max(layout.cell - (wide ? 1 : 0), 0.75), h);
        if (attention.selective && fetched) {
          c.fillStyle = colours.v;
          c.fillRect(x, row.y + row.height - 3, Math.max(layout.cell - (wide ? 1 : 0), 1), 3);
        }
      }
    }
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
  };

  // The text under the picture: the newest tokens, shaded by the selected head (or the strongest head).
  S.fillStrip = function (strip, side, options, selection) {
    const attention = side.attention;
    const list = side.pieces.list, start = side.pieces.start;
    const top = attention ? S.topWeight(attention, options) : 0;
    while (strip.children.length > list.length) strip.lastElementChild.remove();
    while (strip.children.length < list.length) strip.append(document.createElement("span"));
    const colours = S.colours(strip);
    list.forEach((piece, i) => {
      const span = strip.children[i];
      const text = piece.replace(/ /g, "·").replace(/\n/g, "↵") || "▪";
      if (span.textContent !== text) span.textContent = text;
      const index = start + i;
      span.dataset.index = index;
      let strength = 0, fetched = false;
      if (attention && index < attention.tokens && !(options.noSink && index === 0)) {
        const column = Math.floor(index / attention.width);
        const heads = selection ? [selection.head] : Array.from({ length: attention.heads }, (_, h) => h);
        strength = Math.max(...heads.map((h) => S.strength(attention, h, column, options, top)));
        fetched = attention.selective && heads.some((h) => attention.fetched(h, column));
      }
      span.style.backgroundColor = heat(colours, strength * 0.55);
      span.classList.toggle("fetched", fetched);
      span.classList.toggle("skipped", Boolean(attention && attention.selective && index < attention.tokens && !fetched));
      span.classList.toggle("here", Boolean(selection && attention && Math.floor(index / attention.width) === selection.column));
    });
    // The newest tokens stay in view unless the reader is pointing at the text.
    if (!strip.matches(":hover")) strip.scrollTop = strip.scrollHeight;
    strip.dataset.more = start > 0 ? `newest ${list.length} of ${S.count(start + list.length)} tokens` : "";
  };
})(window.Sigma);
