// The chart of the Memory tab: bytes over the context, both axes logarithmic. Texts come from the server.
import { coloursOf, fitCanvas } from "../shared/canvas.js";

function layoutOf(width, height, chart) {
  const narrow = width < 520, left = 66, right = narrow ? 12 : 20, top = 14, bottom = 42;
  const w = Math.max(10, width - left - right), h = height - top - bottom;
  const [x0, x1] = [chart.x[0], chart.x[chart.x.length - 1]].map(Math.log2);
  const ticks = chart.y_ticks.map(([value]) => Math.log2(value));
  const y0 = ticks[0], y1 = Math.max(y0 + 1, ticks[ticks.length - 1]);
  return {
    left, top, right: left + w, bottom: top + h, narrow,
    x: (tokens) => left + ((Math.log2(tokens) - x0) / (x1 - x0)) * w,
    y: (bytes) => top + h - ((Math.log2(Math.max(1, bytes)) - y0) / (y1 - y0)) * h,
  };
}

function axes(c, layout, colours, chart) {
  c.font = colours.small;
  c.lineWidth = 1;
  c.textBaseline = "middle";
  c.textAlign = "right";
  for (const [value, text] of chart.y_ticks) {
    const y = Math.round(layout.y(value)) + 0.5;
    c.strokeStyle = colours.line;
    c.beginPath();
    c.moveTo(layout.left, y);
    c.lineTo(layout.right, y);
    c.stroke();
    c.fillStyle = colours.soft;
    c.fillText(text, layout.left - 8, y);
  }
  c.textBaseline = "top";
  chart.x_ticks.forEach(([value, text], i) => {
    c.textAlign = i === chart.x_ticks.length - 1 ? "right" : "center";
    c.fillText(text, layout.x(value), layout.bottom + 6);
  });
  c.textAlign = "center";
  c.fillText("tokens of context (log)", (layout.left + layout.right) / 2, layout.bottom + 23);
}

function trace(c, layout, chart, values) {
  c.beginPath();
  chart.x.forEach((tokens, i) => c[i ? "lineTo" : "moveTo"](layout.x(tokens), layout.y(values[i])));
}

function line(c, layout, chart, values, colour, width, dash) {
  trace(c, layout, chart, values);
  c.strokeStyle = colour;
  c.lineWidth = width;
  c.setLineDash(dash);
  c.stroke();
  c.setLineDash([]);
}

function rule(c, colour, from, to) {
  c.strokeStyle = colour;
  c.lineWidth = 1;
  c.setLineDash([2, 4]);
  c.beginPath();
  c.moveTo(...from);
  c.lineTo(...to);
  c.stroke();
  c.setLineDash([]);
}

// `selected`: index of the point that is being read, or null.
function drawMemory(canvas, chart, selected) {
  const narrow = canvas.parentElement.clientWidth < 520;
  const { context: c, width, height } = fitCanvas(canvas, narrow ? 240 : 300);
  const colours = coloursOf(canvas), layout = layoutOf(width, height, chart), series = chart.series;
  axes(c, layout, colours, chart);
  c.save();
  c.beginPath();
  c.rect(layout.left, layout.top - 3, layout.right - layout.left, layout.bottom - layout.top + 6);
  c.clip();
  trace(c, layout, chart, series.sigma);
  c.lineTo(layout.right, layout.bottom);
  c.lineTo(layout.left, layout.bottom);
  c.closePath();
  c.fillStyle = colours.faint;
  c.fill();
  if (chart.room > 0) {
    const y = Math.round(layout.y(chart.room)) + 0.5;
    rule(c, colours.soft, [layout.left, y], [layout.right, y]);
    c.fillStyle = colours.soft;
    c.font = colours.small;
    c.textAlign = "left";
    c.textBaseline = y - layout.top < 16 ? "top" : "bottom";
    c.fillText(chart.room_text, layout.left + 6, y + (y - layout.top < 16 ? 3 : -3));
  }
  if (chart.here >= chart.x[0]) rule(c, colours.soft, [layout.x(chart.here), layout.top], [layout.x(chart.here), layout.bottom]);
  line(c, layout, chart, series.gqa, colours.ink, 1.75, [6, 4]);
  line(c, layout, chart, series.k, colours.k, 2, []);
  line(c, layout, chart, series.v_read, colours.v, 2.5, []);
  line(c, layout, chart, series.sigma, colours.ink, 2.25, []);
  if (selected !== null) {
    const x = layout.x(chart.x[selected]);
    rule(c, colours.ink, [x, layout.top], [x, layout.bottom]);
    for (const [name, colour] of [["gqa", colours.ink], ["k", colours.k], ["v_read", colours.v], ["sigma", colours.ink]]) {
      c.beginPath();
      c.arc(x, layout.y(series[name][selected]), 4, 0, 7);
      c.fillStyle = colour;
      c.fill();
    }
  }
  c.restore();
  return {
    nearest: (x) => {
      let best = 0;
      chart.x.forEach((tokens, i) => {
        if (Math.abs(layout.x(tokens) - x) < Math.abs(layout.x(chart.x[best]) - x)) best = i;
      });
      return best;
    },
  };
}

// Hover and arrow keys move along the contexts; a click locks, Escape lets go.
export function memoryChart(canvas, read) {
  const HELP = "Hover the chart to read a context, click to lock, Escape to unlock; arrow keys move.";
  let chart = null, selected = null, locked = false, layout = null, queued = false;

  function draw() {
    queued = false;
    if (!chart || !canvas.isConnected || !canvas.parentElement.clientWidth) return;
    layout = drawMemory(canvas, chart, selected);
    const text = selected === null ? HELP : chart.points[selected].say + (locked ? " (locked)" : "");
    if (read.textContent !== text) read.textContent = text;
  }
  function schedule() {
    if (queued) return;
    queued = true;
    requestAnimationFrame(draw);
  }
  function choose(index, lock) {
    if (locked && !lock) return;
    selected = index;
    locked = lock && index !== null;
    schedule();
  }

  canvas.addEventListener("pointermove", (event) => layout && choose(layout.nearest(event.offsetX), false));
  canvas.addEventListener("pointerleave", () => choose(null, false));
  canvas.addEventListener("click", (event) => {
    const index = layout ? layout.nearest(event.offsetX) : null, same = locked && index === selected;
    locked = false;
    choose(same ? null : index, !same);
  });
  canvas.addEventListener("keydown", (event) => {
    const last = chart ? chart.x.length - 1 : 0, moves = { ArrowLeft: -1, ArrowRight: 1, Home: -last, End: last };
    if (event.key === "Escape") {
      locked = false;
      choose(null, false);
    } else if (chart && event.key in moves) {
      event.preventDefault();
      const start = selected === null ? (event.key === "ArrowLeft" ? last + 1 : -1) : selected;
      choose(Math.max(0, Math.min(last, start + moves[event.key])), true);
    }
  });
  new ResizeObserver(schedule).observe(canvas.parentElement);
  new MutationObserver(schedule).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  return { show(next) { chart = next; schedule(); } };
}
