"""How the GPU decode kernels cut their work: query heads into programs, rows into tiles, tiles into splits.

Pure arithmetic over head counts, widths and a target's limits, so that every choice can be tested and compiled ahead
of time on a machine without a GPU. Targets are named as the compilers name them: sm_90, gfx942.
"""

from dataclasses import dataclass
from functools import lru_cache

# Shared memory that one thread block may use, KiB (NVIDIA: CUDA programming guide, compute capabilities; AMD: LDS).
SHARED_KIB = {"sm_80": 163, "sm_86": 99, "sm_89": 99, "sm_90": 227, "sm_100": 227, "sm_120": 99, "gfx942": 64}
_SMALLEST_CUDA, _SMALLEST_HIP = 99, 64

MAX_DIM = 256
_MAX_V_BYTES = 1024  # of V per cached row and program
# {query rows of one program: most fp32 output elements}, beyond which registers spill. fp32 products run without tensor
# cores and keep whole operands in registers.
_MAX_ACCUMULATORS = {2: {16: 8192, 32: 16_384, 64: 8192}, 4: {16: 4096}}

# In units of the time that one tile takes (some 1.2 us at 33 GB/s and multiprocessor): what a program costs before its
# first tile, what the second launch that combines the splits costs, and what each split adds to it (one step of 64
# splits takes about two). Estimates: not yet fitted to a GPU.
_PROGRAM_START, _COMBINE_START, _COMBINE_SPLIT = 10.0, 2.0, 0.03
MAX_SPLITS = 1024


@dataclass(frozen=True, slots=True)
class HeadPlan:
    """Which query heads and V heads one program serves.

    heads: query heads of one program, all of one K head.
    chunks: programs per K head; K is read once per chunk.
    slots: V heads of one program, padded to a power of two.
    block_m: query rows of one program, heads * t padded to a power of two, at least 16.
    """

    heads: int
    chunks: int
    slots: int
    block_m: int


@dataclass(frozen=True, slots=True)
class Tile:
    """Rows of K and V per step of a program's loop, and how the compiler is to schedule it.

    resident: programs that share one multiprocessor's memory at a time.
    """

    block_n: int
    num_warps: int
    num_stages: int
    resident: int


def padded(size: int, least: int = 16) -> int:
    """The smallest power of two that holds `size`, at least `least`."""
    return max(least, 1 << (size - 1).bit_length())


def shared_bytes(target: str) -> int:
    """Shared memory per thread block; an unknown target gets the smallest of its family."""
    smallest = _SMALLEST_HIP if target.startswith("gfx") else _SMALLEST_CUDA
    return SHARED_KIB.get(target, smallest) * 1024


# {(query rows, columns of V, padded d_k, element size, target): what to take where `plan_tile`'s choice spills}
_TILE_EXCEPTIONS = {
    (64, 32, 32, 2, "sm_100"): Tile(64, 4, 4, 2),
    (32, 0, 64, 2, "sm_100"): Tile(64, 8, 4, 2),
    (16, 256, 256, 2, "sm_90"): Tile(64, 8, 4, 1),
    **dict.fromkeys(((16, 128, 32, 2, "sm_86"), (16, 128, 32, 2, "sm_89")), Tile(64, 8, 3, 2)),
    (64, 0, 128, 2, "sm_80"): Tile(64, 4, 4, 2),
    (64, 0, 128, 2, "sm_120"): Tile(32, 4, 4, 2),
    (32, 0, 256, 2, "sm_120"): Tile(32, 4, 4, 1),
    (32, 128, 128, 2, "sm_120"): Tile(32, 4, 4, 1),
    **dict.fromkeys(((16, 128, 64, 4, "sm_86"), (16, 128, 64, 4, "sm_89")), Tile(16, 8, 3, 2)),
    **dict.fromkeys(
        ((16, 128, d_k, 4, target) for d_k in (32, 128) for target in ("sm_86", "sm_89")), Tile(16, 8, 4, 2)
    ),
}


