"""Settings -> what the Memory tab shows: three figures kept apart, formulas with their numbers, chart, sentences."""

from __future__ import annotations

import json
from typing import Any

from sigma.events import SIDE_NAMES, SideInfo
from visualizers.memory.form import MAX_CONTEXT, Settings, read
from visualizers.shared.formulas import Cost, Fit, cache_cost, fit
from visualizers.shared.shapes import PAIRS, Shape, gqa_of, parameters, preset_shape, side_shape
from visualizers.shared.units import binary, change, digits, plural, spoken

FIRST_CONTEXT = 1 << 10
TIMES = " × "


def project(raw: Any) -> str:
    """The form, as the browser sends it -> JSON {"errors": {field: message}, "view": view or null}."""
    settings, errors = read(raw)
    return json.dumps({"errors": errors, "view": view(settings) if settings else None}, ensure_ascii=False)


def view(settings: Settings) -> dict[str, Any]:
    """Everything the tab draws for these settings; every figure is computed from them."""
    s = settings
    sigma = cache_cost(s.shape, s.tokens, s.batch, s.bits, s.top_k)
    gqa = cache_cost(s.gqa, s.tokens, s.batch, s.bits)
    return {
        "name": model_name(s),
        "gqa": f"GQA-{s.gqa.n_k}",
        "use": f"{plural(s.tokens, 'token')}, {plural(s.batch, 'sequence')}, {s.bits}-bit cache",
        "headline": headline(s, sigma, gqa),
        "rows": rows(s, sigma, gqa),
        "formulas": formulas(s, sigma, gqa),
        "fit": fits(s),
        "notes": notes(s, sigma, gqa),
        "chart": chart(s),
        "summary": summary(s, sigma, gqa),
    }


def model_name(s: Settings) -> str:
    """The preset's name, or that it was changed."""
    name, other, _ = PAIRS[s.preset]
    same = s.shape == preset_shape(s.preset) and s.gqa == gqa_of(s.shape, preset_shape(other).n_k)
    return name if same else f"your own, from {name}"


def amount(count: int) -> dict[str, Any]:
    """A number of bytes for the eye, for the ear, and exact."""
    return {"text": binary(count), "say": spoken(count), "bytes": count}


def headline(s: Settings, sigma: Cost, gqa: Cost) -> list[dict[str, Any]]:
    """The three quantities that are never mixed."""
    saved = change(sigma.resident, gqa.resident).lstrip("−+") + (" less" if sigma.resident < gqa.resident else " more")
    k = "all rows" if s.top_k is None else f"top {min(s.top_k, s.tokens - 1):,} rows per query head"
    return [
        {
            "id": "resident",
            "title": "Sigma: K + V resident",
            **amount(sigma.resident),
            "detail": f"K {binary(sigma.k_resident)}, V {binary(sigma.v_resident)}",
        },
        {
            "id": "v_read",
            "title": "Sigma: V read, one step",
            **amount(sigma.v_read),
            "detail": f"{k}; K read besides: {binary(sigma.k_read)}",
        },
        {
            "id": "gqa",
            "title": f"GQA-{s.gqa.n_k}: K + V resident",
            **amount(gqa.resident),
            "detail": f"all of it read at each step; Sigma holds {'as much' if sigma.resident == gqa.resident else saved}",
        },
    ]


def rows(s: Settings, sigma: Cost, gqa: Cost) -> list[dict[str, Any]]:
    """The table: what, Sigma, GQA, difference."""
    token = (cache_cost(s.shape, 1, 1, s.bits).resident, cache_cost(s.gqa, 1, 1, s.bits).resident)
    entries = [
        ("Resident per token, one sequence", "", *token),
        ("K resident", "k", sigma.k_resident, gqa.k_resident),
        ("V resident", "v", sigma.v_resident, gqa.v_resident),
        ("K + V resident", "sum", sigma.resident, gqa.resident),
        ("K read, one step", "k", sigma.k_read, gqa.k_read),
        ("V read, one step", "v", sigma.v_read, gqa.v_read),
        ("K + V read, one step", "sum", sigma.read, gqa.read),
    ]
    return [
        {"name": name, "kind": kind, "sigma": amount(a), "gqa": amount(b), "change": change(a, b)}
        for name, kind, a, b in entries
    ]


