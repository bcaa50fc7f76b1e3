"""Prefill attention on a CPU with torch alone, memory bounded by a block of queries, K and V never repeated.

torch's fused kernel needs as many key and value heads as query heads. Folding gives it that without a copy: the heads
that differ become the batch, and a head that is shared gets a stride of 0. For 9 / 1 / 3 heads that is a batch of 3
V heads times 3 query heads, the one K head seen by all. Its own `enable_gqa` would copy K and V instead.
"""

import math
from collections.abc import Iterator
from itertools import pairwise

import torch
import torch.nn.functional as F

from ..decode.cpu import all_finite, grouped_scores

_QUERY_BLOCK = 512  # queries per call when a mask is needed: the mask is [512, T]
_SCORE_BYTES = 32 << 20  # scores that the unfused path may hold at once


def prefill_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    *,
    scale: float | None = None,
    lengths: torch.Tensor | None = None,
    return_lse: bool = False,
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """Shapes and results as `kernels.decode.reference.decode_attention`, for any t <= T."""
    b, n_q, t, d_k = q.shape
    d_v = v.shape[3]
    scale = d_k**-0.5 if scale is None else scale
    out = q.new_empty(b, n_q, t, d_v)
    lse = torch.empty(b, n_q, t) if return_lse else None
    for s in range(b):
        rows = k.shape[2] if lengths is None else int(lengths[s])
        query, key, value = q[s], k[s, :, :rows], v[s, :, :rows]
        if return_lse or d_v % d_k or not all_finite(query, key):
            _blocked(query, key, value, scale, out[s], None if lse is None else lse[s])
            continue
        for heads, keys, values, batch in _folds(n_q, k.shape[1], v.shape[1]):
            # The fused kernel wants d_v = d_k: a wider V goes through it d_k columns at a time.
            for start in range(0, d_v, d_k):
                columns = slice(start, start + d_k)
                _fused(query[heads], key[keys], value[values, :, columns], batch, scale, out[s, heads, :, columns])
    return (out, lse) if return_lse else out


def _folds(n_q: int, n_k: int, n_v: int) -> Iterator[tuple[slice, slice, slice, int]]:
    """Cut the heads into runs (query, key and value slices, batch) whose sharing strides can express."""
    units = 1 if n_k == n_v else math.gcd(n_k, n_v)
    group, keys, values = n_q // units, n_k // units, n_v // units
    for u in range(units):
        if keys == values or 1 in (keys, values):
            yield _part(u, group), _part(u, keys), _part(u, values), max(keys, values)
            continue
        # Neither count divides the other (40 / 8 / 20): one run per pair of a key head and a value head that meet.
        edges = sorted({*range(0, group + 1, group // keys), *range(0, group + 1, group // values)})
        for start, stop in pairwise(edges):
            first = u * group + start
            pair = (_part(first * n_k // n_q, 1), _part(first * n_v // n_q, 1))
            yield slice(first, u * group + stop), *pair, 1


def _part(index: int, size: int) -> slice:
    return slice(index * size, (index + 1) * size)


def _fused(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, batch: int, scale: float, out: torch.Tensor) -> None:
    """Attention of one run of heads: q `[heads, t, d]`, k and v `[1 or batch, T, d]`, into out `[heads, t, d]`."""
    heads, t, _ = q.shape
    rows = k.shape[1]
    shape = (batch, heads // batch)
    q = q.unflatten(0, shape)
    k = k[:, None].expand(*shape, -1, -1)
    v = v[:, None].expand(*shape, -1, -1)
    if t == rows:
        out.copy_(F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scale).flatten(0, 1))
        return
    for start in range(0, t, _QUERY_BLOCK):
        stop = min(start + _QUERY_BLOCK, t)
        seen = rows - t + stop
        mask = torch.ones(stop - start, seen, dtype=torch.bool).tril(seen - (stop - start))
        part = F.scaled_dot_product_attention(
            q[:, :, start:stop], k[:, :, :seen], v[:, :, :seen], attn_mask=mask, scale=scale
        )
        out[:, start:stop] = part.flatten(0, 1)


def _blocked(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, scale: float, out: torch.Tensor, lse: torch.Tensor | None
) -> None:
    """The unfused path, for an LSE, a d_v that d_k does not divide, or numbers that are not finite: two matrix products per block of queries."""
    n_q, t, _ = q.shape
    n_v, rows, d_v = v.shape
    block = max(1, _SCORE_BYTES // (4 * n_q * rows))
    for start in range(0, t, block):
        stop = min(start + block, t)
        seen = rows - t + stop
        scores = grouped_scores(q[None, :, start:stop], k[None, :, :seen], scale)[0]
        weights = scores.softmax(-1).to(v.dtype).view(n_v, -1, seen)
        out[:, start:stop] = (weights @ v[:, :seen]).view(n_q, stop - start, d_v)
        if lse is not None:
            lse[:, start:stop] = scores.logsumexp(-1)
