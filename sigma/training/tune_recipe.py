"""What decides a tuning run: how much of which lessons, at which rate, through whose attention."""

from __future__ import annotations

from dataclasses import dataclass

from sigma.training.rows import parse_mix


@dataclass(frozen=True, slots=True)
class TuneRecipe:
    """Everything that decides a tuning run. Raises ValueError for numbers that make no run."""

    tokens: int = 1_500_000  # of whole rows, trained on in all: rows that begin alike compute fewer
    mix: str = "cmdgen=1 nl2kql=1 infrawise=1 optiflow=1 facts=1"
    rate: float = 3e-3
    own_rate: float = (
        0.1  # of the rate, for queries and keys: at the whole rate Sigma's chats left the base's within 50 steps
    )
    warmup: float = 0.03
    batch_tokens: int = 1536  # most tokens computed in one pass
    passes: int = 2  # passes of one step
    sigma_share: float = 0.5  # of the passes, through Sigma's attention
    longest: int = 1200  # tokens of a row; longer ones are left out
    seed: int = 0
    data: str = ""  # digest of the batches: other lessons are another run

    def __post_init__(self) -> None:
        parse_mix(self.mix)
        sensible = {
            "tokens": self.tokens >= 1,
            "rate": 0 < self.rate < 1,
            "own_rate": 0 <= self.own_rate <= 1,
            "warmup": 0 <= self.warmup <= 1,
            "batch_tokens": self.batch_tokens >= 1,
            "passes": self.passes >= 1,
            "sigma_share": 0 <= self.sigma_share <= 1,
            "longest": self.longest >= 2,
        }
        for name, good in sensible.items():
            if not good:
                raise ValueError(f"a tuning run cannot have {name.replace('_', ' ')} = {getattr(self, name)}")
