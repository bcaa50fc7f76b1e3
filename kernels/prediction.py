"""How long our kernels should take on a named GPU (`kernels.roofline` prints it).

A time is the launches that wait for each other, plus the bytes at the rate of a streaming kernel, plus, for selective
V, the steps that one program takes alone. Every constant says where it comes from. The peer in `speedup` is our own
GQA kernel: a library as good as ours. `kernels.bench` measures the same cases; a prediction is refuted by a median that
is more than 20 % away.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

from .cost import TOP_K, Cost, Heads, decode_cost, paper_variants, selective_cost
from .selective.plan import BLOCK_ROWS, choice_steps, gather_steps
from .splits import padded, plan_heads, plan_tile, split_count

# A copy reaches this much of the published bandwidth: 4.3 of 4.8 TB/s on an H200 (TileOPs, PR #1652). Taken for all.
_COPY = 4.3 / 4.8
# A kernel that only reads reaches this much of a copy once it streams: 3.98 of 4.3 TB/s (TileOPs, H200, b = 32, 4k).
STREAM = 0.93
# Start, first loads and drain of one launch [s]: two of them put TileOPs' b = 1 figures for 4k, 32k and 128k rows on
# an H200 (0.78, 2.28 and 3.46 TB/s) at 0.69, 2.50 and 3.48.
LAUNCH = 5e-6
# One step of the choice [s]: 1,024 scores against 4 thresholds. A load from L1 or L2, some 100 instructions of each of 8
# warps, two sums that all of them wait for: about 600 cycles, counted by hand.
CHOICE_STEP = 0.35e-6
# One step of the gather [s]: positions, then the rows that they name: two memory latencies that nothing hides.
GATHER_STEP = 1e-6
# Of the dense peak, while the softmax waits: FlashAttention-2's published forward passes with the softmax taken off
# (A100 0.75; arXiv 2307.08691), Triton's on Hopper 0.6; the last two are guesses.
PRODUCTS = {"sm_80": 0.75, "sm_89": 0.75, "sm_90": 0.6, "sm_100": 0.4, "gfx942": 0.45}
EXPS_PER_CLOCK = 16  # per multiprocessor or compute unit (CUDA programming guide, arithmetic throughput)

REFUTED_BY = 0.2


@dataclass(frozen=True, slots=True)
class Gpu:
    """Published figures: multiprocessors, clock [Hz], memory [B/s], dense bf16 products with fp32 sums [1/s]."""

    target: str
    processors: int
    clock: float
    bandwidth: float
    operations: float
    source: str

    @property
    def copy(self) -> float:
        """What a copy should reach [B/s]."""
        return self.bandwidth * _COPY


GPUS = {
    "H200": Gpu("sm_90", 132, 1.83e9, 4.8e12, 989e12, "NVIDIA H200 data sheet, SXM; half the sparse figure"),
    "H100": Gpu("sm_90", 132, 1.83e9, 3.35e12, 989e12, "NVIDIA H100 data sheet, SXM; half the sparse figure"),
    "A100": Gpu("sm_80", 108, 1.41e9, 2.039e12, 312e12, "NVIDIA A100 data sheet, SXM 80 GB"),
    "RTX4090": Gpu("sm_89", 128, 2.52e9, 1.008e12, 165.2e12, "NVIDIA Ada architecture white paper, appendix A"),
    "L4": Gpu("sm_89", 58, 2.04e9, 0.3e12, 121e12, "NVIDIA L4 data sheet; half the sparse figure"),
    "MI300X": Gpu("gfx942", 304, 2.1e9, 5.3e12, 1307.4e12, "AMD Instinct MI300X data sheet"),
    "B200": Gpu("sm_100", 148, 1.85e9, 7.7e12, 2250e12, "NVIDIA HGX B200 data sheet; half the sparse figure"),
}


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be reached for `low` <= T <= `high`: times faster than GQA, and the fraction of a copy's bandwidth."""

    variant: str
    batches: tuple[int, ...]
    low: int
    high: float
    speedup: float = 0.0
    fraction: float = 0.0


TARGETS = (
    Target("diffqkv", (1,), 65_536, 65_536, 1.4, 0.70),
    Target("diffqkv", (1,), 131_072, math.inf, 1.5, 0.78),
    Target("diffqkv", (32,), 1, math.inf, fraction=0.85),
    Target("diffqkv", (1, 8, 32), 1, 4096, speedup=1.0),
    Target("diffqkv-top100", (1,), 65_536, 65_536, speedup=2.5),
    Target("diffqkv-top100", (1,), 262_144, math.inf, speedup=5.0),
)


@dataclass(frozen=True, slots=True)
class Prediction:
    """One case of `kernels.bench`. fraction: of a copy's bandwidth (decode); speedup: over our GQA kernel.

    target: what is to be reached, in words, or None; is_met: whether the predicted figures reach it.
    """

    op: str
    variant: str
    b: int
    T: int
    d: int
    us: float
    speedup: float
    fraction: float | None
    tflop_s: float | None
    target: str | None = None
    is_met: bool | None = None


