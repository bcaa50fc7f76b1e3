"""Rotation and append as one Triton launch: a program per head, new row and sequence, nothing read twice.

`_append_kernel` has over 60 lines because it has 33 arguments, a line each.
"""

from collections.abc import Iterator

import torch
import triton
import triton.language as tl

from ..configurations import DIMS, DTYPES, Configuration, different
from ..splits import MAX_DIM, padded
from ..triton_launch import current
from . import reference


@triton.jit(do_not_specialize=["n_q", "n_k", "t", "rows", "positions"])
def _append_kernel(
    q,  # [b, n_q, t, D_K]
    k,  # [b, n_k, t, D_K]
    v,  # [b, n_v, t, D_V]
    cos,  # [positions, D_K]
    sin,
    k_cache,  # [b, n_k, rows, D_K]
    v_cache,  # [b, n_v, rows, D_V]
    out,  # [b, n_q, t, D_K], contiguous
    lengths,  # int64 [b] or None
    stride_qb,
    stride_qh,
    stride_qt,
    stride_kb,
    stride_kh,
    stride_kt,
    stride_vb,
    stride_vh,
    stride_vt,
    stride_kcb,
    stride_kch,
    stride_kcn,
    stride_vcb,
    stride_vch,
    stride_vcn,
    n_q,
    n_k,
    t,
    rows,
    positions,
    D_K: tl.constexpr,
    D_V: tl.constexpr,
    BLOCK_HALF: tl.constexpr,
    BLOCK_V: tl.constexpr,
):
    head = tl.program_id(0).to(tl.int64)
    new = tl.program_id(1)
    sequence = tl.program_id(2).to(tl.int64)
    length = tl.cast(rows, tl.int64)
    if lengths is not None:
        length = tl.load(lengths + sequence)
    row = length - t + new
    # A length from the device was never checked on the host: it must not lead outside the buffers.
    is_inside = (row >= 0) & (row < rows) & (row < positions)

    if head < n_q + n_k:
        f = tl.arange(0, BLOCK_HALF)
        is_pair = f < D_K // 2
        is_allowed = f < tl.where(is_inside, D_K // 2, 0)
        source = q + sequence * stride_qb + head * stride_qh + new * stride_qt
        if head >= n_q:
            source = k + sequence * stride_kb + (head - n_q) * stride_kh + new * stride_kt
        low = tl.load(source + f, mask=is_pair, other=0.0).to(tl.float32)
        high = tl.load(source + D_K // 2 + f, mask=is_pair, other=0.0).to(tl.float32)
        c = tl.load(cos + row * D_K + f, mask=is_allowed, other=0.0).to(tl.float32)
        s = tl.load(sin + row * D_K + f, mask=is_allowed, other=0.0).to(tl.float32)
        target = out + ((sequence * n_q + head) * t + new) * D_K
        is_written = is_pair
        if head >= n_q:
            target = k_cache + sequence * stride_kcb + (head - n_q) * stride_kch + row * stride_kcn
            is_written = is_allowed
        tl.store(target + f, (low * c - high * s).to(out.dtype.element_ty), mask=is_written)
        tl.store(target + D_K // 2 + f, (high * c + low * s).to(out.dtype.element_ty), mask=is_written)
    else:
        d = tl.arange(0, BLOCK_V)
        value = head - n_q - n_k
        new_row = tl.load(v + sequence * stride_vb + value * stride_vh + new * stride_vt + d, mask=d < D_V)
        target = v_cache + sequence * stride_vcb + value * stride_vch + row * stride_vcn
        tl.store(target + d, new_row, mask=d < tl.where(is_inside, D_V, 0))


def append_rope(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    cos: torch.Tensor,
    sin: torch.Tensor,
    k_cache: torch.Tensor,
    v_cache: torch.Tensor,
    lengths: torch.Tensor | None = None,
) -> torch.Tensor:
    """Arguments, effect and result as `kernels.append_rope`; the reference serves head dims over 256.

    ValueError when the last dimension of a cache is not contiguous: a copy would not be the cache.
    """
    if max(k.shape[3], v.shape[3]) > MAX_DIM:
        return reference.append_rope(q, k, v, cos, sin, k_cache, v_cache, lengths)
    if k_cache.stride(3) != 1 or v_cache.stride(3) != 1:
        raise ValueError(f"cache strides {k_cache.stride()} and {v_cache.stride()}: the last must be 1")
    q, k, v = (x if x.stride(3) == 1 else x.contiguous() for x in (q, k, v))
    cos, sin = cos.contiguous(), sin.contiguous()
    if lengths is not None:
        lengths = lengths.to(q.device, non_blocking=True).contiguous()
    b, n_q, t, d_k = q.shape
    n_k, n_v, d_v = k.shape[1], v.shape[1], v.shape[3]
    out = q.new_empty((b, n_q, t, d_k))
    with current(q.device):
        _append_kernel[(n_q + n_k + n_v, t, b)](
            *(q, k, v, cos, sin, k_cache, v_cache, out, lengths),
            *(stride for x in (q, k, v, k_cache, v_cache) for stride in x.stride()[:3]),
            *(n_q, n_k, t, k_cache.shape[2], cos.shape[0]),
            **append_constants(d_k, d_v),
            num_warps=1,
        )
    return out


def append_constants(d_k: int, d_v: int) -> dict[str, int]:
    """What `_append_kernel` is compiled for, besides types and alignment."""
    return {"D_K": d_k, "D_V": d_v, "BLOCK_HALF": padded(d_k // 2, 1), "BLOCK_V": padded(d_v, 1)}


def configurations(target: str) -> Iterator[Configuration]:
    """Every form of the kernel for the listed head dims; the target changes none."""
    return different(_configurations())


def _configurations() -> Iterator[Configuration]:
    for dtype in DTYPES:
        tensors = dict.fromkeys(("q", "k", "v", "k_cache", "v_cache", "out"), f"*{dtype}")
        for tables in dict.fromkeys((dtype, "fp32")):
            types = tensors | {"cos": f"*{tables}", "sin": f"*{tables}", "lengths": "*i64"}
            for d_k, d_v in DIMS:
                name = f"{dtype} d{d_k}/{d_v} tables {tables}"
                yield Configuration("append", name, _append_kernel, types, append_constants(d_k, d_v), 1, 3)
