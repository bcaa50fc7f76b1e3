"""Maps, rows and bits as compact text; the browser's counterpart is `assets/explore/payloads.js`.

A weight becomes one printable character of ALPHABET: 92 log steps over five decades (13 % apart), the first for
10^-5 and less. Base64 would need a third more. A map is binned to squares of `width` positions, each showing its
largest weight, and holds only what a causal query can see: bin row r has `columns_of_row(...)` columns, one row after
the other, one head after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from visualizers.shared.packing import DECADES, column_width, max_pool, to_base64

BLOCK = 256
"""Queries computed at a time: 9 heads over 8,192 positions are then 75 MB."""


ALPHABET = "".join(chr(c) for c in range(32, 127) if chr(c) not in '"\\<')
"""Printable ASCII without the quote and the backslash, which JSON escapes, and without what opens a tag."""

_CHARACTERS = np.frombuffer(ALPHABET.encode("ascii"), np.uint8)


def score_text(weights: np.ndarray) -> str:
    """Softmax weights as characters, in C order. ValueError for numbers that are no softmax weights."""
    weights = np.asarray(weights, dtype=np.float32)
    if weights.size and (not np.isfinite(weights).all() or weights.min() < 0 or weights.max() > 1.001):
        raise ValueError("scores must be softmax weights in [0, 1]")
    top = len(ALPHABET) - 1
    logs = np.log10(np.maximum(weights, 10.0**-DECADES))
    steps = np.clip(np.rint(top * (1 + logs / DECADES)), 0, top).astype(np.uint8)
    return _CHARACTERS[steps].tobytes().decode("ascii")


def columns_of_row(first_query: int, first_key: int, keys: int, width: int, row: int) -> int:
    """Visible bin columns of a map's bin row: keys up to the row's last query."""
    last = first_query + (row + 1) * width - 1
    return min(-(-keys // width), max(0, (last - first_key) // width + 1))


def pack_map(
    weights: Callable[[int, int], np.ndarray],
    queries: tuple[int, int],
    keys: tuple[int, int],
    size: int,
    still_wanted: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """A window of all given heads' maps, at most `size` bins a side.

    weights(start, stop) gives float [heads, stop - start, stop] (`sigma.events.Inspection.weights`); otherwise as `pack_squares`.
    """
    look = lambda start, stop, width: squares_of(weights(start, stop), keys, width)  # noqa: E731
    return pack_squares(look, queries, keys, size, still_wanted)


def squares_of(weights: np.ndarray, keys: tuple[int, int], width: int) -> np.ndarray:
    """The largest weight of each square of `width` queries and keys, of the keys [start, stop) of the window.

    weights: float [heads, rows, n], where a key from n on is seen by none. Returns [heads, ceil(rows / width),
    ceil(keys / width)].
    """
    block, (k0, k1) = weights[:, :, keys[0] : keys[1]], keys
    heads, count, seen = block.shape
    if short := -count % width:
        block = np.pad(block, ((0, 0), (0, short), (0, 0)))
    # Over the queries first: what is left for the pass along the keys is small.
    block = block.reshape(heads, (count + short) // width, width, seen).max(axis=2)
    wide = np.zeros((*block.shape[:2], k1 - k0), np.float32)
    wide[:, :, :seen] = block
    return max_pool(wide.reshape(-1, k1 - k0), width).reshape(*wide.shape[:2], -1)


def pack_squares(
    squares: Callable[[int, int, int], np.ndarray],
    queries: tuple[int, int],
    keys: tuple[int, int],
    size: int,
    still_wanted: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """A window of maps from their squares, at most `size` bins a side.

    squares(start, stop, width) gives what `squares_of` returns, of the queries start .. stop - 1; queries and keys are
    [start, stop) of the window. `still_wanted` is called between blocks and may raise.
    Returns {heads, q0, q1, k0, k1, width, codes}.
    """
    (q0, q1), (k0, k1) = queries, keys
    width = column_width(max(q1 - q0, k1 - k0), size)
    rows = -(-(q1 - q0) // width)
    parts = []
    step = max(1, BLOCK // width) * width
    for start in range(q0, q1, step):
        still_wanted()
        parts.append(squares(start, min(start + step, q1), width))
    bins = np.concatenate(parts, axis=1)
    seen = [columns_of_row(q0, k0, k1 - k0, width, r) for r in range(rows)]
    visible = np.arange(bins.shape[2])[None, :] < np.asarray(seen)[:, None]
    return {
        "heads": len(bins),
        "q0": q0,
        "q1": q1,
        "k0": k0,
        "k1": k1,
        "width": width,
        "codes": score_text(bins[:, visible]),
    }


def pack_row(weights: np.ndarray, log_sums: np.ndarray, size: int) -> dict[str, Any]:
    """One query's row of every head, binned to at most `size` columns: {heads, tokens, width, codes, lse}.

    log_sums: float [heads], the log-sum-exp of each head's scores; a score is ln(weight) + that.
    """
    width = column_width(weights.shape[1], size)
    return {
        "heads": len(weights),
        "tokens": weights.shape[1],
        "width": width,
        "codes": score_text(max_pool(weights, width)),
        "lse": None if np.isnan(log_sums).any() else rounded(log_sums, 3),
    }


def pack_sums(log_sums: np.ndarray, width: int) -> dict[str, Any] | None:
    """Log-sum-exp [heads, queries] of a map's rows, as bytes between each head's least and most.

    {least, most: [heads], data: uint8 [1, heads, rows], or [2, heads, rows] with the least and the most of each bin's
    queries where `width` is more than 1}. None where the sums are not known (nan).
    """
    if np.isnan(log_sums).any():
        return None
    short = -log_sums.shape[1] % width
    bins = np.pad(log_sums, ((0, 0), (0, short)), mode="edge").reshape(len(log_sums), -1, width)
    ends = [bins.min(axis=2), bins.max(axis=2)] if width > 1 else [bins[:, :, 0]]
    least, most = log_sums.min(axis=1), log_sums.max(axis=1)
    scale = 255 / np.maximum(most - least, 1e-6)
    codes = np.rint((np.stack(ends) - least[:, None]) * scale[:, None]).astype(np.uint8)
    return {"least": rounded(least, 3), "most": rounded(most, 3), "data": to_base64(codes)}


def pack_bits(marks: np.ndarray) -> str:
    """Bool [.., n] as bits, rows padded to whole bytes, most significant first, in base64."""
    return to_base64(np.packbits(marks, axis=-1))


def pack_bytes(values: np.ndarray, top: float) -> dict[str, Any]:
    """Values 0 .. top as bytes: {top, shape, data}."""
    scaled = np.clip(np.rint(np.asarray(values) * (255 / max(top, 1e-12))), 0, 255)
    return {"top": round(float(top), 4), "shape": list(np.shape(values)), "data": to_base64(scaled.astype(np.uint8))}


def rounded(values: np.ndarray, digits: int = 4) -> list[Any]:
    """Nested lists of short numbers."""
    return np.round(np.asarray(values, dtype=np.float64), digits).tolist()
