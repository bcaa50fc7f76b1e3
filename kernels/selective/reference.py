"""Selective V fetching in plain fp32 (arXiv 2501.13629, Appendix B.2): the truth, and the result type.

Softmax over all scores; per query head only the `top_k` highest-scoring earlier rows, and always the current token's
row, keep their weight. The kept weights stay as they are, or are renormalised to sum to 1. Ties: lowest index first.
"""

from dataclasses import dataclass

import torch

from kernels.decode.reference import masked_scores, weighted_rows


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
    current = (scores > float("-inf")).sum(-1, keepdim=True) - 1
    # +inf puts the current row first; a stable sort keeps equal scores in index order.
    ranked = scores.scatter(-1, current, float("inf")).sort(dim=-1, descending=True, stable=True)
    width = min(top_k, rows - 1) + 1
    chosen = ranked.values[..., :width] > float("-inf")
    positions = torch.where(chosen, ranked.indices[..., :width], rows).sort(-1).values
    kept = torch.zeros(*weights.shape[:-1], rows + 1, dtype=torch.bool, device=q.device)
    kept = kept.scatter(-1, positions, True)[..., :rows]
    weights = weights.masked_fill(~kept, 0.0)
    captured = weights.sum(-1)
    if renormalize:
        weights = weights / captured[..., None]
    out = weighted_rows(weights, v, lengths).to(q.dtype)
    return SelectiveResult(out, captured, positions.masked_fill(positions == rows, -1).int())
