"""Selective V fetching through the C++ kernel of this folder; torch where there is none or it does not fit."""

import torch

from kernels import native
from kernels.selective import cpu
from kernels.selective.reference import SelectiveResult


def selective_decode_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    top_k: int,
    *,
    scale: float | None = None,
    renormalize: bool = True,
    lengths: torch.Tensor | None = None,
) -> SelectiveResult:
    """Shapes and results as `kernels.selective.reference.selective_decode_attention`; scores and sums in fp32."""
    kernel = native.function("selective", q.dtype) if native.accepts(q, k, v) else None
    if kernel is None:
        return cpu.selective_decode_attention(q, k, v, top_k, scale=scale, renormalize=renormalize, lengths=lengths)
    if q.stride(3) != 1:
        q = q.contiguous()
    if lengths is not None:
        lengths = lengths.contiguous()
    b, n_q, t, _ = q.shape
    top_k = min(top_k, k.shape[2] - 1)
    out = q.new_empty((b, n_q, t, v.shape[3]))
    captured = torch.empty(b, n_q, t)
    positions = torch.empty(b, n_q, t, top_k + 1, dtype=torch.int32)
    chosen = {"captured": captured.data_ptr(), "positions": positions.data_ptr()}
    kernel(native.arguments(q, k, v, out, None, lengths, scale, top_k=top_k, renormalize=int(renormalize), **chosen))
    return SelectiveResult(out, captured, positions)