def formulas(s: Settings, sigma: Cost, gqa: Cost) -> list[dict[str, str]]:
    """Each formula in words, with the numbers put in, and its result to the byte."""
    size = f"{s.bits // 8} B" if s.bits >= 8 else "½ B"
    use = [f"{s.batch:,} seq.", f"{s.tokens:,} tokens"]

    def resident(shape: Shape, heads: int, width: int) -> str:
        return TIMES.join([f"{shape.layers} layers", *use, f"{heads} heads", str(width), size])

    if s.top_k is None:
        v_words, v_numbers = "every V row once: V resident", resident(s.shape, s.shape.n_v, s.shape.d_v)
    else:
        v_words = "layers × sequences × query heads × (min(k, tokens − 1) + 1) × head dim × bytes (App. B.2)"
        row_count = f"(min({s.top_k:,}, {s.tokens - 1:,}) + 1)"
        parts = [f"{s.shape.layers} layers", use[0], f"{s.shape.n_q} query heads", row_count, str(s.shape.d_v), size]
        v_numbers = TIMES.join(parts)
    words = "layers × sequences × tokens × {0} heads × {1} × bytes (Eq. 1)"
    wider = s.gqa.d_k != s.gqa.d_v
    heads = f"{s.gqa.n_k} heads" if wider else f"({s.gqa.n_k} + {s.gqa.n_v}) heads"
    width = f"({s.gqa.d_k} + {s.gqa.d_v})" if wider else str(s.gqa.d_v)
    gqa_words = words.format("K and V" if wider else "(K + V)", "(key head dim + head dim)" if wider else "head dim")
    gqa_parts = [f"{s.gqa.layers} layers", *use, heads, width, size]
    entries = [
        (
            "K resident",
            words.format("K", "key head dim"),
            resident(s.shape, s.shape.n_k, s.shape.d_k),
            sigma.k_resident,
        ),
        ("V resident", words.format("V", "head dim"), resident(s.shape, s.shape.n_v, s.shape.d_v), sigma.v_resident),
        ("K read, one step", "every K row once: the scores need all of K", "", sigma.k_read),
        ("V read, one step", v_words, v_numbers, sigma.v_read),
        (f"GQA-{s.gqa.n_k} resident", gqa_words, TIMES.join(gqa_parts), gqa.resident),
    ]
    return [
        {"name": name, "words": text, "numbers": numbers, "result": f"{value:,} B = {binary(value)}"}
        for name, text, numbers, value in entries
    ]


def fits(s: Settings) -> dict[str, Any]:
    """How many sequences fit, for both; how the weights were counted."""
    sides = []
    for name, shape in ((SIDE_NAMES["sigma"], s.shape), (f"GQA-{s.gqa.n_k}", s.gqa)):
        counted = parameters(shape)
        total = sum(counted.values())
        weights = weight_bytes(total, s.weight_bits)
        found = fit(shape, s.memory, weights, s.tokens, s.batch, s.bits)
        sides.append(
            {
                "name": name,
                "sequences": found.sequences,
                "context": found.context,
                "parameters": f"{digits(total / 1e9)} billion" if total >= 1e9 else f"{digits(total / 1e6)} million",
                "parts": ", ".join(f"{part} {digits(n / 1e6)}M" for part, n in counted.items() if n),
                "weights": amount(weights) if s.weight_bits else None,
                "room": amount(found.room),
                "text": _fit_text(s, name, found),
            }
        )
    return {"memory": amount(s.memory), "sides": sides}


