"""Block sizes of the prefill kernels, and how the backward pass shares its work: pure arithmetic, no Triton.

Every plan is a function of widths, element size and target (`sm_90`, `gfx942`), so that all of them can be tested and
compiled ahead of time on a machine without a GPU.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import gcd

from kernels.splits import padded, shared_bytes


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

# Where a target's own compilation spills with the table's choice.
_EXCEPTIONS = {("rows", 2, 128, "sm_100"): [(64, 64, 8, 1)]}


@lru_cache(maxsize=1024)
def forward_blocks(d_k: int, d_v: int, itemsize: int, t: int, target: str) -> Blocks:
    """Blocks of the forward kernel; few queries take fewer rows of queries, down to 16."""
    best = _first_that_fits(_FORWARD, d_k, d_v, itemsize, target, held="queries")
    return Blocks(min(best.m, padded(t)), best.n, best.num_warps, best.num_stages)


@lru_cache(maxsize=1024)
def backward_blocks(d_k: int, d_v: int, itemsize: int, target: str) -> tuple[Blocks, Blocks]:
    """Blocks of the dQ kernel and of the dK and dV kernel."""
    return (
        _first_that_fits(_QUERY_GRAD, d_k, d_v, itemsize, target, held="queries"),
        _first_that_fits(_ROW_GRAD, d_k, d_v, itemsize, target, held="rows"),
    )


def _first_that_fits(table: dict, d_k: int, d_v: int, itemsize: int, target: str, held: str) -> Blocks:
    """`held`: the side whose tiles stay while the other side's stream through `num_stages` buffers."""
    widths = padded(d_k), padded(d_v)
    width = max(64, *widths)
    for m, n, num_warps, num_stages in _EXCEPTIONS.get((held, itemsize, width, target), table[itemsize, width]):
        if target.startswith("gfx"):
            num_warps //= 2  # of 64 threads
        kept, streamed = (m, n) if held == "queries" else (n, m)
        need = itemsize * (kept * widths[0] + num_stages * streamed * sum(widths))
        blocks = Blocks(m, n, num_warps, num_stages)
        if need <= shared_bytes(target):
            break
    return blocks


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
