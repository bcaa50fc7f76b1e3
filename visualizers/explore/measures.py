"""Figures of attention rows: chosen V rows, captured mass, entropy, divergence. NumPy in, NumPy out.

Everywhere `weights` is float [n_q, T], one softmax row per query head; the last position is the query's own, whose V
row selective V always reads (arXiv 2501.13629, Appendix B.2).
"""

from __future__ import annotations

import numpy as np


def k_grid(tokens: int) -> list[int]:
    """Values of k at which curves are sent: powers of two up to the `tokens - 1` earlier rows, and that number."""
    earlier = max(1, tokens - 1)
    return [*(1 << i for i in range(earlier.bit_length()) if 1 << i < earlier), earlier]


def ranked(weights: np.ndarray) -> np.ndarray:
    """Earlier positions by weight, largest first, ties to the lowest index: int [n_q, T - 1]."""
    return np.argsort(-weights[:, :-1], axis=1, kind="stable")


def choose(weights: np.ndarray, k: int) -> np.ndarray:
    """V rows that selective V reads: bool [n_q, T], the k best earlier rows of each head and the current one."""
    if k < 1:
        raise ValueError(f"selective V reads at least 1 row, got k = {k}")
    marks = np.zeros(weights.shape, bool)
    np.put_along_axis(marks, ranked(weights)[:, :k], True, axis=1)
    marks[:, -1] = True
    return marks


def captured_curve(weights: np.ndarray, ks: list[int]) -> np.ndarray:
    """Softmax mass on the rows read, per head and k: float [n_q, len(ks)]."""
    earlier = -np.sort(-weights[:, :-1], axis=1)
    sums = np.concatenate([np.zeros((len(weights), 1)), np.cumsum(earlier, axis=1, dtype=np.float64)], axis=1)
    at = np.minimum(ks, earlier.shape[1])
    return np.minimum(sums[:, at] + weights[:, -1:], 1.0)


def smallest_k(weights: np.ndarray, mass: float = 0.99) -> np.ndarray:
    """The least k whose rows hold `mass` of each head's softmax: int [n_q], at least 1, at most T - 1."""
    earlier = -np.sort(-weights[:, :-1], axis=1)
    if not earlier.shape[1]:
        return np.ones(len(weights), int)
    total = weights.sum(axis=1, dtype=np.float64)  # 1, but for rounding
    sums = np.cumsum(earlier, axis=1, dtype=np.float64) + weights[:, -1:]
    reached = sums >= mass * total[:, None] - 1e-9
    return np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, earlier.shape[1])


def entropy_bits(weights: np.ndarray) -> np.ndarray:
    """Shannon entropy of each row, bits: 0 looks at one token, log2 T at all alike."""
    positive = np.where(weights > 0, weights, 1.0)
    return -(weights * np.log2(positive)).sum(axis=1)


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Jensen-Shannon divergence of two rows per head, bits in [0, 1] (Lin 1991). Shapes must be equal."""
    if p.shape != q.shape:
        raise ValueError(f"the two sides' rows differ in shape: {p.shape} and {q.shape}")
    middle = (p + q) / 2
    return np.clip(entropy_bits(middle) - (entropy_bits(p) + entropy_bits(q)) / 2, 0, 1)


def sharing(marks: np.ndarray, value_heads: int) -> dict[str, list[int]]:
    """How the query heads of a V head share the rows they read.

    marks: bool [n_q, T]. Returns `requested` and `distinct` rows per V head, and `shared` per query head: how many of
    its rows another head of the same V head reads too.
    """
    n_q = len(marks)
    if value_heads < 1 or n_q % value_heads:
        raise ValueError(f"{n_q} query heads cannot share {value_heads} value heads evenly")
    groups = marks.reshape(value_heads, n_q // value_heads, -1)
    readers = groups.sum(axis=1)
    return {
        "requested": groups.sum(axis=(1, 2)).tolist(),
        "distinct": (readers > 0).sum(axis=1).tolist(),
        "shared": (groups & (readers > 1)[:, None]).sum(axis=2).ravel().tolist(),
    }


def first_difference(a: list[int], b: list[int]) -> int | None:
    """Index of the first element in which two lists differ, their common length if one continues the other."""
    for i, (x, y) in enumerate(zip(a, b)):
        if x != y:
            return i
    return None if len(a) == len(b) else min(len(a), len(b))
