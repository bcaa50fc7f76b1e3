"""Selective V fetching in plain fp32 (arXiv 2501.13629, Appendix B.2): the truth, and the result type.

Softmax over all scores; per query head only the `top_k` highest-scoring earlier rows, and always the current token's
row, keep their weight. The kept weights stay as they are, or are renormalised to sum to 1. Ties: lowest index first.
Rows of V that are not kept are not used: NaN in them is of no effect. NaN in any score makes the whole result NaN.
"""

from dataclasses import dataclass

import torch

from kernels.decode.reference import masked_scores, visible_rows


@dataclass(slots=True)
class SelectiveResult:
    """What one selective step gave.

    out: `[b, n_q, t, d_v]` in q's dtype.
    captured: fp32 `[b, n_q, t]`, the share of the softmax mass on the kept rows, before renormalising.
    positions: int32 `[b, n_q, t, min(top_k, T - 1) + 1]`, the kept rows ascending; a query that sees fewer rows
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
    renormalize: bool = True,
    lengths: torch.Tensor | None = None,
) -> SelectiveResult:
    """Attention over the kept rows only; with `top_k >= T - 1` it is full attention. Shapes as in decode."""
    rows = k.shape[2]
    scores = masked_scores(q, k, scale, lengths)
    weights = scores.softmax(-1)
    positions = kept_rows(scores, top_k, lengths)
    empty = positions == rows
    index = positions.masked_fill(empty, 0)
    weights = weights.gather(-1, index).masked_fill(empty, 0.0)
    captured = weights.sum(-1)
    if renormalize:
        weights = weights / captured[..., None]
    values = v.float().repeat_interleave(q.shape[1] // v.shape[1], 1)[:, :, None].expand(-1, -1, q.shape[2], -1, -1)
    fetched = values.gather(3, index[..., None].expand(*index.shape, v.shape[3]))
    fetched = fetched.masked_fill(empty[..., None], 0.0)
    out = (weights[..., None, :] @ fetched)[..., 0, :].to(q.dtype)
    return SelectiveResult(out, captured, positions.masked_fill(empty, -1).int())


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
