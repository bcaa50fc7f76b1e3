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
import math
import platform
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import torch

import kernels
from kernels.device import chosen_device
from kernels.peers import peers
from kernels.roofline import Cost, Heads, decode_cost, paper_variants, selective_cost
from kernels.timing import Contender, probe_bytes, take_rounds, warm

TOP_K = (100, 512, 2048)
DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
_GRIDS = {  # (T of decode, T of prefill, b, d)
    "cpu": ([2048, 8192, 32_768], [512, 1024], [1], [64]),
    "cuda": ([2048 << i for i in range(8)], [2048, 8192, 32_768], [1, 8, 32], [64, 128]),
}
_COLD_BYTES = {"cpu": 256 << 20, "cuda": 128 << 20}  # rotate over at least this much
_RESULTS = Path(__file__).parents[1] / "assets" / "benchmarks"


@dataclass(frozen=True, slots=True)
class Case:
    """One point of the grid. T: cached rows; decode asks one query of them, prefill as many as there are rows."""

    op: str
    b: int
    T: int
    d: int
    dtype: str
    device: str


@dataclass(slots=True)
class Row:
    """One line of the result. peer: the library, None for our kernels. gb: least bytes to move, in 10^9.

    ms: the median; min_ms: the fastest call, which a busy machine disturbs least. tflop_s: of prefill, whose floor is
    arithmetic and which therefore has no bandwidth_fraction.
    """

    op: str
    variant: str
    peer: str | None
    b: int
    T: int
    d: int
    dtype: str
    ms: float
    min_ms: float
    gb: float
    ratio_to_best_peer: float | None = None
    bandwidth_fraction: float | None = None
    tflop_s: float | None = None


def variants_of(op: str, T: int) -> Iterator[tuple[str, str, int | None]]:
    """(name, head layout, top_k) of everything of ours that makes sense at T cached rows."""
    for layout in paper_variants():
        yield layout, layout, None
    if op == "decode":
        yield from ((f"diffqkv-top{k}", "diffqkv", k) for k in TOP_K if k < T - 1)


def run_case(case: Case, rounds: int, seconds: float, wanted: set[str], notes: list[str]) -> tuple[list[Row], dict]:
    """Rows of one case, and the bandwidths measured between its rounds [GB/s]."""
    contenders = list(_contenders(case, wanted, notes))
    bandwidth = take_rounds(contenders, case.device, rounds, seconds)
    return _rows(case, contenders, bandwidth["copy_gb_s" if case.device == "cuda" else "read_gb_s"]), bandwidth


def _rows(case: Case, contenders: list[Contender], gb_s: float) -> list[Row]:
    rows = []
    for c in contenders:
        took = statistics.median(c.seconds)
        row = Row(
            op=case.op,
            variant=c.variant,
            peer=c.peer,
            b=case.b,
            T=case.T,
            d=case.d,
            dtype=case.dtype,
            ms=took * 1e3,
            min_ms=min(c.seconds) * 1e3,
            gb=c.bytes / 1e9,
        )
        if case.op == "decode":
            row.bandwidth_fraction = row.gb / took / gb_s
        else:
            row.tflop_s = c.operations / took / 1e12
        rows.append(row)
    best = min((row.ms for row in rows if row.peer and row.variant == "gqa"), default=None)
    for row in rows:
        row.ratio_to_best_peer = best and row.ms / best
    return rows


def _contenders(case: Case, wanted: set[str], notes: list[str]) -> Iterator[Contender]:
    layouts = paper_variants(case.d)
    buffers: dict[str, list[tuple[torch.Tensor, ...]]] = {}
    for name, layout, top_k in variants_of(case.op, case.T):
        # GQA always runs: it is what everything is compared with.
        if wanted and name not in wanted and name != "gqa":
            continue
        heads = layouts[layout]
        if layout not in buffers:
            buffers[layout] = _buffers(case, heads)
        sets = buffers[layout]
        cost = _cost(case, heads, top_k)
        calls = [_ours(case.op, top_k, *inputs) for inputs in sets]
        answer = calls[0]()
        yield _ready(Contender(name, None, calls, cost.total_bytes, cost.operations), case, notes)
        if top_k is not None:
            continue
        for peer in peers(case.op, layout, case.device, case.b):
            label = f"{peer.name}, {case.op} {layout} b {case.b} T {case.T} d {case.d}"
            # Whatever a foreign library raises on a shape or a machine that it does not serve: it sits this case out.
            try:
                calls = [peer.prepare(*inputs) for inputs in sets]
                error = (calls[0]().float() - answer.float()).abs().max().item()
            except Exception as problem:
                notes.append(f"{label}: {type(problem).__name__}: {str(problem).strip().splitlines()[:1]}")
                continue
            if not error < 0.05:
                notes.append(f"{label}: differs from ours by {error:.3g}, left out")
                continue
            yield _ready(Contender(layout, peer.name, calls, cost.total_bytes, cost.operations), case, notes)


