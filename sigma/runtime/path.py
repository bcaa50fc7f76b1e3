"""What every way through the model does: the C++ code, torch operations, and torch with a captured decode step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from sigma.model.cache import DiffKVCache
from sigma.runtime.trace import Trace


@dataclass(frozen=True, slots=True)
class SequenceStep:
    """One sequence's part of a step that several take together.

    token: appended to `cache`, which holds this sequence alone. top_k: V rows fetched per query head, None reads all.
    trace: asked for before the step, filled by it. drafted: the token is a guess that stands behind the token of the step
    before this one in the list, of the same cache and read in the same way.
    """

    token: int
    cache: DiffKVCache
    top_k: int | None = None
    trace: Trace = field(default_factory=Trace)
    drafted: bool = False


def by_sequence(steps: Sequence[SequenceStep]) -> list[list[SequenceStep]]:
    """Each step with the drafted ones that stand behind it."""
    groups: list[list[SequenceStep]] = []
    for step in steps:
        if step.drafted:
            groups[-1].append(step)
        else:
            groups.append([step])
    return groups


class Path(Protocol):
    """A model's compiled weights and the forward pass over them.

    kernels: which code runs, as a status line says it ("native avx512_bf16", "triton, CUDA graph").
    cuts_freely: whether a text's rows and logits are the same bits however its prefill is cut into pieces of two
    tokens or more. Elsewhere the matrix products of a library sum in an order that depends on the number of rows.
    draft_margin: by how much the difference of two likely tokens' logits may change where tokens are drafted, against a step
    of one; 0 where the logits are the same bits.
    """

    kernels: str
    cuts_freely: bool
    draft_margin: float

    def run(self, ids: Tensor, cache: DiffKVCache, trace: Trace, top_k: int | None) -> Tensor:
        """Append `ids` [b, t] to the cache; returns the residual stream behind the last layer, [b, t, hidden].

        It is not yet normalised, and of the type that the path computes in. top_k: V rows that each query head reads
        besides the newest, None reads all. The trace is filled on the way.
        """
        ...

    def head(self, hidden: Tensor) -> Tensor:
        """The last norm and the logits, fp32 [.., vocab], of a residual stream [.., hidden] that `run` returned."""
        ...

    def decode(self, ids: Tensor, cache: DiffKVCache, trace: Trace, top_k: int | None) -> Tensor:
        """`run` for one token per sequence, ids [b, 1], and its logits, fp32 [b, vocab], the caller's own."""
        return self.head(self.run(ids, cache, trace, top_k)[:, -1])

    def decode_many(self, steps: Sequence[SequenceStep]) -> list[Tensor]:
        """One token of each of several sequences, as long and as cached as each is: their logits, fp32 [1, vocab] each.

        Each gets the bits that `decode` gives it alone, of a drafted token within `draft_margin`. Here the sequences go one
        after the other.
        """
        found = []
        for first, *drafts in by_sequence(steps):
            if drafts:
                found += self.decode_draft([first, *drafts])
            else:
                found.append(self.decode(torch.tensor([[first.token]]), first.cache, first.trace, first.top_k))
        return found

    def decode_draft(self, steps: Sequence[SequenceStep]) -> list[Tensor]:
        """As `decode_many` for a token of one sequence and those drafted behind it, all read in the same way."""
        ...

    def weight_pointers(self) -> dict[str, int]:
        """Address of what each tensor was compiled to; tensors that were stacked have one address."""
        ...
