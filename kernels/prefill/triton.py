"""Prefill attention on a GPU (Triton), forward and backward: causal, unequal heads and widths, nothing repeated.

The kernels are in `triton_forward.py` and `triton_backward.py`, their block sizes in `triton_plan.py`.
"""

from collections.abc import Iterator

import torch

from ..checks import needs_grad
from ..configurations import DIMS, DTYPES, Configuration, different
from ..splits import padded
from ..triton_launch import LOG2_E, current, device_limits, prepared, spoils
from . import reference
from .triton_backward import query_grad_kernel, row_grad_kernel
from .triton_forward import forward_kernel
from .triton_plan import MAX_DIMS, Blocks, backward_blocks, backward_units, forward_blocks


def prefill_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    *,
    scale: float | None = None,
    lengths: torch.Tensor | None = None,
    return_lse: bool = False,
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """Shapes and results as `kernels.prefill.reference.prefill_attention`; differentiable, the LSE too.

    `out` is a view of a `[b, t, n_q, d_v]` tensor, so that the caller's `out.transpose(1, 2)` is contiguous. The
    reference serves head dims over 256 (fp32: 128). A length on the device below t leaves queries without a row: they
    give zeros and an LSE of minus infinity.
    """
    if not serves(q, v):
        return reference.prefill_attention(q, k, v, scale=scale, lengths=lengths, return_lse=return_lse)
    q, k, v, lengths = prepared(q, k, v, lengths)
    scale = q.shape[3] ** -0.5 if scale is None else scale
    if scale < 0:
        q, scale = -q, -scale  # the kernels stabilise by the largest score before scaling
    if needs_grad(q, k, v):
        out, lse = _Attention.apply(q, k, v, lengths, scale)
        return (out, lse) if return_lse else out
    return forward(q, k, v, lengths, scale, return_lse)


