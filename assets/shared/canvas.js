// What every picture begins with: a canvas of the right size, the colours of the style sheet, and one redraw per frame.

// A canvas sized for its box and for the screen's pixel ratio; returns a context in CSS pixels.
export function fitCanvas(canvas, height) {
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
}

export function coloursOf(element) {
  const style = getComputedStyle(element);
  const read = (name) => style.getPropertyValue(name).trim();
  return {
    q: read("--q"), k: read("--k"), v: read("--v"), ink: read("--ink"), soft: read("--soft"), faint: read("--faint"),
    line: read("--line"), paper: read("--paper"), heat: read("--heat").split(",").map(Number),
    lit: Number(read("--lit")), litSkipped: Number(read("--lit-skipped")),
    font: "12px " + (style.fontFamily || "sans-serif"), small: "11px " + (style.fontFamily || "sans-serif"),
  };
}

// A CSS colour as [red, green, blue], whatever form the style sheet gives it in; read back from a pixel once.
const readColours = new Map();
export function rgbOf(colour) {
  if (!readColours.has(colour)) {
    const probe = document.createElement("canvas").getContext("2d");
    probe.fillStyle = colour;
    probe.fillRect(0, 0, 1, 1);
    readColours.set(colour, [...probe.getImageData(0, 0, 1, 1).data.slice(0, 3)]);
  }
  return readColours.get(colour);
}

// An opaque pixel of a colour; little-endian: alpha, blue, green, red.
export const pixelOf = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
