"""What decides a healing run: window lengths, steps, learning rates and their cycle."""

from __future__ import annotations

import math
from dataclasses import dataclass

TRAINED = ("q_proj", "q_gate_proj", "q_up_proj", "q_down_proj", "k_proj", "k_expand_proj")


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides a run. `batch` windows of `length` tokens per step; peak learning rates, one cycle."""

    length: int = 512
    batch: int = 2
    layer_steps: int = 150
    layer_rate: float = 1.5e-4
    logit_steps: int = 400
    logit_rate: float = 1e-4
    query_rate: float = 0.2  # of either rate, for the query path: a sign-like Adam step sums coherently through it
    rates: str = ""  # of either rate, by matrix, in query_rate's place: "q_proj=0.5 q_up_proj=0.015"
    warmup: float = 0.08
    calibration_windows: int = 128
    key_heads: int = 1
    augmented_query_dim: int | None = 864
    seed: int = 0
    shortest: int = 0  # logit steps cut their windows in 1, 2, 4 ... parts, down to this length; 0: never
    reach: int = 0  # logit steps spread a window's positions up to here (sigma.training.positions); 0: never
    selective_every: int = 0  # every n-th logit step runs with selective V at every position; 0: none
    selective_top_k: int = 100
    data: str = ""  # digest of the training windows: another corpus is another run


def one_cycle(step: int, steps: int, warmup: float) -> float:
    """Linear warm-up, then a cosine to 2 %."""
    rise = max(1, round(warmup * steps))
    if step < rise:
        return (step + 1) / rise
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


def matrix_rates(recipe: Recipe) -> dict[str, float]:
    """Each trained matrix's share of the learning rate. Raises ValueError for a name or number that makes no sense."""
    factors = {name: recipe.query_rate if name.startswith("q_") else 1.0 for name in TRAINED}
    for part in recipe.rates.split():
        name, _, value = part.partition("=")
        try:
            factors[name], known = float(value), name in factors
        except ValueError:
            known = False
        if not known or not 0 <= factors[name] < math.inf:
            raise ValueError(f"a rate is NAME=NUMBER with a name from {', '.join(TRAINED)}, got {part!r}")
    return factors
