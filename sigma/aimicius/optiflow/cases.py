"""Generated cases: machines, amounts and words drawn by a seed, a short program as the truth of each.

What keeps the splits apart: no sentence (`phrases`), no (kind of machine, GPUs, chunks), no data size, no link latency and
no link bandwidth of one split occurs in another. The known machines occur in the training split and in the examples only.
Every truth is played and timed here as it is made: valid, and for a second turn at least 5 % faster than the plan before.

`examples` has over 60 lines: six cases written out.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache

from sigma.aimicius.contract import SPLITS, Case, CaseError
from sigma.aimicius.optiflow.generator.phrases import request
from sigma.aimicius.optiflow.generator.programs import STYLES, good_program, print_of, slow_program
from sigma.aimicius.optiflow.plans.plan import check_plan, read_plan
from sigma.aimicius.optiflow.plans.simulate import simulate
from sigma.aimicius.optiflow.plans.topology import (
    DGX1_LINKS,
    PRESETS,
    Topology,
    TopologyError,
    full_mesh,
    meshed,
    switched,
)
from sigma.aimicius.optiflow.question import read_question, rows

COUNTS = {"train": 5000, "dev": 100, "test": 400}
SEED = 20250123
SECOND_TURNS = 0.4
KNOWN = 0.1  # part of the training cases that ask about a machine of PRESETS

# Per kind of machine: the good scheme, slow ones, and the numbers of GPUs.
KINDS = {
    "switch": ("rotate", ("one sender at a time", "gather and spread", "one transfer a step"), range(3, 17)),
    "mesh": ("direct", ("one sender at a time", "ring", "gather and spread", "one transfer a step"), range(3, 9)),
    "ring": ("both ways", ("ring", "one chunk at a time", "one source at a time"), range(4, 11)),
    "one way": ("one way", ("one chunk at a time", "one source at a time"), range(3, 9)),
    "irregular": ("flood", ("one chunk at a time", "one source at a time"), range(4, 9)),
}
WEIGHTS = {"switch": 5, "mesh": 4, "ring": 3, "one way": 2, "irregular": 4}
PRESET_KIND = {
    "NDv5": "switch",
    "NDv4": "switch",
    "DGX-2": "switch",
    "MI300X": "mesh",
    "DGX-1": "irregular",
    "NDv2": "irregular",
}


def _shares(items: list) -> dict[str, list]:
    """70 % train, 10 % dev, 20 % test, at least one each, by a fixed shuffle."""
    mixed = list(items)
    random.Random(SEED).shuffle(mixed)
    dev, test = max(1, len(mixed) // 10), max(1, len(mixed) // 5)
    return {"dev": mixed[:dev], "test": mixed[dev : dev + test], "train": mixed[dev + test :]}


# KB on each GPU; GB/s of a hop or link; us of a hop or link.
SIZES = _shares([k * 10**e for e in range(4) for k in range(10, 100)])
WIDTHS = _shares([*range(10, 100, 2), *range(100, 1000, 20)])
ALPHAS = _shares([k / 20 for k in range(2, 61)])
COMBOS = {kind: _shares([(n, c) for n in spread for c in range(1, 7)]) for kind, (*_, spread) in KINDS.items()}


def generate(split: str) -> Iterator[Case]:
    """The split's cases, the same on every machine. Raises CaseError for an unknown split."""
    if split not in SPLITS:
        raise CaseError(f"there is no split {split!r}; there are {', '.join(SPLITS)}")
    rng = random.Random(f"{SEED}-{split}")
    seen: set[str] = set()
    while len(seen) < COUNTS[split]:
        case = _draw(rng, split, f"optiflow-{split}-{len(seen):04d}")
        key = repr(case.fields)
        if key not in seen:
            seen.add(key)
            yield case


def _draw(rng: random.Random, split: str, identity: str) -> Case:
    if split == "train" and rng.random() < KNOWN:
        name = rng.choice(sorted(PRESETS))
        topology, kind, chunks = PRESETS[name], PRESET_KIND[name], rng.choice((1, 2, 2, 3, 4))
        while (topology.gpus, chunks) in COMBOS[kind]["test"] + COMBOS[kind]["dev"]:
            chunks = chunks % 6 + 1
        machine = {"topology": name}
    else:
        kind = rng.choices(list(WEIGHTS), weights=list(WEIGHTS.values()))[0]
        n, chunks = rng.choice(COMBOS[kind][split])
        topology = machine_of(rng, kind, n, WIDTHS[split], ALPHAS[split])
        machine = _fields(topology)
    style = rng.choice(STYLES)
    size = rng.choice(SIZES[split])
    words = request(rng, split, kind, style, topology.gpus, chunks, size)
    fields = {**machine, "size": size, "chunks": chunks, "question": words}
    return _with_truth(rng, identity, fields, kind, style, second=rng.random() < SECOND_TURNS, split=split)


def _with_truth(
    rng: random.Random, identity: str, fields: dict, kind: str, style: str, second: bool, split: str
) -> Case:
    scheme, slow, _ = KINDS[kind]
    q = read_question(fields, identity)
    program = good_program(scheme, style, q.topology.gpus, q.chunks)
    latency = _time(program, q)
    if second:
        for name in rng.sample(slow, len(slow)):
            before = slow_program(name, q.topology.gpus, q.chunks)
            if (took := _time(before, q)) > latency * 1.05:
                fields = {**fields, "previous": {"program": before, "latency_us": round(took, 4)}}
                break
    return Case(identity, fields, f"```python\n{program}```", split)


def _time(program: str, q) -> float:
    """The latency of one of our own programs' plans."""
    check = check_plan(read_plan(print_of(program, q.values())), q.topology, q.chunks)
    assert check.valid, check.problem
    return simulate(check.plan, q.topology, q.chunk_kb).latency


