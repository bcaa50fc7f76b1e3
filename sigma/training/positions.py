"""Positions for training windows: short windows that are trained at the distances of long texts."""

from __future__ import annotations

import random

import torch
from torch import Tensor

MOST_GAPS = 3


def spread_positions(length: int, reach: int, rng: random.Random) -> Tensor:
    """Increasing positions int64 [length] below `reach`: 0, 1, 2 ... with one to three gaps; a third of them without.

    Teacher and student read the same gapped text, so their difference at long distances is learnt at the price of a
    short window. (Positional skip-wise training, arXiv 2309.10400; here as distillation, and its gaps start after a
    first part that keeps position 0, where much of the attention rests.)
    """
    room = reach - length
    positions = torch.arange(length)
    if room <= 0 or length < 2 or rng.random() < 1 / 3:
        return positions
    skipped = rng.randint(1, room)
    gaps = min(rng.randint(1, MOST_GAPS), length - 1)
    ends = sorted(rng.randint(0, skipped) for _ in range(gaps - 1)) + [skipped]
    for start, total, before in zip(sorted(rng.sample(range(1, length), gaps)), ends, [0, *ends]):
        positions[start:] += total - before
    return positions
