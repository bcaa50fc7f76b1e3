// Exact numbers of bytes (BigInt) as text, as visualizers/shared/units.py writes them.

const UNITS = [["B", "byte"], ["KiB", "kibibyte"], ["MiB", "mebibyte"], ["GiB", "gibibyte"], ["TiB", "tebibyte"], ["PiB", "pebibyte"], ["EiB", "exbibyte"]];

export const grouped = (count) => count.toLocaleString("en-US");

// Three significant digits of a number from 0 on: 2.03, 41.6, 416, 41,600. Halves go up.
export function digits(value) {
  if (value === 0) return "0";
  let places = 2 - Math.floor(Math.log10(value));
  const rounded = Math.floor(value * 10 ** places + 0.5) / 10 ** places;
  places = Math.max(0, 2 - Math.floor(Math.log10(rounded)));  // 9.996 became 10.0
  return rounded.toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places });
}

function scaled(count) {
  let step = 0;
  // 1,013 KiB would be four digits: from 1,000 on the next unit is used.
  while (step < UNITS.length - 1 && Number(count) / 1024 ** step >= 999.5) step += 1;
  return [step === 0 ? grouped(count) : digits(Number(count) / 1024 ** step), step];
}

// Bytes for the eye, "2.03 GiB", and for the ear, "2.03 gibibytes".
export function binary(count) {
  const [number, step] = scaled(count);
  return `${number} ${UNITS[step][0]}`;
}
export function spoken(count) {
  const [number, step] = scaled(count);
  return `${number} ${UNITS[step][1]}${count === 1n ? "" : "s"}`;
}

// A number of bytes for the eye, for the ear, and exact (as exact as JSON has it).
export const amount = (count) => ({ text: binary(count), say: spoken(count), bytes: Number(count) });

function divisor(a, b) {
  while (b) [a, b] = [b, a % b];
  return a;
}

// The difference in percent of the old value, with a real minus sign: "−37.5 %".
export function change(now, before) {
  if (before === 0n || now === before) return now === before ? "0 %" : "–";
  const less = now < before, part = 100n * (less ? before - now : now - before), shared = divisor(part, before);
  return `${less ? "−" : "+"}${digits(Number(part / shared) / Number(before / shared))} %`;
}

export const plural = (count, noun) => `${grouped(count)} ${noun}${Number(count) === 1 ? "" : "s"}`;
