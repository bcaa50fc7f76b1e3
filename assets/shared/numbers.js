// Numbers as text, as everywhere on the page: three significant digits, binary units, thousands separated; and as they are spoken.

// Three significant digits, as everywhere on the page.
export function digits(value) {
  if (value >= 999.5) return grouped(Math.round(value));
  if (value === 0) return "0";
  const near = Number(value.toPrecision(3));  // 99.97 is 100, not 100.0
  return near.toFixed(Math.min(Math.max(0, 2 - Math.floor(Math.log10(Math.abs(near)))), 3));
}

const UNITS = [["B", "byte"], ["KiB", "kibibyte"], ["MiB", "mebibyte"], ["GiB", "gibibyte"]];
function scaled(value) {
  if (value === 0) return ["0", 0];
  let step = Math.min(3, Math.floor(Math.log2(value) / 10));
  // 1,013 KiB would be four digits: from 1,000 on the next unit is used.
  if (step < 3 && value / Math.pow(1024, step) >= 999.5) step += 1;
  return [step === 0 ? grouped(value) : digits(value / Math.pow(1024, step)), step];
}

// Bytes for the eye, "2.03 MiB", and for the ear, "2.03 mebibytes".
export function binary(value) {
  const [number, step] = scaled(value);
  return number + " " + UNITS[step][0];
}
export function spokenBytes(value) {
  const [number, step] = scaled(value);
  return number + " " + UNITS[step][1] + (value === 1 ? "" : "s");
}

export function duration(ms) {
  return ms >= 999.5 ? digits(ms / 1000) + " s" : digits(ms) + " ms";
}

const whole = new Intl.NumberFormat("en-US");
export const grouped = (value) => whole.format(value);
// What is nearly all is not all; one part in a million is the rounding of a sum.
export const percent = (part) => (part >= 0.9995 && part < 1 - 1e-6 ? "> 99.9 %" : digits(part * 100) + " %");
