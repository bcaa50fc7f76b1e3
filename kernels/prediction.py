"""What our kernels should take on a named GPU, written down before they ran there (`python -m kernels.roofline`).

A time is the launches that wait for each other, plus the bytes at the rate of a streaming kernel, plus, for selective
V, the steps that one program takes alone. Every constant says where it comes from. The peer in `speedup` is our own
GQA kernel: a library as good as ours. `kernels.bench` measures the same cases; a prediction is refuted by a median that
is more than 20 % away.
"""

import argparse
import json
import math
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import groupby, product
from pathlib import Path

from kernels.roofline import Cost, Heads, decode_cost, paper_variants, selective_cost
from kernels.selective.plan import BLOCK_ROWS, choice_steps, gather_steps
from kernels.splits import padded, plan_heads, plan_tile, split_count

# A copy reaches this much of the published bandwidth: 4.3 of 4.8 TB/s on an H200 (TileOPs, PR #1652). Taken for all.
_COPY = 4.3 / 4.8
# A kernel that only reads reaches this much of a copy once it streams: 3.98 of 4.3 TB/s (TileOPs, H200, b = 32, 4k).
_STREAM = 0.93
# Start, first loads and drain of one launch [s]: two of them put TileOPs' b = 1 figures for 4k, 32k and 128k rows on
# an H200 (0.78, 2.28 and 3.46 TB/s) at 0.69, 2.50 and 3.48.
_LAUNCH = 5e-6
# One step of the choice [s]: 1,024 scores against 4 thresholds. A load from L1 or L2, some 100 instructions of each of 8
# warps, two sums that all of them wait for: about 600 cycles, counted by hand.
_CHOICE_STEP = 0.35e-6
# One step of the gather [s]: positions, then the rows that they name: two memory latencies that nothing hides.
_GATHER_STEP = 1e-6
# Of the dense peak, while the softmax waits: FlashAttention-2's published forward passes with the softmax taken off
# (A100 0.75; arXiv 2307.08691), Triton's on Hopper 0.6; the last two are guesses.
_PRODUCTS = {"sm_80": 0.75, "sm_89": 0.75, "sm_90": 0.6, "sm_100": 0.4, "gfx942": 0.45}
_EXPS_PER_CLOCK = 16  # per multiprocessor or compute unit (CUDA programming guide, arithmetic throughput)

TOP_K = (100, 512, 2048)
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
    return _LAUNCH * (1 + (splits > 1)) + _streaming(decode_cost(heads, rows, b=b), gpu)


