"""What every way through the model does: the C++ code, torch operations, and torch with a captured decode step."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from sigma.model.cache import DiffKVCache
from sigma.runtime.trace import Trace


class Path(Protocol):
    """A model's compiled weights and the forward pass over them.

    kernels: which code runs, as a status line says it ("native avx512_bf16", "triton, CUDA graph").
    cuts_freely: whether a text's rows and logits are the same bits however its prefill is cut into pieces of two
    tokens or more. Elsewhere the matrix products of a library sum in an order that depends on the number of rows.
    """

    kernels: str
    cuts_freely: bool

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

    def weight_pointers(self) -> dict[str, int]:
        """Address of what each tensor was compiled to; tensors that were stacked have one address."""
        ...
