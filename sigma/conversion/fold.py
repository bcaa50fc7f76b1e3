"""Fewer key heads for the same scores: complex PCA per rotary frequency, with folding of the slow ones.

The maths. RoPE turns the pair (f, f + d/2) of every head by one angle, so as complex numbers it multiplies by
e^(i theta_f t), and any complex-linear map across heads at one frequency commutes with it. Per frequency we keep the
complex directions that preserve most of the scores q . k (weighted by the query covariance), as the new key heads,
and absorb the conjugate coefficients into W_Q. Neighbouring slow frequencies turn almost alike, so a block of them may
share directions ("folding"): the fold grows towards the slow end.
"""

from __future__ import annotations

import torch
from torch import Tensor

# (number of frequencies, how many neighbours share directions) for 32 frequencies; scaled to other widths
PROGRESSIVE_FOLD = ((8, 1), (8, 2), (8, 4), (8, 8))


def fold_blocks(frequencies: int, fold=PROGRESSIVE_FOLD) -> list[list[int]]:
    """Blocks of neighbouring frequencies that share directions. Raises ValueError if the fold does not tile them."""
    total = sum(count for count, _ in fold)
    if frequencies % total and total % frequencies:
        raise ValueError(f"the fold covers {total} frequencies, the head has {frequencies}")
    blocks, start = [], 0
    for count, width in fold:
        stop = start + count * frequencies // total
        while start < stop:
            blocks.append(list(range(start, min(start + width, stop))))
            start = blocks[-1][-1] + 1
    return blocks


def complex_rows(matrix: Tensor, heads: int) -> Tensor:
    """A projection [heads * d, hidden] as complex rows [heads, d/2, hidden]."""
    rows = matrix.view(heads, 2, -1, matrix.shape[-1])
    return torch.complex(rows[:, 0].contiguous(), rows[:, 1].contiguous())


def real_rows(rows: Tensor) -> Tensor:
    """The inverse of `complex_rows`."""
    return torch.stack((rows.real, rows.imag), dim=1).flatten(0, 2)


@torch.no_grad()
def compress_keys(
    w_q: Tensor, w_k: Tensor, inputs: Tensor, heads: tuple[int, int, int], fold=PROGRESSIVE_FOLD
) -> tuple[Tensor, Tensor]:
    """One layer: new (W_Q, W_K) with fewer key heads whose scores stay closest to the old ones.

    Args:
        w_q: [n_q * d, hidden]; w_k: [n_old * d, hidden]; inputs: the layer's normalised inputs [tokens, hidden].
        heads: (n_q, n_old, n_new), n_new dividing n_old.
        fold: see `PROGRESSIVE_FOLD`; `((32, 1),)` is plain per-frequency PCA.

    Per new head and block of m frequencies, with k the [n_merged * m] complex vector of the merged heads: minimise
    the sum over query heads of E|(k - k_hat)^H q|^2 over all k_hat = U c with m components c.
    """
    n_q, n_old, n_new = heads
    if n_new == n_old:
        return w_q, w_k
    merged = n_old // n_new
    rows_q, rows_k = complex_rows(w_q.double(), n_q), complex_rows(w_k.double(), n_old)
    second = (inputs.double().T @ inputs.double() / len(inputs)).to(rows_q.dtype)  # E[x x^T]
    new_q = torch.zeros_like(rows_q)
    new_k = torch.zeros(n_new, rows_k.shape[1], rows_k.shape[2], dtype=rows_k.dtype)
    for new in range(n_new):
        old = range(new * merged, (new + 1) * merged)
        readers = {g: [i for i in range(n_q) if i * n_old // n_q == g] for g in old}
        for block in fold_blocks(rows_k.shape[1], fold):
            m = len(block)
            keys = torch.cat([rows_k[g][block] for g in old])  # [merged * m, hidden]
            weight = torch.zeros(merged * m, merged * m, dtype=keys.dtype)
            for index, g in enumerate(old):
                for i in readers[g]:
                    q = rows_q[i][block]
                    here = slice(index * m, index * m + m)
                    weight[here, here] += q @ second @ q.mH
            values, vectors = torch.linalg.eigh(weight)
            values = values.clamp_min(values.max() * 1e-10)
            root = (vectors * values.sqrt()) @ vectors.mH
            unroot = (vectors / values.sqrt()) @ vectors.mH
            _, directions = torch.linalg.eigh(root @ (keys @ second @ keys.mH) @ root)
            directions = directions[:, -m:]
            directions = directions[:, _slots(unroot @ directions, merged, m)]
            new_k[new][block] = directions.mH @ root @ keys
            spread = unroot @ directions  # U: k_hat = U c
            for index, g in enumerate(old):
                part = spread[index * m : index * m + m]  # [m frequencies, m slots]
                for i in readers[g]:
                    new_q[i][block] = part.mH @ rows_q[i][block]
    new_q, new_k = (real_rows(rows).to(w_q.dtype) for rows in (new_q, new_k))
    return balance(new_q, new_k, new_k.shape[0] // n_new)


@torch.no_grad()
def balance(w_q: Tensor, w_k: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Move scale between W_Q and W_K, per key head and frequency, until their rows are equally large.

    No score changes, but an optimizer's step does: weighted by the query power, keys come out some forty times larger
    than queries, and steps of one size then blur the queries while the keys stand still.

    Args:
        w_q: [n_q * width, hidden]; w_k: [n_k * width, hidden]; width: the key head dim.
    """
    n_q, n_k = len(w_q) // width, len(w_k) // width
    q, k = w_q.view(n_k, n_q // n_k, 2, width // 2, -1), w_k.view(n_k, 2, width // 2, -1)
    # one factor for both halves of a pair, or the rotation would no longer commute with it
    ratio = q.square().mean((1, 2, 4)) / k.square().mean((1, 3)).clamp_min(1e-24)
    factor = ratio.clamp(1e-12, 1e12) ** 0.25  # [n_k, width / 2]
    q = q / factor[:, None, None, :, None]
    k = k * factor[:, None, :, None]
    return q.reshape(w_q.shape), k.reshape(w_k.shape)


def _slots(spread: Tensor, merged: int, m: int) -> list[int]:
    """Which component each slot of a block takes: the one with most energy at the slot's own frequency, greedily."""
    energy = spread.abs().square().view(merged, m, m).sum(0)  # [frequency, component]
    energy = energy / energy.sum(0, keepdim=True)
    order = [-1] * m
    for _ in range(m):
        f, c = divmod(int(energy.argmax()), m)
        order[f] = c
        energy[f, :], energy[:, c] = -1, -1
    return order
