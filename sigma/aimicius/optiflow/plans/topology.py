"""Topologies: GPUs, switches and links as the latency and bandwidth matrices of the question.

Nodes 0 .. gpus-1 are GPUs, later nodes are switches (NVSwitch). `latency[a][b]` is in microseconds and inf where there
is no link; `bandwidth[a][b]` is in GB/s (1e9 bytes per second) and 0 where there is no link. The diagonal says nothing.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

MAX_GPUS = 32
MAX_NODES = 40
INF = math.inf

Matrix = tuple[tuple[float, ...], ...]


class TopologyError(ValueError):
    """Matrices that describe no usable machine; the message names the matrix and the entry."""


@dataclass(frozen=True, slots=True)
class Path:
    """How one transfer travels: the nodes, the sum of the hops' latencies (us), the narrowest hop (GB/s)."""

    nodes: tuple[int, ...]
    latency: float
    bandwidth: float

    @property
    def port(self) -> tuple[int, int]:
        """The sender's port: the link over which the data leaves. What shares a port waits for its turn."""
        return self.nodes[0], self.nodes[1]

    def time(self, kilobytes: float) -> float:
        """Microseconds for one transfer: alpha plus bytes over bandwidth (1 KB = 1,000 bytes)."""
        return self.latency + kilobytes / self.bandwidth  # KB / (GB/s) = us


@dataclass(frozen=True)
class Topology:
    """A validated machine. Build it with `topology_from`, or take one of `PRESETS`."""

    name: str
    gpus: int
    latency: Matrix
    bandwidth: Matrix
    note: str = ""

    @property
    def nodes(self) -> int:
        """GPUs and switches together."""
        return len(self.latency)

    @cached_property
    def links(self) -> tuple[tuple[int, int], ...]:
        """Every directed link (from, to)."""
        span = range(self.nodes)
        return tuple((a, b) for a in span for b in span if a != b and self.bandwidth[a][b] > 0)

    @cached_property
    def paths(self) -> dict[tuple[int, int], Path]:
        """For each ordered pair of GPUs that one transfer can join: the direct link, else the quickest way by switches."""
        found: dict[tuple[int, int], Path] = {}
        for a in range(self.gpus):
            for b, nodes in self._ways(a).items():
                hops = list(pairwise(nodes))
                alpha = sum(self.latency[x][y] for x, y in hops)
                found[a, b] = Path(nodes, alpha, min(self.bandwidth[x][y] for x, y in hops))
        return found

    def _ways(self, a: int) -> dict[int, tuple[int, ...]]:
        """Nodes of the way from GPU `a` to each GPU that it reaches without another GPU in between."""
        direct = {b: (a, b) for b in range(self.gpus) if b != a and self.bandwidth[a][b] > 0}
        out = [[b for b in range(self.nodes) if b != x and self.bandwidth[x][b] > 0] for x in range(self.nodes)]
        best: dict[int, tuple[int, ...]] = {}
        queue: list[tuple[float, int, tuple[int, ...]]] = [(0.0, 1, (a,))]
        done: set[int] = set()
        while queue:
            alpha, _, nodes = heapq.heappop(queue)
            x = nodes[-1]
            if x in done:
                continue
            done.add(x)
            if x != a and x < self.gpus:
                best[x] = nodes
                continue
            for b in out[x]:
                if b not in done:
                    heapq.heappush(queue, (alpha + self.latency[x][b], len(nodes) + 1, (*nodes, b)))
        return {**best, **direct}


def topology_from(
    latency: Sequence[Sequence[object]],
    bandwidth: Sequence[Sequence[object]],
    gpus: int,
    name: str = "custom",
    note: str = "",
) -> Topology:
    """Check two matrices and make a topology of them. Entries are numbers, or "inf".

    Raises TopologyError: not square, of different sizes, not numbers, negative, NaN, a link in one matrix only, no GPU
    or too many, or GPUs that cannot reach each other.
    """
    alpha, width = _matrix(latency, "latency"), _matrix(bandwidth, "bandwidth")
    if len(alpha) != len(width):
        raise TopologyError(
            f"latency is {len(alpha)}x{len(alpha)} and bandwidth {len(width)}x{len(width)}: give both the same size"
        )
    n = len(alpha)
    if isinstance(gpus, bool) or not isinstance(gpus, int):
        raise TopologyError(f"gpus is {gpus!r}, not a whole number")
    if not 2 <= gpus <= min(n, MAX_GPUS):
        raise TopologyError(f"{gpus} GPUs in matrices of {n} nodes: there must be 2 to {min(n, MAX_GPUS)}")
    for a in range(n):
        for b in range(n):
            if a == b:
                continue
            has_alpha, has_width = math.isfinite(alpha[a][b]), width[a][b] > 0
            if math.isinf(width[a][b]):
                raise TopologyError(f"bandwidth[{a}][{b}] is inf; give GB/s, or 0 where there is no link")
            if has_alpha != has_width:
                raise TopologyError(
                    f"latency[{a}][{b}] is {alpha[a][b]:g} but bandwidth[{a}][{b}] is {width[a][b]:g}: "
                    "a link needs both, no link is inf and 0"
                )
    none = tuple(tuple(0.0 if a == b else x for b, x in enumerate(row)) for a, row in enumerate(width))
    topology = Topology(name, gpus, alpha, none, note)
    _check_connected(topology)
    return topology


