"""The answers themselves: a run's description, and the parts of a view. Pure functions of what was found."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from sigma.events import PromptError, SideInfo
from visualizers.explore import measures, payloads
from visualizers.explore.runs import ExploredRun, Text

SMALL, LARGE, ROW = 128, 512, 512
"""Most bins a side of a head's small map and of the large one, and most columns of a row."""

MASS = 0.99
MEASURES = ("captured", "entropy", "diverge")
INFO = ("name", "layers", "query_heads", "key_heads", "value_heads", "value_head_dim", "kv_itemsize")


class Gone(Exception):
    """The visitor left while an answer was being computed."""


def describe(run: ExploredRun, writer: str, infos: dict[str, SideInfo | dict]) -> dict[str, Any]:
    """Tokens and settings of a run; a few bytes per token, no attention yet."""
    text = run.text(writer)
    plain = {
        side: info if isinstance(info, dict) else {field: getattr(info, field) for field in INFO}
        for side, info in infos.items()
    }
    return {
        "run": run.id,
        "recorded": run.recorded,
        "text": writer,
        "writers": list(run.texts),
        "pieces": [piece[:48] for piece in text.pieces],
        "prompt": text.prompt_length,
        "tokens": len(text.ids),
        "steps": text.steps,
        "others": {
            side: [piece[:48] for piece in other.pieces[other.prompt_length :]]
            for side, other in run.texts.items()
            if side != writer
        },
        "parting": run.parting(),
        "settings": run.settings,
        "info": {side: {field: info[field] for field in INFO} for side, info in plain.items()},
    }


def whole(question: dict[str, Any], name: str, low: int, high: int) -> int:
    """A whole number of the question, low .. high; PromptError with both otherwise."""
    value = question.get(name)
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not math.isfinite(value)
        or value != int(value)
    ):
        raise PromptError(f"{name} must be a whole number from {low} to {high}.")
    if not low <= value <= high:
        raise PromptError(f"{name} must be from {low} to {high}, not {int(value)}.")
    return int(value)


