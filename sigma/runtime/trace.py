"""What a forward pass leaves behind besides its result."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sigma.model.configuration import SigmaConfig


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

    def select_all(self, config: SigmaConfig, batch: int, length: int, device: torch.device) -> None:
        """Note a selection that kept every row: then full attention was computed, the same sums as without one."""
        heads = config.num_attention_heads
        self.distinct_rows = config.num_hidden_layers * batch * config.num_value_heads * length
        if self.probe_layer is not None:
            rows = torch.arange(length, dtype=torch.int32, device=device)
            self.positions = rows.expand(batch, heads, 1, length)
            self.captured = torch.ones(batch, heads, 1, device=device)
