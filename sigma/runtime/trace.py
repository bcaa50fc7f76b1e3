"""What a forward pass leaves behind besides its result."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sigma.model.configuration import SigmaConfig


@dataclass(slots=True)
class Trace:
    """Asked for before a step, filled by it.

    missing_mass, threshold: how a selection treats the weight of rows that it does not fetch, and which of its rows are
    too light to fetch; None is the configuration's `selective_v_missing_mass` and `selective_v_threshold`.
    probe_layer: whose attention to keep, or None. query: its rotated queries [b, n_q, 1, d_k]. positions, captured:
    its selected V rows, int32 [b, n_q, 1, k + 1], and their softmax mass [b, n_q, 1]; None without selective V.
    queries: give a list and a chunk of a prefill (two tokens or more) appends the rotated queries of each layer,
    [b, n_q, t, d_k], to it; None, the default, keeps none.
    requested_rows, distinct_rows: rows that selective V fetched, over all layers: per (layer, sequence, query head), and
    the distinct ones per (layer, sequence, V head). fetched: these rows, int32 [layers, b, n_q, t, k + 1], where torch
    operations chose them. length: rows of a step's sequence, its token's included.
    """

    probe_layer: int | None = None
    missing_mass: str | None = None
    threshold: float | None = None
    query: Tensor | None = None
    positions: Tensor | None = None
    captured: Tensor | None = None
    requested_rows: int = 0
    distinct_rows: int = 0
    queries: list[Tensor] | None = None
    fetched: Tensor | None = None
    length: int = 0

    def asked(self) -> Trace:
        """A trace that asks for the same."""
        return Trace(self.probe_layer, self.missing_mass, self.threshold)

    def count(self, rows: int, n_v: int) -> None:
        """Note how many rows were fetched; `rows`: more than any of their numbers."""
        self.requested_rows = int((self.fetched >= 0).sum())
        self.distinct_rows = int(distinct_rows(self.fetched, rows, n_v))

    def how(self, config: SigmaConfig) -> tuple[str, float]:
        """What becomes of the missing mass, and the threshold."""
        return (
            config.selective_v_missing_mass if self.missing_mass is None else self.missing_mass,
            config.selective_v_threshold if self.threshold is None else self.threshold,
        )

    def selects(self, config: SigmaConfig, top_k: int | None, past: int) -> bool:
        """Whether rows may be left out, with `past` earlier ones: a selection of everything is full attention."""
        return top_k is not None and past > 0 and (top_k < past or self.how(config)[1] > 0)

    def select_all(self, config: SigmaConfig, batch: int, length: int, device: torch.device) -> None:
        """Note a selection that kept every row: then full attention was computed, the same sums as without one."""
        heads = config.num_attention_heads
        self.requested_rows = config.num_hidden_layers * batch * heads * length
        self.distinct_rows = config.num_hidden_layers * batch * config.num_value_heads * length
        if self.probe_layer is not None:
            rows = torch.arange(length, dtype=torch.int32, device=device)
            self.positions = rows.expand(batch, heads, 1, length)
            self.captured = torch.ones(batch, heads, 1, device=device)


def distinct_rows(positions: Tensor, rows: int, n_v: int) -> Tensor:
    """Distinct rows per (layer, sequence, V head) among positions [layers, b, n_q, t, k + 1], summed: int64 scalar.

    rows: more than any position; -1 counts for nothing. A GPU is not waited for: the shapes do not depend on the values,
    and the scalars go into launches (`torch.where` would copy its scalar over, which no CUDA graph may hold).
    """
    flat = positions.reshape(-1, n_v, positions[0, 0].numel() // n_v).flatten(0, 1).long()
    seen = torch.zeros(len(flat), rows + 1, dtype=torch.bool, device=flat.device)
    return seen.scatter_(1, flat.masked_fill(flat < 0, rows), True)[:, :rows].sum()
