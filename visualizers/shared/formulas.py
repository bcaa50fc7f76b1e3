"""The KV cache in bytes (arXiv 2501.13629, Eq. 1) and what a device can hold. Exact integers, no rounding.

Three quantities are never mixed: what is resident, what one decode step reads, and what GQA would need.
"""

from __future__ import annotations

from dataclasses import dataclass

from visualizers.shared.shapes import Shape

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


def v_rows(shape: Shape, tokens: int, top_k: int | None) -> int:
    """V rows that one step requests per layer and sequence with `tokens` rows cached, the newest included.

    All of them once per V head; or, selectively, min(k, tokens - 1) + 1 for every query head (App. B.2): two query
    heads that want the same row ask for it twice.
    """
    if top_k is None:
        return shape.n_v * tokens
    return shape.n_q * (min(top_k, tokens - 1) + 1)


def cache_cost(shape: Shape, tokens: int, batch: int = 1, bits: int = 16, top_k: int | None = None) -> Cost:
    """Cost of `batch` sequences of `tokens` tokens each, `bits` per cached number.

    K is always read whole: the scores need it. Scales of a quantised cache are not counted.
    Raises ValueError for less than one token or sequence, or a top_k below one.
    """
    if tokens < 1 or batch < 1 or (top_k is not None and top_k < 1):
        raise ValueError(f"tokens {tokens}, batch {batch} and top_k {top_k} must be at least 1")
    k = bytes_of(batch * tokens * shape.k_per_token, bits)
    v = bytes_of(batch * tokens * shape.v_per_token, bits)
    read = bytes_of(batch * shape.layers * v_rows(shape, tokens, top_k) * shape.d_v, bits)
    return Cost(k, v, k, read)


@dataclass(frozen=True, slots=True)
class Fit:
    """What a device holds: bytes left beside the weights, sequences of the given context, longest context."""

    weights: int
    room: int
    sequences: int
    context: int


def fit(shape: Shape, memory: int, weights: int, tokens: int, batch: int, bits: int) -> Fit:
    """How many sequences of `tokens` tokens fit in `memory` bytes beside `weights` bytes, and how long `batch` may be.

    Only K and V are counted: activations, fragmentation and the framework's own memory come on top.
    """
    room = max(0, memory - weights)
    one = cache_cost(shape, tokens, 1, bits).resident
    per_token = cache_cost(shape, 1, batch, bits).resident
    return Fit(weights, room, room // one, room // per_token)
