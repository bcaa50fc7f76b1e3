"""Prefill attention through the C++ kernel of this folder; torch where there is none or it does not fit."""

import torch

from .. import native
from . import cpu


def prefill_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    *,
    scale: float | None = None,
    lengths: torch.Tensor | None = None,
    return_lse: bool = False,
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """Shapes and results as `kernels.decode.reference.decode_attention`, for any t <= T; fp32 sums.

    The output is a view of a `[b, t, n_q, d_v]` tensor. K and V are repacked once per call into memory of their own
    size (in fp32 where the processor does not multiply bf16).
    """
    kernel = native.function("prefill", q.dtype) if native.accepts(q, k, v) else None
    if kernel is None:
        return cpu.prefill_attention(q, k, v, scale=scale, lengths=lengths, return_lse=return_lse)
    return launch(kernel, q, k, v, scale, lengths, return_lse)


def launch(
    kernel,
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    scale: float | None,
    lengths: torch.Tensor | None,
    return_lse: bool,
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """One call of the C++ function `kernel`, on tensors that `native.accepts`."""
    if q.stride(3) != 1:
        q = q.contiguous()
    if lengths is not None:
        lengths = lengths.contiguous()
    b, n_q, t, _ = q.shape
    out = q.new_empty((b, t, n_q, v.shape[3]))
    lse = torch.empty(b, n_q, t) if return_lse else None
    kernel(native.arguments(q, k, v, out, lse, lengths, scale))
    return (out.transpose(1, 2), lse) if return_lse else out.transpose(1, 2)
