"""The choice of selective V as one program per query (Triton): which rows are kept, exactly, and their weighted V rows.

The k-th largest of the block maxima is a floor under the k-th largest score, because each of the k blocks that reach it
holds a row that reaches it (Dr. Top-k, arXiv 2109.08219). The same holds for the maxima of groups of blocks, so many
blocks are first folded into groups, and for any number that k of the maxima reach, so the search stops at a floor that
is nearly tight. Every row of the answer, ties included, lies in a group and in a block whose maximum reaches the floor:
only those groups, then only those blocks are read again, and their rows that reach the floor are collected in order.
Among these, a few more than k, the exact threshold is found. Where they outnumber the buffer (many ties), and where
there are too few blocks, the search runs over all scores: the answer is the same.

`choose_kernel` has over 60 lines: 34 are its arguments, and its steps, where they can be named, are functions already.
"""

import triton
import triton.language as tl

from ..triton_rows import valid_rows


@triton.jit
def _ordered(score):
    """uint32 keys in the order of the fp32 scores; both zeros are one, and NaN is infinity."""
    plain = tl.where(score == score, tl.where(score == 0.0, 0.0, score), float("inf"))
    bits = plain.to(tl.int32, bitcast=True)
    return (bits ^ ((bits >> 31) & 0x7FFFFFFF)).to(tl.uint32, bitcast=True) ^ 0x80000000


@triton.jit
def _fold(maxima, used, ratio, groups, tops, TILE: tl.constexpr):
    """Write the largest of block maxima g, g + groups, g + 2 * groups, ... to `tops[g]`; returns the range [low, high)
    of their keys. Neighbours are in different groups: where high scores stand together, the floor stays tight.
    """
    e = tl.arange(0, TILE)
    least = tl.full([TILE], 0xFFFFFFFF, tl.uint32)
    most = tl.full([TILE], 0, tl.uint32)
    for start in range(0, groups, TILE):
        is_group = start + e < groups
        top = tl.full([TILE], float("-inf"), tl.float32)
        for first in range(0, ratio, 4):
            for j in tl.static_range(4):  # four loads in flight
                block = start + e + (first + j) * groups
                is_block = is_group & (block < used)
                top = tl.maximum(top, tl.load(maxima + block, mask=is_block, other=float("-inf")))
        tl.store(tops + start + e, top, mask=is_group)
        keys = _ordered(top)
        least = tl.minimum(least, tl.where(is_group, keys, 0xFFFFFFFF))
        most = tl.maximum(most, tl.where(is_group, keys, 0))
    tl.debug_barrier()  # other threads of this program wrote what is read next
    return tl.min(least, 0), tl.max(most, 0) + 1


@triton.jit
def _limits(scores, count, TILE: tl.constexpr):
    """The range [low, high) of the keys of `count` scores."""
    e = tl.arange(0, TILE)
    least = tl.full([TILE], 0xFFFFFFFF, tl.uint32)
    most = tl.full([TILE], 0, tl.uint32)
    for start in range(0, count, TILE):
        is_score = start + e < count
        keys = _ordered(tl.load(scores + start + e, mask=is_score, other=0.0))
        least = tl.minimum(least, tl.where(is_score, keys, 0xFFFFFFFF))
        most = tl.maximum(most, tl.where(is_score, keys, 0))
    return tl.min(least, 0), tl.max(most, 0) + 1


@triton.jit
def _narrow(scores, count, wanted, enough, low, high, TILE: tl.constexpr, WAYS: tl.constexpr):
    """Shrink a range [low, high) of keys that holds all `count` scores around the wanted-th largest.

    Returns low, high and how many scores reach high: fewer than `wanted`, while at least as many reach low. It ends
    when at most `enough` scores reach low, or with the one key of the wanted-th largest.
    """
    e = tl.arange(0, TILE)
    ways = tl.arange(0, WAYS).to(tl.uint32)
    reach_low = tl.full([], 0, tl.int32) + count
    reach_high = tl.full([], 0, tl.int32)
    while (reach_low > enough) & (high - low > 1):
        span = high - low
        steps = low + span // WAYS * ways + span % WAYS * ways // WAYS
        reach = tl.zeros([WAYS], tl.int32)
        for start in range(0, count, TILE):
            is_score = start + e < count
            keys = _ordered(tl.load(scores + start + e, mask=is_score, other=0.0))
            reach += tl.sum(((keys[:, None] >= steps[None, :]) & is_score[:, None]).to(tl.int32), 0)
        is_below = reach >= wanted
        low = tl.max(tl.where(is_below, steps, 0), 0)
        high = tl.min(tl.where(is_below, high, steps), 0)
        reach_low = tl.min(tl.where(is_below, reach, count), 0)
        reach_high = tl.max(tl.where(is_below, reach_high, reach), 0)
    return low, high, reach_high


