"""nccl-tests and rccl-tests: the result table of a collective from an alpha-beta model of the node.

time = alpha * steps + bytes on the wire / (bus bandwidth * ramp), with the ring's step counts; the columns algbw and busbw are
computed from it by nccl-tests' own factors (doc/PERFORMANCE.md). The bus bandwidth is the node's large-message figure.
"""

from __future__ import annotations

import random

from sigma.aimicius.cmdgen.grammar.meaning import Meaning
from sigma.aimicius.cmdgen.simulator.state import Execution, Node

TYPE_BYTES = {
    "int8": 1,
    "uint8": 1,
    "int32": 4,
    "uint32": 4,
    "int64": 8,
    "uint64": 8,
    "half": 2,
    "float": 4,
    "double": 8,
} | {
    "bfloat16": 2,
    "f8e4m3": 1,
    "f8e5m2": 1,
    "fp8_e4m3": 1,
    "fp8_e5m2": 1,
}
REDUCES = ("all_reduce", "reduce", "reduce_scatter", "all_reduce_bias")
ROOTED = ("broadcast", "reduce", "gather", "scatter")
MAX_ROWS = 60
ALPHA_US = 2.1  # latency of one step over the switch
LIBRARY = {"NVIDIA": ("NCCL version 2.27.7+cuda13.0", "nccl-tests version 2.17.1"), "AMD": ("RCCL version : 2.22.3-HEAD:9d0a3ae", "rccl-tests")}  # fmt: skip


