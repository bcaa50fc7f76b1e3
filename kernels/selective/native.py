"""Selective V fetching through the C++ kernel of this folder; torch where there is none or it does not fit."""

import torch

from .. import native
from . import cpu
from .missing_mass import MISSING_MASS
from .reference import SelectiveResult
from .sums import earlier_sum


def selective_decode_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    top_k: int,
    *,
    scale: float | None = None,
    missing_mass: str = "renormalize",
    threshold: float = 0.0,
    v_sum: torch.Tensor | None = None,
    lengths: torch.Tensor | None = None,
) -> SelectiveResult:
    """Shapes and results as `kernels.selective.reference.selective_decode_attention`; scores and sums in fp32."""
    kernel = native.function("selective", q.dtype) if native.accepts(q, k, v) else None
    if kernel is None:
        how = {"missing_mass": missing_mass, "threshold": threshold, "v_sum": v_sum}
        return cpu.selective_decode_attention(q, k, v, top_k, scale=scale, **how, lengths=lengths)
    if q.stride(3) != 1:
        q = q.contiguous()
    if lengths is not None:
        lengths = lengths.contiguous()
    b, n_q, t, _ = q.shape
    top_k = min(top_k, k.shape[2] - 1)
    out = q.new_empty((b, n_q, t, v.shape[3]))
    captured = torch.empty(b, n_q, t)
    positions = torch.empty(b, n_q, t, top_k + 1, dtype=torch.int32)
    sums = None
    if missing_mass == "mean":
        sums = earlier_sum(v, t, lengths) if v_sum is None else v_sum.contiguous()
    options = {"top_k": top_k, "missing_mass": MISSING_MASS.index(missing_mass), "threshold": threshold}
    options |= {"v_sum": None if sums is None else sums.data_ptr()}
    chosen = {"captured": captured.data_ptr(), "positions": positions.data_ptr()}
    kernel(native.arguments(q, k, v, out, None, lengths, scale, **options, **chosen))
    return SelectiveResult(out, captured, positions)
