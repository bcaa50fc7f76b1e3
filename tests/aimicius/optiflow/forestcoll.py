"""ForestColl's optimum (arXiv 2402.06787), written for itself: what our bounds are held against."""

import numpy as np

from sigma.aimicius.optiflow.plans.bounds import EXACT_NODES, _sets
from sigma.aimicius.optiflow.plans.topology import Topology


def algorithm_bandwidth(topology: Topology) -> float:
    """ForestColl's optimal all-gather bandwidth in GB/s: (total data) / (optimal time), from the worst cut of all nodes.

    Exact up to EXACT_NODES nodes. Raises ValueError beyond.
    """
    n = topology.nodes
    if n > EXACT_NODES:
        raise ValueError(f"the exact optimum tries every set of nodes; {n} nodes are more than {EXACT_NODES}")
    members = _sets(n)
    width = np.array(topology.bandwidth)
    leaving = np.zeros(len(members))
    for a, b in topology.links:
        leaving += width[a, b] * (members[:, a] & ~members[:, b])
    inside = members[:, : topology.gpus].sum(axis=1)
    open_sets = (inside > 0) & (inside < topology.gpus)
    time = inside[open_sets] / leaving[open_sets]
    return float(topology.gpus / time.max())
