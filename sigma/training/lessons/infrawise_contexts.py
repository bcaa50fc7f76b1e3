"""Published records to choose from, each list with several questions whose right answers differ.

The records of a list resemble each other: some share the benchmark, some the machine. What is asked is put together from
what they have and from what they lack, so that only a comparison tells which fit, and the records stand in random order, so
that no index is right more often than another. The figures are those of the task's `records`; nothing is made up.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

from sigma.aimicius.infrawise import names
from sigma.aimicius.infrawise.cases import split_of
from sigma.aimicius.infrawise.dcw import DCW
from sigma.aimicius.infrawise.records import Record, fits, published, times
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
FITTING = {0: 17, 1: 43, 2: 25, 3: 15}
"""How many records fit a question (3: three and more) and how often; 16 % of the test set's questions have none."""
DRAWS = 160  # DCWs among which a list's questions are chosen


@cache
def measured() -> dict[str, dict[str, tuple[str, ...]]]:
    """benchmark -> {precision or "": designs with such a record}."""
    found: dict[str, dict[str, set[str]]] = {}
    for record in published():
        benchmark, precision = split_workload(record.workload)
        for key in {"", precision}:
            found.setdefault(benchmark, {}).setdefault(key, set()).update({record.hardware, record.sku} - {""})
    return {name: {key: tuple(sorted(v)) for key, v in sorted(by.items())} for name, by in found.items()}


def limit_near(rng: random.Random, dcw: DCW, rows: Sequence[dict[str, Any]] | None = None) -> str:
    """A limit, such as "220 ms", that parts the records which the DCW is about; "" if none has a time."""
    rows = [record.row(0) for record in published()] if rows is None else rows
    found = [max(times(row["results"])) for row in rows if fits(row, dcw) and times(row["results"])]
    if not found:
        return ""
    value = float(rng.choice(found)) * rng.choice((0.6, 0.8, 0.95, 1.05, 1.25, 1.5, 2, 3))
    unit, scale = ("s", 1.0) if value >= 2 else ("ms", 1e3) if value >= 2e-3 else ("us", 1e6)
    return f"{float(f'{value * scale:.2g}'):g} {unit}"


def context(rng: random.Random, size: int, benchmark: str) -> list[dict[str, Any]]:
    """`size` records in random order, the first of that benchmark, each other one like one of those before."""
    every = published()
    picked = [rng.choice([record for record in every if _benchmark(record) == benchmark])]
    while len(picked) < size:
        like, chance = rng.choice(picked), rng.random()
        if chance < 0.5:
            pool = [r for r in every if _benchmark(r) == _benchmark(like)]
        elif chance < 0.75:
            pool = [r for r in every if r.hardware == like.hardware and _family(r) & _family(like)]
        elif chance < 0.9:
            pool = [r for r in every if (r.hardware, r.sku) == (like.hardware, like.sku)]
        else:
            pool = list(every)
        pool = [r for r in pool if r not in picked] or [r for r in every if r not in picked]
        picked.append(rng.choice(pool))
    rng.shuffle(picked)
    return [record.row(index) for index, record in zip(_indexes(rng, size), picked)]


def asked(rng: random.Random, rows: list[dict[str, Any]], count: int) -> list[DCW]:
    """Up to `count` DCWs of the train split about those records; an answer comes again only after the others of its length."""
    found: dict[tuple[int, ...], dict[DCW, None]] = {}
    for _ in range(DRAWS):
        dcw = _about(rng, rows)
        if dcw is not None and split_of(dcw) == "train":
            found.setdefault(tuple(row["index"] for row in rows if fits(row, dcw)), {})[dcw] = None
    used: Counter[tuple[int, ...]] = Counter()
    chosen: list[DCW] = []
    while len(chosen) < count and any(found.values()):
        wanted = rng.choices(list(FITTING), list(FITTING.values()))[0]
        left = sorted(answer for answer in found if found[answer])
        pool = [a for a in left if min(len(a), 3) == wanted] or [a for a in left if a] or left
        answer = rng.choice([a for a in pool if used[a] == min(used[a] for a in pool)])
        used[answer] += 1
        chosen.append(rng.choice(list(found[answer])))
        del found[answer][chosen[-1]]
    return chosen


def _about(rng: random.Random, rows: list[dict[str, Any]]) -> DCW | None:
    """A DCW that names what some of the records have, or None where its two designs are one."""
    designs = sorted({row[key] for row in rows for key in ("hardware", "sku")} - {""})
    benchmark, precision = split_workload(rng.choice(rows)["workload"])
    if rng.random() < 0.25:
        precision = ""
    elif precision and rng.random() < 0.15:
        precision = rng.choice([p for p in measured()[benchmark] if p])
    target = rng.choice(designs if rng.random() < 0.88 else names.DESIGNS)
    baseline = rng.choice(designs if rng.random() < 0.8 else names.DESIGNS) if rng.random() < 0.5 else ""
    if baseline and one_machine(target, baseline):
        return None
    plain = DCW(target, baseline, names.DEFAULT, f"{benchmark} {precision}".strip())
    criterion = rng.choices((names.DEFAULT, names.PEAK, names.COST, "within"), (45, 20, 15, 20))[0]
    if criterion == "within":
        limit = limit_near(rng, plain, rows)
        criterion = f"within {limit}" if limit else names.DEFAULT
    return DCW(target, baseline, criterion, plain.workload)


def one_machine(target: str, baseline: str) -> bool:
    """Whether two designs are the same, or a machine and its own GPU: such a pair is no comparison."""
    return target == baseline or names.SKUS.get(target) == baseline or names.SKUS.get(baseline) == target


def _benchmark(record: Record) -> str:
    return split_workload(record.workload)[0]


@cache
def _family_of(workload: str) -> frozenset[str]:
    words = set(workload.casefold().split())
    return frozenset().union(*(family for family in _FAMILIES if family & words)) or frozenset(words)


def _family(record: Record) -> frozenset[str]:
    return _family_of(record.workload)


def _indexes(rng: random.Random, count: int) -> list[int]:
    if rng.random() < 0.85:
        return list(range(1, count + 1))
    if rng.random() < 0.4:
        return list(range(count))
    return sorted(rng.sample(range(1, 40), count))