@triton.jit
def _collect(values, parents, listed, end, floor, numbers, found, room, groups, SUB: tl.constexpr, TILE: tl.constexpr):
    """Note, in order, the first `room` children that reach the floor; returns how many do.

    The children of parent p are the SUB rows of block p; with SUB = 0, the blocks p, p + groups, ... of group p; without
    parents, all groups. Those from `end` on do not exist. Numbers go to `numbers`, values to `found` unless it is None.
    """
    e = tl.arange(0, TILE)
    many = listed
    if parents is not None:
        many = listed * (SUB if SUB else tl.cdiv(end, groups))
    count = 0
    for start in range(0, many, TILE):
        child = start + e
        is_child = child < many
        number = child
        if parents is not None:
            if SUB:
                number = tl.load(parents + child // SUB, mask=is_child, other=0) * SUB + child % SUB
            else:
                number = tl.load(parents + child % listed, mask=is_child, other=0) + child // listed * groups
        is_child = is_child & (number < end)
        value = tl.load(values + number, mask=is_child, other=0.0)
        reaches = is_child & (_ordered(value) >= floor)
        slot = count + tl.cumsum(reaches.to(tl.int32), 0) - 1
        tl.store(numbers + slot, number, mask=reaches & (slot < room))
        if found is not None:
            tl.store(found + slot, value, mask=reaches & (slot < room))
        count += tl.sum(reaches.to(tl.int32), 0)
    tl.debug_barrier()
    return count


@triton.jit
def _keep(scores, index, count, wanted, low, high, reach_high, lse, lightest, positions, weights, TILE: tl.constexpr):
    """Write the `wanted` largest of `count` scores, ascending by row, equal scores lowest first; returns their mass
    and how many they are. Those that weigh less than 2^lightest are left out.

    The range [low, high) and `reach_high` as `_narrow` returns them: what reaches high is kept, and of what lies
    between as much as is missing, which is all of it unless it is one key.
    """
    e = tl.arange(0, TILE)
    missing = wanted - reach_high
    # Too light rows are below both ends of the range, then: where it holds several keys, all of them would be kept.
    light = _ordered(tl.where(lse == lse, lse + lightest, float("-inf")))  # where all weights are NaN, they show
    low = tl.maximum(low, light)
    high = tl.maximum(high, light)
    between = 0
    kept = 0
    mass = 0.0
    for start in range(0, count, TILE):
        is_score = start + e < count
        score = tl.load(scores + start + e, mask=is_score, other=0.0)
        keys = _ordered(score)
        is_between = is_score & (keys >= low) & (keys < high)
        rank = between + tl.cumsum(is_between.to(tl.int32), 0)
        is_kept = (is_score & (keys >= high)) | (is_between & (rank <= missing))
        slot = kept + tl.cumsum(is_kept.to(tl.int32), 0) - 1
        row = start + e
        if index is not None:
            row = tl.load(index + start + e, mask=is_kept, other=0)
        weight = tl.where(is_kept, tl.exp2(score - lse), 0.0)
        tl.store(positions + slot, row, mask=is_kept & (slot < wanted))
        tl.store(weights + slot, weight, mask=is_kept & (slot < wanted))
        between += tl.sum(is_between.to(tl.int32), 0)
        kept += tl.sum(is_kept.to(tl.int32), 0)
        mass += tl.sum(weight, 0)
    return mass, kept


@triton.jit(
    do_not_specialize=[
        *("rows", "t", "n_q", "group_v", "splits", "pitch", "top_k", "width", "direct", "capacity", "norm", "lightest")
    ]
)
def choose_kernel(
    scores,
    maxima,
    part_lse,
    lengths,
    v,  # [b, n_v, rows, D_V], any strides but the last
    v_sum,  # fp32 [b, n_v, D_V]: the rows before the t newest, whose mean takes the missing mass; or None
    lists,  # int32 [queries, 2 * pitch / SUB]: workspace, group numbers, then block numbers
    tops,  # fp32 [queries, pitch / SUB]: workspace
    found_scores,  # fp32 [queries, capacity]: workspace
    found_rows,  # int32 [queries, capacity]: workspace
    weights,  # fp32 [queries, width]: workspace, softmax weights of the kept rows
    positions,  # int32 [queries, width]
    captured,  # fp32 [queries]
    out,  # [queries, D_V]
    stride_vb,
    stride_vh,
    stride_vn,
    rows,
    t,
    n_q,
    group_v,
    splits,
    pitch,
    top_k,
    width,
    direct,
    capacity,
    norm,  # 1 renormalises
    lightest,  # base-2 logarithm of the weight that kept rows have at least, the query's own aside
    SUB: tl.constexpr,
    TILE: tl.constexpr,
    WAYS: tl.constexpr,
    BLOCK_S: tl.constexpr,
    D_V: tl.constexpr,
    BLOCK_V: tl.constexpr,
    BLOCK_R: tl.constexpr,
):
    query = tl.program_id(0).to(tl.int64)
    sequence = query // (n_q * t)
    length = valid_rows(lengths, sequence, rows)
    own = length - t + (query % t).to(tl.int32)  # the query's own row: always kept, and the rows before it compete
    wanted = tl.minimum(top_k, own)
    scores += query * pitch
    maxima += query * (pitch // SUB)
    tops += query * (pitch // SUB)
    lists += query * (pitch // SUB) * 2
    found_scores += query * capacity
    found_rows += query * capacity
    positions += query * width
    weights += query * width

    s = tl.arange(0, BLOCK_S)
    logs = tl.load(part_lse + query * splits + s, mask=s < splits, other=float("-inf"))
    top = tl.max(logs, 0)
    shift = tl.where(top == float("-inf"), 0.0, top)
    total = tl.sum(tl.exp2(logs - shift), 0)
    lse = top + tl.log2(tl.where(total == 0.0, 1.0, total))

    mass = 0.0
    kept = 0
    if wanted > 0:
        used = tl.cdiv(own, SUB)
        found = capacity + 1
        floor = tl.full([], 0, tl.uint32)
        high = tl.full([], 0, tl.uint32)
        if (own > direct) & (used > wanted):
            # Groups enough for a tight floor: at least twice the wanted rows where there are as many blocks.
            ratio = tl.maximum(tl.minimum(tl.cdiv(used, TILE), used // (2 * wanted)), 1)
            groups = tl.cdiv(used, ratio)
            least, high = _fold(maxima, used, ratio, groups, tops, TILE)
            floor, _, _ = _narrow(tops, groups, wanted, wanted + wanted // 8, least, high, TILE, WAYS)
            blocks = lists + pitch // SUB
            listed = _collect(tops, None, groups, groups, floor, lists, None, groups, groups, 0, TILE)
            listed = _collect(maxima, lists, listed, used, floor, blocks, None, used, groups, 0, TILE)
            found = _collect(scores, blocks, listed, own, floor, found_rows, found_scores, capacity, groups, SUB, TILE)
        if (found <= capacity) & (found >= wanted):
            low, high, reach = _narrow(found_scores, found, wanted, wanted, floor, high, TILE, WAYS)
            mass, kept = _keep(
                found_scores, found_rows, found, wanted, low, high, reach, lse, lightest, positions, weights, TILE
            )
        else:
            low, high = _limits(scores, own, TILE)
            low, high, reach = _narrow(scores, own, wanted, wanted, low, high, TILE, WAYS)
            mass, kept = _keep(scores, None, own, wanted, low, high, reach, lse, lightest, positions, weights, TILE)
    if own >= 0:
        weight = tl.exp2(tl.load(scores + own) - lse)
        tl.store(positions + kept, own)
        tl.store(weights + kept, weight)
        mass += weight
        kept += 1
    e = tl.arange(0, TILE)
    for start in range(kept, width, TILE):
        tl.store(positions + start + e, tl.full([TILE], -1, tl.int32), mask=start + e < width)
    tl.store(captured + query, mass)
    tl.debug_barrier()

    head = query // t % n_q // group_v
    v += sequence * stride_vb + head * stride_vh
    # Every row before the query's own gets an equal share of the missing mass, as one sum over all of them, and the
    # kept ones give it back. A kept row weighs more than the mean of the others, so nothing cancels.
    outside = own + 1 - kept
    share = 0.0
    if v_sum is not None:
        share = tl.maximum(1.0 - mass, 0.0) / tl.maximum(outside, 1)
    r = tl.arange(0, BLOCK_R)
    d = tl.arange(0, BLOCK_V)
    sums = tl.zeros([BLOCK_R, BLOCK_V], tl.float32)
    for start in range(0, kept, BLOCK_R):
        is_slot = start + r < kept
        row = tl.load(positions + start + r, mask=is_slot, other=0).to(tl.int64)
        weight = tl.load(weights + start + r, mask=is_slot, other=0.0)
        if v_sum is not None:
            weight -= tl.where((start + r < kept - 1) & (outside > 0), share, 0.0)
        values = tl.load(
            v + row[:, None] * stride_vn + d[None, :], mask=is_slot[:, None] & (d < D_V)[None, :], other=0.0
        )
        sums += values.to(tl.float32) * weight[:, None]
    result = tl.sum(sums, 0)
    if v_sum is None:
        result /= tl.where((norm > 0) & (mass != 0.0), mass, 1.0)
    else:
        earlier = tl.load(v_sum + (sequence * (n_q // group_v) + head) * D_V + d, mask=d < D_V, other=0.0)
        for row in range(tl.maximum(length - t, 0), own):  # the rows of the queries before this one
            at = tl.cast(row, tl.int64)
            earlier += tl.load(v + at * stride_vn + d, mask=d < D_V, other=0.0).to(tl.float32)
        result = tl.where(outside > 0, result + share * earlier, result)
    tl.store(out + query * D_V + d, result.to(out.dtype.element_ty), mask=d < D_V)
