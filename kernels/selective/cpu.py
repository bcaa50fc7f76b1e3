"""Selective V fetching on a CPU with torch alone: K is scanned once, then only the chosen V rows are read.

Scores are formed in fp32, a block of rows at a time: bf16 scores would tie by the dozen and choose other rows than
the reference does. A block is small enough to stay in the core's cache, so the cache is never converted whole.
"""

import torch

from ..decode.cpu import hide_future
from .reference import SelectiveResult
from .sums import sums_by_query

_BLOCK = 2048  # rows of K converted at a time


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
    """Shapes and results as `kernels.selective.reference.selective_decode_attention`."""
    scale = q.shape[3] ** -0.5 if scale is None else scale
    how = scale, missing_mass, threshold
    if lengths is None:
        return _select(q, k, v, top_k, *how, v_sum)
    width = min(top_k, k.shape[2] - 1) + 1
    parts = []
    for s, rows in enumerate(lengths.tolist()):
        known = None if v_sum is None else v_sum[s : s + 1]
        part = _select(q[s : s + 1], k[s : s + 1, :, :rows], v[s : s + 1, :, :rows], top_k, *how, known)
        missing = width - part.positions.shape[-1]
        part.positions = torch.nn.functional.pad(part.positions, (0, missing), value=-1)
        parts.append(part)
    return SelectiveResult(*(torch.cat([getattr(p, name) for p in parts]) for name in ("out", "captured", "positions")))


def _select(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    top_k: int,
    scale: float,
    missing_mass: str,
    threshold: float,
    v_sum: torch.Tensor | None,
) -> SelectiveResult:
    b, n_q, t, _ = q.shape
    rows, n_v, d_v = k.shape[2], v.shape[1], v.shape[3]
    scores = _fp32_scores(q, k, scale)
    lse = scores.logsumexp(-1, keepdim=True)
    # The current row is kept whatever its score, and rows from it on are not to be chosen.
    current = torch.arange(rows - t, rows).view(1, 1, t, 1).expand(b, n_q, t, 1)
    own = scores.gather(-1, current)
    # In place unless autograd still needs the scores: they are as large as all of K.
    put = scores.scatter if scores.requires_grad else scores.scatter_
    ranked = put(-1, current, float("-inf"))
    width = min(top_k, rows - 1) + 1
    best, positions = ranked.topk(width - 1, -1, sorted=False)
    least = best.min(-1, keepdim=True).values if width > 1 else best
    if int((ranked == least).sum()) != int((best == least).sum()):
        # topk breaks ties as it likes; equal scores must go to the lowest index.
        positions = ranked.argsort(dim=-1, descending=True, stable=True)[..., : width - 1]
    # A query that sees fewer rows than it may keep took some that it does not see, all of them after its own.
    hidden = positions >= current
    if threshold:
        hidden = hidden | ((ranked.gather(-1, positions) - lse).exp() < threshold)
    positions = torch.cat((positions.masked_fill(hidden, rows), current), -1).sort(-1).values
    hidden = positions == rows
    index = positions.clamp(max=rows - 1)
    kept = torch.where(index == current, own, ranked.gather(-1, index))
    weights = (kept - lse).exp().masked_fill(hidden, 0.0)
    captured = weights.sum(-1)
    if missing_mass == "renormalize":
        weights = weights / captured[..., None]
    share = None
    if missing_mass == "mean":
        # Every row before the query's own gets an equal share, as one sum over all of them, and those that are kept
        # give it back: a kept row weighs more than the mean of the others, so nothing cancels.
        earlier = ~hidden & (positions != current)
        outside = current[..., 0] - earlier.sum(-1)
        share = ((1.0 - captured).clamp(min=0.0) / outside.clamp(min=1)).masked_fill(outside < 1, 0.0)
        weights = torch.where(earlier, weights - share[..., None], weights)
    fetched = v.gather(2, index.reshape(b, n_v, -1, 1).expand(-1, -1, -1, d_v)).view(b, n_q, t, width, d_v)
    out = (weights[..., None, :].to(v.dtype) @ fetched)[..., 0, :]
    if share is not None:
        given = share[..., None] * sums_by_query(v, t, v_sum).repeat_interleave(n_q // n_v, 1)
        out = (out + given.masked_fill((outside < 1)[..., None], 0.0)).to(v.dtype)
    return SelectiveResult(out, captured, positions.masked_fill(hidden, -1).int())


def _fp32_scores(q: torch.Tensor, k: torch.Tensor, scale: float) -> torch.Tensor:
    b, n_q, t, d_k = q.shape
    n_k, rows = k.shape[1:3]
    folded = q.reshape(b, n_k, n_q // n_k * t, d_k).float() * scale
    scores = torch.empty(*folded.shape[:3], rows)
    for start in range(0, rows, _BLOCK):
        block = k[:, :, start : start + _BLOCK].float()
        scores[..., start : start + _BLOCK] = folded @ block.mT
    return hide_future(scores.view(b, n_q, t, rows))