def run(meaning: Meaning, node: Node) -> Execution:
    """Run one benchmark; the whole meaning counts as what it did, because most options show in no column."""
    name = meaning.tool.removesuffix("_perf")
    if meaning.options.get("help"):
        return Execution(f"USAGE: {meaning.tool} -- the usage text is not reprinted here\n", query=True)
    processes = meaning.launcher.get("np", 1)
    ranks = processes * meaning.get("nthreads") * meaning.get("ngpus")
    visible = (
        meaning.env.get("CUDA_VISIBLE_DEVICES")
        or meaning.env.get("HIP_VISIBLE_DEVICES")
        or meaning.env.get("ROCR_VISIBLE_DEVICES")
    )
    available = len(visible) if visible else len(node.devices)
    hosts = max(1, len(meaning.launcher.get("host", []) or [1]))
    hosts = max(hosts, meaning.launcher.get("nodes", 1), -(-processes // meaning.launcher.get("npernode", processes)))
    if "hostfile" in meaning.launcher or "host" in meaning.launcher:
        hosts = max(hosts, -(-ranks // available))
    done = {"run": {"meaning": meaning.facts()}}
    if ranks > available * hosts:
        error = f"Test CUDA failure common.cu: invalid device ordinal: {ranks} ranks, {available * hosts} devices\n"
        return Execution(error.replace("CUDA", "CUDA" if node.model.vendor == "NVIDIA" else "HIP"), 3, changes=done)
    output = _table(name, meaning, node, ranks, hosts)
    files = {path: output for option in ("output_file",) if (path := meaning.get(option))}
    return Execution(output, changes=done, files=files)


def _sizes(meaning: Meaning) -> list[int]:
    low, high, factor = meaning.get("minbytes"), meaning.get("maxbytes"), meaning.get("stepfactor")
    sizes, size = [], low
    while size <= high and len(sizes) < MAX_ROWS + 1:
        sizes.append(size)
        following = size * factor if factor else size + meaning.get("stepbytes")
        if following <= size:
            break
        size = following
    return sizes


def _table(name: str, meaning: Meaning, node: Node, ranks: int, hosts: int) -> str:
    library, tests = LIBRARY[node.model.vendor]
    element = meaning.get("datatype")
    types = [key for key in TYPE_BYTES if not key.startswith("f")][:10] if element == "all" else [element]
    operations = ("sum", "prod", "min", "max", "avg") if meaning.get("op") == "all" else (meaning.get("op"),)
    operations = operations if name in REDUCES else ("none",)
    root = meaning.get("root") if name in ROOTED else "-1"
    lines = []
    if meaning.env.get("NCCL_DEBUG") in ("INFO", "VERSION", "TRACE"):
        lines.append(library)
    if meaning.env.get("NCCL_DEBUG") in ("INFO", "TRACE"):
        for variable, value in sorted(meaning.env.items()):
            lines.append(f"{node.host}:4021:4021 [0] NCCL INFO {variable} set by environment to {value}.")
    factor, step = meaning.get("stepfactor"), meaning.get("stepbytes")
    how = f"{factor}(factor)" if factor else f"{step}(bytes)"
    warm = meaning.get("warmup_iters", "default")
    lines.append(
        f"# {tests} nThread {meaning.get('nthreads')} nGpus {meaning.get('ngpus')} minBytes {meaning.get('minbytes')} maxBytes {meaning.get('maxbytes')} step: {how} warmup iters: {warm} iters: {meaning.get('iters')} agg iters: {meaning.get('agg_iters')} validation: {meaning.get('check')} graph: {meaning.get('cudagraph', meaning.get('hipgraph', 0))}"
    )
    lines += ["#", "# Using devices"]
    for rank in range(min(ranks, 64)):
        device = node.devices[rank % len(node.devices)]
        lines.append(
            f"#  Rank {rank:>2} Group  0 Pid {4021 + rank} on {node.host:>14} device {device.index:>2} [{device.bus_id}] {device.model.name}"
        )
    lines += ["#", f"# {'out-of-place':>80} {'in-place':>33}"]
    lines.append(
        "#       size         count      type   redop    root     time   algbw   busbw #wrong     time   algbw   busbw #wrong"
    )
    lines.append(
        "#        (B)    (elements)                               (us)  (GB/s)  (GB/s)            (us)  (GB/s)  (GB/s)       "
    )
    busses = []
    sizes = _sizes(meaning)
    wrong = "0" if meaning.get("check") else "N/A"
    for kind in types:
        for operation in operations:
            for size in sizes[:MAX_ROWS]:
                count = size // TYPE_BYTES[kind]
                cells = []
                for place in ("out", "in"):
                    time, algorithm, bus = _cost(name, size, ranks, hosts, node, meaning, f"{kind}{operation}{place}")
                    busses.append(bus)
                    cells.append(f"{_three(time):>8} {algorithm:>7.2f} {bus:>7.2f} {wrong:>6}")
                lines.append(f"{size:>12} {count:>13} {kind:>9} {operation:>7} {root:>7} " + " ".join(cells))
    if len(sizes) > MAX_ROWS:
        lines.append(f"# ... (only the first {MAX_ROWS} sizes are printed)")
    lines.append(f"# Out of bounds values : 0 {'OK' if meaning.get('check') else ''}".rstrip())
    lines.append(f"# Avg bus bandwidth    : {sum(busses) / max(1, len(busses)):.6g}")
    return "\n".join([*lines, "#"]) + "\n"  # fmt: skip


def _three(value: float) -> str:
    return f"{value:.2f}" if value < 1000 else f"{value:.1f}" if value < 10000 else f"{value:.0f}"


def _cost(
    name: str, size: int, ranks: int, hosts: int, node: Node, meaning: Meaning, salt: str
) -> tuple[float, float, float]:
    """(microseconds, algbw, busbw) of one call."""
    if name.startswith("all_reduce"):
        factor, steps = 2 * (ranks - 1) / ranks, 2 * (ranks - 1)
    elif name in ("all_gather", "reduce_scatter", "alltoall", "alltoallv", "gather", "scatter", "hypercube"):
        factor, steps = (ranks - 1) / ranks, ranks - 1
    else:
        factor, steps = 1.0, max(1, ranks - 1)
    peak = node.model.bus_gb_s * (0.13 if hosts > 1 else 1.0)
    if name in ("alltoall", "alltoallv", "sendrecv"):
        peak *= 0.85
    if meaning.env.get("NCCL_P2P_DISABLE") == "1":
        peak *= 0.04
    if meaning.env.get("NCCL_ALGO") == "TREE":
        peak, steps = peak * 0.8, max(1, steps // 2)
    if meaning.env.get("NCCL_PROTO") in ("LL", "LL128"):
        peak *= 0.5 if meaning.env["NCCL_PROTO"] == "LL" else 0.92
    noise = random.Random(f"{node.system}{name}{size}{ranks}{salt}").uniform(0.985, 1.015)
    wire = size * factor / (peak * 1e3) if ranks > 1 else size / (node.model.bus_gb_s * 4e3)
    time = (ALPHA_US * (3 + steps * (2 if hosts > 1 else 1)) + wire) * noise
    algorithm = size / time / 1e3
    return time, algorithm, algorithm * factor if ranks > 1 else 0.0
