"""Lower bounds of an all-gather: what no plan on a topology can beat.

For a set A of nodes, all data of A's GPUs must leave A over the links that do (ForestColl, arXiv 2402.06787: the largest
ratio over all sets is also reached, which gives the optimal algorithm bandwidth). Our cost model knows sender ports only,
so the bounds here are built from those, and for machines whose links are alike they meet ForestColl's.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

import numpy as np

from sigma.aimicius.optiflow.plans.topology import Topology

EXACT_NODES = 17  # every set of nodes is tried up to here (2^17); beyond, a family of sets, still a valid bound
BLOCK = 4096  # sets of GPUs looked at together: bounds the memory


@dataclass(frozen=True, slots=True)
class Bounds:
    """Microseconds. `any_chunks`: however finely the data is cut; `chunks`: with the question's number of chunks."""

    any_chunks: float
    chunks: float


def lower_bounds(topology: Topology, size_kb: float, chunks: int) -> Bounds:
    """Bounds for `size_kb` KB on each GPU in `chunks` equal chunks, under the model of `simulate`."""
    n, paths = topology.gpus, topology.paths
    chunk_kb = size_kb / chunks
    ports = sorted({p.port for p in paths.values()})
    index = {p: k for k, p in enumerate(ports)}
    # The quickest that a port can be: its best path. `reach[k]`: the GPUs that a port can deliver to.
    alpha = np.full(len(ports), math.inf)
    width = np.zeros(len(ports))
    chunk_time = np.full(len(ports), math.inf)
    reach = np.zeros((len(ports), n), dtype=bool)
    for (_, b), path in paths.items():
        k = index[path.port]
        alpha[k] = min(alpha[k], path.latency)
        width[k] = max(width[k], path.bandwidth)
        chunk_time[k] = min(chunk_time[k], path.time(chunk_kb))
        reach[k, b] = True
    owner = np.array([p[0] for p in ports])

    # Unicast: each of the n(n-1) deliveries uses a port; each GPU's n-1 come over ports that can reach it.
    needs = [(np.ones(len(ports), dtype=bool), n * (n - 1))]
    needs += [(reach[:, b], n - 1) for b in range(n)]
    fluid = max(count * size_kb / float(width[usable].sum()) for usable, count in needs)
    tight = max(_fits(chunk_time[usable], count * chunks) for usable, count in needs)
    # Cuts: what a set of GPUs owns must leave it once.
    members = _sets(n)
    out = members.sum(axis=1)
    rough = np.empty(len(members))

    def crossing(some: np.ndarray) -> np.ndarray:
        return np.stack([some[:, owner[k]] & (~some[:, reach[k]]).any(axis=1) for k in range(len(ports))], axis=1)

    for start in range(0, len(members), BLOCK):
        block = slice(start, start + BLOCK)
        crosses = crossing(members[block])
        with np.errstate(divide="ignore"):
            fluid = max(fluid, float((out[block] * size_kb / (crosses @ width)).max()))
            rough[block] = out[block] * chunks / (crosses @ (1 / chunk_time))
    hardest = np.argsort(rough)[::-1][:64]
    for row, crosses in zip(hardest, crossing(members[hardest])):
        tight = max(tight, _fits(chunk_time[crosses], int(out[row]) * chunks))
    far = _farthest(topology, 0.0)
    any_chunks = max(far, float(alpha.min()) + fluid)
    return Bounds(any_chunks, max(tight, _farthest(topology, chunk_kb), any_chunks))


def _fits(times: np.ndarray, count: int) -> float:
    """The least time in which ports of these chunk times can do `count` sends: sum floor(T / t) >= count."""
    low, high = 0.0, float(times.min()) * count
    counts = np.unique(times, return_counts=True)
    if len(counts[0]) == 1:
        return math.ceil(count / len(times)) * float(times[0])
    for _ in range(60):
        middle = (low + high) / 2
        enough = sum(int(k) * math.floor(middle / t * (1 + 1e-12)) for t, k in zip(*counts)) >= count
        low, high = (low, middle) if enough else (middle, high)
    return low


def _farthest(topology: Topology, kb: float) -> float:
    """The longest of the shortest ways between two GPUs, in us, for `kb` KB (0: latencies alone)."""
    worst = 0.0
    out: dict[int, list[tuple[int, float]]] = {}
    for (a, b), path in topology.paths.items():
        out.setdefault(a, []).append((b, path.time(kb) if kb else path.latency))
    for a in range(topology.gpus):
        best, queue = {a: 0.0}, [(0.0, a)]
        while queue:
            d, x = heapq.heappop(queue)
            if d > best[x]:
                continue
            for b, took in out.get(x, ()):
                if d + took < best.get(b, math.inf):
                    best[b] = d + took
                    heapq.heappush(queue, (d + took, b))
        worst = max(worst, *best.values())
    return worst


def _sets(n: int) -> np.ndarray:
    """Proper non-empty subsets of n items as rows of booleans; for large n only small ones, runs, and complements."""
    if n <= EXACT_NODES:
        numbers = np.arange(1, 2**n - 1, dtype=np.int64)
        return (numbers[:, None] >> np.arange(n)) & 1 == 1
    eye = np.eye(n, dtype=bool)
    rows = [eye[a] | eye[b] for a in range(n) for b in range(a, n)]
    rows += [np.isin(np.arange(n), [(a + k) % n for k in range(w)]) for w in range(1, n) for a in range(n)]
    small = np.array(rows)
    every = np.unique(np.concatenate([small, ~small]), axis=0)
    return every[every.any(axis=1) & ~every.all(axis=1)]
