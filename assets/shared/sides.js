// The two models that the page sets side by side.

export const SIDES = ["sigma", "gqa"];

const NAMES = { sigma: "Sigma", gqa: "GQA" };
export const sideName = (side) => NAMES[side];

// A side's numbers as one of its layers has them: layers may differ in their K heads (sigma.events.SideInfo).
export const atLayer = (info, layer) => info && info.layer_key_heads && info.layer_key_heads.length ? { ...info, key_heads: info.layer_key_heads[layer] ?? info.key_heads } : info;

// K heads of all layers together.
export const keyHeadsOfAll = (info) => info.layer_key_heads && info.layer_key_heads.length ? info.layer_key_heads.reduce((sum, heads) => sum + heads, 0) : info.layers * info.key_heads;

export const otherSide = (side) => (side === "sigma" ? "gqa" : "sigma");
