"""Rotation and append in plain torch: the truth for the fused kernel, and the path without a GPU."""

import torch


def rotated(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Rotary embedding of x `[b, h, t, d]` by tables `[b, 1, t, d]`, in fp32, rounded once to x's dtype."""
    low, high = x.float().chunk(2, -1)
    return (x.float() * cos + torch.cat((-high, low), -1) * sin).to(x.dtype)


def append_rope(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    cos: torch.Tensor,
    sin: torch.Tensor,
    k_cache: torch.Tensor,
    v_cache: torch.Tensor,
    lengths: torch.Tensor | None = None,
) -> torch.Tensor:
    """Arguments, effect and result as `kernels.append_rope`."""
    b, _, t, _ = q.shape
    rows = k_cache.shape[2]
    length = torch.full((b,), rows, device=q.device) if lengths is None else lengths.to(q.device)
    # [b, t]; a length from a GPU was never checked, and indexing takes no negative or distant row.
    position = length.clamp(t, min(rows, cos.shape[0]))[:, None] - t + torch.arange(t, device=q.device)
    tables = cos.float()[position][:, None], sin.float()[position][:, None]
    sequence = torch.arange(b, device=q.device)[:, None]
    k_cache[sequence, :, position] = rotated(k, *tables).transpose(1, 2)
    v_cache[sequence, :, position] = v.transpose(1, 2)
    return rotated(q, *tables)
