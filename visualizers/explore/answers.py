"""The answers themselves: a run's description, and the parts of a view. Pure functions of what was found."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kernels.selective.missing_mass import MISSING_MASS
from sigma.events import Inspection, PromptError, SideInfo
from visualizers.explore import measures, payloads
from visualizers.explore.runs import ExploredRun
from visualizers.explore.view import View

SMALL, LARGE, ROW = 128, 512, 512
"""Most bins a side of a head's small map and of the large one, and most columns of a row."""

MASS = 0.99
MEASURES = ("captured", "entropy", "diverge")
INFO = (
    "name",
    "layers",
    "query_heads",
    "key_heads",
    "value_heads",
    "value_head_dim",
    "kv_itemsize",
)


def describe(run: ExploredRun, writer: str, infos: dict[str, SideInfo]) -> dict[str, Any]:
    """Tokens and settings of a run; a few bytes per token, no attention yet."""
    text = run.text(writer)
    return {
        "run": run.id,
        "recorded": run.recorded,
        "text": writer,
        "writers": list(run.texts),
        "labels": run.labels,
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
        "info": {
            side: {**{field: getattr(info, field) for field in INFO}, "layer_key_heads": list(info.layer_key_heads)}
            for side, info in infos.items()
        },
    }


def parts_of(view: View) -> dict[str, Any]:
    """The parts that the question names in `parts`; each is checked before it is computed.

    PromptError for what does not exist, Gone when the visitor leaves meanwhile.
    """
    parts = view.question.get("parts")
    if not isinstance(parts, list) or not parts or not set(parts) <= set(PARTS):
        raise PromptError(f"parts must be a list out of {', '.join(PARTS)}.")
    answer: dict[str, Any] = {"layer": view.layer, "query": view.query, "first_query": view.first_query}
    for part in parts:
        view.still_wanted()
        answer[part] = PARTS[part](view)
    return answer


def _maps(view: View) -> dict[str, Any]:
    """Every head's map, small."""
    n = len(view.text.ids)
    return {side: _window(view, one, None, (one.first_query, n), (0, n), SMALL) for side, one in view.found.items()}


def _window(
    view: View, one: Inspection, head: int | None, queries: tuple[int, int], keys: tuple[int, int], size: int
) -> dict:
    """A packed map of one head, or of all (None), with the log-sum-exp of its rows."""
    sums = []

    def squares(start: int, stop: int, width: int) -> np.ndarray:
        largest, own = one.squares(view.layer, (start, stop), keys, width, head)
        sums.append(own)
        return largest

    packed = payloads.pack_squares(squares, queries, keys, size, view.still_wanted)
    return {**packed, "lse": payloads.pack_sums(np.concatenate(sums, axis=1), packed["width"])}


def _head(view: View) -> dict[str, Any]:
    """One head of one side, large: a window of queries and keys, exact when it fits."""
    side = view.side()
    one, n = view.found[side], len(view.text.ids)
    head = view.whole("head", 0, one.query_heads - 1)
    q0 = view.whole("q0", one.first_query, n - 1) if "q0" in view.question else one.first_query
    q1 = view.whole("q1", q0 + 1, n) if "q1" in view.question else n
    k0 = view.whole("k0", 0, n - 1) if "k0" in view.question else 0
    k1 = view.whole("k1", k0 + 1, n) if "k1" in view.question else n
    packed = _window(view, one, head, (q0, q1), (k0, k1), LARGE)
    return {"side": side, "head": head, **packed}


def _row(view: View) -> dict[str, Any]:
    """The query's row of every head of one side."""
    side = view.side()
    weights, sums = view.row(side)
    return {"side": side, **payloads.pack_row(weights, sums, ROW)}


def _linked(view: View) -> dict[str, Any] | None:
    """The same row of the same head on the other side, the only one of its heads that is looked at beside the first."""
    side = next((name for name in view.found if name != view.side()), None)
    if side is None:
        return None
    head = view.whole("head", 0, view.found[side].query_heads - 1)
    weights, sums = view.row(side)
    own = slice(head, head + 1)
    return {"side": side, "first": head, **payloads.pack_row(weights[own], sums[own], ROW)}


def _figures(view: View) -> dict[str, Any]:
    """What the query's rows amount to, every head of both sides: captured mass and output error over k, smallest k."""
    grid = measures.k_grid(view.query + 1)
    sides = {}
    for side, one in view.found.items():
        row = view.weights(side)
        errors = one.output_errors(view.layer, view.query, grid)
        sides[side] = {
            "captured": payloads.pack_bytes(measures.captured_curve(row, grid), 1.0),
            "errors": payloads.pack_bytes(np.minimum(errors, 1.0), 1.0) if not np.isnan(errors).any() else None,
            "smallest": measures.smallest_k(row, MASS).tolist(),
        }
    same = [view.weights(side) for side in view.found]
    diverge = measures.jensen_shannon(*same) if len(same) == 2 and same[0].shape == same[1].shape else None
    return {"grid": grid, **sides, "diverge": None if diverge is None else payloads.rounded(diverge, 3)}


