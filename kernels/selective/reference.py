"""Selective V fetching in plain fp32 (arXiv 2501.13629, Appendix B.2): the truth, and the result type.

Softmax over all scores; per query head only the `top_k` highest-scoring earlier rows, and always the current token's
row, keep their weight; of those top rows, the ones that weigh less than a threshold are left out as well. What becomes
of the mass on the others is one of three things (`missing_mass.py`). Ties: lowest index first. Rows of V that are not
kept are not used, except by the sum that "mean" needs: otherwise NaN in them is of no effect. NaN in any score makes
the whole result NaN.
"""

from dataclasses import dataclass

import torch

from ..decode.reference import masked_scores, visible_rows
from .sums import sums_by_query


@dataclass(slots=True)
class SelectiveResult:
    """What one selective step gave.

    out: `[b, n_q, t, d_v]` in q's dtype.
    captured: fp32 `[b, n_q, t]`, the share of the softmax mass on the kept rows, before anything is done about the rest.
    positions: int32 `[b, n_q, t, min(top_k, T - 1) + 1]`, the kept rows ascending; a query that keeps fewer rows
    than that is padded with -1 at the end.
    """

    out: torch.Tensor
    captured: torch.Tensor
    positions: torch.Tensor


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
    """Attention over the kept rows only; with `top_k >= T - 1` it is full attention. Shapes as in decode.

    v_sum: fp32 `[b, n_v, d_v]`, the sum of the V rows before the t newest, if the caller has it; "mean" alone uses it.
    """
    n_q, t, rows = q.shape[1], q.shape[2], k.shape[2]
    scores = masked_scores(q, k, scale, lengths)
    weights = scores.softmax(-1)
    positions = kept_rows(scores, top_k, lengths)
    current = visible_rows(t, rows, lengths, q.device).sum(-1, keepdim=True) - 1  # [b or 1, 1, t, 1]
    if threshold:
        small = weights.gather(-1, positions.clamp(max=rows - 1)) < threshold
        positions = positions.masked_fill(small & (positions != current), rows).sort(-1).values
    empty = positions == rows
    index = positions.masked_fill(empty, 0)
    weights = weights.gather(-1, index).masked_fill(empty, 0.0)
    captured = weights.sum(-1)
    if missing_mass == "renormalize":
        weights = weights / captured[..., None]
    values = v.float().repeat_interleave(n_q // v.shape[1], 1)[:, :, None].expand(-1, -1, t, -1, -1)
    fetched = values.gather(3, index[..., None].expand(*index.shape, v.shape[3]))
    fetched = fetched.masked_fill(empty[..., None], 0.0)
    out = (weights[..., None, :] @ fetched)[..., 0, :]
    if missing_mass == "mean":
        earlier = ~empty & (positions != current)
        outside = current - earlier.sum(-1, keepdim=True)
        sums = sums_by_query(v, t, v_sum, lengths).repeat_interleave(n_q // v.shape[1], 1)
        mean = (sums - fetched.masked_fill(~earlier[..., None], 0.0).sum(-2)) / outside.clamp(min=1)
        given = (1.0 - captured).clamp(min=0.0)[..., None] * mean
        out = out + given.masked_fill(outside < 1, 0.0)
    return SelectiveResult(out.to(q.dtype), captured, positions.masked_fill(empty, -1).int())


def kept_rows(scores: torch.Tensor, top_k: int, lengths: torch.Tensor | None) -> torch.Tensor:
    """The rows that each query keeps, ascending, int64 `[b, n_q, t, min(top_k, T - 1) + 1]`; T where there is none.

    Which rows a query sees is told by its place, not by its scores `[b, n_q, t, T]`: those may be minus infinity.
    """
    t, rows = scores.shape[2:]
    current = visible_rows(t, rows, lengths, scores.device).sum(-1, keepdim=True) - 1  # [b or 1, 1, t, 1]
    index = torch.arange(rows, device=scores.device)
    earlier = scores.masked_fill(index >= current, float("-inf"))
    # A stable sort keeps equal scores in index order: the rows that may not be chosen come last in it.
    ranked = earlier.sort(dim=-1, descending=True, stable=True).indices[..., : min(top_k, rows - 1)]
    chosen = torch.arange(ranked.shape[-1], device=scores.device) < current
    own = torch.where(current < 0, rows, current).expand(*scores.shape[:3], 1)
    return torch.cat((torch.where(chosen, ranked, rows), own), -1).sort(-1).values
