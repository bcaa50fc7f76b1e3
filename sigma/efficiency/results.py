"""What a run finds, and what is computed from it: ratios, the crossover, whole outputs. No torch.

A step of one layer has these parts, each timed apart:

- `store`: the newest row of K and V is written in its place, as this project's cache does.
- `copy`: every row of K and V is loaded and stored once, which is what a cache that grows by concatenation (transformers'
  `DynamicCache`) costs at each step. The paper's KV part falls by nearly what the cache is smaller, so we take it for this.
- `attention`: one query per sequence over all rows.
- `augmented`: the augmented query's three matrices (Sigma only).

Two totals are kept apart: `in_place` = store + attention + augmented, and `copied` = copy + attention + augmented.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from sigma.efficiency import paper
from sigma.efficiency.settings import Settings

SIDES = ("std", "sigma", "selective")
SIDE_LABELS = {"std": "STD", "sigma": "Sigma", "selective": "Sigma, selective V"}
PARTS = {
    "store": "KV store (in place)",
    "copy": "KV load and store (copied)",
    "attention": "Attention",
    "augmented": "Augmented Q",
}
TOTALS = {"in_place": ("store", "attention", "augmented"), "copied": ("copy", "attention", "augmented")}
TOTAL_LABELS = {"in_place": "Step, cache in place", "copied": "Step, cache copied"}


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and quartiles of several rounds: milliseconds, or a ratio."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """ValueError for no values."""
        if not values:
            raise ValueError("no rounds were timed")
        low, middle, high = np.percentile(np.asarray(values, float), (25, 50, 75))
        return cls(float(middle), float(low), float(high))


Seconds = dict[str, dict[str, list[float]]]
"""Seconds by side and part, a number per round; all lists are equally long."""


@dataclass(frozen=True, slots=True)
class Point:
    """One length. parts, totals: milliseconds of one layer's step, by side and name. ratios: to STD, of the same round,
    by side and part or total; below 1 is faster."""

    tokens: int
    rounds: int
    parts: dict[str, dict[str, Spread]]
    totals: dict[str, dict[str, Spread]]
    ratios: dict[str, dict[str, Spread]]


def point(tokens: int, seconds: Seconds) -> Point:
    """What the rounds at one length say. A side without a part of its own (selective V's store) has Sigma's."""
    sigma = seconds.get("sigma", {})
    full = {side: (sigma | parts if side == "selective" else parts) for side, parts in seconds.items()}
    rounds = len(full["std"]["attention"])
    sums = {
        side: {
            name: [sum(parts[part][r] for part in wanted if part in parts) for r in range(rounds)]
            for name, wanted in TOTALS.items()
        }
        for side, parts in full.items()
    }
    every = {side: full[side] | sums[side] for side in full}
    ratios = {
        side: {
            name: Spread.of([mine / base for mine, base in zip(values, every["std"][name])])
            for name, values in every[side].items()
            if name in every["std"]
        }
        for side in every
        if side != "std"
    }
    return Point(tokens, rounds, _ms(full), _ms(sums), ratios)


def _ms(seconds: Seconds) -> dict[str, dict[str, Spread]]:
    return {
        side: {name: Spread.of([1e3 * s for s in values]) for name, values in parts.items()}
        for side, parts in seconds.items()
    }


APART = 0.25


def disturbed(points: Sequence[Point]) -> str | None:
    """A sentence where the rounds do not agree: the quartiles of the steps' ratios more than `APART` of the median apart."""
    spreads = [
        (r[name].high - r[name].low) / r[name].median for p in points for r in p.ratios.values() for name in TOTALS
    ]
    middle = statistics.median(spreads)
    if middle <= APART:
        return None
    return (
        f"Something disturbed this run: the quartiles of its ratios are {middle:.0%} of the median apart. Its figures say "
        "little; run it again when the machine has nothing else to do."
    )


@dataclass(frozen=True, slots=True)
class Crossover:
    """From how many cached rows on Sigma's step is the shorter one.

    kind: "between" two measured lengths (`tokens` lies on the straight line between them), "from_start" (at every measured
    length), "beyond" (at none; `tokens` is where straight lines through both sides' medians meet) or "never" (they do
    not meet). `tokens` is None for the two that have none.
    """

    kind: str
    tokens: int | None

    @property
    def words(self) -> str:
        """A sentence's end."""
        return {
            "between": f"from about {self.tokens or 0:,} tokens on (between two measured lengths)",
            "from_start": "at every measured length",
            "beyond": f"from about {self.tokens or 0:,} tokens on (computed: straight lines through the medians)",
            "never": "at no length that straight lines through the medians reach",
        }[self.kind]


def crossover(tokens: Sequence[int], std: Sequence[float], other: Sequence[float]) -> Crossover:
    """Where `other` becomes and stays shorter than `std`, both over ascending `tokens`."""
    ahead = [b < a for a, b in zip(std, other)]
    if all(ahead):
        return Crossover("from_start", None)
    if ahead[-1]:
        last = max(i for i, is_ahead in enumerate(ahead) if not is_ahead)
        behind, won = other[last] - std[last], std[last + 1] - other[last + 1]
        part = behind / (behind + won)
        return Crossover("between", round(tokens[last] + part * (tokens[last + 1] - tokens[last])))
    if len(tokens) > 1:
        (slope_a, base_a), (slope_b, base_b) = (np.polyfit(tokens, values, 1) for values in (std, other))
        if slope_a > slope_b and (meet := (base_b - base_a) / (slope_a - slope_b)) > tokens[-1]:
            return Crossover("beyond", round(float(meet)))
    return Crossover("never", None)


@dataclass(frozen=True, slots=True)
class Output:
    """A whole output behind a prefix, all layers, computed from the measured steps: milliseconds by side and total or
    part, and what each side saves of STD's in percent."""

    prefix: int
    tokens: int
    ms: dict[str, dict[str, float]]
    saved: dict[str, dict[str, float]]


def outputs(settings: Settings, points: Sequence[Point]) -> list[Output]:
    """For each prefix whose lengths were measured: steps between two lengths lie on the straight line between them."""
    done = [p.tokens for p in points]
    found = []
    for prefix in settings.prefixes:
        start = max(prefix, 1)
        end = prefix + settings.output
        if start not in done or (end in settings.lengths() and end not in done):
            continue
        ms: dict[str, dict[str, float]] = {}
        for side in points[0].totals:
            ms[side] = {
                name: settings.layers * settings.output * _mean_step(points, side, name, prefix, end)
                for name in ("attention", "copy", *TOTALS)
            }
        saved = {
            side: {name: 100 * (1 - value / ms["std"][name]) for name, value in ms[side].items()}
            for side in ms
            if side != "std"
        }
        found.append(Output(prefix, settings.output, ms, saved))
    return found


def median_of(one: Point, side: str, name: str) -> float:
    """Milliseconds of a part or a total."""
    return (one.parts[side] | one.totals[side])[name].median


def _mean_step(points: Sequence[Point], side: str, name: str, prefix: int, end: int) -> float:
    at = np.linspace(prefix + 1, end, 257)
    return float(np.interp(at, [p.tokens for p in points], [median_of(p, side, name) for p in points]).mean())


@dataclass(frozen=True, slots=True)
class Machine:
    """What timed it."""

    device: str
    kind: str
    threads: int | None
    kernels: str
    torch: str
    date: str


@dataclass(frozen=True, slots=True)
class Result:
    """A whole run, or the part that its time allowed (`notes` says so)."""

    settings: Settings
    machine: Machine
    points: tuple[Point, ...]
    took: float
    notes: tuple[str, ...] = ()
    outputs: tuple[Output, ...] = field(default=())
    crossovers: dict[str, dict[str, Crossover]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, settings: Settings, machine: Machine, points: Sequence[Point], took: float, notes: Sequence[str]
    ) -> Result:
        """With what is computed from the points. ValueError for none."""
        if not points:
            raise ValueError("no length was timed")
        return cls(
            settings,
            machine,
            tuple(points),
            took,
            tuple(notes),
            tuple(outputs(settings, points)),
            {
                side: {
                    name: crossover(
                        [p.tokens for p in points],
                        [p.totals["std"][name].median for p in points],
                        [p.totals[side][name].median for p in points],
                    )
                    for name in TOTALS
                }
                for side in points[0].totals
                if side != "std"
            },
        )

    def to_dict(self) -> dict:
        """For JSON. `labels` says of each part whether it is measured now, computed or the paper's."""
        return {
            "labels": {
                "points": "measured now",
                "outputs": "computed from the points",
                "crossovers": "computed from the points",
                "paper": "stated in the paper",
            },
            "settings": self.settings.model_dump()
            | {"name": self.settings.name, "is_table_15": self.settings.is_table_15},
            **asdict(self.machine),
            "seconds": round(self.took, 2),
            "points": [asdict(p) for p in self.points],
            "outputs": [asdict(o) for o in self.outputs],
            "crossovers": {side: {n: asdict(c) for n, c in each.items()} for side, each in self.crossovers.items()},
            "notes": list(self.notes),
            "paper": paper.as_json(),
        }

    def csv(self) -> str:
        """A line per length, side and part or total: milliseconds and ratio to STD, with quartiles."""
        lines = ["tokens,side,part,median_ms,low_ms,high_ms,ratio,ratio_low,ratio_high,rounds"]
        for p in self.points:
            for side, parts in p.parts.items():
                for name, ms in (parts | p.totals[side]).items():
                    ratio = p.ratios.get(side, {}).get(name)
                    ratios = [f"{x:.6g}" for x in (ratio.median, ratio.low, ratio.high)] if ratio else [""] * 3
                    cells = [f"{x:.6g}" for x in (ms.median, ms.low, ms.high)]
                    lines.append(",".join([str(p.tokens), side, name, *cells, *ratios, str(p.rounds)]))
        return "\n".join(lines) + "\n"
