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
    const hue = (b << 16) | (g << 8) | r, mark = rgb(colours.v);
    const top = S.topWeight(attention, options);
    for (const row of layout.rows) {
      for (let i = options.noSink ? 1 : 0; i < columns; i++) {
        const fetched = attention.fetched(row.head, i);
        const strength = S.strength(attention, row.head, i, options, top);
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

  // A CSS colour as an opaque pixel, whatever form the style sheet gives it in.
  const known = new Map();
  function rgb(colour) {
    if (!known.has(colour)) {
      const probe = document.createElement("canvas").getContext("2d");
      probe.fillStyle = colour;
      probe.fillRect(0, 0, 1, 1);
      const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
      known.set(colour, ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0);
    }
    return known.get(colour);
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
  };

  const SHADES = 20;  // more, the eye does not tell apart behind text
  const written = new WeakMap();  // what each span of a strip shows

  // The text under the picture: the newest tokens, shaded by the selected head (or the strongest head).
  S.fillStrip = function (strip, side, options, selection) {
    const attention = side.attention;
    const list = side.pieces.list, start = side.pieces.start;
    const top = attention ? S.topWeight(attention, options) : 0;
    // The window slides: what left it goes at the front, so that the others keep their places and nothing to write.
    while (strip.firstElementChild && Number(strip.firstElementChild.dataset.index) < start) strip.firstElementChild.remove();
    while (strip.children.length > list.length) strip.lastElementChild.remove();
    while (strip.children.length < list.length) strip.append(document.createElement("span"));
    const colours = S.colours(strip);
    const heads = !attention ? [] : selection ? [selection.head] : Array.from({ length: attention.heads }, (_, h) => h);
    const columns = new Map();  // strength and mark of each column, once for all its tokens
    const columnOf = (column) => {
      if (!columns.has(column)) {
        const strength = heads.reduce((most, h) => Math.max(most, S.strength(attention, h, column, options, top)), 0);
        columns.set(column, [Math.round(strength * SHADES), attention.selective && heads.some((h) => attention.fetched(h, column))]);
      }
      return columns.get(column);
    };
    const hue = colours.heat.join();
    list.forEach((piece, i) => {
      const span = strip.children[i];
      const index = start + i;
      const seen = attention && index < attention.tokens;
      const column = seen ? Math.floor(index / attention.width) : -1;
      const [shade, fetched] = seen && !(options.noSink && index === 0) ? columnOf(column) : [0, false];
      const skipped = Boolean(seen && attention.selective && !fetched);
      const here = Boolean(selection && seen && column === selection.column);
      // A browser pays for every write, also of what is there already: most tokens do not change between two steps.
      const now = `${index}|${shade}|${fetched}|${skipped}|${here}|${hue}|${piece}`;
      if (written.get(span) === now) return;
      written.set(span, now);
      const text = piece.replace(/ /g, "·").replace(/\n/g, "↵") || "▪";
      if (span.textContent !== text) span.textContent = text;
      span.dataset.index = index;
      span.style.backgroundColor = shade ? heat(colours, (shade / SHADES) * 0.55) : "";
      span.className = [fetched && "fetched", skipped && "skipped", here && "here"].filter(Boolean).join(" ");
    });
    const more = start > 0 ? `newest ${list.length} of ${S.count(start + list.length)} tokens` : "";
    if (strip.dataset.more !== more) strip.dataset.more = more;
  };
})(window.Sigma);