def view(
    found: dict[str, Any],
    text: Text,
    question: dict[str, Any],
    piece: Callable[[int], str],
    gone: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """The parts that a question names in `parts`, for both sides.

    found: by side, what answers like `sigma.engine.inspection.Inspection`. The question's layer, query (a position), k and
    head say where; each part is checked before anything is computed. PromptError for what does not exist.
    """
    parts = question.get("parts")
    if not isinstance(parts, list) or not parts or not set(parts) <= set(PARTS):
        raise PromptError(f"parts must be a list out of {', '.join(PARTS)}.")
    layer = whole(question, "layer", 0, min(side.layers for side in found.values()) - 1)
    first = max(side.first_query for side in found.values())
    query = whole(question, "query", first, len(text.ids) - 1)

    def still_wanted() -> None:
        if gone():
            raise Gone

    answer: dict[str, Any] = {"layer": layer, "query": query, "first_query": first}
    for part in parts:
        still_wanted()
        answer[part] = PARTS[part](found, text, question, layer, query, piece, still_wanted)
    return answer


def _maps(found, text, question, layer, query, piece, still_wanted):
    """Every head's map, small."""
    n = len(text.ids)
    return {
        side: _window(one, layer, None, (one.first_query, n), (0, n), SMALL, still_wanted)
        for side, one in found.items()
    }


def _window(one, layer, head, queries, keys, size, still_wanted):
    """A packed map of one head, or of all (None), with the log-sum-exp of its rows."""
    sums = []

    def block(start: int, stop: int) -> np.ndarray:
        weights, own = one.attend(layer, start, stop, head)
        sums.append(own)
        return weights

    packed = payloads.pack_map(block, queries, keys, size, still_wanted)
    return {**packed, "lse": payloads.pack_sums(np.concatenate(sums, axis=1), packed["width"])}


def _head(found, text, question, layer, query, piece, still_wanted):
    """One head of one side, large: a window of queries and keys, exact when it fits."""
    side = _side(found, question)
    one, n = found[side], len(text.ids)
    head = whole(question, "head", 0, one.query_heads - 1)
    q0 = whole(question, "q0", one.first_query, n - 1) if "q0" in question else one.first_query
    q1 = whole(question, "q1", q0 + 1, n) if "q1" in question else n
    k0 = whole(question, "k0", 0, n - 1) if "k0" in question else 0
    k1 = whole(question, "k1", k0 + 1, n) if "k1" in question else n
    packed = _window(one, layer, head, (q0, q1), (k0, k1), LARGE, still_wanted)
    return {"side": side, "head": head, **packed}


def _row(found, text, question, layer, query, piece, still_wanted):
    """The query's row of every head of one side."""
    side = _side(found, question)
    weights, sums = found[side].attend(layer, query, query + 1)
    return {"side": side, **payloads.pack_row(weights[:, 0], sums[:, 0], ROW)}


def _linked(found, text, question, layer, query, piece, still_wanted):
    """The same row of the same head on the other side, the only one of its heads that is looked at beside the first."""
    side = next((name for name in found if name != _side(found, question)), None)
    if side is None:
        return None
    head = whole(question, "head", 0, found[side].query_heads - 1)
    weights, sums = found[side].attend(layer, query, query + 1)
    own = slice(head, head + 1)
    return {"side": side, "first": head, **payloads.pack_row(weights[own, 0], sums[own, 0], ROW)}


def _figures(found, text, question, layer, query, piece, still_wanted):
    """What the query's rows amount to, every head of both sides: captured mass and output error over k, smallest k."""
    grid = measures.k_grid(query + 1)
    sides = {}
    for side, one in found.items():
        row = one.weights(layer, query, query + 1)[:, 0]
        errors = one.output_errors(layer, query, grid)
        sides[side] = {
            "captured": payloads.pack_bytes(measures.captured_curve(row, grid), 1.0),
            "errors": payloads.pack_bytes(np.minimum(errors, 1.0), 1.0) if not np.isnan(errors).any() else None,
            "smallest": measures.smallest_k(row, MASS).tolist(),
        }
    same = [one.weights(layer, query, query + 1)[:, 0] for one in found.values()]
    diverge = measures.jensen_shannon(*same) if len(same) == 2 and same[0].shape == same[1].shape else None
    return {"grid": grid, **sides, "diverge": None if diverge is None else payloads.rounded(diverge, 3)}


def _exact(found, text, question, layer, query, piece, still_wanted):
    """One head's row as float32 and its log-sum-exp, for a locked pair; with `from` and `to` only that stretch."""
    side = _side(found, question)
    head = whole(question, "head", 0, found[side].query_heads - 1)
    start = whole(question, "from", 0, query) if "from" in question else 0
    stop = whole(question, "to", start + 1, query + 1) if "to" in question else query + 1
    weights, sums = found[side].attend(layer, query, query + 1)
    row, lse = weights[head, 0, start:stop], float(sums[head, 0])
    return {
        "side": side,
        "head": head,
        "from": start,
        "weights": payloads.to_base64(row.astype("<f4")),
        "lse": None if math.isnan(lse) else lse,
    }


def _select(found, text, question, layer, query, piece, still_wanted):
    """Exactly the V rows that this k reads, and what that keeps and costs."""
    k = whole(question, "k", 1, 1 << 20)
    sides = {}
    for side, one in found.items():
        row = one.weights(layer, query, query + 1)[:, 0]
        marks = measures.choose(row, k)
        errors = one.output_errors(layer, query, [k])[:, 0]
        sides[side] = {
            "marks": payloads.pack_bits(marks) if side == "sigma" else None,  # GQA reads every row, nothing to mark
            "captured": payloads.rounded(measures.captured_curve(row, [k])[:, 0]),
            "errors": None if np.isnan(errors).any() else payloads.rounded(errors),
            **measures.sharing(marks, one.value_heads),
        }
    return {"k": k, "tokens": query + 1, **sides}


def _overview(found, text, question, layer, query, piece, still_wanted):
    """Layers x heads at one query, one measure: mass that k captures, entropy, or divergence of the two sides."""
    measure = question.get("measure")
    if measure not in MEASURES:
        raise PromptError(f"measure must be one of {', '.join(MEASURES)}.")
    rows = {
        side: np.stack([one.weights(i, query, query + 1)[:, 0] for i in range(one.layers)])
        for side, one in found.items()
    }
    if measure == "captured":
        k = whole(question, "k", 1, 1 << 20)
        tables = {side: [measures.captured_curve(row, [k])[:, 0] for row in table] for side, table in rows.items()}
    elif measure == "entropy":
        tables = {side: [measures.entropy_bits(row) for row in table] for side, table in rows.items()}
    else:
        a, b = rows.values()
        tables = {"both": [measures.jensen_shannon(p, q) for p, q in zip(a, b)] if a.shape == b.shape else None}
    top = max(1e-6, math.log2(query + 1)) if measure == "entropy" else 1.0
    packed = {name: table and payloads.pack_bytes(np.stack(table), top) for name, table in tables.items()}
    return {"measure": measure, **packed}


def _time(found, text, question, layer, query, piece, still_wanted):
    """V rows that one head reads at every step, and the mass that k captures in every head at every step."""
    k = whole(question, "k", 1, 1 << 20)
    side = _side(found, question)
    one = found[side]
    head = whole(question, "head", 0, one.query_heads - 1)
    n = len(text.ids)
    first = max(one.first_query, text.prompt_length - 1)
    last = n - 1 if text.steps > 0 else n  # the last token of an answer is never a query
    marks, captured = np.zeros((last - first, n), bool), np.zeros((one.query_heads, last - first))
    for start in range(first, last, payloads.BLOCK):
        still_wanted()
        stop = min(start + payloads.BLOCK, last)
        block = one.weights(layer, start, stop)
        for q in range(start, stop):
            row = block[:, q - start, : q + 1]
            captured[:, q - first] = measures.captured_curve(row, [k])[:, 0]
            marks[q - first, : q + 1] = measures.choose(row[head : head + 1], k)[0]
    width = payloads.column_width(n, ROW)
    columns = payloads.max_pool(marks.astype(np.uint8), width).astype(bool)
    return {
        "side": side,
        "head": head,
        "k": k,
        "first": first,
        "steps": last - first,
        "width": width,
        "columns": columns.shape[1],
        "marks": payloads.pack_bits(columns),
        "captured": payloads.pack_bytes(captured, 1.0),
    }


def _next(found, text, question, layer, query, piece, still_wanted):
    """What both sides expected after the query: the likeliest tokens, and the probability of the one that came."""
    known = query + 1 < len(text.ids)
    answer: dict[str, Any] = {
        "came": text.pieces[query + 1] if known else None,
        "came_id": int(text.ids[query + 1]) if known else None,
    }
    for side, one in found.items():
        told = one.next_tokens(query)
        answer[side] = told and {
            "top": [[piece(i), round(float(p), 4), int(i)] for i, p in zip(told.ids, told.probabilities)],
            "taken": None if math.isnan(told.taken) else round(told.taken, 4),
            "entropy": round(told.entropy, 2),
        }
    return answer


def _track(found, text, question, layer, query, piece, still_wanted):
    """Over all steps: the probability that each side gave the token that came, and whether both had the same favourite."""
    steps = range(text.prompt_length - 1, len(text.ids) - 1)
    told = {side: [one.next_tokens(p) for p in steps] for side, one in found.items()}
    taken = {side: [round(t.taken, 3) if t else None for t in rows] for side, rows in told.items()}
    agree = [len({t.ids[0] for t in pair if t}) == 1 for pair in zip(*told.values())]
    return {**taken, "agree": [int(x) for x in agree]}


def _side(found: dict[str, Any], question: dict[str, Any]) -> str:
    side = question.get("side")
    if side not in found:
        raise PromptError(f"side must be one of {', '.join(found)}.")
    return side


def _numbers(found, text, question, layer, query, piece, still_wanted):
    """The query's row of every head as numbers, for an export; a score is ln(weight) + the head's log-sum-exp."""
    rows = {side: one.attend(layer, query, query + 1) for side, one in found.items()}
    sums = {side: own[:, 0] for side, (_, own) in rows.items()}
    return {
        "weights": {side: payloads.rounded(weights[:, 0], 7) for side, (weights, _) in rows.items()},
        "log_sum_exp": {side: None if np.isnan(own).any() else payloads.rounded(own, 5) for side, own in sums.items()},
    }


PARTS = {
    "numbers": _numbers,
    "maps": _maps,
    "head": _head,
    "row": _row,
    "linked": _linked,
    "figures": _figures,
    "exact": _exact,
    "select": _select,
    "overview": _overview,
    "time": _time,
    "next": _next,
    "track": _track,
}
