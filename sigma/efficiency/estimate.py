"""What a run will need, before it begins: memory from its shapes, time from what this machine's memory does now."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import torch

from kernels.contenders import DTYPES
from kernels.cost import selective_cost
from kernels.device import free_bytes
from sigma.efficiency.settings import Settings
from sigma.engine.memory import FREE_SHARE
from sigma.events import PromptError

ROUNDS = 5
"""Fewest rounds at each length."""

COLD_BYTES = {"cpu": 64 << 20, "cuda": 256 << 20}
"""Each side's buffers hold at least this much and are used in turn, so that a cache holds little of what is read next."""

# Of a copy's rate, what a kernel reaches at least on the machines it was measured on (assets/benchmarks); a product of bf16
# matrices on an older CPU is slower still.
_RATE_SHARE = 0.25
_CALL_SECONDS = {"cpu": 300e-6, "cuda": 100e-6}
_PROBE_BYTES = {"cpu": 32 << 20, "cuda": 256 << 20}


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes that the run allocates, and seconds that its fewest rounds take."""

    memory: int
    seconds: float


def row_bytes(settings: Settings) -> dict[str, int]:
    """Bytes of K and V that one token adds to one layer, of all sequences, by side."""
    size = DTYPES[settings.dtype].itemsize
    layers = {"std": settings.std, "sigma": settings.sigma}
    return {side: settings.batch * heads.cache_bytes_per_token(size) for side, heads in layers.items()}


def rows_held(settings: Settings, device: str) -> dict[str, int]:
    """Rows of each side's buffers: the longest length, or as many as it takes to be cold."""
    longest, cold = settings.lengths()[-1], COLD_BYTES[device]
    return {side: max(longest, math.ceil(cold / one)) for side, one in row_bytes(settings).items()}


def weight_bytes(settings: Settings) -> int:
    """Bytes of one layer's augmented query."""
    return 3 * settings.query_width * settings.augmented * DTYPES[settings.dtype].itemsize


def weight_sets(settings: Settings, device: str) -> int:
    """How many such sets are used in turn."""
    one = weight_bytes(settings)
    return min(64, max(1, math.ceil(COLD_BYTES[device] / one))) if one else 0


def memory_bytes(settings: Settings, device: str) -> int:
    """What the run allocates: both caches, the copy's target, the augmented query, and a selection's scores."""
    row = row_bytes(settings)
    held = sum(rows * row[side] for side, rows in rows_held(settings, device).items())
    scores = 4 * 4 * settings.batch * settings.n_q * settings.lengths()[-1] if settings.top_k else 0
    target = max(row.values()) * settings.lengths()[-1]
    return held + target + weight_sets(settings, device) * weight_bytes(settings) + scores


def moved_bytes(settings: Settings, tokens: int) -> int:
    """Bytes that one round at a length moves, all sides and parts."""
    row, size = row_bytes(settings), DTYPES[settings.dtype].itemsize
    moved = sum(3 * bytes_of_one * tokens for bytes_of_one in row.values()) + weight_bytes(settings)
    if 0 < settings.top_k < tokens - 1:
        moved += selective_cost(
            settings.sigma, tokens, settings.top_k, b=settings.batch, itemsize=size, score_passes=2
        ).total_bytes
    return moved


def copy_rate(device: str) -> float:
    """Bytes per second that a copy reads and writes now, the median of three."""
    source = torch.ones(_PROBE_BYTES[device] // 4, device=device)
    target = torch.empty_like(source)
    times = []
    for _ in range(4):
        begun = time.perf_counter()
        target.copy_(source)
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - begun)
    return 2 * source.nbytes / sorted(times[1:])[1]


def estimate(settings: Settings, device: str, rate: float) -> Estimate:
    """Of a run; `rate` is what `copy_rate` gave."""
    memory = memory_bytes(settings, device)
    calls = 8 * _CALL_SECONDS[device]
    moved = sum(moved_bytes(settings, tokens) for tokens in settings.lengths())
    rounds = ROUNDS + 1  # the first warms up
    # More sequences turn the augmented query's matrix products from memory's work into arithmetic.
    products = weight_bytes(settings) / (rate * _RATE_SHARE) * min(settings.batch, 8) * len(settings.lengths())
    seconds = rounds * (moved / (rate * _RATE_SHARE) + products + len(settings.lengths()) * calls)
    return Estimate(memory, seconds + 2 * memory / (rate * _RATE_SHARE))


def check(settings: Settings, device: str, rate: float, free: int | None = None) -> Estimate:
    """The estimate; PromptError, with the numbers, for what does not fit the memory, the kernels or the time budget.

    free: bytes, None asks the device.
    """
    if device == "cpu" and settings.dtype == "fp16":
        raise PromptError("On a CPU fp16 has no kernels here; choose bf16 or fp32.")
    found = estimate(settings, device, rate)
    free = free_bytes(torch.device(device)) if free is None else free
    if free is not None and found.memory > FREE_SHARE * free:
        raise PromptError(
            f"This run would need {found.memory / 2**30:.2f} GiB; {FREE_SHARE * free / 2**30:.2f} GiB of memory are free "
            "for it. Choose shorter prefixes, fewer sequences or fewer heads."
        )
    if found.seconds > settings.seconds:
        raise PromptError(
            f"This run would take about {found.seconds:,.0f} s or more here, and its time budget is "
            f"{settings.seconds} s. Choose shorter prefixes or fewer sequences."
        )
    return found
