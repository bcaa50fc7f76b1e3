"""The Triton backward kernels of prefill attention: dQ by blocks of queries, dK and dV by blocks of rows.

The weights are recomputed from the saved LSE. dK and dV are summed over the query heads that share the K or V head
inside one program, without atomics, so the result is the same in every run.
"""

import triton
import triton.language as tl

from ..triton_rows import valid_rows
from .triton_forward import LOG2_E, load_tile, store_tile


@triton.jit
def _query_step(
    dq, q, dout, lse2, delta, k_base, v_base, first, last, position, length, stride_kt, stride_vt, scale_log2,
    D_K: tl.constexpr, D_V: tl.constexpr, BLOCK_DK: tl.constexpr, BLOCK_DV: tl.constexpr, BLOCK_N: tl.constexpr,
    MASKED: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Add the rows [first, last) to dq `[M, BLOCK_DK]`, still without the factor `scale`."""
    offsets = tl.arange(0, BLOCK_N)
    for start in tl.range(first, last, BLOCK_N):
        row = tl.cast(start, tl.int64)
        k = load_tile(k_base + row * stride_kt, offsets, length - start, stride_kt, D_K, BLOCK_DK, MASKED)
        v = load_tile(v_base + row * stride_vt, offsets, length - start, stride_vt, D_V, BLOCK_DV, MASKED)
        weights = tl.exp2(tl.dot(q, tl.trans(k), input_precision=PRECISION) * scale_log2 - lse2[:, None])
        if MASKED:
            weights = tl.where(start + offsets[None, :] <= position[:, None], weights, 0.0)
        dweights = tl.dot(dout, tl.trans(v), input_precision=PRECISION)
        dscores = weights * (dweights - delta[:, None])
        dq = tl.dot(dscores.to(k.dtype), k, dq, input_precision=PRECISION)
    return dq


@triton.jit(do_not_specialize=["t", "rows", "n_q", "n_k", "n_v"])
def query_grad_kernel(
    q, k, v, out, dout, lse, dlse, delta, dq, lengths,
    t, rows, n_q, n_k, n_v, scale, scale_log2,
    stride_qb, stride_qh, stride_qt, stride_kb, stride_kh, stride_kt, stride_vb, stride_vh, stride_vt,
    stride_ob, stride_oh, stride_ot, stride_gb, stride_gh, stride_gt, stride_db, stride_dh, stride_dt,
    D_K: tl.constexpr, D_V: tl.constexpr, BLOCK_DK: tl.constexpr, BLOCK_DV: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """dq `[b, n_q, t, D_K]`, and delta = rowsum(dout * out) - dlse, fp32 `[b, n_q, t]`; grid as the forward kernel."""
    blocks = tl.cdiv(t, BLOCK_M)
    heads = tl.num_programs(0) // blocks
    pid = tl.program_id(0)
    block = blocks - 1 - pid // heads
    batch = (pid % heads // n_q).to(tl.int64)
    head = pid % n_q
    length = valid_rows(lengths, batch, rows)

    first = block * BLOCK_M
    queries = tl.arange(0, BLOCK_M)
    inside = queries < t - first
    origin = tl.cast(first, tl.int64)
    wide_head = head.to(tl.int64)
    q_base = q + batch * stride_qb + wide_head * stride_qh + origin * stride_qt
    o_base = out + batch * stride_ob + wide_head * stride_oh + origin * stride_ot
    g_base = dout + batch * stride_gb + wide_head * stride_gh + origin * stride_gt
    k_base = k + batch * stride_kb + (head * n_k // n_q).to(tl.int64) * stride_kh
    v_base = v + batch * stride_vb + (head * n_v // n_q).to(tl.int64) * stride_vh
    q_tile = load_tile(q_base, queries, t - first, stride_qt, D_K, BLOCK_DK, True)
    g_tile = load_tile(g_base, queries, t - first, stride_gt, D_V, BLOCK_DV, True)
    o_tile = load_tile(o_base, queries, t - first, stride_ot, D_V, BLOCK_DV, True)
    row = (batch * n_q + head) * t + first + queries
    lse2 = tl.load(lse + row, mask=inside, other=0.0) * LOG2_E
    delta_tile = tl.sum(o_tile.to(tl.float32) * g_tile.to(tl.float32), 1)
    if dlse is not None:
        delta_tile -= tl.load(dlse + row, mask=inside, other=0.0)
    tl.store(delta + row, delta_tile, mask=inside)
    position = length - t + first + queries

    open_end = tl.maximum(length - t + first + 1, 0) // BLOCK_N * BLOCK_N
    end = tl.minimum(length - t + first + BLOCK_M, length)
    acc = tl.zeros([BLOCK_M, BLOCK_DK], tl.float32)
    acc = _query_step(
        acc, q_tile, g_tile, lse2, delta_tile, k_base, v_base, 0, open_end, position, length,
        stride_kt, stride_vt, scale_log2,
        D_K, D_V, BLOCK_DK, BLOCK_DV, BLOCK_N, False, PRECISION,
    )  # fmt: skip
    acc = _query_step(
        acc, q_tile, g_tile, lse2, delta_tile, k_base, v_base, open_end, end, position, length,
        stride_kt, stride_vt, scale_log2,
        D_K, D_V, BLOCK_DK, BLOCK_DV, BLOCK_N, True, PRECISION,
    )  # fmt: skip
    d_base = dq + batch * stride_db + wide_head * stride_dh + origin * stride_dt
    store_tile(d_base, acc * scale, queries, t - first, stride_dt, D_K, BLOCK_DK)


@triton.jit
def _row_step(
    dk, dv, k, v, q_base, g_base, lse, delta, first, last, t, past, columns, stride_qt, stride_gt, scale_log2,
    D_K: tl.constexpr, D_V: tl.constexpr, BLOCK_DK: tl.constexpr, BLOCK_DV: tl.constexpr, BLOCK_M: tl.constexpr,
    PRECISION: tl.constexpr,
):  # fmt: skip
    """Add the queries [first, last) of one head to dk `[N, BLOCK_DK]` (without `scale`) and dv `[N, BLOCK_DV]`.

    The tiles are kept transposed, `[N, M]`, so that both sums are plain products. Queries from t on have q = dout = 0
    and so add nothing. One loop with the mask throughout: a second one without it spilled registers.
    """
    offsets = tl.arange(0, BLOCK_M)
    for start in tl.range(first, last, BLOCK_M):
        origin = tl.cast(start, tl.int64)
        inside = offsets < t - start
        q = load_tile(q_base + origin * stride_qt, offsets, t - start, stride_qt, D_K, BLOCK_DK, True)
        g = load_tile(g_base + origin * stride_gt, offsets, t - start, stride_gt, D_V, BLOCK_DV, True)
        lse2 = tl.load(lse + start + offsets, mask=inside, other=0.0) * LOG2_E
        row_delta = tl.load(delta + start + offsets, mask=inside, other=0.0)
        weights = tl.exp2(tl.dot(k, tl.trans(q), input_precision=PRECISION) * scale_log2 - lse2[None, :])
        weights = tl.where(columns[:, None] <= past + start + offsets[None, :], weights, 0.0)
        dv = tl.dot(weights.to(g.dtype), g, dv, input_precision=PRECISION)
        dweights = tl.dot(v, tl.trans(g), input_precision=PRECISION)
        dscores = weights * (dweights - row_delta[None, :])
        dk = tl.dot(dscores.to(q.dtype), q, dk, input_precision=PRECISION)
    return dk, dv


@triton.jit(do_not_specialize=["t", "rows", "n_q", "n_k", "n_v", "units", "k_slots", "v_slots"])
def row_grad_kernel(
    q, k, v, dout, lse, delta, dk, dv, lengths,
    t, rows, n_q, n_k, n_v, units, k_slots, v_slots, scale, scale_log2,
    stride_qb, stride_qh, stride_qt, stride_kb, stride_kh, stride_kt, stride_vb, stride_vh, stride_vt,
    stride_gb, stride_gh, stride_gt,
    D_K: tl.constexpr, D_V: tl.constexpr, BLOCK_DK: tl.constexpr, BLOCK_DV: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """dk `[b, k_slots, rows, D_K]` and dv `[b, v_slots, rows, D_V]`, both contiguous.

    Grid (cdiv(rows, BLOCK_N) * b * units,). A program walks the n_q / units query heads of its unit and writes dk (dv)
    whenever the next head belongs to another slot. With k_slots = n_k a slot is the K head; with more, the caller adds
    the partial sums. The number of slots is a multiple of `units`, or equal to it.
    """
    n_blocks = tl.cdiv(rows, BLOCK_N)
    columns_of_grid = tl.num_programs(0) // n_blocks
    pid = tl.program_id(0)
    start = pid // columns_of_grid * BLOCK_N  # the first rows are seen by the most queries: they start first
    batch = (pid % columns_of_grid // units).to(tl.int64)
    unit = pid % units
    length = valid_rows(lengths, batch, rows)
    past = length - t

    offsets = tl.arange(0, BLOCK_N)
    origin = tl.cast(start, tl.int64)
    # Queries below `low` see none of these rows.
    high = tl.where(start < length, t, 0)
    low = tl.minimum(tl.maximum(start - past, 0) // BLOCK_M * BLOCK_M, high)
    dk_acc = tl.zeros([BLOCK_N, BLOCK_DK], tl.float32)
    dv_acc = tl.zeros([BLOCK_N, BLOCK_DV], tl.float32)
    heads = n_q // units
    for head in tl.range(unit * heads, (unit + 1) * heads):
        wide_head = tl.cast(head, tl.int64)
        q_base = q + batch * stride_qb + wide_head * stride_qh
        g_base = dout + batch * stride_gb + wide_head * stride_gh
        k_base = k + batch * stride_kb + tl.cast(head * n_k // n_q, tl.int64) * stride_kh + origin * stride_kt
        v_base = v + batch * stride_vb + tl.cast(head * n_v // n_q, tl.int64) * stride_vh + origin * stride_vt
        k_tile = load_tile(k_base, offsets, length - start, stride_kt, D_K, BLOCK_DK, True)
        v_tile = load_tile(v_base, offsets, length - start, stride_vt, D_V, BLOCK_DV, True)
        row = (batch * n_q + head) * t
        dk_acc, dv_acc = _row_step(
            dk_acc, dv_acc, k_tile, v_tile, q_base, g_base, lse + row, delta + row, low, high, t, past,
            start + offsets, stride_qt, stride_gt, scale_log2,
            D_K, D_V, BLOCK_DK, BLOCK_DV, BLOCK_M, PRECISION,
        )  # fmt: skip
        k_slot = head * k_slots // n_q
        if (head + 1) * k_slots // n_q != k_slot:
            place = ((batch * k_slots + k_slot) * rows + start) * D_K
            store_tile(dk + place, dk_acc * scale, offsets, rows - start, D_K, D_K, BLOCK_DK)
            dk_acc = tl.zeros([BLOCK_N, BLOCK_DK], tl.float32)
        v_slot = head * v_slots // n_q
        if (head + 1) * v_slots // n_q != v_slot:
            place = ((batch * v_slots + v_slot) * rows + start) * D_V
            store_tile(dv + place, dv_acc, offsets, rows - start, D_V, D_V, BLOCK_DV)
            dv_acc = tl.zeros([BLOCK_N, BLOCK_DV], tl.float32)
