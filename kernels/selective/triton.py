"""Selective V on a GPU (Triton): score all rows, choose exactly, read only the chosen rows of V. Two launches.

1. Scores: as the decode kernel without V. fp32 scores go to memory once, with the log-sum-exp of each split and, per
   query, the maximum of every block of 8 rows.
2. Choice and gather (`triton_choose.py`), one program per query.

`_score_kernel` has over 60 lines: a third of them are its arguments, and its loop, as in decoding, shares its values.
"""

import math
from collections.abc import Iterator
from itertools import product

import torch
import triton
import triton.language as tl

from ..configurations import DIMS, DTYPES, HEADS, QUERIES, Configuration, different
from ..decode.triton import decode_attention
from ..splits import MAX_SPLITS, padded, plan_heads, plan_tile, split_count
from ..triton_launch import LOG2_E, current, device_limits, prepared, serves
from ..triton_rows import split_rows, valid_rows
from . import reference
from .plan import BLOCK_ROWS, DIRECT, TILE, WAYS, capacity, gather_rows
from .reference import SelectiveResult
from .sums import earlier_sum
from .triton_choose import choose_kernel

_CHOOSE_WARPS = 8


@triton.jit(do_not_specialize=["rows", "t", "n_q", "group_k", "heads", "chunks", "splits", "pitch"])
def _score_kernel(
    q,  # [b, n_q, t, D_K], any strides but the last
    k,  # [b, n_k, rows, D_K]
    scores,  # fp32 [queries, pitch], base 2, queries = b * n_q * t
    maxima,  # fp32 [queries, pitch / SUB]: of every SUB rows, those before the query's own
    part_lse,  # fp32 [queries, splits], base 2
    lengths,  # int64 [b] or None
    stride_qb,
    stride_qh,
    stride_qt,
    stride_kb,
    stride_kh,
    stride_kn,
    scale_log2,
    rows,
    t,
    n_q,
    group_k,
    heads,
    chunks,
    splits,
    pitch,
    D_K: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    SUB: tl.constexpr,
):
    key = tl.program_id(0) // chunks
    chunk = tl.program_id(0) % chunks
    split = tl.program_id(1)
    sequence = tl.program_id(2).to(tl.int64)
    length = valid_rows(lengths, sequence, rows)
    low, high = split_rows(length, split, splits, BLOCK_N)

    m = tl.arange(0, BLOCK_M)
    d = tl.arange(0, BLOCK_D)
    n = tl.arange(0, BLOCK_N)
    head = key * group_k + chunk * heads + m // t
    is_row = (m // t < heads) & (head < (key + 1) * group_k)
    own = length - t + m % t
    query = (sequence * n_q + head) * t + m % t
    q_offset = head.to(tl.int64) * stride_qh + (m % t) * stride_qt
    queries = tl.load(
        q + sequence * stride_qb + q_offset[:, None] + d[None, :], mask=is_row[:, None] & (d < D_K)[None, :], other=0.0
    )
    k_start = k + sequence * stride_kb + key.to(tl.int64) * stride_kh
    k_offset = n.to(tl.int64)[None, :] * stride_kn + d[:, None]
    score_start = scores + query * pitch
    part = tl.arange(0, BLOCK_N // SUB)
    maximum_start = maxima + query * (pitch // SUB)

    # Each position of the tile keeps its own maximum and sum: the threads have to agree once, after the last tile.
    top = tl.full([BLOCK_M, BLOCK_N], float("-inf"), tl.float32)
    total = tl.zeros([BLOCK_M, BLOCK_N], tl.float32)
    for start in range(low, high, BLOCK_N):
        row = start + n
        is_cached = row < high
        at = tl.cast(start, tl.int64)
        keys = tl.load(k_start + at * stride_kn + k_offset, mask=(d < D_K)[:, None] & is_cached[None, :], other=0.0)
        found = tl.dot(queries, keys, input_precision="ieee") * scale_log2
        tl.store(score_start[:, None] + row[None, :], found, mask=is_row[:, None] & is_cached[None, :])
        # NaN ranks as infinity, as in `triton_choose.py`: a maximum must be one of the scores that the choice will find.
        earlier = tl.where(found == found, found, float("inf"))
        earlier = tl.where(is_cached[None, :] & (row[None, :] < own[:, None]), earlier, float("-inf"))
        largest = tl.max(tl.reshape(earlier, [BLOCK_M, BLOCK_N // SUB, SUB]), 2)
        tl.store(maximum_start[:, None] + (start // SUB + part)[None, :], largest, mask=is_row[:, None])
        seen = tl.where(is_cached[None, :] & (row[None, :] <= own[:, None]), found, float("-inf"))
        new_top = tl.maximum(top, seen)
        shift = tl.where(new_top == float("-inf"), 0.0, new_top)
        total = total * tl.exp2(top - shift) + tl.exp2(seen - shift)
        top = new_top
    row_top = tl.max(top, 1)
    shift = tl.where(row_top == float("-inf"), 0.0, row_top)
    row_total = tl.sum(total * tl.exp2(top - shift[:, None]), 1)
    row_lse = row_top + tl.log2(tl.where(row_total == 0.0, 1.0, row_total))
    tl.store(part_lse + query * splits + split, row_lse, mask=is_row)


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
    """Shapes and results as `kernels.selective.reference.selective_decode_attention`; scores and sums in fp32.

    The reference serves head dims over 256 and inputs that need gradients. Workspace: 6 * b * n_q * t * T bytes for
    scores, maxima and lists. A length on the device that is 0 gives zeros, no positions, no mass.
    """
    how = {"missing_mass": missing_mass, "threshold": threshold, "v_sum": v_sum}
    if not serves(q, k, v):
        return reference.selective_decode_attention(q, k, v, top_k, scale=scale, **how, lengths=lengths)
    q, k, v, lengths = prepared(q, k, v, lengths)
    scale = q.shape[3] ** -0.5 if scale is None else scale
    if top_k >= k.shape[2] - 1:
        if not threshold:
            return _all_rows(q, k, v, scale, lengths)
        top_k = k.shape[2] - 1
    sizes = {"tile": TILE, "direct": DIRECT, "capacity": capacity(top_k)}
    return launch(q, k, v, top_k, scale, lengths, **how, **sizes)


def launch(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    top_k: int,
    scale: float,
    lengths: torch.Tensor | None,
    *,
    missing_mass: str,
    threshold: float,
    v_sum: torch.Tensor | None,
    tile: int,
    direct: int,
    capacity: int,
    splits: int | None = None,
) -> SelectiveResult:
    """The two launches, top_k < T; `tile`, `direct` and `capacity` as `kernels.selective.plan` names them."""
    b, n_q, t, d_k = q.shape
    n_k, rows, n_v, d_v = k.shape[1], k.shape[2], v.shape[1], v.shape[3]
    target, processors = device_limits(q.device)
    plan = plan_heads(n_q, n_k, n_v, t, 0, q.element_size())
    score_tile = plan_tile(plan, d_k, 0, q.element_size(), target)
    tiles = -(-rows // score_tile.block_n)
    if splits is None:
        splits = split_count(b * n_k * plan.chunks, tiles, processors * score_tile.resident)
    queries, width, pitch = b * n_q * t, top_k + 1, tiles * score_tile.block_n
    blocks = pitch // BLOCK_ROWS

    def fresh(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        return q.new_empty(shape, dtype=dtype)

    scores, maxima, tops = fresh(queries, pitch), fresh(queries, blocks), fresh(queries, blocks)
    part_lse, lists = fresh(queries, splits), fresh(queries, 2 * blocks, dtype=torch.int32)
    found_scores, found_rows = fresh(queries, capacity), fresh(queries, capacity, dtype=torch.int32)
    positions, weights = fresh(b, n_q, t, width, dtype=torch.int32), fresh(queries, width)
    captured, out = fresh(b, n_q, t), q.new_empty((b, n_q, t, d_v))
    sums = _sums(v, t, lengths, v_sum) if missing_mass == "mean" else None
    with current(q.device):
        _score_kernel[(n_k * plan.chunks, splits, b)](
            *(q, k, scores, maxima, part_lse, lengths, *q.stride()[:3], *k.stride()[:3], scale * LOG2_E),
            *(rows, t, n_q, n_q // n_k, plan.heads, plan.chunks, splits, pitch),
            **score_constants(plan.block_m, score_tile.block_n, d_k),
            num_warps=score_tile.num_warps,
            num_stages=score_tile.num_stages,
        )
        choose_kernel[(queries,)](
            *(scores, maxima, part_lse, lengths, v, sums, lists, tops, found_scores, found_rows, weights),
            *(positions, captured, out, *v.stride()[:3], rows, t, n_q, n_q // n_v, splits, pitch),
            *(
                top_k,
                width,
                direct,
                capacity,
                int(missing_mass == "renormalize"),
                math.log2(threshold) if threshold else -math.inf,
            ),
            **choose_constants(d_v, v.element_size(), tile, target, sums is not None),
            num_warps=_CHOOSE_WARPS,
        )
    return SelectiveResult(out, captured, positions)


def _sums(v: torch.Tensor, t: int, lengths: torch.Tensor | None, v_sum: torch.Tensor | None) -> torch.Tensor:
    return earlier_sum(v, t, lengths) if v_sum is None else v_sum.contiguous()


def score_constants(block_m: int, block_n: int, d_k: int) -> dict[str, int]:
    """What `_score_kernel` is compiled for, besides types and alignment."""
    return {"D_K": d_k, "BLOCK_D": padded(d_k), "BLOCK_M": block_m, "BLOCK_N": block_n, "SUB": BLOCK_ROWS}


def choose_constants(
    d_v: int, itemsize: int, tile: int = TILE, target: str = "", averages: bool = False
) -> dict[str, int]:
    """What `choose_kernel` is compiled for; `averages`: with the mean of what is not fetched."""
    width = padded(d_v)
    rows = gather_rows(width, itemsize)
    if averages and target == "sm_80" and width <= 32:
        rows = 256  # with 128 the compiler aims at 64 registers and spills six
    widths = {"D_V": d_v, "BLOCK_V": width, "BLOCK_R": rows}
    return {"SUB": BLOCK_ROWS, "TILE": tile, "WAYS": WAYS, "BLOCK_S": MAX_SPLITS} | widths


def _all_rows(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, scale: float, lengths: torch.Tensor | None
) -> SelectiveResult:
    """Nothing is left out: full attention, and the positions are the visible rows."""
    b, n_q, t, _ = q.shape
    rows = k.shape[2]
    out = decode_attention(q, k, v, scale=scale, lengths=lengths)
    length = torch.full((b,), rows, device=q.device) if lengths is None else lengths
    last = length[:, None] - t + torch.arange(t, device=q.device)
    row = torch.arange(rows, device=q.device)
    visible = torch.where(row <= last[..., None], row, -1).int()
    positions = visible[:, None].expand(b, n_q, t, rows).contiguous()
    captured = (last >= 0).float()[:, None].expand(b, n_q, t).contiguous()
    return SelectiveResult(out, captured, positions)


def configurations(target: str) -> Iterator[Configuration]:
    """Every form of the two kernels for the listed head counts and dims on a target."""
    return different(_configurations(target))


def _configurations(target: str) -> Iterator[Configuration]:
    workspace = {"scores": "*fp32", "maxima": "*fp32", "part_lse": "*fp32", "lengths": "*i64"}
    lists = {"lists": "*i32", "tops": "*fp32", "found_scores": "*fp32", "found_rows": "*i32", "weights": "*fp32"}
    chosen = {"positions": "*i32", "captured": "*fp32"}
    for (dtype, itemsize), (d_k, d_v) in product(DTYPES.items(), DIMS):
        tensors = {"q": f"*{dtype}", "k": f"*{dtype}", "scale_log2": "fp32"}
        for heads, t in product(HEADS, QUERIES):
            plan = plan_heads(*heads, t, 0, itemsize)
            tile = plan_tile(plan, d_k, 0, itemsize, target)
            constants = score_constants(plan.block_m, tile.block_n, d_k)
            name = f"{dtype} d{d_k} m{plan.block_m} n{tile.block_n}"
            schedule = tile.num_warps, tile.num_stages
            yield Configuration("scores", name, _score_kernel, tensors | workspace, constants, *schedule)
        types = workspace | lists | chosen | {"v": f"*{dtype}", "out": f"*{dtype}", "lightest": "fp32"}
        for way, sums in (("", {}), (" mean", {"v_sum": "*fp32"})):
            name = f"{dtype} d{d_v}{way}"
            constants = choose_constants(d_v, itemsize, TILE, target, bool(sums))
            constants_of = constants | ({} if sums else {"v_sum": None})
            yield Configuration("choose", name, choose_kernel, types | sums, constants_of, _CHOOSE_WARPS, 3)
