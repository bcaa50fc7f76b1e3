"""Published records to choose from: how many fit is set beforehand, the others are as close to fitting as can be.

The figures are those of the task's `records`; nothing is made up.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from functools import cache
from typing import Any

from sigma.aimicius.infrawise import names
from sigma.aimicius.infrawise.dcw import DCW
from sigma.aimicius.infrawise.records import Record, fits, published, same_workload, times
from sigma.training.lessons.infrawise_names import split_workload

_FAMILIES = (
    {"gemm", "matmul", "cgemm", "sgemm", "gemmex", "mul"},
    {"allreduce", "reduce", "allgather", "broadcast"},
    {"copy", "read", "write", "stream", "bandwidth"},
    {"training"},
    {"inference"},
    {"attention"},
    {"convolution"},
)


@cache
def measured() -> dict[str, dict[str, tuple[str, ...]]]:
    """benchmark -> {precision or "": designs with such a record}."""
    found: dict[str, dict[str, set[str]]] = {}
    for record in published():
        benchmark, precision = split_workload(record.workload)
        for key in {"", precision}:
            found.setdefault(benchmark, {}).setdefault(key, set()).update({record.hardware, record.sku} - {""})
    return {name: {key: tuple(sorted(v)) for key, v in sorted(by.items())} for name, by in found.items()}


def limit_near(rng: random.Random, dcw: DCW) -> str:
    """A limit, such as "220 ms", that parts the records which the DCW is about; "" if none has a time."""
    found = [max(times(r.results)) for r in published() if fits(r.row(0), dcw) and times(r.results)]
    if not found:
        return ""
    value = float(rng.choice(found)) * rng.choice((0.6, 0.8, 0.95, 1.05, 1.25, 1.5, 2, 3))
    unit, scale = ("s", 1.0) if value >= 2 else ("ms", 1e3) if value >= 2e-3 else ("us", 1e6)
    return f"{float(f'{value * scale:.2g}'):g} {unit}"


def context(rng: random.Random, dcw: DCW, size: int, fitting: int) -> tuple[list[dict[str, Any]], list[int]]:
    """`size` records with `fitting` of them fitting (as far as there are such), and the indexes of those that fit.

    The others: the workload on another machine or in another precision or too slow; the machine with another workload,
    of the same family if there is one; few that have nothing to do with it. One context in four is not numbered from 1 on.
    """
    good, near, machine, far = [], [], [], []
    for record in published():
        if fits(record.row(0), dcw):
            good.append(record)
        elif names.workload_key(record.workload)[0] == names.workload_key(dcw.workload)[0]:
            near.append(record)
        elif {dcw.target, dcw.baseline} & {record.hardware, record.sku}:
            machine.append(record)
        else:
            far.append(record)
    picked = _chosen(rng, good, dcw, min(fitting, size))
    left = size - len(picked)
    close = rng.randint((left + 1) // 2, left)
    others = _some(rng, near, (close + 1) // 2)
    others += _alike(rng, machine, dcw, close - len(others))
    others += _some(rng, far, left - len(others))
    picked += others
    rng.shuffle(picked)
    rows = [record.row(index) for index, record in zip(_indexes(rng, len(picked)), picked)]
    return rows, [row["index"] for row in rows if fits(row, dcw)]


def _chosen(rng: random.Random, good: list[Record], dcw: DCW, count: int) -> list[Record]:
    """Of a comparison both sides, where both have been measured."""
    if not dcw.baseline or count < 2:
        return _some(rng, good, count)
    side = [r for r in good if dcw.baseline in (r.hardware, r.sku)]
    found = _some(rng, side, rng.randint(1, count - 1))
    found += _some(rng, [r for r in good if r not in side], count - len(found))
    return found + _some(rng, [r for r in good if r not in found], count - len(found))


def _alike(rng: random.Random, machine: list[Record], dcw: DCW, count: int) -> list[Record]:
    """Other workloads of the machine, those of the workload's family first."""
    ours = set(dcw.workload.casefold().split())
    family = set().union(*(f for f in _FAMILIES if f & ours))
    kin = [r for r in machine if family & set(r.workload.casefold().split())]
    found = _some(rng, kin, count if rng.random() < 0.5 else count // 2)
    return found + _some(rng, [r for r in machine if r not in found], count - len(found))


def _some(rng: random.Random, pool: Iterable[Record], count: int) -> list[Record]:
    pool = list(pool)
    return rng.sample(pool, min(len(pool), max(count, 0)))


def _indexes(rng: random.Random, count: int) -> list[int]:
    if rng.random() < 0.75:
        return list(range(1, count + 1))
    if rng.random() < 0.4:
        return list(range(count))
    return sorted(rng.sample(range(1, 40), count))


def answerable(dcw: DCW) -> int:
    """How many published records fit."""
    return sum(fits(record.row(0), dcw) for record in published() if same_workload(dcw.workload, record.workload))
