"""Maps of attention through the C++ kernel of this folder; torch where there is none or it does not fit."""

import torch

from .. import native
from . import reference


def attention_squares(
    q: torch.Tensor, k: torch.Tensor, keys: tuple[int, int], width: int, *, scale: float | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Shapes and results as `kernels.squares.reference.attention_squares`, in one pass over the scores."""
    kernel = native.function("squares", q.dtype) if native.accepts(q, k, k) else None
    if kernel is None:
        return reference.attention_squares(q, k, keys, width, scale=scale)
    if q.stride(3) != 1:
        q = q.contiguous()
    b, n_q, t, _ = q.shape
    bins, pad = -(-(keys[1] - keys[0]) // width), native.SQUARES_BIN_PAD
    largest = torch.zeros(b, n_q, -(-t // width), -(-bins // pad) * pad)
    sums = torch.empty(b, n_q, t)
    kernel(native.arguments(q, k, k, largest, sums, None, scale), width, *keys)
    return largest[..., :bins], sums
