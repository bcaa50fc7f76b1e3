"""Published optima: ForestColl's bandwidths, SCCL's triples; and that no plan beats the bounds."""

import random

import pytest

from sigma.aimicius.optiflow.cases import irregular, machine_of
from sigma.aimicius.optiflow.plans.bounds import lower_bounds
from sigma.aimicius.optiflow.plans.plan import check_plan
from sigma.aimicius.optiflow.plans.schedules import list_schedule, reference_plan
from sigma.aimicius.optiflow.plans.simulate import simulate
from sigma.aimicius.optiflow.plans.topology import DGX1_LINKS, PRESETS, Topology, meshed
from tests.aimicius.optiflow import sccl
from tests.aimicius.optiflow.forestcoll import algorithm_bandwidth

FORESTCOLL = {"NDv5": 514.29, "NDv4": 342.86, "MI300X": 512.0, "DGX-1": 171.43, "DGX-2": 133.33}


@pytest.mark.parametrize(("name", "bandwidth"), FORESTCOLL.items())
def test_forestcolls_optimal_bandwidths(name, bandwidth):
    assert algorithm_bandwidth(PRESETS[name]) == pytest.approx(bandwidth, rel=1e-3)


@pytest.mark.parametrize("name", PRESETS)
def test_for_large_data_our_bound_is_forestcolls_optimum(name):
    topology, size = PRESETS[name], 1e8
    bound = lower_bounds(topology, size, 1).any_chunks
    assert topology.gpus * size / bound == pytest.approx(algorithm_bandwidth(topology), rel=1e-3)


def test_the_bound_of_the_papers_example_is_path_latency_plus_the_data():
    bounds = lower_bounds(PRESETS["NDv5"], 140, 2)
    assert bounds.any_chunks == pytest.approx(0.4 + 7 / 8 * (8 * 140) / 450)
    assert bounds.chunks == pytest.approx(14 * (0.4 + 70 / 450))


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize(("size", "chunks"), [(140, 1), (140, 2), (5000, 3), (20000, 6)])
def test_reference_plans_are_valid_and_near_the_bound(name, size, chunks):
    topology = PRESETS[name]
    plan, latency = reference_plan(topology, size, chunks)
    assert check_plan(plan, topology, chunks).valid
    far = latency / lower_bounds(topology, size, chunks).chunks
    # Switches and full meshes are scheduled optimally; the DGX-1's hybrid mesh within a quarter.
    assert 1 - 1e-9 <= far <= (1 + 1e-9 if name not in ("DGX-1", "NDv2") else 1.25)


@pytest.mark.parametrize("kind", ["switch", "mesh", "ring", "one way", "irregular"])
def test_no_schedule_beats_the_bounds_on_random_machines(kind):
    rng = random.Random(kind)
    for _ in range(12):
        n, chunks, size = rng.randint(4, 8), rng.randint(1, 4), rng.choice((10, 300, 9000))
        t = machine_of(rng, kind, n, [20, 50, 300], [0.1, 1.5])
        plan = list_schedule(t, chunks, size / chunks)
        check = check_plan(plan, t, chunks)
        assert check.valid and not check.warnings
        bounds = lower_bounds(t, size, chunks)
        assert (
            simulate(check.plan, t, size / chunks).latency
            >= bounds.chunks * (1 - 1e-9)
            >= bounds.any_chunks * (1 - 2e-9)
        )


def test_an_uneven_switch_is_not_overestimated():
    # One GPU's way out is four times as quick: it may send for the others, and the bound has to allow for that.
    base = PRESETS["NDv5"]
    rows = [list(r) for r in base.bandwidth]
    rows[0][8] = 1800.0
    t = Topology("uneven", 8, base.latency, tuple(map(tuple, rows)))
    bounds = lower_bounds(t, 140, 2)
    assert bounds.any_chunks < lower_bounds(base, 140, 2).any_chunks * 1.0001
    assert reference_plan(t, 140, 2)[1] >= bounds.chunks * (1 - 1e-9)


def test_large_machines_get_a_bound_too():
    ring = meshed("ring", [[int((b - a) % 20 in (1, 19)) for b in range(20)] for a in range(20)], 1, 10)
    assert lower_bounds(ring, 100, 1).any_chunks == pytest.approx(1 + 19 * 100 / 20, rel=1e-9)
    with pytest.raises(ValueError, match="20 nodes"):
        algorithm_bandwidth(ring)


@pytest.mark.parametrize("triple", [(1, 2, 2), (2, 2, 3), (2, 3, 3), (6, 3, 7)])
def test_sccl_triples_that_exist_on_a_dgx1(triple):
    pytest.importorskip("ortools")
    answer = sccl.solve(DGX1_LINKS, *triple)
    assert answer.satisfiable
    chunks, steps, rounds = triple
    assert len(answer.plan.rounds) == steps and sum(answer.rounds) == rounds
    check = check_plan(answer.plan, PRESETS["DGX-1"], chunks)
    assert check.valid and not check.warnings
    for transfers, r in zip(answer.plan.rounds, answer.rounds):
        for a in range(8):
            for b in range(8):
                assert sum((t.sender, t.receiver) == (a, b) for t in transfers) <= DGX1_LINKS[a][b] * r


@pytest.mark.parametrize("triple", [(1, 1, 1), (3, 2, 4), (6, 2, 7), (1, 3, 2)])
def test_sccl_triples_that_do_not_exist_on_a_dgx1(triple):
    pytest.importorskip("ortools")
    assert sccl.solve(DGX1_LINKS, *triple).satisfiable is False


def test_sccl_refuses_senseless_counts():
    with pytest.raises(ValueError, match="at least 1"):
        sccl.solve(DGX1_LINKS, 0, 1, 1)


def test_irregular_machines_differ_and_hold_together():
    rng = random.Random(3)
    assert len({irregular(rng, 8, 1.0, 10.0).bandwidth for _ in range(20)}) > 10
