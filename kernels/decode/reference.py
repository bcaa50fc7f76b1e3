"""Decode attention in plain fp32: the truth that every other implementation is tested against.

Shapes everywhere: q `[b, n_q, t, d_k]`, k `[b, n_k, T, d_k]`, v `[b, n_v, T, d_v]`. The t queries are the last t
positions of their sequence, so query j sees `length - t + j + 1` rows, where length is T or `lengths[b]`.
Query head i uses key head `i*n_k // n_q` and value head `i*n_v // n_q` (arXiv 2501.13629, Eq. 3).
"""

import torch


def visible_rows(t: int, rows: int, lengths: torch.Tensor | None, device: torch.device) -> torch.Tensor:
    """Bool `[b or 1, 1, t, rows]`: True where query j may look at the row."""
    length = torch.tensor([rows], device=device) if lengths is None else lengths.to(device)
    last = length[:, None] - t + torch.arange(t, device=device)
    return (torch.arange(rows, device=device) <= last[..., None])[:, None]


def masked_scores(q: torch.Tensor, k: torch.Tensor, scale: float | None, lengths: torch.Tensor | None) -> torch.Tensor:
    """fp32 scaled scores `[b, n_q, t, T]`, minus infinity where a query may not look."""
    b, n_q, t, d_k = q.shape
    n_k, rows = k.shape[1:3]
    scale = d_k**-0.5 if scale is None else scale
    grouped = q.float().reshape(b, n_k, n_q // n_k * t, d_k)
    scores = (grouped @ k.float().mT).view(b, n_q, t, rows) * scale
    return scores.masked_fill(~visible_rows(t, rows, lengths, q.device), float("-inf"))


def attention_weights(
    q: torch.Tensor, k: torch.Tensor, *, scale: float | None = None, lengths: torch.Tensor | None = None
) -> torch.Tensor:
    """Softmax weights, fp32 `[b, n_q, t, T]`, zero where a query may not look."""
    return masked_scores(q, k, scale, lengths).softmax(-1)


def weighted_rows(weights: torch.Tensor, v: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
    """fp32 `[b, n_q, t, d_v]`: each query head's weights times the rows of its value head.

    Rows past the length are zeroed first: a cache's unused memory may hold NaN, and 0 * NaN is NaN.
    """
    b, n_q, t, rows = weights.shape
    n_v, d_v = v.shape[1], v.shape[3]
    values = v.float()
    if lengths is not None:
        unused = torch.arange(rows, device=v.device) >= lengths.to(v.device)[:, None]
        values = values.masked_fill(unused[:, None, :, None], 0.0)
    return (weights.reshape(b, n_v, n_q // n_v * t, rows) @ values).view(b, n_q, t, d_v)


def decode_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    *,
    scale: float | None = None,
    lengths: torch.Tensor | None = None,
    return_lse: bool = False,
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """`[b, n_q, t, d_v]` in q's dtype, and with `return_lse` the natural-log LSE, fp32 `[b, n_q, t]`."""
    scores = masked_scores(q, k, scale, lengths)
    out = weighted_rows(scores.softmax(-1), v, lengths).to(q.dtype)
    return (out, scores.logsumexp(-1)) if return_lse else out