def decode_seconds(heads: Heads, rows: int, b: int, gpu: Gpu) -> float:
    """One new position over `rows` cached ones, bf16: one launch, or two where the plan splits the rows."""
    plan = plan_heads(heads.n_q, heads.n_k, heads.n_v, 1, heads.d_v, 2)
    tile = plan_tile(plan, heads.d_k, heads.d_v, 2, gpu.target)
    slots = gpu.processors * tile.resident
    splits = split_count(b * heads.n_k * plan.chunks, -(-rows // tile.block_n), slots)
    return LAUNCH * (1 + (splits > 1)) + _streaming(decode_cost(heads, rows, b=b), gpu)


def selective_seconds(heads: Heads, rows: int, top_k: int, b: int, gpu: Gpu) -> float:
    """Two launches; scores and block maxima cross memory once, and each query head's program chooses and gathers alone.

    Full attention from `top_k = rows - 1` on, as the kernel does it.
    """
    if top_k >= rows - 1:
        return decode_seconds(heads, rows, b, gpu)
    alone = choice_steps(rows, top_k) * CHOICE_STEP + gather_steps(top_k, padded(heads.d_v)) * GATHER_STEP
    turns = -(-b * heads.n_q // (2 * gpu.processors))  # two of these programs share a multiprocessor at full speed
    cost = selective_cost(heads, rows, top_k, b=b, score_passes=1)
    cost = replace(cost, score_bytes=cost.score_bytes + cost.score_bytes // BLOCK_ROWS)
    return 2 * LAUNCH + _streaming(cost, gpu) + turns * alone


def selective_pays(heads: Heads, rows: int, top_k: int, b: int, gpu: Gpu) -> bool:
    """Whether reading only the chosen rows of V should take less time than full attention over all `rows`.

    For a caller who selects to save time; the results differ, so no kernel here makes this choice by itself.
    ValueError unless rows and top_k are positive.
    """
    return selective_seconds(heads, rows, top_k, b, gpu) < decode_seconds(heads, rows, b, gpu)


def selective_from(heads: Heads, top_k: int, b: int, gpu: Gpu, most: int = 1 << 20) -> int | None:
    """The fewest rows from which on `selective_pays` stays true, to about 3 %; None if it is not yet at `most`."""
    rows, found = most, None
    while rows > 1 and selective_pays(heads, rows, top_k, b, gpu):
        rows, found = min(rows - 1, round(rows / 1.03)), rows
    return found


def prefill_seconds(heads: Heads, rows: int, b: int, gpu: Gpu) -> float:
    """The products, then the exponentials: the kernel has no second group of warps that would overlap them."""
    exps = b * heads.n_q * rows * (rows + 1) / 2
    cost = decode_cost(heads, rows, b=b, t=rows)
    products = cost.operations / (gpu.operations * PRODUCTS[gpu.target])
    return LAUNCH + products + exps / (EXPS_PER_CLOCK * gpu.processors * gpu.clock)


def _streaming(cost: Cost, gpu: Gpu) -> float:
    return cost.seconds(gpu.copy * STREAM, gpu.operations)


def predict(gpu: Gpu, batches: list[int], lengths: list[int], dims: list[int]) -> Iterator[Prediction]:
    """Decode: every variant of `kernels.bench` over the grid, and MHA, which it does not time; prefill for b = 1."""
    for d, b, rows in product(dims, batches, lengths):
        for variant, heads in (paper_variants(d) | {"mha": Heads(32, 32, 32, d, d)}).items():
            least = decode_cost(heads, rows, b=b)
            yield _decode(variant, least, decode_seconds(heads, rows, b, gpu), b, rows, d, gpu)
        heads = paper_variants(d)["diffqkv"]
        for top_k in (k for k in TOP_K if k < rows - 1):
            least = selective_cost(heads, rows, top_k, b=b)
            yield _decode(f"diffqkv-top{top_k}", least, selective_seconds(heads, rows, top_k, b, gpu), b, rows, d, gpu)
    for d, rows in product(dims, (n for n in lengths if n <= 32_768)):
        peer = prefill_seconds(paper_variants(d)["gqa"], rows, 1, gpu)
        for variant, heads in paper_variants(d).items():
            took = prefill_seconds(heads, rows, 1, gpu)
            rate = decode_cost(heads, rows, t=rows).operations / took / 1e12
            yield Prediction("prefill", variant, 1, rows, d, took * 1e6, peer / took, None, rate)


def _decode(variant: str, least: Cost, took: float, b: int, rows: int, d: int, gpu: Gpu) -> Prediction:
    speedup = decode_seconds(paper_variants(d)["gqa"], rows, b, gpu) / took
    fraction = least.total_bytes / took / gpu.copy
    here = [x for x in TARGETS if x.variant == variant and b in x.batches and x.low <= rows <= x.high]
    wanted = max((x.speedup for x in here), default=0), max((x.fraction for x in here), default=0)
    words = [f">= {wanted[0]:.1f}x"] * (wanted[0] > 0) + [f">= {wanted[1]:.0%}"] * (wanted[1] > 0)
    is_met = speedup >= wanted[0] and fraction >= wanted[1] if words else None
    target = ", ".join(words) or None
    return Prediction("decode", variant, b, rows, d, took * 1e6, speedup, fraction, None, target, is_met)
