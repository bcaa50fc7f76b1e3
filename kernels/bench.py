"""Time every variant and every importable peer, alternately in one run, against each other and the memory bandwidth.

    python -m kernels.bench [--device cpu] [--op decode] [--b 1 8] [--T 4096 65536] [--d 64 128] [--json] [--save]

The shape is the paper's (arXiv 2501.13629, Table 14): 32 query heads, GQA with 16 key and value heads, DiffQKV with 4
and 16. Each round calls every contender once, each time on other buffers than the last, so that no cache holds them;
the order alternates and the median counts. `ratio` is the time over the best GQA peer's of the same case: below 1 is
faster. `bandwidth` is the least the operation must move per second over what plain memory traffic reached in the same
rounds: a copy on a GPU, a read on a CPU.
"""

import argparse
import contextlib
import json
import platform
import re
import statistics
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import torch

from .contenders import DTYPES, Case, fits, run_case, variants_of
from .device import chosen_device

_GRIDS = {  # (T of decode, T of prefill, b, d)
    "cpu": ([2048, 8192, 32_768], [512, 1024], [1], [64]),
    "cuda": ([2048 << i for i in range(8)], [2048, 8192, 32_768], [1, 8, 32], [64, 128]),
}
_RESULTS = Path(__file__).parents[1] / "assets" / "benchmarks"  # of the checkout
if not _RESULTS.is_dir():  # installed on its own
    _RESULTS = Path("benchmarks")


def bench(cases: list[Case], rounds: int, seconds: float, wanted: set[str]) -> dict:
    """The whole run as one JSON-ready object; cases that do not fit the GPU's memory are noted and left out."""
    rows, bandwidths, notes = [], [], []
    begun, begun_cpu = time.perf_counter(), time.process_time()
    for i, case in enumerate(cases):
        if sys.stderr.isatty():
            print(f"\r\033[K{i + 1}/{len(cases)} {case}", end="", file=sys.stderr, flush=True)
        if not fits(case):
            notes.append(f"{case.op} b {case.b} T {case.T} d {case.d}: does not fit the memory")
            continue
        with torch.inference_mode():
            found, bandwidth = run_case(case, rounds, seconds, wanted, notes)
        rows += found
        bandwidths.append(bandwidth)
        if case.device == "cuda":
            torch.cuda.empty_cache()
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    if not bandwidths:
        raise ValueError("no case fits the memory of this machine")
    share = (time.process_time() - begun_cpu) / (time.perf_counter() - begun)
    if cases[0].device == "cpu" and share < 0.9:
        notes.append(f"this run got {share:.0%} of one core: other processes disturbed it, compare min_ms")
    middle = {name: statistics.median(b[name] for b in bandwidths) for name in bandwidths[0]}
    return {
        "device": device_name(cases[0].device),
        **_versions(),
        **middle,
        "rows": [*map(asdict, rows)],
        "notes": notes,
    }


def device_name(device: str) -> str:
    if device == "cuda":
        return torch.cuda.getdevice_name()
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, IndexError):
        model = re.findall(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())[0]
    return f"{model}, {torch.get_num_threads()} threads"


def _versions() -> dict[str, str | None]:
    found = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "torch": torch.__version__, "triton": None}
    with contextlib.suppress(ImportError):
        import triton

        found["triton"] = triton.__version__
    return found


def table(result: dict) -> str:
    """The rows as aligned text, a blank line between cases."""
    lines = [
        f"{result['device']}: copy {result['copy_gb_s']:.1f} GB/s, read {result['read_gb_s']:.1f} GB/s",
        f"{'op':<8} {'b':>3} {'T':>7} {'d':>4}  {'variant':<16} {'by':<17} {'ms':>9} {'min ms':>9} {'ratio':>6} {'bandwidth':>9}",
    ]
    last = None
    for row in result["rows"]:
        case = row["op"], row["b"], row["T"], row["d"]
        if last not in (None, case):
            lines.append("")
        last = case
        fraction, ratio = row["bandwidth_fraction"], row["ratio_to_best_peer"]
        floor = f"{row['tflop_s']:6.2f} TF" if fraction is None else f"{fraction:9.0%}"
        lines.append(
            f"{row['op']:<8} {row['b']:>3} {row['T']:>7} {row['d']:>4}  {row['variant']:<16} "
            f"{row['peer'] or 'ours':<17} {row['ms']:>9.3f} {row['min_ms']:>9.3f} {'-' if ratio is None else f'{ratio:.2f}':>6} {floor:>9}"
        )
    return "\n".join([*lines, *(f"note: {note}" for note in result["notes"])])


def save(result: dict) -> Path:
    """Write `<device>.json` into the checkout's assets/benchmarks (installed on its own: ./benchmarks), the newest kept."""
    _RESULTS.mkdir(parents=True, exist_ok=True)
    slug = re.sub(r"[^a-z0-9]+", "-", result["device"].lower()).strip("-")
    path = _RESULTS / f"{slug}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    return path


def _cases(chosen: argparse.Namespace, device: str) -> list[Case]:
    decode, prefill, batches, dims = _GRIDS[device]
    rows = {"decode": chosen.T or decode, "prefill": chosen.T or prefill}
    if chosen.quick:
        rows, batches, dims = {"decode": chosen.T or [256], "prefill": chosen.T or [64]}, [1], [64]
    return [
        Case(op, b, T, d, chosen.dtype, device)
        for op in chosen.op
        for d, b, T in product(chosen.d or dims, chosen.b or batches, rows[op])
    ]


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not at least 1")
    return value


def main(arguments: list[str] | None = None) -> None:
    known = [name for name, *_ in variants_of("decode", 1 << 20)]
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}.bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--op", nargs="+", choices=("decode", "prefill"), default=["decode", "prefill"])
    parser.add_argument("--variant", nargs="+", choices=known, default=[], help="ours to run beside gqa (default: all)")
    parser.add_argument("--b", nargs="+", type=_positive, help="sequences")
    parser.add_argument("--T", nargs="+", type=_positive, help="cached rows, at least 2")
    parser.add_argument("--d", nargs="+", type=_positive, help="head dim")
    parser.add_argument("--dtype", choices=DTYPES, default="bf16")
    parser.add_argument("--rounds", type=_positive, default=30, help="at most, per case")
    parser.add_argument("--seconds", type=float, default=8.0, help="at most, per case, after three rounds")
    parser.add_argument("--quick", action="store_true", help="one small case per operation")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.add_argument("--save", action="store_true", help=f"write the result into {_RESULTS.name}/")
    chosen = parser.parse_args(arguments)
    device = chosen_device(chosen.device)
    if device == "cpu" and chosen.device == "cuda":
        parser.error("no CUDA or ROCm device is available")
    if chosen.T and min(chosen.T) < 2:
        parser.error(f"--T {min(chosen.T)}: at least 2 rows")
    if chosen.d and any(d % 2 for d in chosen.d):
        parser.error("--d must be even: half K dim halves it")
    try:
        result = bench(_cases(chosen, device), chosen.rounds, chosen.seconds, set(chosen.variant))
    except ValueError as error:
        parser.error(str(error))
    if chosen.save:
        path = save(result)
        print(f"saved {path.name}", file=sys.stderr)
    print(json.dumps(result) if chosen.json else table(result))


if __name__ == "__main__":
    main()