def selective_seconds(heads: Heads, rows: int, top_k: int, b: int, gpu: Gpu) -> float:
    """Two launches; scores and block maxima cross memory once, and each query head's program chooses and gathers alone.

    Full attention from `top_k = rows - 1` on, as the kernel does it.
    """
    if top_k >= rows - 1:
        return decode_seconds(heads, rows, b, gpu)
    alone = choice_steps(rows, top_k) * _CHOICE_STEP + gather_steps(top_k, padded(heads.d_v)) * _GATHER_STEP
    turns = -(-b * heads.n_q // (2 * gpu.processors))  # two of these programs share a multiprocessor at full speed
    cost = selective_cost(heads, rows, top_k, b=b, score_passes=1)
    cost = replace(cost, score_bytes=cost.score_bytes + cost.score_bytes // BLOCK_ROWS)
    return 2 * _LAUNCH + _streaming(cost, gpu) + turns * alone


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
    products = cost.operations / (gpu.operations * _PRODUCTS[gpu.target])
    return _LAUNCH + products + exps / (_EXPS_PER_CLOCK * gpu.processors * gpu.clock)


def _streaming(cost: Cost, gpu: Gpu) -> float:
    return cost.seconds(gpu.copy * _STREAM, gpu.operations)


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


def table(predictions: list[Prediction]) -> str:
    """Aligned text, a blank line between cases."""
    lines = [
        f"{'op':<8} {'b':>3} {'T':>7} {'d':>4}  {'variant':<16} {'us':>10} {'speedup':>8} {'of copy':>8}  target",
    ]
    for _, case in groupby(predictions, key=lambda x: (x.op, x.d, x.b, x.T)):
        for x in case:
            rate = f"{x.tflop_s:.0f} TF" if x.fraction is None else f"{x.fraction:.0%}"
            target = f"  {x.target}: {'met' if x.is_met else 'MISSED'}" if x.target else ""
            case_columns = f"{x.op:<8} {x.b:>3} {x.T:>7} {x.d:>4}  {x.variant:<16}"
            lines.append(f"{case_columns} {x.us:>10.1f} {x.speedup:>7.2f}x {rate:>8}{target}")
        lines.append("")
    return "\n".join(lines)


def markdown(name: str, predictions: list[Prediction]) -> str:
    """The whole page: assumptions, targets, and a table per bench command."""
    gpu = GPUS[name]
    lines = [
        f"# Predictions for the {name}",
        "",
        f"Written by `python -m kernels.roofline --gpu {name} --markdown` on {datetime.now(UTC):%Y-%m-%d} at commit "
        f"{_commit()}, before the kernels were timed on this GPU. bf16, one layer, 32 query heads; GQA 16/16 K/V heads, "
        "DiffQKV 4/16, half K dim 4/16 with d_k = d / 2, MHA 32/32 (for comparison: the bench has none). A row is "
        f"confirmed by a median within {REFUTED_BY:.0%} of its time, else refuted.",
        "",
        "## Assumptions",
        "",
        f"- Published: {gpu.bandwidth / 1e12:.2f} TB/s, {gpu.operations / 1e12:.0f} TFLOPS dense bf16, "
        f"{gpu.processors} multiprocessors ({gpu.source}). A copy reaches {gpu.copy / 1e12:.2f} TB/s; if the bench "
        "measures another, compare the fractions.",
        f"- Streaming kernels reach {_STREAM:.0%} of a copy; every launch that waits for another costs "
        f"{_LAUNCH * 1e6:.0f} us (CUDA graph). Decode is one launch, or two where `splits.py` splits the rows.",
        f"- Selective V: two launches, fp32 scores and block maxima written once, then a program per query head alone: "
        f"{_CHOICE_STEP * 1e6:.2f} us per step of the choice (`kernels/selective/plan.py`; passes as for normally "
        f"distributed scores) and {_GATHER_STEP * 1e6:.0f} us per step of the gather.",
        f"- Prefill: products at {_PRODUCTS[gpu.target]:.0%} of the peak, then {_EXPS_PER_CLOCK} exponentials per clock "
        "and multiprocessor.",
        "- The best GQA peer takes as long as our GQA kernel; a slower one makes every speedup larger.",
        "- The bench leaves out the cases that do not fit the GPU's memory.",
        "",
        "## Targets",
        "",
        "| b | T | d | variant | target | predicted | |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {x.b} | {x.T} | {x.d} | {x.variant} | {x.target} | {x.speedup:.2f}x, {x.fraction:.0%} | "
            f"{'met' if x.is_met else '**missed**'} |"
            for x in predictions
            if x.target
        ),
    ]
    lines += _paying(gpu, list(dict.fromkeys((x.b, x.d) for x in predictions if x.op == "decode")))
    for (op, d, b), group in groupby(predictions, key=lambda x: (x.op, x.d, x.b)):
        rows = list(group)
        variants = list(dict.fromkeys(x.variant for x in rows))
        lengths = list(dict.fromkeys(x.T for x in rows))
        where = f"--op {op} --b {b} --d {d} --T {' '.join(map(str, lengths))}"
        file = f"assets/benchmarks/{name.lower()}-{op}-b{b}-d{d}.json"
        cell = "us (speedup, of a copy)" if op == "decode" else "us (speedup, TFLOPS)"
        lines += [
            "",
            f"## {op.capitalize()}, b = {b}, d = {d}",
            "",
            f"    python -m kernels.bench --device cuda {where} --json > {file}",
            "",
        ]
        lines += [f"| T | {' | '.join(variants)} |", "|---" * (len(variants) + 1) + "|"]
        for length in lengths:
            found = {x.variant: x for x in rows if length == x.T}
            lines.append(f"| {length} | {' | '.join(_cell(found.get(v)) for v in variants)} |")
        lines += ["", f"Cells: {cell}."]
    return "\n".join([*lines, ""])


def _paying(gpu: Gpu, cases: list[tuple[int, int]]) -> list[str]:
    """From how many rows on selective V is faster than full attention with the same heads."""
    lines = ["", "## Where selective V pays", "", f"| b | d | {' | '.join(f'top-{k}' for k in TOP_K)} |"]
    lines += ["|---" * (len(TOP_K) + 2) + "|"]
    for b, d in cases:
        found = (selective_from(paper_variants(d)["diffqkv"], k, b, gpu) for k in TOP_K)
        lines.append(f"| {b} | {d} | {' | '.join('-' if n is None else f'{n:,}' for n in found)} |")
    return [*lines, "", "Rows from which it takes less time than full attention over DiffQKV's heads, to 3 %."]


def _cell(x: Prediction | None) -> str:
    if x is None:
        return "-"
    rate = f"{x.tflop_s:.0f}" if x.fraction is None else f"{x.fraction:.0%}"
    return f"{x.us:.1f} ({x.speedup:.2f}x, {rate})"


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty=, changed"]
    try:
        root = Path(__file__).parents[1]
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=root).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m kernels.roofline", description=__doc__.split("\n\n")[0])
    parser.add_argument("--gpu", choices=list(GPUS), default="H200")
    parser.add_argument("--b", nargs="+", type=int, default=[1, 8, 32], help="sequences")
    parser.add_argument("--T", nargs="+", type=int, default=[2048 << i for i in range(8)], help="cached rows")
    parser.add_argument("--d", nargs="+", type=int, default=[64, 128], help="head dim")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object {gpu, rows: [...]}")
    form.add_argument("--markdown", action="store_true", help="print the page of assets/benchmarks/")
    chosen = parser.parse_args(arguments)
    if min(chosen.b + chosen.T + chosen.d) < 1 or any(d % 2 for d in chosen.d):
        parser.error("--b, --T and --d must be positive, and --d even: half K dim halves it")
    predictions = list(predict(GPUS[chosen.gpu], chosen.b, chosen.T, chosen.d))
    if chosen.json:
        rows = [asdict(x) for x in predictions]
        print(json.dumps({"gpu": chosen.gpu, **asdict(GPUS[chosen.gpu]), "commit": _commit(), "rows": rows}))
    else:
        print(markdown(chosen.gpu, predictions) if chosen.markdown else table(predictions), end="")
