"""What was published, by benchmark: what lessons may ask about, limits that part the results, and benchmarks that sound alike."""

from __future__ import annotations

import random
from functools import cache

from sigma.aimicius.infrawise import names
from sigma.aimicius.infrawise.dcw import DCW
from sigma.aimicius.infrawise.one import parted
from sigma.aimicius.infrawise.records import fits, published, times

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
        benchmark, precision = parted(record.workload)
        for key in {"", precision}:
            found.setdefault(benchmark, {}).setdefault(key, set()).update({record.hardware, record.sku} - {""})
    return {name: {key: tuple(sorted(v)) for key, v in sorted(by.items())} for name, by in found.items()}


def limit_near(rng: random.Random, dcw: DCW) -> str:
    """A limit, such as "220 ms", that parts the records which the DCW is about; "" if none has a time."""
    rows = [record.row(0) for record in published()]
    found = [max(times(row["results"])) for row in rows if fits(row, dcw) and times(row["results"])]
    if not found:
        return ""
    value = float(rng.choice(found)) * rng.choice((0.6, 0.8, 0.95, 1.05, 1.25, 1.5, 2, 3))
    unit, scale = ("s", 1.0) if value >= 2 else ("ms", 1e3) if value >= 2e-3 else ("us", 1e6)
    return f"{float(f'{value * scale:.2g}'):g} {unit}"


def one_machine(target: str, baseline: str) -> bool:
    """Whether two designs are the same, or a machine and its own GPU: such a pair is no comparison."""
    return target == baseline or names.SKUS.get(target) == baseline or names.SKUS.get(baseline) == target


@cache
def family(workload: str) -> frozenset[str]:
    """The words that tell which benchmarks sound like this one."""
    words = set(workload.casefold().split())
    return frozenset().union(*(family for family in _FAMILIES if family & words)) or frozenset(words)
