"""The KV cache in bytes (arXiv 2501.13629, Eq. 1) and what a device can hold. Exact integers, no rounding.

Three quantities are never mixed: what is resident, what one decode step reads, and what GQA would need.
"""

from __future__ import annotations

from dataclasses import dataclass

from visualizers.shared.shapes import Layers, Shape

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Cost:
    """Bytes of all layers and sequences: rows held, and rows that one decode step asks for."""

    k_resident: int
    v_resident: int
    k_read: int
    v_read: int

    @property
    def resident(self) -> int:
        return self.k_resident + self.v_resident

    @property
    def read(self) -> int:
        return self.k_read + self.v_read


def bytes_of(numbers: int, bits: int) -> int:
    """Bytes of `numbers` values of `bits` bits. Raises ValueError when they do not fill whole bytes."""
    whole, rest = divmod(numbers * bits, 8)
    if rest:
        raise ValueError(f"{numbers} values of {bits} bits do not fill whole bytes")
    return whole


def v_rows(n_q: int, kind: Layers, tokens: int, top_k: int | None) -> int:
    """V rows that one step requests per layer of this kind and sequence after `tokens` tokens, the newest included.

    All that the layer holds once per V head; or, selectively, min(k, held - 1) + 1 for every one of the `n_q` query heads
    (App. B.2): two query heads that want the same row ask for it twice.
    """
    held = kind.rows(tokens)
    if top_k is None:
        return kind.n_v * held
    return n_q * (min(top_k, held - 1) + 1)


def cache_cost(shape: Shape, tokens: int, batch: int = 1, bits: int = 16, top_k: int | None = None) -> Cost:
    """Cost of `batch` sequences of `tokens` tokens each, `bits` per cached number.

    A layer with a window holds, and reads, its newest rows only. K is always read whole: the scores need it. Scales of a
    quantised cache are not counted. Raises ValueError for less than one token or sequence, or a top_k below one.
    """
    if tokens < 1 or batch < 1 or (top_k is not None and top_k < 1):
        raise ValueError(f"tokens {tokens}, batch {batch} and top_k {top_k} must be at least 1")
    k = v = read = 0
    for kind in shape.kinds:
        held = kind.layers * kind.rows(tokens)
        k += held * kind.n_k * kind.d_k
        v += held * kind.n_v * kind.d_v
        read += kind.layers * v_rows(shape.n_q, kind, tokens, top_k) * kind.d_v
    k, v, read = (bytes_of(batch * numbers, bits) for numbers in (k, v, read))
    return Cost(k, v, k, read)


@dataclass(frozen=True, slots=True)
class Fit:
    """What a device holds: bytes left beside the weights, sequences of the given context, and the longest context.

    `context` is None where any fits: every layer has a window.
    """

    weights: int
    room: int
    sequences: int
    context: int | None


def fit(shape: Shape, memory: int, weights: int, tokens: int, batch: int, bits: int) -> Fit:
    """How many sequences of `tokens` tokens fit in `memory` bytes beside `weights` bytes, and how long `batch` may be.

    Only K and V are counted: activations, fragmentation and the framework's own memory come on top.
    """
    room = max(0, memory - weights)
    one = cache_cost(shape, tokens, 1, bits).resident
    return Fit(weights, room, room // one, longest(shape, room, batch, bits))


def longest(shape: Shape, room: int, batch: int, bits: int) -> int | None:
    """The most tokens that `batch` sequences may have each in `room` bytes; None where there is no most."""
    windows = max((kind.window or 0 for kind in shape.kinds), default=0)
    endless = tuple(kind for kind in shape.kinds if kind.window is None)
    if not endless and cache_cost(shape, windows, batch, bits).resident <= room:
        return None
    # Past every window the cache grows by the same bytes with each token; before, by more.
    grows = sum(kind.layers * (kind.n_k * kind.d_k + kind.n_v * kind.d_v) for kind in endless)
    low, high = 0, max(windows, room // bytes_of(batch * grows, bits) if endless else 0)
    while low < high:
        middle = (low + high + 1) // 2
        fits = cache_cost(shape, middle, batch, bits).resident <= room
        low, high = (middle, high) if fits else (low, middle - 1)
    return low