def _ready(contender: Contender, case: Case, notes: list[str]) -> Contender:
    problem = warm(contender, case.device, graph=case.op == "decode")
    if problem:
        who = contender.peer or "ours"
        notes.append(f"{who} {contender.variant} b {case.b} T {case.T} d {case.d}: no CUDA graph ({problem})")
    return contender


def _ours(op: str, top_k: int | None, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> Callable[[], torch.Tensor]:
    if op == "prefill":
        return lambda: kernels.prefill_attention(q, k, v)
    if top_k is None:
        return lambda: kernels.decode_attention(q, k, v)
    return lambda: kernels.selective_decode_attention(q, k, v, top_k).out


def _cost(case: Case, heads: Heads, top_k: int | None) -> Cost:
    size = DTYPES[case.dtype].itemsize
    if top_k is not None:
        return selective_cost(heads, case.T, top_k, b=case.b, itemsize=size)
    return decode_cost(heads, case.T, b=case.b, t=1 if case.op == "decode" else case.T, itemsize=size)


def _buffers(case: Case, heads: Heads) -> list[tuple[torch.Tensor, ...]]:
    """As many sets of q, k, v as it takes to be cold; the GPU's cache is `[b, T, h, d]`, the CPU's `[b, h, T, d]`."""
    t = 1 if case.op == "decode" else case.T
    cache = case.b * case.T * heads.cache_bytes_per_token(DTYPES[case.dtype].itemsize)
    copies = 1 + math.ceil(_COLD_BYTES[case.device] / cache) if case.op == "decode" else 1

    # Drawing hundreds of megabytes takes a CPU longer than timing them. A prime number of values, repeated, gives every
    # row its own: equal rows would be ties, which selective V would have to break.
    values = torch.randn(1_000_003, device=case.device).to(DTYPES[case.dtype])

    def normal(n: int, rows: int, d: int) -> torch.Tensor:
        shape = (case.b, n, rows, d) if case.device == "cpu" else (case.b, rows, n, d)
        size = math.prod(shape)
        x = values.roll(int(torch.randint(len(values), ()))).repeat(-(-size // len(values)))[:size].view(shape)
        return x if case.device == "cpu" else x.transpose(1, 2)

    return [
        (normal(heads.n_q, t, heads.d_k), normal(heads.n_k, case.T, heads.d_k), normal(heads.n_v, case.T, heads.d_v))
        for _ in range(min(copies, 64))
    ]


def bench(cases: list[Case], rounds: int, seconds: float, wanted: set[str]) -> dict:
    """The whole run as one JSON-ready object; cases that do not fit the GPU's memory are noted and left out."""
    rows, bandwidths, notes = [], [], []
    begun, begun_cpu = time.perf_counter(), time.process_time()
    for i, case in enumerate(cases):
        if sys.stderr.isatty():
            print(f"\r\033[K{i + 1}/{len(cases)} {case}", end="", file=sys.stderr, flush=True)
        if not _fits(case):
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
        "device": _device_name(cases[0].device),
        **_versions(),
        **middle,
        "rows": [*map(asdict, rows)],
        "notes": notes,
    }


def _fits(case: Case) -> bool:
    if case.device == "cpu":
        return True
    size = DTYPES[case.dtype].itemsize
    cache = sum(heads.cache_bytes_per_token(size) for heads in paper_variants(case.d).values()) * case.b * case.T
    # Twice: rotating needs a second set, and peers that expand or page K need one of their own.
    return 2 * cache + probe_bytes("cuda") < torch.cuda.mem_get_info()[0]


def _device_name(device: str) -> str:
    if device == "cuda":
        return torch.cuda.get_device_name()
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
    """Write `<device>.json` into the results folder, one file per device, the newest run kept."""
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
        prog="python -m kernels.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
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
    parser.add_argument("--save", action="store_true", help="write the result into assets/benchmarks/")
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
