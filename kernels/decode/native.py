"""Decode attention through the C++ kernel of this folder; torch where there is none or it does not fit."""

import torch

from kernels import native
from kernels.decode import cpu


def decode_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    *,
    scale: float | None = None,
    lengths: torch.Tensor | None = None,
    return_lse: bool = False,
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """Shapes and results as `kernels.decode.reference.decode_attention`; fp32 accumulation throughout."""
    kernel = native.function("decode", q.dtype) if native.accepts(q, k, v) else None
    if kernel is None:
        return cpu.decode_attention(q, k, v, scale=scale, lengths=lengths, return_lse=return_lse)
    if q.stride(3) != 1:
        q = q.contiguous()
    if lengths is not None:
        lengths = lengths.contiguous()
    b, n_q, t, _ = q.shape
    out = q.new_empty((b, n_q, t, v.shape[3]))
    lse = torch.empty(b, n_q, t) if return_lse else None
    kernel(native.arguments(q, k, v, out, lse, lengths, scale))
    return (out, lse) if return_lse else out
