"""What a forward pass leaves behind besides its result."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(slots=True)
class Trace:
    """Asked for before a step, filled by it.

    probe_layer: whose attention to keep, or None. query: its rotated queries [b, n_q, 1, d_k]. positions, captured:
    its selected V rows, int32 [b, n_q, 1, k + 1], and their softmax mass [b, n_q, 1]; None without selective V.
    queries: give a list and a chunk of a prefill (two tokens or more) appends the rotated queries of each layer,
    [b, n_q, t, d_k], to it; None, the default, keeps none.
    distinct_rows: distinct (layer, sequence, V head, position) rows that selective V fetched, over all layers.
    """

    probe_layer: int | None = None
    query: Tensor | None = None
    positions: Tensor | None = None
    captured: Tensor | None = None
    distinct_rows: int = 0
    queries: list[Tensor] | None = None
