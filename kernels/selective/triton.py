"""Selective V on a GPU (Triton): score all rows, choose exactly, read only the chosen rows of V. Three launches.

1. Scores: as the decode kernel without V. fp32 scores go to memory once, with the log-sum-exp of each split and, per
   query, the maximum of every block of rows (Dr. Top-k, arXiv 2109.08219).
2. Choice: the k-th largest block maximum is a floor under the k-th largest score, because each of the k blocks that
   reach it holds a row that reaches it. So every row of the answer, ties included, lies in a block whose maximum
   reaches the floor: only those blocks are read again, their rows that reach the floor are collected in order, and the
   exact threshold is found among these by a search over the bits of the scores. Where the rows that reach the floor
   outnumber the buffer (many ties), and where there are so few rows that two passes cost more, the same search runs
   over all scores instead: the answer is the same.
3. Gather: each query head's chosen V rows, weighted.
"""

from collections.abc import Iterator
from itertools import product

import torch
import triton
import triton.language as tl

from kernels.configurations import DIMS, DTYPES, HEADS, QUERIES, Configuration, different
from kernels.decode import triton as decode
from kernels.selective import reference
from kernels.selective.reference import SelectiveResult
from kernels.splits import padded, plan_heads, plan_tile, split_count
from kernels.triton_rows import split_rows, valid_rows

_TILE = 1024  # keys that the choice looks at together
_DIRECT = 2048  # up to here all scores are searched at once
_GATHER_ELEMENTS = 8192  # V elements of one step of the gather
_CHOOSE_WARPS = 16  # 8 spill on sm_120