def _matrix(rows: object, name: str) -> Matrix:
    if not isinstance(rows, Sequence) or isinstance(rows, str) or not rows:
        raise TopologyError(f"{name} is not a list of rows")
    if len(rows) > MAX_NODES:
        raise TopologyError(f"{name} has {len(rows)} rows; at most {MAX_NODES} nodes")
    matrix: list[tuple[float, ...]] = []
    for a, row in enumerate(rows):
        if not isinstance(row, Sequence) or isinstance(row, str):
            raise TopologyError(f"row {a} of {name} is not a list of numbers")
        if len(row) != len(rows):
            raise TopologyError(f"{name} is not square: it has {len(rows)} rows, and row {a} has {len(row)} entries")
        matrix.append(tuple(_entry(x, f"{name}[{a}][{b}]") for b, x in enumerate(row)))
    return tuple(matrix)


def _entry(value: object, where: str) -> float:
    if isinstance(value, str) and value.strip().lower() in ("inf", "infinity"):
        return INF
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TopologyError(f"{where} is {str(value)[:40]!r}, not a number")
    try:
        number = float(value)
    except OverflowError as error:
        raise TopologyError(f"{where} is too large") from error
    if math.isnan(number):
        raise TopologyError(f"{where} is NaN")
    if number < 0:
        raise TopologyError(f"{where} is negative ({number:g})")
    if math.isfinite(number) and (number > 1e9 or 0 < number < 1e-9):
        raise TopologyError(f"{where} is {number:g}; give microseconds and GB/s between 1e-9 and 1e9")
    return number


def _check_connected(topology: Topology) -> None:
    out: dict[int, list[int]] = {}
    for a, b in topology.links:
        out.setdefault(a, []).append(b)
    for start in range(topology.gpus):
        seen, todo = {start}, [start]
        while todo:
            for b in out.get(todo.pop(), ()):
                if b not in seen:
                    seen.add(b)
                    todo.append(b)
        for b in range(topology.gpus):
            if b not in seen:
                raise TopologyError(
                    f"GPU {b} cannot be reached from GPU {start}: no all-gather is possible on these links"
                )


def switched(name: str, gpus: int, latency: float, bandwidth: float, note: str = "") -> Topology:
    """Every GPU linked only to one switch; `latency` (us) and `bandwidth` (GB/s) of each hop."""
    n = gpus + 1
    on = lambda a, b: a != b and gpus in (a, b)  # noqa: E731
    return _built(name, gpus, n, lambda a, b: (latency, bandwidth) if on(a, b) else None, note)


def meshed(name: str, counts: Sequence[Sequence[int]], latency: float, bandwidth: float, note: str = "") -> Topology:
    """Direct links only: `counts[a][b]` links of `bandwidth` GB/s each, taken together as one port."""
    n = len(counts)
    return _built(name, n, n, lambda a, b: (latency, counts[a][b] * bandwidth) if counts[a][b] else None, note)


def _built(name: str, gpus: int, n: int, link, note: str) -> Topology:
    alpha = [[0.0 if a == b else INF for b in range(n)] for a in range(n)]
    width = [[0.0] * n for _ in range(n)]
    for a in range(n):
        for b in range(n):
            if a != b and (values := link(a, b)) is not None:
                alpha[a][b], width[a][b] = values
    return topology_from(alpha, width, gpus, name, note)


def full_mesh(gpus: int) -> list[list[int]]:
    """Link counts of a full mesh."""
    return [[int(a != b) for b in range(gpus)] for a in range(gpus)]


# NVLinks between the V100s of a DGX-1, by row (SCCL, PPoPP 2021).
DGX1_LINKS = [
    [int(c) for c in row] for row in "02112000 20120100 11020020 12200001 20000211 01002012 00201102 00011220".split()
]

PRESETS: dict[str, Topology] = {
    t.name: t
    for t in (
        switched("NDv5", 8, 0.2, 450, "8 H100 on NVSwitch; 0.2 us and 450 GB/s a hop (the paper's worked example)"),
        switched("NDv4", 8, 0.2, 300, "8 A100 on NVSwitch; 300 GB/s a hop; latency taken as NDv5's"),
        meshed(
            "MI300X",
            full_mesh(8),
            0.7,
            64,
            "8 MI300X, full mesh, 64 GB/s a link (48 achievable); latency taken as NDv2's",
        ),
        meshed(
            "DGX-1", DGX1_LINKS, 0.7, 25, "8 V100, hybrid cube mesh of NVLinks, 25 GB/s each; latency taken as NDv2's"
        ),
        switched("DGX-2", 16, 0.35, 125, "16 V100 on NVSwitch; 0.35 us and 125 GB/s a hop"),
        meshed("NDv2", DGX1_LINKS, 0.7, 25, "8 V100 wired as in a DGX-1; 0.7 us and 25 GB/s a link"),
    )
}
