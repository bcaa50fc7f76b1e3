// The two models that the page sets side by side.

export const SIDES = ["sigma", "gqa"];

const NAMES = { sigma: "Sigma", gqa: "GQA" };
export const sideName = (side) => NAMES[side];

export const otherSide = (side) => (side === "sigma" ? "gqa" : "sigma");