def prefill_attention_backward(
    dout: torch.Tensor,
    dlse: torch.Tensor | None,
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    out: torch.Tensor,
    lse: torch.Tensor | None,
    *,
    scale: float | None = None,
    lengths: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """dq, dk and dv of `prefill_attention` for inputs that it `serves`; without the LSE, out and it are made again."""
    q, k, v, lengths = prepared(q, k, v, lengths)
    scale = q.shape[3] ** -0.5 if scale is None else scale
    is_negative = scale < 0
    if is_negative:  # as the forward pass does
        q, scale = -q, -scale
    if lse is None:
        out, lse = forward(q, k, v, lengths, scale, True)
    dq, dk, dv = backward(q, k, v, lengths, scale, out, lse.contiguous(), dout, dlse)
    return dq.neg_() if is_negative else dq, dk, dv


def serves(q: torch.Tensor, v: torch.Tensor) -> bool:
    """Whether the kernels take these tensors."""
    return fits(q.device, q.dtype, q.shape[3], v.shape[3])


def fits(device: torch.device, dtype: torch.dtype, d_k: int, d_v: int) -> bool:
    """Head dims up to 256 (fp32: 128); no bf16 in the interpreter, which spoils it."""
    return not spoils(device, dtype) and max(d_k, d_v) <= MAX_DIMS.get(dtype.itemsize, 0)


def forward(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    lengths: torch.Tensor | None,
    scale: float,
    return_lse: bool,
    blocks: Blocks | None = None,
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """One launch of the forward kernel, with the planned or the given blocks; inputs as `prepared` returns them."""
    b, n_q, t, d_k = q.shape
    n_k, n_v, rows, d_v = k.shape[1], v.shape[1], k.shape[2], v.shape[3]
    target, _ = device_limits(q.device)
    if blocks is None:
        blocks = forward_blocks(d_k, d_v, q.element_size(), t, target)
    out = q.new_empty((b, t, n_q, d_v)).transpose(1, 2)
    lse = q.new_empty((b, n_q, t), dtype=torch.float32) if return_lse else None
    with current(q.device):
        forward_kernel[(-(-t // blocks.m) * b * n_q,)](
            *(q, k, v, out, lse, lengths),
            *(t, rows, n_q, n_k, n_v, scale * LOG2_E),
            *(*q.stride()[:3], *k.stride()[:3], *v.stride()[:3], *out.stride()[:3]),
            **constants(d_k, d_v, q.element_size(), blocks, target),
            num_warps=blocks.num_warps,
            num_stages=blocks.num_stages,
        )
    return (out, lse) if return_lse else out


def backward(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    lengths: torch.Tensor | None,
    scale: float,
    out: torch.Tensor,
    lse: torch.Tensor,
    dout: torch.Tensor,
    dlse: torch.Tensor | None,
    blocks: tuple[Blocks, Blocks] | None = None,
    units: int | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """dq, dk and dv from the forward pass's own inputs and results; rows past `lengths` get zero gradients.

    `blocks` are those of the dQ and of the dK and dV kernel, `units` the runs of query heads (`backward_units`).
    """
    b, n_q, t, d_k = q.shape
    n_k, n_v, rows, d_v = k.shape[1], v.shape[1], k.shape[2], v.shape[3]
    target, processors = device_limits(q.device)
    if blocks is None:
        blocks = backward_blocks(d_k, d_v, q.element_size(), target)
    for_queries, for_rows = blocks
    row_blocks = -(-rows // for_rows.n)
    if units is None:
        units = backward_units(n_q, n_k, n_v, b * row_blocks, processors)
    dout = dout if dout.stride(3) == 1 else dout.contiguous()
    strides = (*q.stride()[:3], *k.stride()[:3], *v.stride()[:3])

    dq = q.new_empty((b, t, n_q, d_k)).transpose(1, 2)
    delta = torch.empty_like(lse)
    k_slots, v_slots = max(n_k, units), max(n_v, units)
    dk = k.new_empty((b, k_slots, rows, d_k), dtype=k.dtype if k_slots == n_k else torch.float32)
    dv = v.new_empty((b, v_slots, rows, d_v), dtype=v.dtype if v_slots == n_v else torch.float32)
    with current(q.device):
        query_grad_kernel[(-(-t // for_queries.m) * b * n_q,)](
            *(q, k, v, out, dout, lse, None if dlse is None else dlse.contiguous(), delta, dq, lengths),
            *(t, rows, n_q, n_k, n_v, scale, scale * LOG2_E),
            *(*strides, *out.stride()[:3], *dout.stride()[:3], *dq.stride()[:3]),
            **constants(d_k, d_v, q.element_size(), for_queries, target),
            num_warps=for_queries.num_warps,
            num_stages=for_queries.num_stages,
        )
        row_grad_kernel[(row_blocks * b * units,)](
            *(q, k, v, dout, lse, delta, dk, dv, lengths),
            *(t, rows, n_q, n_k, n_v, units, k_slots, v_slots, scale, scale * LOG2_E),
            *(*strides, *dout.stride()[:3]),
            **constants(d_k, d_v, q.element_size(), for_rows, target),
            num_warps=for_rows.num_warps,
            num_stages=for_rows.num_stages,
        )
    return dq, _summed(dk, n_k, k.dtype), _summed(dv, n_v, v.dtype)


def constants(d_k: int, d_v: int, itemsize: int, blocks: Blocks, target: str) -> dict[str, int | str]:
    """What all three kernels are compiled for, besides types and alignment."""
    return {
        "D_K": d_k,
        "D_V": d_v,
        "BLOCK_DK": padded(d_k),
        "BLOCK_DV": padded(d_v),
        "BLOCK_M": blocks.m,
        "BLOCK_N": blocks.n,
        # fp32 products: three TF32 ones on NVIDIA, exact to about 2^-21, where plain fp32 has no tensor cores and spills.
        "PRECISION": "tf32x3" if itemsize == 4 and target.startswith("sm_") else "ieee",
    }


class _Attention(torch.autograd.Function):
    """(out, lse) with our backward kernels; once differentiable."""

    @staticmethod
    def forward(ctx, q, k, v, lengths, scale):
        out, lse = forward(q, k, v, lengths, scale, True)
        ctx.save_for_backward(q, k, v, lengths, out, lse)
        ctx.scale = scale
        ctx.set_materialize_grads(False)
        return out, lse

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dout, dlse):
        q, k, v, lengths, out, lse = ctx.saved_tensors
        if dout is None:
            dout = torch.zeros_like(out)
        return *backward(q, k, v, lengths, ctx.scale, out, lse, dout, dlse), None, None


def _summed(slots: torch.Tensor, heads: int, dtype: torch.dtype) -> torch.Tensor:
    """Add the partial sums `[b, slots, T, d]` of the query heads that share one of `heads` heads."""
    if slots.shape[1] == heads:
        return slots
    return slots.unflatten(1, (heads, -1)).sum(2).to(dtype)


def configurations(target: str) -> Iterator[Configuration]:
    """Every form that the planned blocks can make Triton compile for a target (`kernels.inspect`)."""
    for dtype, itemsize in DTYPES.items():
        for d_k, d_v in DIMS:
            if max(d_k, d_v) <= MAX_DIMS[itemsize]:
                yield from different(_forms(dtype, itemsize, d_k, d_v, target))


def _forms(dtype: str, itemsize: int, d_k: int, d_v: int, target: str) -> Iterator[Configuration]:
    types = {**dict.fromkeys(("q", "k", "v", "out", "dout", "dq", "dk", "dv"), f"*{dtype}"), "lengths": "*i64"}
    types |= {**dict.fromkeys(("lse", "dlse", "delta"), "*fp32"), "scale": "fp32", "scale_log2": "fp32"}
    for_queries, for_rows = backward_blocks(d_k, d_v, itemsize, target)
    plans = [(forward_kernel, forward_blocks(d_k, d_v, itemsize, t, target)) for t in (4096, 64, 32, 16)]
    for function, blocks in (*plans, (query_grad_kernel, for_queries), (row_grad_kernel, for_rows)):
        part = function.__name__.removesuffix("_kernel")
        yield Configuration(
            kernel="prefill",
            name=f"{part} {dtype} d{d_k}/{d_v} m{blocks.m} n{blocks.n}",
            function=function,
            types={name: kind for name, kind in types.items() if name in function.arg_names},
            constants=constants(d_k, d_v, itemsize, blocks, target),
            num_warps=blocks.num_warps,
            num_stages=blocks.num_stages,
        )
