"""Pictures as compact text: NumPy arrays quantised to bytes, written in base64. Pure functions, no Gradio.

The browser's counterpart is `assets/shared/payload.js`; both must agree on the codes described here.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from sigma.events import AttentionProbe, CacheBytes

MAX_COLUMNS = 192
"""Widest attention picture, in columns; longer contexts are max-pooled into at most this many."""

CURVE_POINTS = 40
"""Most points of a memory curve that are sent; resident bytes are linear in the tokens, so few are enough."""

DECADES = 5.0
"""Attention codes are logarithmic over five decades: 255 is a weight of 1, 0 is 10^-5 or less."""

CURVE_FIELDS = ("tokens", "k_resident", "v_resident", "k_read", "v_read")


def to_base64(array: np.ndarray) -> str:
    """The array's bytes (C order) in base64."""
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def score_codes(scores: np.ndarray) -> np.ndarray:
    """Softmax weights as uint8: `255 * (1 + log10(p) / 5)`, so that small weights keep about 5 % accuracy.

    A linear byte would show every weight under 1/255 as zero, which is most of them past a few hundred tokens.
    """
    scores = np.asarray(scores, dtype=np.float32)
    if scores.size and (not np.isfinite(scores).all() or scores.min() < 0 or scores.max() > 1.001):
        raise ValueError("scores must be softmax weights in [0, 1]")
    logs = np.log10(np.maximum(scores, 10.0**-DECADES))
    return np.clip(np.rint(255 * (1 + logs / DECADES)), 0, 255).astype(np.uint8)


def column_width(tokens: int, max_columns: int = MAX_COLUMNS) -> int:
    """Tokens per column, the least that fits `tokens` into `max_columns`."""
    if max_columns < 1:
        raise ValueError(f"max_columns must be at least 1, not {max_columns}")
    return max(1, -(-tokens // max_columns))


def max_pool(rows: np.ndarray, width: int) -> np.ndarray:
    """`rows` [n, T] -> [n, ceil(T / width)], the maximum of each run of `width` columns."""
    if width == 1:
        return rows
    short = -rows.shape[1] % width
    padded = np.pad(rows, ((0, 0), (0, short)))
    return padded.reshape(rows.shape[0], -1, width).max(axis=2)


def fetched_marks(positions: np.ndarray, tokens: int) -> np.ndarray:
    """`positions` [n, k] -> uint8 [n, tokens], 1 where the head fetched that V row; -1 stands for none."""
    if positions.size and (positions.min() < -1 or positions.max() >= tokens):
        raise ValueError(f"a fetched position lies outside the {tokens} tokens")
    marks = np.zeros((positions.shape[0], tokens + 1), dtype=np.uint8)
    np.put_along_axis(marks, np.where(positions < 0, tokens, positions).astype(np.int64), 1, axis=1)
    return marks[:, :tokens]


def rows_fetched(probe: AttentionProbe) -> list[int]:
    """V rows that each query head fetched: as many for all, unless some were too light for a threshold."""
    heads, tokens = probe.scores.shape
    return [tokens] * heads if probe.positions is None else (probe.positions >= 0).sum(axis=1).tolist()


def pack_probe(probe: AttentionProbe, max_columns: int = MAX_COLUMNS) -> dict[str, Any]:
    """One layer's attention of the newest token for the browser.

    `codes`: uint8 [heads, columns] (see `score_codes`), each column the maximum of `width` tokens. `marks`: one bit
    per column, rows padded to whole bytes, most significant first, set where any of the column's V rows was
    fetched; None when all were. `rows`: V rows fetched per head, a list where heads differ. `captured`: softmax mass on them, per head.
    """
    (heads, tokens), rows = probe.scores.shape, rows_fetched(probe)
    width = column_width(tokens, max_columns)
    codes = max_pool(score_codes(probe.scores), width)
    marks = None
    if probe.positions is not None:
        marks = to_base64(np.packbits(max_pool(fetched_marks(probe.positions, tokens), width), axis=1))
    return {
        "layer": probe.layer,
        "heads": heads,
        "tokens": tokens,
        "columns": codes.shape[1],
        "width": width,
        "codes": to_base64(codes),
        "marks": marks,
        "rows": rows[0] if len(set(rows)) == 1 else rows,
        "captured": [round(float(c), 4) for c in probe.captured],
    }


def curve_row(cache: CacheBytes) -> tuple[int, ...]:
    """One point of the memory curve: the values named in CURVE_FIELDS."""
    return cache.tokens, cache.k_resident, cache.v_resident, cache.k_read, cache.v_read


def curve_choice(tokens: np.ndarray, points: int) -> np.ndarray:
    """Indices of at most `points` rows of ascending `tokens` [n]: the first, the last, and multiples of a stride.

    The stride is a power of two of tokens, not of rows: a point stays where it is while the curve grows, and the two
    sides' points lie at the same tokens.
    """
    stride = 1
    while tokens[-1] // stride + 3 > points:
        stride *= 2
    grid = np.searchsorted(tokens, np.arange(0, tokens[-1] + 1, stride))
    return np.unique([0, *grid, len(tokens) - 1])


def pack_curve(rows: list[tuple[int, ...]], points: int = CURVE_POINTS) -> dict[str, Any]:
    """The memory curve so far: at most `points` of `rows` (see `curve_choice`).

    Every field is uint16 in units of its own (`unit`), one field after the other in `data`. The unit is the greatest
    common divisor of the field's values, so that they come back to the byte; only where that would not fit into 16
    bits is it the maximum / 65535. Raises ValueError for fewer than 3 points.
    """
    if points < 3:
        raise ValueError(f"a curve needs at least 3 points, not {points}")
    if not rows:
        return {"points": 0, "unit": [1] * len(CURVE_FIELDS), "data": ""}
    table = np.asarray(rows, dtype=np.int64)
    table = table[curve_choice(table[:, 0], points)].T
    units = [_unit(values) for values in table]
    coded = np.rint(table / np.array(units, dtype=np.float64)[:, None]).astype("<u2")
    return {"points": table.shape[1], "unit": units, "data": to_base64(coded)}


def _unit(values: np.ndarray) -> int | float:
    divisor = max(1, int(np.gcd.reduce(values)))
    top = int(values.max())
    return divisor if top // divisor <= 65535 else top / 65535


def pack_pieces(pieces: list[str], limit: int = 128) -> dict[str, Any]:
    """The newest `limit` tokens as printable text, and the index of the first of them."""
    start = max(0, len(pieces) - limit)
    return {"start": start, "list": [piece[:24] for piece in pieces[start:]]}
