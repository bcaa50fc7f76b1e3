"""Decode attention through the C++ kernel of this folder; torch where there is none or it does not fit."""

import torch

from .. import native
from . import cpu, reference


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


def attention_weights(
    q: torch.Tensor, k: torch.Tensor, *, scale: float | None = None, lengths: torch.Tensor | None = None
) -> torch.Tensor:
    """As `kernels.decode.reference.attention_weights`, without a copy of K in fp32."""
    kernel = native.function("weights", q.dtype) if native.accepts(q, k, k) else None
    if kernel is None:
        return reference.attention_weights(q, k, scale=scale, lengths=lengths)
    if q.stride(3) != 1:
        q = q.contiguous()
    if lengths is not None:
        lengths = lengths.contiguous()
    b, n_q, t, _ = q.shape
    rows = k.shape[2]
    pad = native.WEIGHTS_ROW_PAD
    out = torch.empty(b, n_q, t, -(-rows // pad) * pad)
    kernel(native.arguments(q, k, k, out, None, lengths, scale))
    return out[..., :rows]
