"""Maps of attention in plain fp32: the truth for the other implementation."""

from itertools import product

import torch

_ROWS = 96
"""Least queries of one head whose scores are held at a time: over 8,192 positions 3 MB, so that they stay in the cache."""


@torch.no_grad()
def attention_squares(
    q: torch.Tensor, k: torch.Tensor, keys: tuple[int, int], width: int, *, scale: float | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """fp32 `[b, n_q, ceil(t / width), ceil((last - first) / width)]` for keys (first, last), and the LSE `[b, n_q, t]`."""
    (b, n_q, t, d_k), (n_k, rows), (k0, k1) = q.shape, k.shape[1:3], keys
    scale = d_k**-0.5 if scale is None else scale
    largest = torch.zeros(b, n_q, -(-t // width), -(-(k1 - k0) // width), device=q.device)
    sums = torch.empty(b, n_q, t, device=q.device)
    step = -(-_ROWS // width) * width
    for at in product(range(b), range(n_q)):
        own_q = q[at].float() * scale
        own_k = k[at[0], at[1] * n_k // n_q].float().t()  # Eq. 3
        for low in range(0, t, step):
            high = min(low + step, t)
            seen = rows - t + high
            scores = own_q[low:high] @ own_k[:, :seen]
            scores[:, seen - (high - low) :].masked_fill_(_later(high - low, q.device), float("-inf"))
            most = _runs(scores[:, k0 : min(k1, seen)], width)  # [queries, bins], of the scores
            sums[at][low:high] = scores.logsumexp(1)
            most -= sums[at][low:high, None]  # a weight is exp(score - log-sum-exp)
            squares = slice(low // width, -(-high // width))
            largest[at][squares, : most.shape[1]] = _runs(most.t(), width).t().exp_()
    return largest, sums


def _later(rows: int, device: torch.device) -> torch.Tensor:
    """Which of the newest `rows` positions each of their queries cannot see, [rows, rows]."""
    return torch.ones(rows, rows, dtype=torch.bool, device=device).triu_(1)


def _runs(rows: torch.Tensor, width: int) -> torch.Tensor:
    """[n, t] -> [n, ceil(t / width)], the largest of each run of `width` columns."""
    whole = rows.shape[1] // width
    found = rows[:, : whole * width].unflatten(1, (whole, width)).amax(2)
    rest = rows[:, whole * width :]
    return found if not rest.shape[1] else torch.cat((found, rest.amax(1, keepdim=True)), 1)
