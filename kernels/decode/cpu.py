"""Decode attention on a CPU with torch alone: K is read once per K head, V once per V head, nothing is repeated.

The path for machines without a C++ compiler; `kernels.native` serves the others. Query heads that share a K head are
folded into the rows of one matrix product, then folded again by V head, so unequal head counts cost nothing.
"""

import torch
import torch.nn.functional as F

# Up to here torch's fused kernel wins (one call instead of five); beyond it the two matrix products do.
_FUSED_ROWS = 1024


def decode_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    *,
    scale: float | None = None,
    lengths: torch.Tensor | None = None,
    return_lse: bool = False,
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """Shapes and results as `kernels.decode.reference.decode_attention`; products in the inputs' dtype."""
    scale = q.shape[3] ** -0.5 if scale is None else scale
    if lengths is None:
        parts = [_attend(q, k, v, scale, return_lse)]
    else:
        parts = [
            _attend(q[s : s + 1], k[s : s + 1, :, :rows], v[s : s + 1, :, :rows], scale, return_lse)
            for s, rows in enumerate(lengths.tolist())
        ]
    out = torch.cat([part[0] for part in parts]) if len(parts) > 1 else parts[0][0]
    if not return_lse:
        return out
    return out, torch.cat([part[1] for part in parts])


def grouped_scores(q: torch.Tensor, k: torch.Tensor, scale: float) -> torch.Tensor:
    """fp32 scaled scores `[b, n_q, t, T]`, minus infinity where a query may not look; products in the inputs' dtype."""
    b, n_q, t, d_k = q.shape
    n_k, rows = k.shape[1:3]
    folded = q.reshape(b, n_k, n_q // n_k * t, d_k)
    scores = (folded @ k.mT).view(b, n_q, t, rows).float().mul_(scale)
    return hide_future(scores)


def hide_future(scores: torch.Tensor) -> torch.Tensor:
    """Set to minus infinity, in place, the rows after each query's own position: only the last t columns have any."""
    t = scores.shape[2]
    if t > 1:
        future = torch.ones(t, t, dtype=torch.bool, device=scores.device).triu(1)
        scores[..., -t:].masked_fill_(future, float("-inf"))
    return scores


def all_finite(*tensors: torch.Tensor) -> bool:
    """Whether torch's fused kernel may take them: it gives zeros where a softmax has nothing to see or only NaN."""
    return all(bool(x.detach().sum(dtype=torch.float32).isfinite()) for x in tensors)


def _attend(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, scale: float, return_lse: bool
) -> tuple[torch.Tensor, torch.Tensor | None]:
    b, n_q, t, d_k = q.shape
    n_k, rows = k.shape[1:3]
    n_v, d_v = v.shape[1], v.shape[3]
    few = t == 1 and rows <= _FUSED_ROWS and n_k in (1, n_v) and d_k == d_v and not return_lse
    if few and all_finite(q, k):
        # Query heads of one V head become query positions; one K head is seen by all through a stride of 0.
        folded = q.reshape(b, n_v, n_q // n_v, d_k)
        return F.scaled_dot_product_attention(folded, k.expand(b, n_v, rows, d_k), v, scale=scale).reshape(
            b, n_q, 1, d_v
        ), None
    scores = grouped_scores(q, k, scale)
    weights = scores.softmax(-1).to(v.dtype)
    out = (weights.view(b, n_v, n_q // n_v * t, rows) @ v).view(b, n_q, t, d_v)
    return out, scores.logsumexp(-1) if return_lse else None
