"""The Triton forward kernel of prefill attention: one program per block of queries of one query head.

A query head h reads K head h * n_k // n_q and V head h * n_v // n_q (Eq. 3) by index, so unequal head counts cost no
copy. The last blocks of a sequence see the most rows and start first; the query heads of one block are neighbours in
the launch order, so those that share a K or a V head find it in the L2 cache.
"""

import triton
import triton.language as tl

from ..triton_rows import valid_rows

LOG2_E = tl.constexpr(1.4426950408889634)
LN_2 = tl.constexpr(0.6931471805599453)


@triton.jit
def load_tile(base, offsets, limit, stride, D: tl.constexpr, BLOCK_D: tl.constexpr, CHECK: tl.constexpr):
    """Rows `offsets` of a `[rows, D]` matrix as a tile `[len(offsets), BLOCK_D]`, zero outside it.

    Rows from `limit` on are not touched when CHECK is set: memory there may hold anything. `base` is already moved to
    the block's first row in 64 bits, so the offsets within the block fit 32 bits.
    """
    columns = tl.arange(0, BLOCK_D)
    pointers = base + offsets[:, None] * stride + columns[None, :]
    if CHECK and D == BLOCK_D:
        x = tl.load(pointers, mask=(offsets < limit)[:, None], other=0.0)
    elif CHECK:
        x = tl.load(pointers, mask=(offsets < limit)[:, None] & (columns < D)[None, :], other=0.0)
    elif D == BLOCK_D:
        x = tl.load(pointers)
    else:
        x = tl.load(pointers, mask=(columns < D)[None, :], other=0.0)
    return x


@triton.jit
def store_tile(base, x, offsets, limit, stride, D: tl.constexpr, BLOCK_D: tl.constexpr):
    """Write a tile to the rows `offsets` below `limit` of a `[rows, D]` matrix."""
    columns = tl.arange(0, BLOCK_D)
    mask = (offsets < limit)[:, None] & (columns < D)[None, :]
    tl.store(base + offsets[:, None] * stride + columns[None, :], x.to(base.dtype.element_ty), mask=mask)


@triton.jit
def _attend(
    acc, total, top, q, k_base, v_base, first, last, position, length, stride_kt, stride_vt, scale_log2,
    D_K: tl.constexpr, D_V: tl.constexpr, BLOCK_DK: tl.constexpr, BLOCK_DV: tl.constexpr, BLOCK_N: tl.constexpr,
    MASKED: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Fold the rows [first, last) into the running softmax: acc `[M, BLOCK_DV]`, total and top `[M]` (base 2)."""
    offsets = tl.arange(0, BLOCK_N)
    for start in tl.range(first, last, BLOCK_N):
        row = tl.cast(start, tl.int64)
        k = load_tile(k_base + row * stride_kt, offsets, length - start, stride_kt, D_K, BLOCK_DK, MASKED)
        scores = tl.dot(q, tl.trans(k), input_precision=PRECISION) * scale_log2
        if MASKED:
            scores = tl.where(start + offsets[None, :] <= position[:, None], scores, float("-inf"))
        new_top = tl.maximum(top, tl.max(scores, 1))
        if MASKED:
            # A row that has seen nothing yet would compute inf - inf.
            shift = tl.where(new_top == float("-inf"), 0.0, new_top)
        else:
            shift = new_top
        weights = tl.exp2(scores - shift[:, None])
        keep = tl.exp2(top - shift)
        total = total * keep + tl.sum(weights, 1)
        acc = acc * keep[:, None]
        v = load_tile(v_base + row * stride_vt, offsets, length - start, stride_vt, D_V, BLOCK_DV, MASKED)
        acc = tl.dot(weights.to(v.dtype), v, acc, input_precision=PRECISION)
        top = new_top
    return acc, total, top


@triton.jit(do_not_specialize=["t", "rows", "n_q", "n_k", "n_v"])
def forward_kernel(
    q, k, v, out, lse, lengths,
    t, rows, n_q, n_k, n_v, scale_log2,
    stride_qb, stride_qh, stride_qt, stride_kb, stride_kh, stride_kt,
    stride_vb, stride_vh, stride_vt, stride_ob, stride_oh, stride_ot,
    D_K: tl.constexpr, D_V: tl.constexpr, BLOCK_DK: tl.constexpr, BLOCK_DV: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """out `[b, n_q, t, D_V]` and, on request, lse fp32 `[b, n_q, t]`; grid (cdiv(t, BLOCK_M) * b * n_q,)."""
    blocks = tl.cdiv(t, BLOCK_M)
    heads = tl.num_programs(0) // blocks
    pid = tl.program_id(0)
    block = blocks - 1 - pid // heads
    batch = (pid % heads // n_q).to(tl.int64)
    head = pid % n_q
    length = valid_rows(lengths, batch, rows)

    first = block * BLOCK_M
    queries = tl.arange(0, BLOCK_M)
    origin = tl.cast(first, tl.int64)
    q_base = q + batch * stride_qb + head.to(tl.int64) * stride_qh + origin * stride_qt
    k_base = k + batch * stride_kb + (head * n_k // n_q).to(tl.int64) * stride_kh
    v_base = v + batch * stride_vb + (head * n_v // n_q).to(tl.int64) * stride_vh
    tile = load_tile(q_base, queries, t - first, stride_qt, D_K, BLOCK_DK, True)
    position = length - t + first + queries

    # Every query of the block sees the rows below `open_end`: no mask there. The rest is the diagonal.
    open_end = tl.maximum(length - t + first + 1, 0) // BLOCK_N * BLOCK_N
    end = tl.minimum(length - t + first + BLOCK_M, length)
    acc = tl.zeros([BLOCK_M, BLOCK_DV], tl.float32)
    total = tl.zeros([BLOCK_M], tl.float32)
    top = tl.full([BLOCK_M], float("-inf"), tl.float32)
    acc, total, top = _attend(
        acc, total, top, tile, k_base, v_base, 0, open_end, position, length, stride_kt, stride_vt, scale_log2,
        D_K, D_V, BLOCK_DK, BLOCK_DV, BLOCK_N, False, PRECISION,
    )  # fmt: skip
    acc, total, top = _attend(
        acc, total, top, tile, k_base, v_base, open_end, end, position, length, stride_kt, stride_vt, scale_log2,
        D_K, D_V, BLOCK_DK, BLOCK_DV, BLOCK_N, True, PRECISION,
    )  # fmt: skip

    # A length below t leaves queries that see nothing: they give 0 and an LSE of minus infinity.
    out_base = out + batch * stride_ob + head.to(tl.int64) * stride_oh + origin * stride_ot
    acc = acc / tl.where(total == 0.0, 1.0, total)[:, None]
    store_tile(out_base, acc, queries, t - first, stride_ot, D_V, BLOCK_DV)
    if lse is not None:
        row = (batch * n_q + head) * t + first
        tl.store(lse + row + queries, (top + tl.log2(total)) * LN_2, mask=queries < t - first)