def machine_of(rng: random.Random, kind: str, n: int, widths: list[int], alphas: list[float]) -> Topology:
    """A machine of that kind with `n` GPUs; one in four has a link or two at another speed."""
    alpha, width = rng.choice(alphas), rng.choice(widths)
    if kind == "switch":
        topology = switched("custom", n, alpha, width)
    elif kind == "mesh":
        topology = meshed("custom", full_mesh(n), alpha, width)
    elif kind in ("ring", "one way"):
        counts = [[int((b - a) % n == 1 or (kind == "ring" and (a - b) % n == 1)) for b in range(n)] for a in range(n)]
        topology = meshed("custom", counts, alpha, width)
    else:
        topology = irregular(rng, n, alpha, width)
    return _vary(rng, topology, widths) if rng.random() < 0.25 else topology


@cache
def _grid(n: int) -> tuple[tuple[int, ...], ...]:
    """A grid of two rows, or a line for an odd number."""
    near = (
        (lambda a, b: abs(a - b) == 1) if n % 2 else (lambda a, b: {abs(a // 2 - b // 2), abs(a % 2 - b % 2)} == {0, 1})
    )
    return tuple(tuple(int(near(a, b)) for b in range(n)) for a in range(n))


def irregular(rng: random.Random, n: int, alpha: float, width: float) -> Topology:
    """A full mesh that lost pairs of links, a grid, a line, or (8 GPUs) a DGX-1 that lost some."""
    while True:
        base = rng.choice(("mesh", "mesh", "grid") if n != 8 else ("mesh", "grid", "dgx-1"))
        counts = {
            "mesh": full_mesh(n),
            "grid": [list(r) for r in _grid(n)],
            "dgx-1": [[min(c, 1) for c in r] for r in DGX1_LINKS],
        }[base]
        pairs = [(a, b) for a in range(n) for b in range(a) if counts[a][b]]
        lost = rng.randint(*{"mesh": (1, len(pairs) // 2), "grid": (0, 1), "dgx-1": (1, 4)}[base])
        for a, b in rng.sample(pairs, lost):
            counts[a][b] = counts[b][a] = 0
        try:
            return meshed("custom", counts, alpha, width)
        except TopologyError:
            continue  # it fell apart


def _vary(rng: random.Random, topology: Topology, widths: list[int]) -> Topology:
    rows = [list(row) for row in topology.bandwidth]
    other = rng.choice(widths)
    for a, b in rng.sample(topology.links, rng.randint(1, 2)):
        rows[a][b] = float(other)
        if rows[b][a] > 0:
            rows[b][a] = float(other)
    return Topology(topology.name, topology.gpus, topology.latency, tuple(map(tuple, rows)))


def _fields(topology: Topology) -> dict:
    """A machine as a case's fields."""
    plain = lambda x: "inf" if x == float("inf") else int(x) if x == int(x) else x  # noqa: E731
    return {
        "topology": topology.name,
        "gpus": topology.gpus,
        "latency": [[plain(x) for x in row] for row in topology.latency],
        "bandwidth": [[plain(x) for x in row] for row in topology.bandwidth],
    }


def examples() -> list[Case]:
    """Cases for one click; the first is the paper's machine and data (NDv5, two chunks of 70 KB).

    Their matrices are fields of text, so that a visitor can change them or paste others.
    """
    rng = random.Random(SEED)

    def case(identity: str, name: str, size: float, chunks: int, words: str, style: str, second: bool = False) -> Case:
        topology = PRESETS[name]
        machine = {"topology": name, "gpus": topology.gpus}
        machine |= {"latency": rows(topology.latency), "bandwidth": rows(topology.bandwidth)}
        fields = {"question": words, **machine, "size": size, "chunks": chunks}
        return _with_truth(rng, identity, fields, PRESET_KIND[name], style, second, "examples")

    own = meshed("custom", [[int(abs(a - b) in (1, 4)) for b in range(5)] for a in range(5)], 0.5, 40)
    pasted = {"latency": rows(own.latency), "bandwidth": rows(own.bandwidth), "size": 200, "chunks": 2}
    ring = "There are 5 GPUs in a ring. Each one holds 200 KB of data in 2 chunks. Plan an all-gather. Show the rounds."
    return [
        case(
            "ndv5",
            "NDv5",
            140,
            2,
            "8 GPUs on an NVSwitch; every GPU starts with 140 KB split into 2 chunks. Plan an all-gather. "
            "A flat list is fine.",
            "lines",
        ),
        case(
            "mi300x",
            "MI300X",
            1000,
            1,
            "My node has 8 GPUs in a full mesh. A GPU's own data is 1 MB, cut into 1 chunk. Plan an all-gather. Show the rounds.",
            "steps",
        ),
        case(
            "dgx-1",
            "DGX-1",
            600,
            2,
            "There are 8 GPUs in a hybrid mesh. Each one holds 600 KB of data in 2 chunks. Plan an all-gather. Group it in steps.",
            "steps",
        ),
        case(
            "ndv4-improve",
            "NDv4",
            140,
            2,
            "8 GPUs behind one switch; every GPU starts with 140 KB split into 2 chunks. Plan an all-gather. "
            "Print it step by step.",
            "steps",
            second=True,
        ),
        case(
            "mi300x-improve",
            "MI300X",
            1000,
            2,
            "8 GPUs, each linked to every other, 1 MB on every one, in 2 chunks. Find a fast all-gather schedule.",
            "lines",
            second=True,
        ),
        _with_truth(
            rng,
            "own-matrices",
            {"question": ring, "topology": "custom", "gpus": 5, **pasted},
            "ring",
            "steps",
            False,
            "examples",
        ),
    ]
