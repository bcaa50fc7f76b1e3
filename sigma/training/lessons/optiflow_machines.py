"""Machines for the Optiflow lessons: more kinds and sizes than the train split has, none of the values of the test and dev splits."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from sigma.aimicius.optiflow import cases
from sigma.aimicius.optiflow.plans.topology import (
    PRESETS,
    Topology,
    full_mesh,
    meshed,
    switched,
    topology_from,
)

KINDS = {
    "switch": 6,
    "planes": 1,
    "tree": 1,
    "mesh": 5,
    "ring": 3,
    "one way": 2,
    "line": 1,
    "grid": 2,
    "star": 1,
    "pair of groups": 2,
    "irregular": 4,
    "known": 2,
}
"""Kinds of machines and how often each comes."""
MAX_CHUNKS = 8


def _open(own: list[float], shares: dict[str, list]) -> list[float]:
    """The train split's values and such of `own` as no other split has."""
    closed = {*shares["dev"], *shares["test"]}
    return sorted({*shares["train"], *(x for x in own if x not in closed)})


SIZES = _open(
    [2**k for k in range(3, 17)] + [1.5, 2.5, 5, 7.5, 12.5, 37.5, 62.5, 105, 125, 375, 625, 1125, 1250], cases.SIZES
)
WIDTHS = _open([25, 32, 50, 75, 125, 225, 450, 64, 112.5, 900, 1800, 5, 8], cases.WIDTHS)
ALPHAS = _open([0.01, 0.02, 0.05, 0.12, 0.33, 0.72, 1.33, 4, 5, 7.5, 10], cases.ALPHAS)


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine, its kind (a key of KINDS, or of the train split's kinds for a known one), and what it is called ("" if nothing)."""

    topology: Topology
    kind: str
    name: str = ""


def machine(rng: random.Random) -> Machine:
    """A machine drawn by the seed; one in four of our own has a few links at another speed."""
    kind = rng.choices(list(KINDS), weights=list(KINDS.values()))[0]
    if kind == "known":
        name = rng.choice(sorted(PRESETS))
        return Machine(PRESETS[name], cases.PRESET_KIND[name], name)
    n = gpus(rng, kind)
    alpha, width = rng.choice(ALPHAS), rng.choice(WIDTHS)
    if kind == "irregular":
        topology = cases.irregular(rng, max(n, 4), alpha, width)
    else:
        topology = BUILD[kind](n, alpha, width)
    return Machine(_uneven(rng, topology) if rng.random() < 0.25 else topology, kind)


def gpus(rng: random.Random, kind: str) -> int:
    """How many GPUs: mostly 4 to 8 (long matrices cost training time), on switches up to 16, now and then 2 or 3."""
    if kind in ("grid", "pair of groups"):
        return rng.choice((4, 6, 6, 8, 8, 8, 10))
    if kind in ("switch", "planes", "tree") and rng.random() < 0.2:
        return rng.choice((9, 10, 10, 11, 12, 12, 13, 14, 15, 16))
    if rng.random() < 0.1:
        return rng.choice((2, 3, 9)) if kind not in ("ring", "one way") else rng.choice((3, 9, 10))
    return rng.choice((4, 4, 5, 6, 7, 8, 8, 8))


def chunks_for(rng: random.Random, found: Machine) -> int:
    """Into how many chunks, so that no (kind, GPUs, chunks) of the test or dev split comes up."""
    n = found.topology.gpus
    combos = cases.COMBOS.get(found.kind)
    closed = {*combos["dev"], *combos["test"]} if combos else set()
    return rng.choice([c for c in (1, 1, 2, 2, 3, 4, 4, 5, 6, 7, MAX_CHUNKS) if (n, c) not in closed])


def _linked(n: int, joined: Callable[[int, int], object], alpha: float, width: float) -> Topology:
    return meshed("custom", [[int(a != b and bool(joined(a, b))) for b in range(n)] for a in range(n)], alpha, width)


def _planes(n: int, alpha: float, width: float) -> Topology:
    """Two switches, every GPU on both of them."""
    return _switches(n, lambda a, b: b >= n > a, 2, alpha, width)


def _tree(n: int, alpha: float, width: float) -> Topology:
    """Two switches that are joined, half of the GPUs on each."""
    return _switches(n, lambda a, b: (a, b) == (n, n + 1) or b == n + (2 * a >= n), 2, alpha, width)


def _switches(n: int, joined: Callable[[int, int], bool], count: int, alpha: float, width: float) -> Topology:
    span = range(n + count)
    on = [[a != b and (joined(a, b) if a < b else joined(b, a)) for b in span] for a in span]
    latency = [[0.0 if a == b else alpha if on[a][b] else float("inf") for b in span] for a in span]
    return topology_from(latency, [[width if on[a][b] else 0.0 for b in span] for a in span], n)


BUILD: dict[str, Callable[[int, float, float], Topology]] = {
    "switch": lambda n, alpha, width: switched("custom", n, alpha, width),
    "planes": _planes,
    "tree": _tree,
    "mesh": lambda n, alpha, width: meshed("custom", full_mesh(n), alpha, width),
    "ring": lambda n, alpha, width: _linked(n, lambda a, b: (a - b) % n in (1, n - 1), alpha, width),
    "one way": lambda n, alpha, width: _linked(n, lambda a, b: (b - a) % n == 1, alpha, width),
    "line": lambda n, alpha, width: _linked(n, lambda a, b: abs(a - b) == 1, alpha, width),
    "grid": lambda n, alpha, width: _linked(n, lambda a, b: a // 2 == b // 2 or abs(a - b) == 2, alpha, width),
    "star": lambda n, alpha, width: _linked(n, lambda a, b: 0 in (a, b), alpha, width),
    "pair of groups": lambda n, alpha, width: _linked(
        n, lambda a, b: (2 * a < n) == (2 * b < n) or abs(a - b) == n // 2, alpha, width
    ),
}


def _uneven(rng: random.Random, topology: Topology) -> Topology:
    """One to four links at other speeds, both directions alike."""
    rows = [list(row) for row in topology.bandwidth]
    for a, b in rng.sample(topology.links, min(len(topology.links), rng.randint(1, 4))):
        rows[a][b] = float(rng.choice(WIDTHS))
        if rows[b][a] > 0:
            rows[b][a] = rows[a][b]
    return Topology(topology.name, topology.gpus, topology.latency, tuple(map(tuple, rows)))
