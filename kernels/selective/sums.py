"""Sums of V rows for the mean of those that are not fetched: what a cache keeps, and how a query completes it."""

import torch


def earlier_sum(v: torch.Tensor, t: int, lengths: torch.Tensor | None = None) -> torch.Tensor:
    """The sum of all V rows before the t newest, fp32 `[b, n_v, d_v]`; v `[b, n_v, T, d_v]`, lengths as in decode.

    Formed in fp64, where a sum of bf16 rows is exact unless they span 2^32 and more in magnitude: the result does not
    depend on how a cache came by its rows.
    """
    rows = v.shape[2]
    if lengths is None:
        return v[:, :, : rows - t].sum(2, dtype=torch.float64).float()
    unused = torch.arange(rows, device=v.device) >= lengths.to(v.device)[:, None] - t
    return v.masked_fill(unused[:, None, :, None], 0.0).sum(2, dtype=torch.float64).float()


def sums_by_query(
    v: torch.Tensor, t: int, v_sum: torch.Tensor | None, lengths: torch.Tensor | None = None
) -> torch.Tensor:
    """Per query the sum of the V rows before its own, fp32 `[b, n_v, t, d_v]`; `v_sum` as `earlier_sum` gives it."""
    start = earlier_sum(v, t, lengths) if v_sum is None else v_sum
    if t == 1:
        return start[:, :, None]
    b, n_v, rows, d_v = v.shape
    first = torch.tensor([rows - t]).expand(b) if lengths is None else lengths - t
    at = (first.to(v.device)[:, None] + torch.arange(t - 1, device=v.device)).clamp(min=0)
    new = v.gather(2, at[:, None, :, None].expand(b, n_v, t - 1, d_v)).float().cumsum(2)
    return start[:, :, None] + torch.cat((torch.zeros_like(start)[:, :, None], new), 2)