def weight_bytes(count: int, bits: int) -> int:
    """Bytes of `count` parameters, the last byte filled up."""
    return -(-count * bits // 8)


def _fit_text(s: Settings, name: str, found: Fit) -> str:
    beside = f" beside {binary(found.weights)} of weights" if s.weight_bits else ""
    if found.room == 0:
        return f"{name}: nothing fits, the weights alone take {binary(found.weights)}."
    longest = f"{plural(s.batch, 'sequence')} may be {plural(found.context, 'token')} long"
    return f"{name}: {plural(found.sequences, 'sequence')} of {plural(s.tokens, 'token')}{beside}; {longest}."


def notes(s: Settings, sigma: Cost, gqa: Cost) -> list[str]:
    """What the figures do not say by themselves."""
    said = []
    if s.top_k is not None:
        said.append("Selective V reads fewer V rows; the others stay resident.")
    if s.top_k is not None and sigma.v_read > sigma.v_resident:
        said.append(
            f"Here selective V asks for more than all of V ({binary(sigma.v_read)} against {binary(sigma.v_resident)}): "
            f"each of {s.shape.n_q} query heads fetches its own rows, and only {s.shape.n_v} V heads hold them. "
            "It pays at longer contexts or a smaller k."
        )
    if sigma.resident > gqa.resident:
        said.append(f"With these heads Sigma holds more than GQA-{s.gqa.n_k}.")
    if s.bits < 16:
        said.append("The scales of a quantised cache come on top; they are not counted.")
    return said


def contexts() -> list[int]:
    """The chart's points: powers of two from 1,024 to 1,048,576 and one between each."""
    points = []
    step = FIRST_CONTEXT
    while step < MAX_CONTEXT:
        points += [step, step * 3 // 2]
        step *= 2
    return [*points, MAX_CONTEXT]


def chart(s: Settings) -> dict[str, Any]:
    """Series over the context in bytes, both axes logarithmic; each point also as a sentence and as a table row."""
    xs = contexts()
    sigma = [cache_cost(s.shape, x, s.batch, s.bits, s.top_k) for x in xs]
    gqa = [cache_cost(s.gqa, x, s.batch, s.bits).resident for x in xs]
    room = max(0, s.memory - weight_bytes(sum(parameters(s.shape).values()), s.weight_bits))
    series = {
        "sigma": [c.resident for c in sigma],
        "k": [c.k_resident for c in sigma],
        "v_read": [c.v_read for c in sigma],
        "gqa": gqa,
    }
    low, high = min(map(min, series.values())), max(map(max, series.values()))
    names = {
        "sigma": "Sigma K + V resident",
        "k": "of it K",
        "v_read": "Sigma V read, one step",
        "gqa": f"GQA-{s.gqa.n_k} K + V resident",
    }
    return {
        "x": xs,
        "series": series,
        "names": names,
        "x_ticks": [[x, _short(x)] for x in xs[::4]],
        "y_ticks": [[t, binary(t)] for t in byte_ticks(low, high)],
        "room": room,
        "room_text": "room beside Sigma's weights: " + binary(room),
        "here": s.tokens,
        "points": [
            {
                "context": f"{x:,}",
                "cells": [binary(series[name][i]) for name in names],
                "say": f"{x:,} tokens: " + "; ".join(f"{names[n]} {binary(series[n][i])}" for n in names),
            }
            for i, x in enumerate(xs)
        ],
    }


def byte_ticks(low: int, high: int) -> list[int]:
    """Powers of two that enclose [low, high], so far apart that at most eight remain."""
    first, last = max(1, low).bit_length() - 1, max(1, high - 1).bit_length()
    stride = next(n for n in (1, 2, 3, 4, 5, 10, 20) if (last - first) / n <= 7)
    return [1 << step for step in range(first - first % stride, last + stride, stride)]


def _short(tokens: int) -> str:
    return "1M" if tokens == MAX_CONTEXT else f"{tokens >> 10}k"


def summary(s: Settings, sigma: Cost, gqa: Cost) -> str:
    """One sentence for a screen reader, units in words."""
    sides = fits(s)["sides"]
    return (
        f"{model_name(s)}, {plural(s.tokens, 'token')}, {plural(s.batch, 'sequence')}: {spoken(sigma.resident)} resident, "
        f"{spoken(sigma.v_read)} of V read in one step; GQA-{s.gqa.n_k} needs {spoken(gqa.resident)}. "
        f"In {spoken(s.memory)} fit {plural(sides[0]['sequences'], 'sequence')}, with GQA {sides[1]['sequences']:,}."
    )


def check(raw: Any, infos: dict[str, SideInfo]) -> str:
    """Measured bytes of the Chat tab beside the formula: {side: {tokens, k, v, v_read}} -> JSON list of rows.

    The measured figures are those of the newest step shown there; sides and numbers that make no sense are left out.
    """
    lines = []
    for side, info in infos.items():
        given = raw.get(side) if isinstance(raw, dict) else None
        values = [given.get(name) if isinstance(given, dict) else None for name in ("tokens", "k", "v", "v_read")]
        if not all(isinstance(v, int) and not isinstance(v, bool) and 0 <= v < 1 << 62 for v in values):
            continue
        tokens, k, v, v_read = values
        if tokens < 1:
            continue
        cost = cache_cost(side_shape(info), tokens, 1, 8 * info.kv_itemsize)
        lines.append(
            {
                "name": SIDE_NAMES[side],
                "tokens": f"{tokens:,}",
                "k": [amount(k), amount(cost.k_resident)],
                "v": [amount(v), amount(cost.v_resident)],
                "v_read": amount(v_read),
                "same": (k, v) == (cost.k_resident, cost.v_resident),
            }
        )
    return json.dumps(lines, ensure_ascii=False)
