"""One case of `kernels.bench`: its buffers, who competes over them, and the rows that come of it."""

import math
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from . import decode_attention, prefill_attention, selective_decode_attention
from .cost import TOP_K, Cost, Heads, decode_cost, paper_variants, selective_cost
from .peers import peers
from .timing import Contender, probe_bytes, take_rounds, warm

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
_COLD_BYTES = {"cpu": 256 << 20, "cuda": 128 << 20}  # rotate over at least this much


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
        return lambda: prefill_attention(q, k, v)
    if top_k is None:
        return lambda: decode_attention(q, k, v)
    return lambda: selective_decode_attention(q, k, v, top_k).out


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


def fits(case: Case) -> bool:
    """Whether a GPU has the memory for a case; a CPU is taken at its word."""
    if case.device == "cpu":
        return True
    size = DTYPES[case.dtype].itemsize
    cache = sum(heads.cache_bytes_per_token(size) for heads in paper_variants(case.d).values()) * case.b * case.T
    # Twice: rotating needs a second set, and peers that expand or page K need one of their own.
    return 2 * cache + probe_bytes("cuda") < torch.cuda.mem_get_info()[0]
