"""What decides a healing run: window lengths, steps, learning rates and their cycle."""

from __future__ import annotations

import argparse
import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any

TRAINED = ("q_proj", "q_gate_proj", "q_up_proj", "q_down_proj", "k_proj", "k_expand_proj")


def _option(default: Any, words: str) -> Any:
    return field(default=default, metadata={"help": words})


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides a run; each field is an option of `sigma.training.heal`, explained there.

    Raises ValueError for numbers that make no run.
    """

    length: int = _option(512, "tokens of a training window")
    batch: int = _option(2, "windows per step")
    layer_steps: int = _option(150, "steps of the layer-wise stage")
    layer_inputs: str = _option("teacher", "whose inputs its layers get: teacher or student")
    layer_rate: float = _option(1.5e-4, "its peak learning rate")
    logit_steps: int = _option(400, "steps of the end-to-end stage")
    logit_rate: float = _option(1e-4, "its peak learning rate")
    # An Adam step is like a sign: it sums coherently through the three matrices of an augmented query.
    query_rate: float = _option(0.2, "share of either rate for the query's matrices")
    rates: str = _option("", 'shares by matrix, before --query-rate: "q_proj=0.3 q_up_proj=0.04"')
    warmup: float = _option(0.08, "part of a stage in which its rate rises")
    calibration_windows: int = _option(128, "windows that the closed-form start is computed from")
    key_heads: int = _option(1, "K heads of the student")
    augmented_query_dim: int | None = _option(864, "width of the augmented query; 0: a plain one")
    keep_layers: str = _option("", 'layers that keep the source\'s queries and keys: "8 17"')
    seed: int = _option(0, "order of windows, their cuts and positions")
    shortest: int = _option(0, "end to end, cut a step's windows in 1, 2, 4 ... parts, down to this length; 0: never")
    reach: int = _option(0, "spread a window's positions up to here (sigma.training.positions); 0: never")
    selective_every: int = _option(0, "every n-th end-to-end step runs with selective V at every position; 0: none")
    selective_top_k: int = _option(100, "with this k")
    data: str = ""  # digest of the training windows: another corpus is another run

    def __post_init__(self) -> None:
        lengths = self.window_lengths() if self.length >= 2 and self.shortest >= 0 else []
        sensible = {
            "length": self.length >= 2,
            "batch": self.batch >= 1,
            "layer_steps": self.layer_steps >= 0,
            "layer_inputs": self.layer_inputs in ("teacher", "student"),
            "logit_steps": self.logit_steps >= 0,
            "warmup": 0 <= self.warmup <= 1,
            "calibration_windows": self.calibration_windows >= 1,
            "shortest": (self.shortest == 0 or 2 <= self.shortest <= self.length)
            and all(self.length % n == 0 for n in lengths),
            "reach": self.reach == 0 or self.reach >= self.length,
            "selective_every": self.selective_every >= 0,
            "selective_top_k": self.selective_top_k >= 1,
            **{name: 0 <= getattr(self, name) < math.inf for name in ("layer_rate", "logit_rate", "query_rate")},
        }
        for name, good in sensible.items():
            if not good:
                raise ValueError(f"a healing run cannot have {name.replace('_', ' ')} = {getattr(self, name)}")
        matrix_rates(self)
        kept_of(asdict(self))

    def window_lengths(self) -> list[int]:
        """Lengths that an end-to-end step's windows are cut to: all, a half, a quarter ... down to `shortest`."""
        lengths = [self.length]
        while self.shortest and lengths[-1] // 2 >= self.shortest:
            lengths.append(lengths[-1] // 2)
        return lengths


def recipe_options(parser: argparse.ArgumentParser) -> None:
    """An option for every field of a recipe but the digest of its data."""
    for entry in fields(Recipe):
        if "help" in entry.metadata:
            kind = str if isinstance(entry.default, str) else type(entry.default)
            words = entry.metadata["help"].replace("%", "%%") + " (%(default)s)"
            parser.add_argument(f"--{entry.name.replace('_', '-')}", type=kind, default=entry.default, help=words)


def recipe_of(args: argparse.Namespace) -> Recipe:
    """The recipe that the options of `recipe_options` ask for. Raises ValueError like `Recipe`."""
    given = {entry.name: getattr(args, entry.name) for entry in fields(Recipe) if "help" in entry.metadata}
    return Recipe(**given | {"augmented_query_dim": given["augmented_query_dim"] or None})


def kept_of(recipe: dict[str, Any]) -> tuple[int, ...]:
    """Layers that a run's recipe, as a dictionary, leaves as the source's; recipes from before there was a choice keep none.

    Raises ValueError for what are no layers.
    """
    text = recipe.get("keep_layers", "")
    try:
        return tuple(sorted({int(part) for part in text.split()}))
    except ValueError:
        raise ValueError(f"keep_layers are layers, such as '8 17', not {text!r}") from None


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
