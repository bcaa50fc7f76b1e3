"""Decode attention on a GPU (Triton): the rows are split over the multiprocessors, a second launch combines the parts.

One program serves one sequence, one K head (or a chunk of its query heads, see `kernels.splits.plan_heads`) and one
split of the rows. It loads each K tile once for all of those query heads, and beside it the tiles of all V heads that
belong to them: a single product weights every V head with every query row, and only the block that a row owns is
stored. Decode is bound by memory, so the wasted arithmetic is free, while a V element is read once instead of once
per query head. Lengths stay on the device and the grid does not depend on them: a captured CUDA graph stays valid.

`_decode_kernel` has over 60 lines: a third of them are its arguments, and the loop shares too many values with what is
before and behind it to be cut.
"""

from collections.abc import Iterator
from itertools import product

import torch
import triton
import triton.language as tl

from ..configurations import DIMS, DTYPES, HEADS, QUERIES, Configuration, different
from ..splits import HeadPlan, Tile, padded, plan_heads, plan_tile, split_count
from ..triton_launch import LOG2_E, current, device_limits, prepared, serves
from ..triton_rows import split_rows, valid_rows
from . import reference

_COMBINE_ELEMENTS = 4096  # fp32 values of one step of the combining kernel


@triton.jit(do_not_specialize=["rows", "t", "n_q", "n_v", "group_k", "group_v", "heads", "chunks", "splits"])
def _decode_kernel(
    q,  # [b, n_q, t, D_K], any strides but the last
    k,  # [b, n_k, rows, D_K]
    v,  # [b, n_v, rows, D_V]
    out,  # [b, n_q, t, splits, D_V], contiguous: fp32 parts, or with one split the result itself
    lse,  # fp32 [b, n_q, t, splits], natural logarithm, or None
    lengths,  # int64 [b] or None
    stride_qb,
    stride_qh,
    stride_qt,
    stride_kb,
    stride_kh,
    stride_kn,
    stride_vb,
    stride_vh,
    stride_vn,
    scale_log2,
    rows,
    t,
    n_q,
    n_v,
    group_k,  # query heads per K head
    group_v,  # query heads per V head
    heads,
    chunks,
    splits,
    D_K: tl.constexpr,
    D_V: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_V: tl.constexpr,
    SLOTS: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    key = tl.program_id(0) // chunks
    chunk = tl.program_id(0) % chunks
    split = tl.program_id(1)
    sequence = tl.program_id(2).to(tl.int64)

    length = valid_rows(lengths, sequence, rows)
    low, high = split_rows(length, split, splits, BLOCK_N)

    # Row m of the tile is query m % t of query head m // t of this chunk.
    m = tl.arange(0, BLOCK_M)
    d = tl.arange(0, BLOCK_D)
    column = tl.arange(0, SLOTS * BLOCK_V)
    n = tl.arange(0, BLOCK_N)
    first = key * group_k + chunk * heads
    head = first + m // t
    is_row = (m // t < heads) & (head < (key + 1) * group_k)
    last_seen = length - t + m % t
    first_value = first // group_v
    last_value = (tl.minimum(first + heads, (key + 1) * group_k) - 1) // group_v
    value = first_value + column // BLOCK_V
    is_column = (value <= last_value) & (column % BLOCK_V < D_V)

    q_offset = head.to(tl.int64) * stride_qh + (m % t) * stride_qt
    queries = tl.load(
        q + sequence * stride_qb + q_offset[:, None] + d[None, :], mask=is_row[:, None] & (d < D_K)[None, :], other=0.0
    )
    k_start = k + sequence * stride_kb + key.to(tl.int64) * stride_kh
    v_start = v + sequence * stride_vb
    k_offset = n.to(tl.int64)[None, :] * stride_kn + d[:, None]
    v_offset = n.to(tl.int64)[:, None] * stride_vn + (value.to(tl.int64) * stride_vh + column % BLOCK_V)[None, :]

    top = tl.full([BLOCK_M], float("-inf"), tl.float32)
    total = tl.zeros([BLOCK_M], tl.float32)
    sums = tl.zeros([BLOCK_M, SLOTS * BLOCK_V], tl.float32)
    for start in range(low, high, BLOCK_N):
        is_cached = start + n < high
        at = tl.cast(start, tl.int64)
        keys = tl.load(k_start + at * stride_kn + k_offset, mask=(d < D_K)[:, None] & is_cached[None, :], other=0.0)
        scores = tl.dot(queries, keys, input_precision="ieee") * scale_log2
        is_seen = is_cached[None, :] & (start + n[None, :] <= last_seen[:, None])
        scores = tl.where(is_seen, scores, float("-inf"))
        new_top = tl.maximum(top, tl.max(scores, 1))
        # A row that has seen nothing yet has no maximum to subtract: -inf - -inf would be NaN.
        shift = tl.where(new_top == float("-inf"), 0.0, new_top)
        weights = tl.exp2(scores - shift[:, None])
        decay = tl.exp2(top - shift)
        total = total * decay + tl.sum(weights, 1)
        values = tl.load(v_start + at * stride_vn + v_offset, mask=is_cached[:, None] & is_column[None, :], other=0.0)
        sums = tl.dot(weights.to(values.dtype), values, sums * decay[:, None], input_precision="ieee")
        top = new_top

    part = ((sequence * n_q + head) * t + m % t) * splits + split
    divisor = tl.where(total == 0.0, 1.0, total)
    is_own = is_row[:, None] & is_column[None, :] & (value[None, :] == (head // group_v)[:, None])
    tl.store(
        out + (part * D_V)[:, None] + (column % BLOCK_V)[None, :],
        (sums / divisor[:, None]).to(out.dtype.element_ty),
        mask=is_own,
    )
    if lse is not None:
        # log2(0) is -inf: a part that saw nothing weighs nothing when the parts are combined.
        tl.store(lse + part, (top + tl.log2(divisor)) * 0.6931471805599453, mask=is_row)


@triton.jit(do_not_specialize=["splits"])
def _combine_kernel(
    parts,  # fp32 [queries, splits, D_V]
    part_lse,  # fp32 [queries, splits]
    out,  # [queries, D_V]
    lse,  # fp32 [queries] or None
    splits,
    D_V: tl.constexpr,
    BLOCK_V: tl.constexpr,
    BLOCK_S: tl.constexpr,
):
    query = tl.program_id(0).to(tl.int64)
    s = tl.arange(0, BLOCK_S)
    d = tl.arange(0, BLOCK_V)
    top = tl.full([1], float("-inf"), tl.float32)
    total = tl.zeros([1], tl.float32)
    sums = tl.zeros([BLOCK_V], tl.float32)
    for start in range(0, splits, BLOCK_S):
        is_split = start + s < splits
        logs = tl.load(part_lse + query * splits + start + s, mask=is_split, other=float("-inf"))
        logs = logs * 1.4426950408889634
        new_top = tl.maximum(top, tl.max(logs, 0))
        shift = tl.where(new_top == float("-inf"), 0.0, new_top)
        weights = tl.exp2(logs - shift)
        decay = tl.exp2(top - shift)
        rows = tl.load(
            parts + (query * splits + start + s)[:, None] * D_V + d[None, :],
            mask=(weights > 0.0)[:, None] & (d < D_V)[None, :],
            other=0.0,
        )
        sums = sums * decay + tl.sum(rows * weights[:, None], 0)
        total = total * decay + tl.sum(weights, 0)
        top = new_top
    divisor = tl.where(total == 0.0, 1.0, total)
    tl.store(out + query * D_V + d, (sums / divisor).to(out.dtype.element_ty), mask=d < D_V)
    if lse is not None:
        tl.store(lse + query + tl.arange(0, 1), (top + tl.log2(divisor)) * 0.6931471805599453)


def decode_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    *,
    scale: float | None = None,
    lengths: torch.Tensor | None = None,
    return_lse: bool = False,
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """Shapes and results as `kernels.decode.reference.decode_attention`; fp32 accumulation throughout.

    The reference serves head dims over 256 and inputs that need gradients. A length on the device that is 0 gives
    zeros and an LSE of minus infinity.
    """
    if not serves(q, k, v):
        return reference.decode_attention(q, k, v, scale=scale, lengths=lengths, return_lse=return_lse)
    q, k, v, lengths = prepared(q, k, v, lengths)
    target, processors = device_limits(q.device)
    b, n_q, t, d_k = q.shape
    d_v, rows = v.shape[3], k.shape[2]
    plan = plan_heads(n_q, k.shape[1], v.shape[1], t, d_v, q.element_size())
    tile = plan_tile(plan, d_k, d_v, q.element_size(), target)
    programs = b * k.shape[1] * plan.chunks
    splits = split_count(programs, -(-rows // tile.block_n), processors * tile.resident)
    return launch(q, k, v, d_k**-0.5 if scale is None else scale, lengths, return_lse, plan, tile, splits)


def launch(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    scale: float,
    lengths: torch.Tensor | None,
    return_lse: bool,
    plan: HeadPlan,
    tile: Tile,
    splits: int,
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """One pass with a given plan, tile and number of splits; inputs as `prepared` returns them."""
    b, n_q, t, d_k = q.shape
    n_k, n_v, rows, d_v = k.shape[1], v.shape[1], k.shape[2], v.shape[3]
    out = q.new_empty((b, n_q, t, d_v))
    lse = q.new_empty((b, n_q, t), dtype=torch.float32) if return_lse else None
    parts, part_lse = out, lse
    if splits > 1:
        parts = q.new_empty((b, n_q, t, splits, d_v), dtype=torch.float32)
        part_lse = q.new_empty((b, n_q, t, splits), dtype=torch.float32)
    with current(q.device):
        _decode_kernel[(n_k * plan.chunks, splits, b)](
            *(q, k, v, parts, part_lse, lengths),
            *(*q.stride()[:3], *k.stride()[:3], *v.stride()[:3]),
            scale * LOG2_E,
            *(rows, t, n_q, n_v, n_q // n_k, n_q // n_v, plan.heads, plan.chunks, splits),
            **decode_constants(plan, tile, d_k, d_v),
            num_warps=tile.num_warps,
            num_stages=tile.num_stages,
        )
        if splits > 1:
            _combine_kernel[(b * n_q * t,)](parts, part_lse, out, lse, splits, **combine_constants(d_v), num_warps=4)
    return (out, lse) if return_lse else out


def decode_constants(plan: HeadPlan, tile: Tile, d_k: int, d_v: int) -> dict[str, int]:
    """What `_decode_kernel` is compiled for, besides types and alignment."""
    return {
        "D_K": d_k,
        "D_V": d_v,
        "BLOCK_D": padded(d_k),
        "BLOCK_V": padded(d_v),
        "SLOTS": plan.slots,
        "BLOCK_M": plan.block_m,
        "BLOCK_N": tile.block_n,
    }


def combine_constants(d_v: int) -> dict[str, int]:
    """What `_combine_kernel` is compiled for."""
    return {"D_V": d_v, "BLOCK_V": padded(d_v), "BLOCK_S": _COMBINE_ELEMENTS // padded(d_v)}


def configurations(target: str) -> Iterator[Configuration]:
    """Every form of the two kernels for the listed head counts and dims on a target."""
    return different(_configurations(target))


def _configurations(target: str) -> Iterator[Configuration]:
    for (dtype, itemsize), (d_k, d_v) in product(DTYPES.items(), DIMS):
        tensors = {"q": f"*{dtype}", "k": f"*{dtype}", "v": f"*{dtype}", "scale_log2": "fp32"}
        for heads, t in product(HEADS, QUERIES):
            plan = plan_heads(*heads, t, d_v, itemsize)
            tile = plan_tile(plan, d_k, d_v, itemsize, target)
            name = f"{dtype} d{d_k}/{d_v} slots{plan.slots} m{plan.block_m} n{tile.block_n}"
            constants = decode_constants(plan, tile, d_k, d_v)
            for ending, types in (
                ("", {"out": "*fp32", "lse": "*fp32", "lengths": "*i64"}),
                (" whole", {"out": f"*{dtype}", "lse": None, "lengths": None}),
                (" whole lengths", {"out": f"*{dtype}", "lse": None, "lengths": "*i64"}),
            ):
                yield Configuration(
                    *("decode", name + ending, _decode_kernel, tensors | types),
                    *(constants, tile.num_warps, tile.num_stages),
                )
        types = {"parts": "*fp32", "part_lse": "*fp32", "out": f"*{dtype}", "lse": "*fp32"}
        yield Configuration("combine", f"{dtype} d{d_v}", _combine_kernel, types, combine_constants(d_v), 4, 3)
