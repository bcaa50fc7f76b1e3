"""The front doors while a graph is traced: each is one opaque node of it, an op of `kernels.ops`."""

import torch
from torch._dynamo import assume_constant_result

from . import ops  # noqa: F401  (defines torch.ops.diffqkv)
from .backends import has_own_backward_for
from .checks import check_attention, check_selection, needs_grad
from .selective.reference import SelectiveResult


def decode_attention(q, k, v, *, scale=None, lengths=None, return_lse=False):
    """`kernels.decode_attention` as one node; differentiable, with the backward pass of prefill."""
    out, lse = torch.ops.diffqkv.decode_attention(q, k, v, scale, lengths, return_lse or _backward_needs_lse(q, k, v))
    return (out, lse) if return_lse else out


def prefill_attention(q, k, v, *, scale=None, lengths=None, return_lse=False):
    """`kernels.prefill_attention` as one node, and one for its backward pass."""
    out, lse = torch.ops.diffqkv.prefill_attention(q, k, v, scale, lengths, return_lse or _backward_needs_lse(q, k, v))
    return (out, lse) if return_lse else out


def selective_decode_attention(q, k, v, top_k, scale, missing_mass, threshold, v_sum, lengths) -> SelectiveResult:
    """`kernels.selective_decode_attention` as one node; where gradients are wanted, the reference's own nodes."""
    if needs_grad(q, k, v):
        from .selective import reference

        check_attention(q, k, v, lengths, scale, reads_lengths=False)
        check_selection(q, v, top_k, missing_mass, threshold, v_sum)
        how = {"missing_mass": missing_mass, "threshold": threshold, "v_sum": v_sum}
        return reference.selective_decode_attention(q, k, v, top_k, scale=scale, **how, lengths=lengths)
    op = torch.ops.diffqkv.selective_decode_attention
    return SelectiveResult(*op(q, k, v, top_k, scale, missing_mass, threshold, v_sum, lengths))


def append_rope(q, k, v, cos, sin, k_cache, v_cache, lengths=None) -> torch.Tensor:
    """`kernels.append_rope` as one node that writes to the caches."""
    return torch.ops.diffqkv.append_rope(q, k, v, cos, sin, k_cache, v_cache, lengths)


# A graph is compiled for one device and one pair of head dims: the answer is a constant of it.
has_own_backward = assume_constant_result(has_own_backward_for)


def _backward_needs_lse(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> bool:
    """The Triton backward kernels start from the LSE; on a CPU it would cost the fused forward pass."""
    return q.device.type != "cpu" and needs_grad(q, k, v)
