"""The pages that tests/bench/peers.py watches: our attention maps, bertviz and CircuitsVis on the same weights."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]

OUR_PAGE = """
import { coloursOf } from "./modules/shared/canvas.js";
import { headsLayout, largeLayout, pairAt } from "./modules/explore/geometry.js";
import { drawHeads, drawLarge, markHeads, markLarge, paintMaps } from "./modules/explore/maps.js";
import { decodeMap, stepWeights } from "./modules/explore/payloads.js";
const data = JSON.parse(document.getElementById("data").textContent), info = data.info;
const at = (id) => document.getElementById(id), head = 0, heads = Array.from({ length: info.query_heads }, (_, h) => h);
const options = { log: true, noSink: false, mass: 1, k: 0 };
const small = headsLayout(at("heads").parentElement.clientWidth, info);
const large = largeLayout(at("large").parentElement.clientWidth);
let map = null, colours = null;
function mark(pair) {
  const where = { query: pair ? pair.query : map.q1 - 1, key: pair ? pair.key : null, chosen: head };
  markHeads(at("heads-mark"), small, map, colours, where);
  markLarge(at("large-mark"), large, map, colours, where);
  at("read").textContent = pair ? `${data.tokens[pair.query]} reads ${data.tokens[pair.key]}: ${stepWeights[map.step(head, pair.query, pair.key)]}` : "";
}
window.showLayer = (layer) => {
  map = data.layers[layer] = decodeMap(data.layers[layer]);
  colours = coloursOf(document.body);
  drawHeads(at("heads"), small, map, paintMaps(map, heads, colours, options), colours);
  drawLarge(at("large"), large, map, paintMaps(map, [head], colours, options), colours);
  mark(null);
  document.body.dataset.layer = layer;
};
at("large-mark").addEventListener("pointermove", (event) => {
  mark(pairAt(map, event.offsetX - large.left, event.offsetY - large.top, large.size));
});
window.showLayer(0);
"""


@dataclass
class Tool:
    """How one tool is watched: JavaScript conditions and actions. `change` is None where layers cannot be changed."""

    name: str
    page: str
    payload: int
    painted: str
    hover: str
    hovered: str
    change: str | None
    changed: str


def ours(weights: np.ndarray, tokens: list[str], info: dict[str, int]) -> Tool:
    """The explorer's own code on its own payload, every layer in the page."""
    from visualizers.explore.payloads import pack_map

    count = len(tokens)
    maps = [pack_map(lambda a, b, layer=layer: layer[:, a:b, :b], (0, count), (0, count), count) for layer in weights]
    data = json.dumps({"layers": maps, "tokens": tokens, "info": info}, separators=(",", ":")).replace("<", "\\u003c")
    style = (ROOT / "assets" / "shared" / "page.css").read_text("utf-8")
    stack = "".join(
        f'<div style="position:relative;width:{width}px"><canvas id="{name}" style="display:block"></canvas>'
        f'<canvas id="{name}-mark" style="position:absolute;left:0;top:0"></canvas></div>'
        for name, width in (("heads", 720), ("large", 560))
    )
    page = (
        f'<!doctype html><meta charset="utf-8"><style>{style}</style><body>{stack}<p id="read"></p>'
        f'<script type="application/json" id="data">{data}</script><script type="module">{OUR_PAGE}</script>'
    )
    hover = (
        "(i) => { const c = document.getElementById('large-mark'), box = c.getBoundingClientRect();"
        " c.dispatchEvent(new PointerEvent('pointermove', {clientX: box.x + 60 + 5 * i, clientY: box.bottom - 14})); }"
    )
    return Tool(
        "ours",
        page,
        len(data.encode()),
        "() => document.body.dataset.layer === '0'",
        hover,
        "() => document.getElementById('read').textContent !== ''",
        "(layer) => showLayer(layer)",
        "(layer) => document.body.dataset.layer === String(layer)",
    )


def bertviz(weights: np.ndarray, tokens: list[str]) -> Tool:
    """bertviz's head view of all the layers."""
    import torch
    from bertviz import head_view, util

    html = head_view([torch.from_numpy(layer)[None] for layer in weights], tokens, html_action="return").data
    library = len((Path(util.__file__).parent / "head_view.js").read_bytes())
    lines = weights.shape[1] * len(tokens) ** 2
    drawn = f"() => document.querySelectorAll('#attention line').length === {lines}"
    mouse = "new MouseEvent('mouseover', {bubbles: true})"
    return Tool(
        "bertviz",
        f'<!doctype html><meta charset="utf-8"><body>{html}',
        len(html.encode()) - library,
        drawn,
        f"(i) => document.querySelectorAll('#left > g:last-child > g')[10 + i].dispatchEvent({mouse})",
        "() => true",
        "(layer) => { const box = document.getElementById('layer'); box.value = layer; $(box).trigger('change'); }",
        f"(layer) => ({drawn})()",
    )


def circuitsvis(weights: np.ndarray, tokens: list[str]) -> Tool:
    """CircuitsVis's attention heads of the first layer; hovering a small map shows its head large."""
    from circuitsvis.attention import attention_heads
    from circuitsvis.utils import render

    html = attention_heads(weights[0], tokens).local_src
    bundle = Path(render.__file__).parents[1] / "dist" / "cdn" / "iife.js"
    library = len(bundle.read_text("utf-8").replace("</script>", "").encode())
    canvases = weights.shape[1] + 1
    ink = "(c) => c.width > 0 && c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v > 0)"
    mouse = "new MouseEvent('mouseover', {bubbles: true})"
    return Tool(
        "CircuitsVis",
        f'<!doctype html><meta charset="utf-8"><body>{html}',
        len(html.encode()) - library,
        # Charts are drawn one after the other, the large one last; looking at one alone hardly costs time itself.
        f"() => {{ const all = document.querySelectorAll('canvas'); return all.length === {canvases} && ({ink})(all[{canvases - 1}]); }}",
        # React listens to mouseover and makes mouseenter of it.
        f"(i) => document.querySelectorAll('canvas')[1 + i].dispatchEvent({mouse})",
        "(i) => [...document.querySelectorAll('h3')].some((h) => h.textContent.startsWith(`Head ${1 + i} `))",
        None,
        "",
    )