def _exact(view: View) -> dict[str, Any]:
    """One head's row as float32 and its log-sum-exp, for a locked pair; with `from` and `to` only that stretch."""
    side = view.side()
    head = view.whole("head", 0, view.found[side].query_heads - 1)
    start = view.whole("from", 0, view.query) if "from" in view.question else 0
    stop = view.whole("to", start + 1, view.query + 1) if "to" in view.question else view.query + 1
    weights, sums = view.row(side)
    row, lse = weights[head, start:stop], float(sums[head])
    return {
        "side": side,
        "head": head,
        "from": start,
        "weights": payloads.to_base64(row.astype("<f4")),
        "lse": None if math.isnan(lse) else lse,
    }


def _select(view: View) -> dict[str, Any]:
    """Exactly the V rows that this k reads, and what that keeps and costs."""
    k = view.whole("k", 1, 1 << 20)
    sides = {}
    for side, one in view.found.items():
        row = view.weights(side)
        marks = measures.choose(row, k)
        errors = one.output_errors(view.layer, view.query, [k])[:, 0]
        sides[side] = {
            "marks": payloads.pack_bits(marks) if side == "sigma" else None,  # GQA reads every row, nothing to mark
            "captured": payloads.rounded(measures.captured_curve(row, [k])[:, 0]),
            "errors": None if np.isnan(errors).any() else payloads.rounded(errors),
            "missing": _missing(one, view, k),
            **measures.sharing(marks, one.value_heads),
        }
    return {"k": k, "tokens": view.query + 1, **sides}


def _missing(one: Inspection, view: View, k: int) -> dict[str, float] | None:
    """Mean output error of a side's heads for each use of the mass that k rows do not hold; None where it is unknown."""
    errors = {word: one.output_errors(view.layer, view.query, [k], word) for word in MISSING_MASS}
    if any(np.isnan(table).any() for table in errors.values()):
        return None
    return {word: round(float(table.mean()), 5) for word, table in errors.items()}


def _overview(view: View) -> dict[str, Any]:
    """Layers x heads at one query, one measure: mass that k captures, entropy, or divergence of the two sides."""
    measure = view.question.get("measure")
    if measure not in MEASURES:
        raise PromptError(f"measure must be one of {', '.join(MEASURES)}.")
    rows = {
        side: np.stack([one.weights(i, view.query, view.query + 1)[:, 0] for i in range(one.layers)])
        for side, one in view.found.items()
    }
    if measure == "captured":
        k = view.whole("k", 1, 1 << 20)
        tables = {side: [measures.captured_curve(row, [k])[:, 0] for row in table] for side, table in rows.items()}
    elif measure == "entropy":
        tables = {side: [measures.entropy_bits(row) for row in table] for side, table in rows.items()}
    else:
        a, b = rows.values()
        tables = {"both": [measures.jensen_shannon(p, q) for p, q in zip(a, b)] if a.shape == b.shape else None}
    top = max(1e-6, math.log2(view.query + 1)) if measure == "entropy" else 1.0
    packed = {name: table and payloads.pack_bytes(np.stack(table), top) for name, table in tables.items()}
    return {"measure": measure, **packed}


def _time(view: View) -> dict[str, Any]:
    """V rows that one head reads at every step, and the mass that k captures in every head at every step."""
    k = view.whole("k", 1, 1 << 20)
    side = view.side()
    one = view.found[side]
    head = view.whole("head", 0, one.query_heads - 1)
    n = len(view.text.ids)
    first = max(one.first_query, view.text.prompt_length - 1)
    last = n - 1 if view.text.steps > 0 else n  # the last token of an answer is never a query
    marks, captured = np.zeros((last - first, n), bool), np.zeros((one.query_heads, last - first))
    for start in range(first, last, payloads.BLOCK):
        view.still_wanted()
        stop = min(start + payloads.BLOCK, last)
        block = one.weights(view.layer, start, stop)
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


def _next(view: View) -> dict[str, Any]:
    """What both sides expected after the query: the likeliest tokens, and the probability of the one that came."""
    known = view.query + 1 < len(view.text.ids)
    answer: dict[str, Any] = {
        "came": view.text.pieces[view.query + 1] if known else None,
        "came_id": int(view.text.ids[view.query + 1]) if known else None,
    }
    for side, one in view.found.items():
        told = one.next_tokens(view.query)
        answer[side] = told and {
            "top": [[view.piece(i), round(float(p), 4), int(i)] for i, p in zip(told.ids, told.probabilities)],
            "taken": None if math.isnan(told.taken) else round(told.taken, 4),
            "entropy": round(told.entropy, 2),
        }
    return answer


def _track(view: View) -> dict[str, Any]:
    """Over all steps: the probability that each side gave the token that came, and whether both had the same favourite."""
    steps = range(view.text.prompt_length - 1, len(view.text.ids) - 1)
    told = {side: [one.next_tokens(p) for p in steps] for side, one in view.found.items()}
    taken = {side: [round(t.taken, 3) if t else None for t in rows] for side, rows in told.items()}
    agree = [len({t.ids[0] for t in pair if t}) == 1 for pair in zip(*told.values())]
    return {**taken, "agree": [int(x) for x in agree]}


def _numbers(view: View) -> dict[str, Any]:
    """The query's row of every head as numbers, for an export; a score is ln(weight) + the head's log-sum-exp."""
    rows = {side: view.row(side) for side in view.found}
    return {
        "weights": {side: payloads.rounded(weights, 7) for side, (weights, _) in rows.items()},
        "log_sum_exp": {
            side: None if np.isnan(own).any() else payloads.rounded(own, 5) for side, (_, own) in rows.items()
        },
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
