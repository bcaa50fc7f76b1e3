// The two models that the page sets side by side.

export const SIDES = ["sigma", "gqa"];

const NAMES = { sigma: "Sigma", gqa: "GQA" };
export const sideName = (side) => NAMES[side];

const differ = (info) => Boolean(info && info.layer_key_heads && info.layer_key_heads.length);

// K heads of each layer: layers may differ in them (sigma.events.SideInfo).
export const keyHeads = (info) => differ(info) ? info.layer_key_heads : Array(info.layers).fill(info.key_heads);

// A side's numbers as one of its layers has them.
export const atLayer = (info, layer) => differ(info) ? { ...info, key_heads: info.layer_key_heads[layer] ?? info.key_heads } : info;

export const keyHeadsOfAll = (info) => keyHeads(info).reduce((sum, heads) => sum + heads, 0);

export const otherSide = (side) => (side === "sigma" ? "gqa" : "sigma");
