"""The formulas with their numbers put in, and what layers of each kind hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from visualizers.memory.form import Settings
from visualizers.shared.formulas import Cost, bytes_of, cache_cost
from visualizers.shared.shapes import Layers, Shape
from visualizers.shared.units import binary, change, plural, spoken

TIMES = " × "


def amount(count: int) -> dict[str, Any]:
    """A number of bytes for the eye, for the ear, and exact."""
    return {"text": binary(count), "say": spoken(count), "bytes": count}


def kinds(s: Settings, sigma: Cost) -> dict[str, Any] | None:
    """What each kind of layers holds, where there is more to say than all together; and what they would without windows."""
    if len(s.shape.kinds) == 1 and s.shape.window is None:
        return None
    entries = []
    for kind in s.shape.kinds:
        held = s.batch * kind.layers * kind.rows(s.tokens)
        k, v = (bytes_of(held * heads * width, s.bits) for heads, width in ((kind.n_k, kind.d_k), (kind.n_v, kind.d_v)))
        reach = "all tokens" if kind.window is None else f"window {kind.window:,}"
        entries.append(
            {
                "name": f"{plural(kind.layers, 'layer')}, {reach}",
                "heads": f"K {kind.n_k} × {kind.d_k}, V {kind.n_v} × {kind.d_v}",
                "rows": f"{kind.rows(s.tokens):,}",
                "k": amount(k),
                "v": amount(v),
                "sum": amount(k + v),
            }
        )
    endless = replace(s.shape, window=None, others=tuple(replace(kind, window=None) for kind in s.shape.others))
    full = cache_cost(endless, s.tokens, s.batch, s.bits).resident
    text = f"If every layer kept all tokens: {binary(full)}; this model holds {change(sigma.resident, full)[1:]} less."
    if full == sigma.resident:
        windows = any(kind.window for kind in s.shape.kinds)
        text = "No window is full at this context: every layer still keeps all tokens." if windows else ""
    return {"rows": entries, "text": text, "full": amount(full)}


def formulas(s: Settings, sigma: Cost, gqa: Cost) -> list[dict[str, str]]:
    """Each formula in words, with the numbers put in, and its result to the byte."""
    several = len(s.shape.kinds) > 1
    windows = any(kind.window for kind in s.shape.kinds)
    each = "each kind's " if several else ""
    rows = "min(tokens, window)" if windows else "tokens"
    summed = "; a layer without a window has all tokens" if several and windows else ""
    words = f"{each}layers × sequences × {rows} × {{0}} heads × {{1}} × bytes (Eq. 1){summed}"
    v_words = "every V row that is held once: V resident"
    if s.top_k is not None:
        fetched = f"(min(k, {rows} − 1) + 1)"
        v_words = f"{each}layers × sequences × query heads × {fetched} × head dim × bytes (App. B.2){summed}"
    wider = any(kind.d_k != kind.d_v for kind in s.gqa.kinds)
    gqa_words = words.format("K and V" if wider else "(K + V)", "(key head dim + head dim)" if wider else "head dim")
    k, v = (_resident(s, s.shape, *names) for names in (("n_k", "d_k"), ("n_v", "d_v")))
    entries = [
        ("K resident", words.format("K", "key head dim"), k, sigma.k_resident),
        ("V resident", words.format("V", "head dim"), v, sigma.v_resident),
        ("K read, one step", "every K row that is held once: the scores need all of K", "", sigma.k_read),
        ("V read, one step", v_words, v if s.top_k is None else _fetched(s, s.top_k), sigma.v_read),
        (f"GQA-{s.gqa.n_k} resident", gqa_words, _grouped(s), gqa.resident),
    ]
    return [
        {"name": name, "words": text, "numbers": numbers, "result": f"{value:,} B = {binary(value)}"}
        for name, text, numbers, value in entries
    ]


def _product(s: Settings, kind: Layers, *parts: str) -> str:
    size = f"{s.bits // 8} B" if s.bits >= 8 else "½ B"
    return TIMES.join([f"{kind.layers} layers", f"{s.batch:,} seq.", *parts, size])


def _tokens(s: Settings, kind: Layers) -> str:
    return f"{s.tokens:,} tokens" if kind.window is None else f"min({s.tokens:,}, {kind.window:,}) tokens"


def _resident(s: Settings, shape: Shape, count: str, width: str) -> str:
    """K or V of all kinds: `count` and `width` name the fields of a kind."""
    return " + ".join(
        _product(s, kind, _tokens(s, kind), f"{getattr(kind, count)} heads", str(getattr(kind, width)))
        for kind in shape.kinds
    )


def _fetched(s: Settings, top_k: int) -> str:
    """V rows that every query head asks for."""
    return " + ".join(
        _product(
            s,
            kind,
            f"{s.shape.n_q} query heads",
            f"(min({top_k:,}, {kind.rows(s.tokens) - 1:,}) + 1)",
            str(kind.d_v),
        )
        for kind in s.shape.kinds
    )


def _grouped(s: Settings) -> str:
    """GQA's K and V together."""
    parts = []
    for kind in s.gqa.kinds:
        heads, width = f"({kind.n_k} + {kind.n_v}) heads", str(kind.d_v)
        if kind.d_k != kind.d_v:
            heads, width = f"{kind.n_k} heads", f"({kind.d_k} + {kind.d_v})"
        parts.append(_product(s, kind, _tokens(s, kind), heads, width))
    return " + ".join(parts)
