"""fp32 matrices -> Int8 and Int4.

Int4 searches the clip range of every group for the least squared error. With a Hessian X^T X of the layer's inputs
it also spreads every column's rounding error over the columns that follow (GPTQ, arXiv 2210.17323): the error that
counts is that of the outputs, not of the weights.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sigma.quantization.packed import Int4, Int8, offset_matrix, pack_nibbles

_SHRINK = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7)  # parts of a group's range that the search tries
_TINY = 6e-8  # smallest positive fp16: a scale of zero would divide by zero
_BLOCK = 64  # columns whose error feedback is applied to the rest at once


def quantize_int8(weight: Tensor) -> Int8:
    """A matrix [rows, cols] -> per-row symmetric int8. ValueError when a row is not finite or beyond fp16 scales."""
    weight = _finite(weight)
    scale = (weight.abs().amax(1) / 127).clamp_min(_TINY).half()
    if not scale.isfinite().all():
        raise ValueError("quantize_int8: a row's largest weight is beyond what an fp16 scale can hold")
    return Int8((weight / scale.float()[:, None]).round().clamp(-127, 127).to(torch.int8), scale)


@torch.no_grad()
def quantize_int4(
    weight: Tensor,
    group: int = 64,
    identity: float = 0.0,
    rank_one: tuple[Tensor, Tensor] | None = None,
    hessian: Tensor | None = None,
) -> Int4:
    """A matrix [rows, cols] -> asymmetric 4 bits per group of columns.

    group: columns per scale at most; halved until it divides the columns (864 columns: 64 becomes 32).
    identity, rank_one: offsets that are kept exactly and not quantized (see `Int4`).
    hessian: X^T X of the inputs, [cols, cols], any scale; columns that never see an input may be zero.
    ValueError when no group of at least 8 columns tiles the matrix, or for a weight that is not finite.
    """
    weight = _finite(weight)
    rows, cols = weight.shape
    asked = group
    while cols % group and group > 8:
        group //= 2
    if group < 8 or group % 8 or cols % group:
        raise ValueError(f"quantize_int4: {cols} columns are not divisible into groups of {asked} or its halves")
    if rank_one is not None:
        rank_one = (rank_one[0].float().cpu().contiguous(), rank_one[1].float().cpu().contiguous())
    offset = offset_matrix((rows, cols), identity, rank_one)
    rest = weight if offset is None else weight - offset
    if hessian is None:
        scale, zero = _search(rest.view(rows, -1, group), None)
        n = _round(rest.view(rows, -1, group), scale[..., None], zero[..., None]).view(rows, cols)
    else:
        n, scale, zero = _with_feedback(rest, group, hessian)
    return Int4(pack_nibbles(n), scale.half(), zero.half(), group, float(identity), rank_one)


def _finite(weight: Tensor) -> Tensor:
    weight = weight.detach().float().cpu()
    if weight.dim() != 2 or not weight.isfinite().all():
        raise ValueError(f"quantization needs a finite matrix, got shape {tuple(weight.shape)}")
    return weight


def _round(weight: Tensor, scale: Tensor, zero: Tensor) -> Tensor:
    return ((weight - zero) / scale).round().clamp(-8, 7) + 8


def _search(weight: Tensor, importance: Tensor | None) -> tuple[Tensor, Tensor]:
    """Scale and zero [...] of groups [..., group], already rounded to fp16, with the least (weighted) squared error."""
    low, high = weight.amin(-1), weight.amax(-1)
    middle = (low + high) / 2
    best = torch.full_like(low, float("inf"))
    scale, zero = torch.empty_like(low), torch.empty_like(low)
    for shrink in _SHRINK:
        # Every group's range is shrunk about its middle; the outliers are clipped.
        step = ((high - low) * shrink / 15).clamp_min(_TINY).half().float()
        at = (middle + step / 2).half().float()  # levels -8..7: their middle is half a step below zero
        error = (_round(weight, step[..., None], at[..., None]) - 8) * step[..., None] + at[..., None] - weight
        error = error.square() if importance is None else error.square() * importance
        error = error.sum(-1)
        better = error < best
        best = torch.where(better, error, best)
        scale, zero = torch.where(better, step, scale), torch.where(better, at, zero)
    return scale, zero


def _with_feedback(weight: Tensor, group: int, hessian: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    rows, cols = weight.shape
    if tuple(hessian.shape) != (cols, cols):
        raise ValueError(f"the Hessian must be [{cols}, {cols}], got {tuple(hessian.shape)}")
    upper = _inverse_root(hessian.double().cpu()).float()
    diagonal = hessian.diagonal().float().cpu().clamp_min(0)
    importance = diagonal / diagonal.mean().clamp_min(1e-30) + 1e-3
    weight = weight.clone()
    n = torch.empty_like(weight)
    scale, zero = torch.empty(rows, cols // group), torch.empty(rows, cols // group)
    for start in range(0, cols, group):
        g = start // group
        stop = start + group
        scale[:, g], zero[:, g] = _search(weight[:, start:stop], importance[start:stop])
        for block in range(start, stop, _BLOCK):
            end = min(block + _BLOCK, stop)
            errors = torch.empty(rows, end - block)
            for j in range(block, end):
                n[:, j] = _round(weight[:, j], scale[:, g], zero[:, g])
                error = (weight[:, j] - (n[:, j] - 8) * scale[:, g] - zero[:, g]) / upper[j, j]
                weight[:, j:end] -= error[:, None] * upper[j, j:end]
                errors[:, j - block] = error
            weight[:, end:] -= errors @ upper[block:end, end:]
    return n, scale, zero


def _inverse_root(hessian: Tensor) -> Tensor:
    """Upper Cholesky factor of the damped inverse; the damping grows until the matrix is positive definite."""
    mean = hessian.diagonal().mean().clamp_min(1e-30)
    eye = torch.eye(len(hessian), dtype=hessian.dtype)
    for damping in (0.01, 0.1, 1.0):
        factor, failed = torch.linalg.cholesky_ex(hessian + eye * mean * damping)
        if not failed:
            return torch.linalg.cholesky(torch.cholesky_inverse(factor), upper=True)
    raise ValueError("the Hessian is not positive semi-definite, even with heavy damping")