@lru_cache(maxsize=1024)
def plan_heads(n_q: int, n_k: int, n_v: int, t: int, d_v: int, itemsize: int) -> HeadPlan:
    """The fewest programs per K head whose rows, V tile and accumulator fit.

    One chunk reads every K element once; it also reads every V element once where n_k divides n_v. In the other cases
    (n_v < n_k, or 40/8/20, where a V head's queries belong to two K heads) the shared V heads are read again.
    `d_v = 0` plans the score pass of selective attention, which reads no V.
    """
    group_k, group_v = n_q // n_k, n_q // n_v
    width = padded(d_v) if d_v else 0
    for wanted in range(1, group_k + 1):
        heads = -(-group_k // wanted)
        if group_k % group_v == 0 and heads > group_v:
            heads = -(-heads // group_v) * group_v  # whole V heads: none is read by two chunks
        chunks = -(-group_k // heads)
        slots = padded(_most_v_heads(n_k, group_k, group_v, heads, chunks), 1) if d_v else 1
        block_m = padded(heads * t)
        columns = slots * width
        most = _MAX_ACCUMULATORS[itemsize].get(block_m, -1)
        if columns * itemsize <= _MAX_V_BYTES and block_m * columns <= most:
            return HeadPlan(heads, chunks, slots, block_m)
    raise ValueError(f"no plan for {n_q}/{n_k}/{n_v} heads, t = {t}, d_v = {d_v}")


def _most_v_heads(n_k: int, group_k: int, group_v: int, heads: int, chunks: int) -> int:
    most = 1
    for first in (key * group_k + chunk * heads for key in range(n_k) for chunk in range(chunks)):
        last = min(first + heads, first - first % group_k + group_k) - 1
        most = max(most, last // group_v - first // group_v + 1)
    return most


@lru_cache(maxsize=1024)
def plan_tile(plan: HeadPlan, d_k: int, d_v: int, itemsize: int, target: str) -> Tile:
    """The largest tile that keeps two loads in flight, two programs per multiprocessor before one.

    The pipeline holds num_stages - 1 tiles; the queries, the weights and the reductions need the rest. Eight warps with
    large accumulators use the registers of a whole multiprocessor, so there the second program never fits.
    """
    limit = shared_bytes(target)
    columns = plan.slots * padded(d_v) if d_v else 0
    instead = _TILE_EXCEPTIONS.get((plan.block_m, columns, padded(d_k), itemsize, target))
    if instead:
        return instead
    width = padded(d_k) + columns
    accumulators = plan.block_m * columns
    num_warps = 4 if accumulators <= 4096 and plan.block_m <= 32 and itemsize == 2 else 8
    ways = ((2, 4), (2, 3), (1, 4), (1, 3)) if num_warps == 4 or itemsize == 4 else ((1, 4), (1, 3))
    for block_n in (64, 32, 16) if itemsize == 2 else (32, 16):
        if itemsize == 4 and block_n == 16 and padded(d_k) > 128:
            num_warps = 4  # more warps would each hold the same long operands, and spill
        scratch = plan.block_m * (padded(d_k) * itemsize + block_n * 4) + 2048
        for resident, stages in ways:
            if (stages - 1) * block_n * width * itemsize + scratch <= limit // resident:
                return Tile(block_n, num_warps, stages, resident)
    return Tile(16, num_warps, 2, 1)


@lru_cache(maxsize=4096)
def split_count(programs: int, tiles: int, slots: int) -> int:
    """Into how many parts the rows of every program are cut, 1 to min(tiles, 1024).

    programs: thread blocks of an unsplit launch; tiles: steps of each one's loop; slots: blocks that the device runs
    at a time. Minimises waves * (tiles per split + start) + what combining costs, in tile times; among equals the
    fewest splits. ValueError unless all are positive.
    """
    if min(programs, tiles, slots) < 1:
        raise ValueError(f"{programs} programs of {tiles} tiles on {slots} slots")

    def cost(splits: int) -> float:
        waves = -(-programs * splits // slots)
        combine = _COMBINE_START + _COMBINE_SPLIT * splits if splits > 1 else 0.0
        return waves * (-(-tiles // splits) + _PROGRAM_START) + combine

    return min(range(1, min(tiles, MAX_SPLITS) + 1), key=cost)
