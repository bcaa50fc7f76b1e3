"""What our kernels should take on a named GPU, written down before they ran there (`python -m kernels.roofline`).

The least bytes and operations are counted in `kernels.cost`, the times predicted in `kernels.prediction`.
"""

import argparse
import json
import subprocess
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from .cost import TOP_K, paper_variants
from .prediction import (
    CHOICE_STEP,
    EXPS_PER_CLOCK,
    GATHER_STEP,
    GPUS,
    LAUNCH,
    PRODUCTS,
    REFUTED_BY,
    STREAM,
    Gpu,
    Prediction,
    predict,
    selective_from,
)


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
        *_assumptions(gpu),
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
        lines += _case(name, op, b, d, list(group))
    return "\n".join([*lines, ""])


def _assumptions(gpu: Gpu) -> list[str]:
    return [
        f"- Published: {gpu.bandwidth / 1e12:.2f} TB/s, {gpu.operations / 1e12:.0f} TFLOPS dense bf16, "
        f"{gpu.processors} multiprocessors ({gpu.source}). A copy reaches {gpu.copy / 1e12:.2f} TB/s; if the bench "
        "measures another, compare the fractions.",
        f"- Streaming kernels reach {STREAM:.0%} of a copy; every launch that waits for another costs "
        f"{LAUNCH * 1e6:.0f} us (CUDA graph). Decode is one launch, or two where `splits.py` splits the rows.",
        f"- Selective V: two launches, fp32 scores and block maxima written once, then a program per query head alone: "
        f"{CHOICE_STEP * 1e6:.2f} us per step of the choice (`kernels/selective/plan.py`; passes as for normally "
        f"distributed scores) and {GATHER_STEP * 1e6:.0f} us per step of the gather.",
        f"- Prefill: products at {PRODUCTS[gpu.target]:.0%} of the peak, then {EXPS_PER_CLOCK} exponentials per clock "
        "and multiprocessor.",
        "- The best GQA peer takes as long as our GQA kernel; a slower one makes every speedup larger.",
        "- The bench leaves out the cases that do not fit the GPU's memory.",
    ]


def _case(name: str, op: str, b: int, d: int, rows: list[Prediction]) -> list[str]:
    """One table: a column per variant, a row per length, under the bench command that measures it."""
    variants = list(dict.fromkeys(x.variant for x in rows))
    lengths = list(dict.fromkeys(x.T for x in rows))
    where = f"--op {op} --b {b} --d {d} --T {' '.join(map(str, lengths))}"
    file = f"assets/benchmarks/{name.lower()}-{op}-b{b}-d{d}.json"
    cell = "us (speedup, of a copy)" if op == "decode" else "us (speedup, TFLOPS)"
    lines = [
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
    return [*lines, "", f"Cells: {cell}."]


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
    file = Path(__file__)
    ours = ["git", "ls-files", "--error-unmatch", file.name]  # an installed copy may lie in somebody else's repository
    command = ["git", "describe", "--always", "--dirty=, changed"]
    try:
        for one in (ours, command):
            answer = subprocess.run(one, capture_output=True, text=True, check=True, cwd=file.parent).stdout.strip()
        return answer
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}.roofline", description=__doc__.split("\n\n")[0])
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


if __name__ == "__main__":
    main()
