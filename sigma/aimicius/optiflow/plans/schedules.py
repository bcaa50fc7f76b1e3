"""Reference plans: a good schedule for any topology, to tell how far a plan is from what can be done.

Two are tried, and the quicker one is kept: every GPU sends all of its data itself, taking turns over the receivers
(optimal on a switch and on a full mesh of like links); and list scheduling, which always gives the port that is free
next the chunk that the fewest GPUs hold. `sccl` finds optimal step counts where a solver is at hand.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from functools import lru_cache

from sigma.aimicius.optiflow.plans.plan import Plan, Transfer, check_plan
from sigma.aimicius.optiflow.plans.simulate import simulate
from sigma.aimicius.optiflow.plans.topology import Topology

LIST_WORK = 10_000  # transfers times receivers of a port


def rotation(topology: Topology, chunks: int) -> Plan | None:
    """Everybody sends to the next, then to the one after, ...; None where some pair of GPUs has no path."""
    n = topology.gpus
    if len(topology.paths) < n * (n - 1):
        return None
    sends = [Transfer(g, c, g, (g + r) % n) for r in range(1, n) for g in range(n) for c in range(chunks)]
    return Plan((tuple(sends),), grouped=False)


def list_schedule(topology: Topology, chunks: int, chunk_kb: float) -> Plan:
    """Greedy in time: a free port sends what its receivers lack, the rarest chunk first, by the quickest of its paths.

    Transfers are listed in the order in which they start, so the plan costs what the schedule took.
    """
    n = topology.gpus
    targets: dict[tuple[int, int], list[tuple[float, int]]] = defaultdict(list)
    for (_, b), path in topology.paths.items():
        targets[path.port].append((path.time(chunk_kb), b))
    data = [(s, c) for s in range(n) for c in range(chunks)]
    holders = dict.fromkeys(data, 1)  # GPUs that hold it or are about to
    held = [{(g, c) for c in range(chunks)} for g in range(n)]
    coming = [set(h) for h in held]
    idle, events, sends = set(targets), [], []
    clock, left = 0.0, n * (n - 1) * chunks
    while left:
        for port in sorted(idle):
            best = None
            for took, b in sorted(targets[port]):
                # On a switch, take turns: the receiver with the least under way, then the next in the ring.
                turn = (len(coming[b]), took, (b - port[0]) % n)
                for d in held[port[0]] - coming[b]:
                    key = (holders[d], turn, (d[0] - port[0]) % n, d[1])
                    if best is None or key < best[0]:
                        best = (key, took, b, d)
            if best is None:
                continue
            _, took, b, d = best
            idle.discard(port)
            coming[b].add(d)
            holders[d] += 1
            left -= 1
            sends.append(Transfer(*d, port[0], b))
            heapq.heappush(events, (clock + took, port, b, d))
        if not events:
            break
        clock = events[0][0]
        while events and events[0][0] <= clock:
            _, port, b, d = heapq.heappop(events)
            held[b].add(d)
            idle.add(port)
    return Plan((tuple(sends),), grouped=False)


@lru_cache(maxsize=256)
def reference_plan(topology: Topology, size_kb: float, chunks: int) -> tuple[Plan, float]:
    """The best plan found and its latency in us. List scheduling is left out where it would take over a second."""
    chunk_kb = size_kb / chunks
    turns = rotation(topology, chunks)
    plans = [] if turns is None else [turns]
    if turns is None or len(turns) * len(topology.paths) <= LIST_WORK * len({p.port for p in topology.paths.values()}):
        plans.append(list_schedule(topology, chunks, chunk_kb))
    timed = [
        (simulate(p, topology, chunk_kb).latency, k)
        for k, p in enumerate(plans)
        if check_plan(p, topology, chunks).valid
    ]
    latency, k = min(timed)
    return plans[k], latency
