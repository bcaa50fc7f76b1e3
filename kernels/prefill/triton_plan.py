"""Block sizes of the prefill kernels, and how the backward pass shares its work: pure arithmetic, no Triton.

Every plan is a function of widths, element size and target (`sm_90`, `gfx942`), so that all of them can be tested and
compiled ahead of time on a machine without a GPU.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from math import gcd

from ..splits import padded, shared_bytes


@dataclass(frozen=True, slots=True)
class Blocks:
    """m queries by n rows per step of a program's loop, and how the compiler is to schedule it."""

    m: int
    n: int
    num_warps: int
    num_stages: int


# Widest head dim per element size: beyond it three TF32 products of fp32 operands spill whatever the blocks.
MAX_DIMS = {2: 256, 4: 128}

# {(element size, widest padded head dim): (m, n, num_warps, num_stages) in order of preference}. The first whose tiles
# fit the target's shared memory is taken. To be kept free of spills on every target (`python -m kernels.inspect`).
_FORWARD = {
    (2, 64): [(128, 64, 8, 3)],
    (2, 128): [(128, 64, 8, 3), (64, 64, 8, 2), (128, 32, 8, 2)],
    (2, 256): [(64, 32, 8, 2), (64, 32, 8, 1)],
    (4, 64): [(64, 32, 8, 2)],
    (4, 128): [(16, 32, 8, 2), (16, 16, 8, 1)],
}
_QUERY_GRAD = {
    (2, 64): [(64, 64, 8, 2)],
    (2, 128): [(64, 64, 8, 2), (64, 32, 8, 1)],
    (2, 256): [(32, 64, 8, 2), (32, 32, 8, 2), (32, 32, 8, 1)],
    (4, 64): [(32, 32, 8, 1)],
    (4, 128): [(16, 16, 8, 1)],
}
_ROW_GRAD = {
    (2, 64): [(32, 64, 8, 2)],
    (2, 128): [(32, 64, 8, 2)],
    (2, 256): [(32, 32, 8, 1)],
    (4, 64): [(32, 32, 8, 1)],
    (4, 128): [(16, 16, 8, 1)],
}

_TABLES = {"forward": _FORWARD, "query_grad": _QUERY_GRAD, "row_grad": _ROW_GRAD}

# {(kernel, element size, padded d_k, padded d_v, m of the table's choice): {target or "any": what to take instead}},
# where the table's choice spills.
_EXCEPTIONS = {
    ("forward", 2, 256, 256, 32): {"sm_120": Blocks(32, 32, 4, 2)},
    ("forward", 2, 256, 256, 16): {"sm_120": Blocks(16, 32, 4, 2)},
    ("forward", 4, 64, 64, 64): {"sm_80": Blocks(64, 16, 8, 2)},
    ("query_grad", 2, 256, 256, 32): {"sm_120": Blocks(32, 32, 4, 2)},
    ("query_grad", 4, 32, 32, 32): {"sm_120": Blocks(32, 16, 8, 1)},
    ("query_grad", 4, 32, 64, 32): dict.fromkeys(("sm_100", "sm_120"), Blocks(32, 16, 8, 1)),
    ("query_grad", 4, 128, 128, 16): {"sm_120": Blocks(16, 16, 8, 2)},
    ("row_grad", 2, 64, 128, 32): {
        **dict.fromkeys(("sm_86", "sm_89", "sm_120"), Blocks(32, 32, 8, 2)),
        "sm_100": Blocks(64, 64, 8, 1),
    },
    ("row_grad", 2, 128, 128, 32): {"sm_100": Blocks(64, 64, 8, 1)},
    ("row_grad", 2, 256, 256, 32): {"gfx942": Blocks(32, 16, 8, 1)},
    ("row_grad", 4, 32, 32, 32): {"any": Blocks(32, 16, 8, 1)},
    ("row_grad", 4, 32, 64, 32): {"any": Blocks(32, 16, 8, 1)},
}


@lru_cache(maxsize=1024)
def forward_blocks(d_k: int, d_v: int, itemsize: int, t: int, target: str) -> Blocks:
    """Blocks of the forward kernel; few queries take fewer rows of queries, down to 16."""
    return _planned("forward", d_k, d_v, itemsize, target, most=padded(t))


@lru_cache(maxsize=1024)
def backward_blocks(d_k: int, d_v: int, itemsize: int, target: str) -> tuple[Blocks, Blocks]:
    """Blocks of the dQ kernel and of the dK and dV kernel."""
    return _planned("query_grad", d_k, d_v, itemsize, target), _planned("row_grad", d_k, d_v, itemsize, target)


def _planned(kernel: str, d_k: int, d_v: int, itemsize: int, target: str, most: int = 128) -> Blocks:
    """The table's first choice that fits, at most `most` queries of it, unless that is a known spill."""
    widths = padded(d_k), padded(d_v)
    for choice in _TABLES[kernel][itemsize, max(64, *widths)]:
        m, n, _, num_stages = choice
        # The tiles of one side stay while the other side's stream through the stages.
        kept, streamed = (n, m) if kernel == "row_grad" else (m, n)
        if itemsize * (kept * widths[0] + num_stages * streamed * sum(widths)) <= shared_bytes(target):
            break
    blocks = Blocks(min(m, most), *choice[1:])
    instead = _EXCEPTIONS.get((kernel, itemsize, *widths, blocks.m), {})
    blocks = instead.get(target) or instead.get("any") or blocks
    return replace(blocks, num_warps=blocks.num_warps // 2) if target.startswith("gfx") else blocks  # of 64 threads


@lru_cache(maxsize=1024)
def backward_units(n_q: int, n_k: int, n_v: int, programs: int, processors: int) -> int:
    """Into how many runs of query heads the dK and dV kernel is cut, each a program per block of rows.

    A run holds whole K groups and whole V groups, or lies inside one; runs smaller than a group give partial sums that
    cost a pass over fp32 memory. So: the fewest runs that give every multiprocessor two programs, at most n_q.
    `programs` counts the blocks of rows of the whole batch.
    """
    fits = [
        units
        for units in range(gcd(n_k, n_v), n_q + 1)
        if n_q % units == 0 and all(n % units == 0 or units % n == 0 for n in (n_k, n_v))
    ]
    return next((units for units in fits if units * programs >= 2 * processors), fits[-1])