@triton.jit(do_not_specialize=["rows", "t", "n_q", "group_k", "heads", "chunks", "splits", "blocks"])
def _score_kernel(
    q,  # [b, n_q, t, D_K], any strides but the last
    k,  # [b, n_k, rows, D_K]
    scores,  # fp32 [queries, blocks * BLOCK_N], base 2, queries = b * n_q * t
    maxima,  # fp32 [queries, blocks]: of the rows before the query's own
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
    blocks,
    D_K: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
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
    score_start = scores + query * blocks * BLOCK_N

    top = tl.full([BLOCK_M], float("-inf"), tl.float32)
    total = tl.zeros([BLOCK_M], tl.float32)
    for start in range(low, high, BLOCK_N):
        row = start + n
        is_cached = row < high
        at = tl.cast(start, tl.int64)
        keys = tl.load(k_start + at * stride_kn + k_offset, mask=(d < D_K)[:, None] & is_cached[None, :], other=0.0)
        found = tl.dot(queries, keys, input_precision="ieee") * scale_log2
        tl.store(score_start[:, None] + row[None, :], found, mask=is_row[:, None] & is_cached[None, :])
        earlier = tl.where(is_cached[None, :] & (row[None, :] < own[:, None]), found, float("-inf"))
        tl.store(maxima + query * blocks + start // BLOCK_N, tl.max(earlier, 1), mask=is_row)
        seen = tl.where(is_cached[None, :] & (row[None, :] <= own[:, None]), found, float("-inf"))
        new_top = tl.maximum(top, tl.max(seen, 1))
        shift = tl.where(new_top == float("-inf"), 0.0, new_top)
        total = total * tl.exp2(top - shift) + tl.sum(tl.exp2(seen - shift[:, None]), 1)
        top = new_top
    tl.store(part_lse + query * splits + split, top + tl.log2(tl.where(total == 0.0, 1.0, total)), mask=is_row)


@triton.jit
def _ordered(score):
    """uint32 keys in the order of the fp32 scores; both zeros are one."""
    bits = tl.where(score == 0.0, 0.0, score).to(tl.int32, bitcast=True)
    return (bits ^ ((bits >> 31) & 0x7FFFFFFF)).to(tl.uint32, bitcast=True) ^ 0x80000000


@triton.jit
def _kth_largest(scores, count, wanted, TILE: tl.constexpr):
    """Key of the wanted-th largest of `count` scores, 1 <= wanted <= count: four bits of it at a time.

    Of the sixteen continuations of the bits known so far, the largest that at least `wanted` keys reach is right.
    """
    e = tl.arange(0, TILE)
    digits = tl.arange(0, 16).to(tl.uint32)
    known = tl.full([], 0, tl.uint32)
    for turn in range(8):
        shift = tl.cast(28 - 4 * turn, tl.uint32)
        steps = known | (digits << shift)
        reached = tl.zeros([16], tl.int32)
        for start in range(0, count, TILE):
            is_score = start + e < count
            keys = _ordered(tl.load(scores + start + e, mask=is_score, other=0.0))
            reached += tl.sum(((keys[:, None] >= steps[None, :]) & is_score[:, None]).to(tl.int32), 0)
        digit = tl.sum((reached >= wanted).to(tl.int32), 0) - 1
        known = known | (digit.to(tl.uint32) << shift)
    return known


@triton.jit
def _keep(scores, index, count, wanted, lse, positions, weights, INDEXED: tl.constexpr, TILE: tl.constexpr):
    """Write the `wanted` largest of `count` scores, ascending by row, equal scores lowest first; returns their mass."""
    threshold = _kth_largest(scores, count, wanted, TILE)
    e = tl.arange(0, TILE)
    above = 0
    for start in range(0, count, TILE):
        is_score = start + e < count
        keys = _ordered(tl.load(scores + start + e, mask=is_score, other=0.0))
        above += tl.sum((is_score & (keys > threshold)).to(tl.int32), 0)
    ties = 0
    kept = 0
    mass = 0.0
    for start in range(0, count, TILE):
        is_score = start + e < count
        score = tl.load(scores + start + e, mask=is_score, other=0.0)
        keys = _ordered(score)
        is_tie = is_score & (keys == threshold)
        rank = ties + tl.cumsum(is_tie.to(tl.int32), 0)
        is_kept = (is_score & (keys > threshold)) | (is_tie & (rank <= wanted - above))
        slot = kept + tl.cumsum(is_kept.to(tl.int32), 0) - 1
        row = start + e
        if INDEXED:
            row = tl.load(index + start + e, mask=is_kept, other=0)
        weight = tl.where(is_kept, tl.exp2(score - lse), 0.0)
        tl.store(positions + slot, row, mask=is_kept & (slot < wanted))
        tl.store(weights + slot, weight, mask=is_kept & (slot < wanted))
        ties += tl.sum(is_tie.to(tl.int32), 0)
        kept += tl.sum(is_kept.to(tl.int32), 0)
        mass += tl.sum(weight, 0)
    return mass


@triton.jit(do_not_specialize=["rows", "t", "n_q", "splits", "blocks", "top_k", "width", "direct", "capacity"])
def _choose_kernel(
    scores,
    maxima,
    part_lse,
    lengths,
    block_list,  # int32 [queries, blocks]: workspace
    found_scores,  # fp32 [queries, capacity]: workspace
    found_rows,  # int32 [queries, capacity]: workspace
    positions,  # int32 [queries, width]
    weights,  # fp32 [queries, width]: softmax weights of the kept rows
    captured,  # fp32 [queries]
    rows,
    t,
    n_q,
    splits,
    blocks,
    top_k,
    width,
    direct,
    capacity,
    BLOCK_N: tl.constexpr,
    TILE: tl.constexpr,
    BLOCK_S: tl.constexpr,
):
    query = tl.program_id(0).to(tl.int64)
    length = valid_rows(lengths, query // (n_q * t), rows)
    own = length - t + (query % t).to(tl.int32)  # the query's own row: always kept, and the rows before it compete
    wanted = tl.minimum(top_k, own)
    scores += query * blocks * BLOCK_N
    maxima += query * blocks
    block_list += query * blocks
    found_scores += query * capacity
    found_rows += query * capacity
    positions += query * width
    weights += query * width

    s = tl.arange(0, BLOCK_S)
    top = tl.full([], float("-inf"), tl.float32)
    total = tl.full([], 0.0, tl.float32)
    for start in range(0, splits, BLOCK_S):
        logs = tl.load(part_lse + query * splits + start + s, mask=start + s < splits, other=float("-inf"))
        new_top = tl.maximum(top, tl.max(logs, 0))
        shift = tl.where(new_top == float("-inf"), 0.0, new_top)
        total = total * tl.exp2(top - shift) + tl.sum(tl.exp2(logs - shift), 0)
        top = new_top
    lse = top + tl.log2(tl.where(total == 0.0, 1.0, total))

    e = tl.arange(0, TILE)
    mass = 0.0
    if wanted > 0:
        used = tl.cdiv(own, BLOCK_N)
        found = capacity + 1
        if (own > direct) & (used > wanted):
            floor = _kth_largest(maxima, used, wanted, TILE)
            listed = 0
            for start in range(0, used, TILE):
                is_block = start + e < used
                keys = _ordered(tl.load(maxima + start + e, mask=is_block, other=0.0))
                reaches = is_block & (keys >= floor)
                slot = listed + tl.cumsum(reaches.to(tl.int32), 0) - 1
                tl.store(block_list + slot, start + e, mask=reaches)
                listed += tl.sum(reaches.to(tl.int32), 0)
            tl.debug_barrier()  # other threads of this program wrote what is read next
            found = 0
            for start in range(0, listed * BLOCK_N, TILE):
                is_listed = start + e < listed * BLOCK_N
                row = tl.load(block_list + (start + e) // BLOCK_N, mask=is_listed, other=0) * BLOCK_N + e % BLOCK_N
                is_row = is_listed & (row < own)
                score = tl.load(scores + row, mask=is_row, other=0.0)
                reaches = is_row & (_ordered(score) >= floor)
                slot = found + tl.cumsum(reaches.to(tl.int32), 0) - 1
                tl.store(found_scores + slot, score, mask=reaches & (slot < capacity))
                tl.store(found_rows + slot, row, mask=reaches & (slot < capacity))
                found += tl.sum(reaches.to(tl.int32), 0)
            tl.debug_barrier()
        if found <= capacity:
            mass = _keep(found_scores, found_rows, found, wanted, lse, positions, weights, True, TILE)
        else:
            mass = _keep(scores, found_rows, own, wanted, lse, positions, weights, False, TILE)
    if own >= 0:
        weight = tl.exp2(tl.load(scores + own) - lse)
        tl.store(positions + wanted, own)
        tl.store(weights + wanted, weight)
        mass += weight
    for start in range(tl.maximum(wanted + 1, 0), width, TILE):
        tl.store(positions + start + e, tl.full([TILE], -1, tl.int32), mask=start + e < width)
        tl.store(weights + start + e, tl.zeros([TILE], tl.float32), mask=start + e < width)
    tl.store(captured + query, mass)


@triton.jit(do_not_specialize=["t", "n_q", "group_v", "width"])
def _gather_kernel(
    v,  # [b, n_v, rows, D_V]
    positions,
    weights,
    captured,
    out,  # [queries, D_V]
    stride_vb,
    stride_vh,
    stride_vn,
    t,
    n_q,
    group_v,
    width,
    RENORMALIZE: tl.constexpr,
    D_V: tl.constexpr,
    BLOCK_V: tl.constexpr,
    BLOCK_R: tl.constexpr,
):
    query = tl.program_id(0).to(tl.int64)
    head = query // t % n_q
    v += query // (n_q * t) * stride_vb + head // group_v * stride_vh
    r = tl.arange(0, BLOCK_R)
    d = tl.arange(0, BLOCK_V)
    sums = tl.zeros([BLOCK_V], tl.float32)
    for start in range(0, width, BLOCK_R):
        is_slot = start + r < width
        row = tl.load(positions + query * width + start + r, mask=is_slot, other=-1).to(tl.int64)
        weight = tl.load(weights + query * width + start + r, mask=is_slot, other=0.0)
        values = tl.load(
            v + row[:, None] * stride_vn + d[None, :], mask=(row >= 0)[:, None] & (d < D_V)[None, :], other=0.0
        )
        sums += tl.sum(values.to(tl.float32) * weight[:, None], 0)
    if RENORMALIZE:
        mass = tl.load(captured + query)
        sums = sums / tl.where(mass == 0.0, 1.0, mass)
    tl.store(out + query * D_V + d, sums.to(out.dtype.element_ty), mask=d < D_V)


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
    """Shapes and results as `kernels.selective.reference.selective_decode_attention`; scores and sums in fp32.

    The reference serves head dims over 256 and inputs that need gradients. Workspace: 4 * b * n_q * t * T bytes for
    the scores and a fraction of that besides. A length on the device that is 0 gives zeros, no positions, no mass.
    """
    if not decode.serves(q, k, v):
        return reference.selective_decode_attention(
            q, k, v, top_k, scale=scale, renormalize=renormalize, lengths=lengths
        )
    q, k, v, lengths = decode.prepared(q, k, v, lengths)
    scale = q.shape[3] ** -0.5 if scale is None else scale
    if top_k >= k.shape[2] - 1:
        return _all_rows(q, k, v, scale, lengths)
    return launch(q, k, v, top_k, scale, renormalize, lengths, tile=_TILE, direct=_DIRECT, capacity=capacity(top_k))


def capacity(top_k: int) -> int:
    """Rows that may reach the floor before the choice falls back to all scores: several times what scores give."""
    return max(2048, 8 * top_k)


def launch(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    top_k: int,
    scale: float,
    renormalize: bool,
    lengths: torch.Tensor | None,
    *,
    tile: int,
    direct: int,
    capacity: int,
    splits: int | None = None,
) -> SelectiveResult:
    """The three launches, top_k < T - 1; `tile`, `direct` and `capacity` as the constants above name them."""
    b, n_q, t, d_k = q.shape
    n_k, rows, n_v, d_v = k.shape[1], k.shape[2], v.shape[1], v.shape[3]
    target, processors = decode.device_limits(q.device)
    plan = plan_heads(n_q, n_k, n_v, t, 0, q.element_size())
    score_tile = plan_tile(plan, d_k, 0, q.element_size(), target)
    blocks = -(-rows // score_tile.block_n)
    if splits is None:
        splits = split_count(b * n_k * plan.chunks, blocks, processors * score_tile.resident)
    queries, width = b * n_q * t, top_k + 1

    def fresh(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        return q.new_empty(shape, dtype=dtype)

    scores, maxima = fresh(queries, blocks * score_tile.block_n), fresh(queries, blocks)
    part_lse = fresh(queries, splits)
    block_list = fresh(queries, blocks, dtype=torch.int32)
    found_scores, found_rows = fresh(queries, capacity), fresh(queries, capacity, dtype=torch.int32)
    positions, weights = fresh(b, n_q, t, width, dtype=torch.int32), fresh(queries, width)
    captured, out = fresh(b, n_q, t), q.new_empty((b, n_q, t, d_v))
    with decode.current(q.device):
        _score_kernel[(n_k * plan.chunks, splits, b)](
            *(q, k, scores, maxima, part_lse, lengths, *q.stride()[:3], *k.stride()[:3], scale * decode.LOG2_E),
            *(rows, t, n_q, n_q // n_k, plan.heads, plan.chunks, splits, blocks),
            **score_constants(plan.block_m, score_tile.block_n, d_k),
            num_warps=score_tile.num_warps,
            num_stages=score_tile.num_stages,
        )
        _choose_kernel[(queries,)](
            *(scores, maxima, part_lse, lengths, block_list, found_scores, found_rows),
            *(positions, weights, captured, rows, t, n_q, splits, blocks, top_k, width, direct, capacity),
            **choose_constants(score_tile.block_n, tile),
            num_warps=_CHOOSE_WARPS,
        )
        _gather_kernel[(queries,)](
            *(v, positions, weights, captured, out, *v.stride()[:3], t, n_q, n_q // n_v, width),
            **gather_constants(d_v, renormalize),
            num_warps=8,
        )
    return SelectiveResult(out, captured, positions)


def score_constants(block_m: int, block_n: int, d_k: int) -> dict[str, int]:
    """What `_score_kernel` is compiled for, besides types and alignment."""
    return {"D_K": d_k, "BLOCK_D": padded(d_k), "BLOCK_M": block_m, "BLOCK_N": block_n}


def choose_constants(block_n: int, tile: int = _TILE) -> dict[str, int]:
    """What `_choose_kernel` is compiled for."""
    return {"BLOCK_N": block_n, "TILE": tile, "BLOCK_S": 64}


def gather_constants(d_v: int, renormalize: bool) -> dict[str, int | bool]:
    """What `_gather_kernel` is compiled for."""
    rows = _GATHER_ELEMENTS // padded(d_v)
    return {"RENORMALIZE": bool(renormalize), "D_V": d_v, "BLOCK_V": padded(d_v), "BLOCK_R": rows}


def _all_rows(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, scale: float, lengths: torch.Tensor | None
) -> SelectiveResult:
    """Nothing is left out: full attention, and the positions are the visible rows."""
    b, n_q, t, _ = q.shape
    rows = k.shape[2]
    out = decode.decode_attention(q, k, v, scale=scale, lengths=lengths)
    length = torch.full((b,), rows, device=q.device) if lengths is None else lengths
    last = length[:, None] - t + torch.arange(t, device=q.device)
    row = torch.arange(rows, device=q.device)
    visible = torch.where(row <= last[..., None], row, -1).int()
    positions = visible[:, None].expand(b, n_q, t, rows).contiguous()
    captured = (last >= 0).float()[:, None].expand(b, n_q, t).contiguous()
    return SelectiveResult(out, captured, positions)


def configurations(target: str) -> Iterator[Configuration]:
    """Every form of the three kernels for the listed head counts and dims on a target."""
    return different(_configurations(target))


def _configurations(target: str) -> Iterator[Configuration]:
    workspace = {"scores": "*fp32", "maxima": "*fp32", "part_lse": "*fp32", "lengths": "*i64"}
    chosen = {"positions": "*i32", "weights": "*fp32", "captured": "*fp32"}
    lists = {"block_list": "*i32", "found_scores": "*fp32", "found_rows": "*i32"}
    for (dtype, itemsize), (d_k, d_v) in product(DTYPES.items(), DIMS):
        tensors = {"q": f"*{dtype}", "k": f"*{dtype}", "scale_log2": "fp32"}
        for heads, t in product(HEADS, QUERIES):
            plan = plan_heads(*heads, t, 0, itemsize)
            tile = plan_tile(plan, d_k, 0, itemsize, target)
            constants = score_constants(plan.block_m, tile.block_n, d_k)
            name = f"{dtype} d{d_k} m{plan.block_m} n{tile.block_n}"
            schedule = tile.num_warps, tile.num_stages
            yield Configuration("scores", name, _score_kernel, tensors | workspace, constants, *schedule)
            constants = choose_constants(tile.block_n)
            types = workspace | lists | chosen
            yield Configuration(
                "choose", f"blocks of {tile.block_n}", _choose_kernel, types, constants, _CHOOSE_WARPS, 3
            )
        types = chosen | {"v": f"*{dtype}", "out": f"*{dtype}"}
        yield Configuration("gather", f"{dtype} d{d_v}", _gather_kernel, types, gather_constants(d_v, True), 8, 3)
