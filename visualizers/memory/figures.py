"""Settings -> what the Memory tab shows: three figures kept apart, formulas with their numbers, chart, sentences."""

from __future__ import annotations

import json
from typing import Any

from sigma.events import SIDE_NAMES, SideInfo
from visualizers.memory.form import MAX_CONTEXT, Settings, read
from visualizers.memory.models import MODELS, SIGMA
from visualizers.memory.worked import amount, formulas, kinds
from visualizers.shared.formulas import Cost, Fit, cache_cost, fit
from visualizers.shared.shapes import Shape, gqa_of, parameters, side_shape
from visualizers.shared.units import binary, change, digits, plural, spoken

FIRST_CONTEXT = 1 << 10


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
        "side": side_name(s),
        "gqa": f"GQA-{s.gqa.n_k}",
        "use": f"{plural(s.tokens, 'token')}, {plural(s.batch, 'sequence')}, {s.bits}-bit cache",
        "headline": headline(s, sigma, gqa),
        "rows": rows(s, sigma, gqa),
        "kinds": kinds(s, sigma),
        "formulas": formulas(s, sigma, gqa),
        "fit": fits(s),
        "notes": notes(s, sigma, gqa),
        "chart": chart(s),
        "summary": summary(s, sigma, gqa),
    }


def unchanged(s: Settings) -> bool:
    """Whether both models are still those of the preset."""
    model = MODELS[s.preset]
    return s.shape == model.shape and s.gqa == gqa_of(s.shape, model.gqa)


def model_name(s: Settings) -> str:
    """The preset's name, or that it was changed."""
    name = MODELS[s.preset].name
    return name if unchanged(s) else f"your own, from {name}"


def side_name(s: Settings) -> str:
    """What the model is called beside GQA: Sigma, a published model's name, or that it is the visitor's own."""
    if s.preset in SIGMA:
        return "Sigma"
    return MODELS[s.preset].name if unchanged(s) else "Your model"


def headline(s: Settings, sigma: Cost, gqa: Cost) -> list[dict[str, Any]]:
    """The three quantities that are never mixed."""
    saved = change(sigma.resident, gqa.resident).lstrip("−+") + (" less" if sigma.resident < gqa.resident else " more")
    side = side_name(s)
    most = max(kind.rows(s.tokens) for kind in s.shape.kinds) - 1
    k = "all rows" if s.top_k is None else f"top {min(s.top_k, most):,} rows per query head"
    return [
        {
            "id": "resident",
            "title": f"{side}: K + V resident",
            **amount(sigma.resident),
            "detail": f"K {binary(sigma.k_resident)}, V {binary(sigma.v_resident)}",
        },
        {
            "id": "v_read",
            "title": f"{side}: V read, one step",
            **amount(sigma.v_read),
            "detail": f"{k}; K read besides: {binary(sigma.k_read)}",
        },
        {
            "id": "gqa",
            "title": f"GQA-{s.gqa.n_k}: K + V resident",
            **amount(gqa.resident),
            "detail": f"all of it read at each step; {side} holds {'as much' if sigma.resident == gqa.resident else saved}",
        },
    ]


def rows(s: Settings, sigma: Cost, gqa: Cost) -> list[dict[str, Any]]:
    """The table: what, Sigma, GQA, difference."""
    token = (_newest(s.shape, s), _newest(s.gqa, s))
    alike = not any(kind.window for kind in s.shape.kinds)
    entries = [
        ("Resident per token, one sequence" if alike else "Newest token adds, one sequence", "", *token),
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


def _newest(shape: Shape, s: Settings) -> int:
    """Bytes by which one sequence grew with its newest token: a layer whose window is full gave as many away."""
    before = cache_cost(shape, s.tokens - 1, 1, s.bits).resident if s.tokens > 1 else 0
    return cache_cost(shape, s.tokens, 1, s.bits).resident - before


def fits(s: Settings) -> dict[str, Any]:
    """How many sequences fit, for both; how the weights were counted."""
    sides = []
    for name, shape in ((_fit_name(s), s.shape), (f"GQA-{s.gqa.n_k}", s.gqa)):
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


def _fit_name(s: Settings) -> str:
    return SIDE_NAMES["sigma"] if s.preset in SIGMA else side_name(s)


def weight_bytes(count: int, bits: int) -> int:
    """Bytes of `count` parameters, the last byte filled up."""
    return -(-count * bits // 8)


def _fit_text(s: Settings, name: str, found: Fit) -> str:
    beside = f" beside {binary(found.weights)} of weights" if s.weight_bits else ""
    if found.room == 0:
        return f"{name}: nothing fits, the weights alone take {binary(found.weights)}."
    length = "of any length" if found.context is None else f"{plural(found.context, 'token')} long"
    longest = f"{plural(s.batch, 'sequence')} may be {length}"
    return f"{name}: {plural(found.sequences, 'sequence')} of {plural(s.tokens, 'token')}{beside}; {longest}."


def notes(s: Settings, sigma: Cost, gqa: Cost) -> list[str]:
    """What the figures do not say by themselves."""
    said = []
    if s.top_k is not None:
        said.append("Selective V reads fewer V rows; the others stay resident.")
    if s.top_k is not None and sigma.v_read > sigma.v_resident:
        said.append(
            f"Here selective V asks for more than all of V ({binary(sigma.v_read)} against {binary(sigma.v_resident)}): "
            f"each of {s.shape.n_q} query heads fetches its own rows, and only {_heads(s)} V heads hold them. "
            "It pays at longer contexts or a smaller k."
        )
    if sigma.resident > gqa.resident:
        said.append(f"With these heads {side_name(s)} holds more than GQA-{s.gqa.n_k}.")
    if s.bits < 16:
        said.append("The scales of a quantised cache come on top; they are not counted.")
    return said


def _heads(s: Settings) -> str:
    return " or ".join(str(count) for count in dict.fromkeys(kind.n_v for kind in s.shape.kinds))


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
        "sigma": f"{side_name(s)} K + V resident",
        "k": "of it K",
        "v_read": f"{side_name(s)} V read, one step",
        "gqa": f"GQA-{s.gqa.n_k} K + V resident",
    }
    return {
        "x": xs,
        "series": series,
        "names": names,
        "x_ticks": [[x, _short(x)] for x in xs[::4]],
        "y_ticks": [[t, binary(t)] for t in byte_ticks(low, high)],
        "room": room,
        "room_text": f"room beside the weights of {side_name(s)}: {binary(room)}",
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
