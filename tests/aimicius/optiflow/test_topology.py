"""Machines as matrices: the known ones, and what a visitor may paste."""

import json

import pytest

from sigma.aimicius.contract import CaseError
from sigma.aimicius.optiflow import TASK
from sigma.aimicius.optiflow.plans.topology import PRESETS, TopologyError, topology_from
from sigma.aimicius.optiflow.question import read_question, rows

INF = float("inf")
LATENCY = [[0, 0.5, INF], [0.5, 0, 0.5], [INF, 0.5, 0]]
BANDWIDTH = [[0, 40, 0], [40, 0, 40], [0, 40, 0]]
HUGE = 10**400


def test_the_known_machines():
    assert {name: (t.gpus, t.nodes) for name, t in PRESETS.items()} == {
        "NDv5": (8, 9),
        "NDv4": (8, 9),
        "MI300X": (8, 8),
        "DGX-1": (8, 8),
        "DGX-2": (16, 17),
        "NDv2": (8, 8),
    }
    for name, degree in {"DGX-1": 6, "NDv2": 6}.items():
        for row in PRESETS[name].bandwidth:
            assert sum(row) == degree * 25
    assert all(
        t.bandwidth[a][b] == t.bandwidth[b][a] for t in PRESETS.values() for a in range(t.nodes) for b in range(t.nodes)
    )


def changed(matrix, a, b, value):
    copy = [list(row) for row in matrix]
    copy[a][b] = value
    return copy


@pytest.mark.parametrize(
    ("latency", "bandwidth", "gpus", "reason"),
    [
        ([[0, 1]], BANDWIDTH, 3, "not square"),
        ([*LATENCY[:2], [1, 2]], BANDWIDTH, 3, "row 2 has 2 entries"),
        (LATENCY, [[0, 1], [1, 0]], 3, "3x3 and bandwidth 2x2"),
        (changed(LATENCY, 0, 1, -1), BANDWIDTH, 3, r"latency\[0\]\[1\] is negative"),
        (changed(LATENCY, 0, 1, float("nan")), BANDWIDTH, 3, r"latency\[0\]\[1\] is NaN"),
        (LATENCY, changed(BANDWIDTH, 1, 0, float("nan")), 3, r"bandwidth\[1\]\[0\] is NaN"),
        (LATENCY, changed(BANDWIDTH, 1, 0, -40), 3, "negative"),
        (LATENCY, changed(BANDWIDTH, 1, 0, INF), 3, "inf; give GB/s"),
        (LATENCY, changed(BANDWIDTH, 1, 0, 0), 3, "a link needs both"),
        (changed(LATENCY, 0, 2, 1), BANDWIDTH, 3, "a link needs both"),
        (changed(LATENCY, 0, 1, "fast"), BANDWIDTH, 3, "'fast', not a number"),
        (changed(LATENCY, 0, 1, None), BANDWIDTH, 3, "not a number"),
        (changed(LATENCY, 0, 1, True), BANDWIDTH, 3, "not a number"),
        (changed(LATENCY, 0, 1, HUGE), BANDWIDTH, 3, "too large"),
        (changed(LATENCY, 0, 1, 1e300), BANDWIDTH, 3, "between"),
        (LATENCY, BANDWIDTH, 4, "4 GPUs in matrices of 3 nodes"),
        (LATENCY, BANDWIDTH, 1, "1 GPUs"),
        (LATENCY, BANDWIDTH, "3", "not a whole number"),
        (LATENCY, BANDWIDTH, True, "not a whole number"),
        (None, BANDWIDTH, 3, "latency is not a list"),
        (LATENCY, "0 1", 3, "bandwidth is not a list"),
        ([[]], BANDWIDTH, 3, "not square"),
        ([], BANDWIDTH, 3, "not a list of rows"),
        ([1, 2, 3], BANDWIDTH, 3, "row 0 of latency is not a list"),
        ([[0.0] * 41] * 41, BANDWIDTH, 3, "41 rows"),
        ([[0, 1, INF], [1, 0, INF], [INF, INF, 0]], [[0, 1, 0], [1, 0, 0], [0, 0, 0]], 3, "GPU 2 cannot be reached"),
        ([[0, 1], [INF, 0]], [[0, 1], [0, 0]], 2, "GPU 0 cannot be reached from GPU 1"),
    ],
)
def test_matrices_that_describe_no_machine(latency, bandwidth, gpus, reason):
    with pytest.raises(TopologyError, match=reason):
        topology_from(latency, bandwidth, gpus)
    with pytest.raises(CaseError, match="line 3"):
        TASK.case({"id": "x", "gpus": gpus, "latency": latency, "bandwidth": bandwidth, "size": 1}, "line 3")


@pytest.mark.parametrize(
    "text",
    [
        "0 0.5 inf\n0.5 0 0.5\ninf 0.5 0",
        "0, 0.5, inf\n0.5, 0, 0.5\ninf, 0.5, 0\n",
        "[[0, 0.5, inf], [0.5, 0, 0.5], [inf, 0.5, 0]]",
        "[\n [0, 0.5, inf],\n [0.5, 0, 0.5],\n [inf, 0.5, 0]\n]",
        '[[0, 0.5, "inf"], [0.5, 0, 0.5], ["inf", 0.5, 0]]',
        json.dumps(LATENCY),
    ],
)
def test_matrices_may_be_pasted_as_text(text):
    fields = {"gpus": 3, "latency": text, "bandwidth": BANDWIDTH, "size": 10}
    assert read_question(fields).topology.latency == ((0, 0.5, INF), (0.5, 0, 0.5), (INF, 0.5, 0))


@pytest.mark.parametrize(
    "text", ["", "\n", "a b\nc d", "0 1\n1", "0 nan\nnan 0", "0 -1\n-1 0", "<script>", "\0", "1e999 " * 9]
)
def test_pasted_nonsense_gets_a_reason(text):
    with pytest.raises(CaseError):
        TASK.case({"id": "x", "gpus": 2, "latency": text, "bandwidth": text, "size": 1}, "fields")


def test_what_is_shown_can_be_pasted_back():
    for t in PRESETS.values():
        q = read_question({"gpus": t.gpus, "latency": rows(t.latency), "bandwidth": rows(t.bandwidth), "size": 1})
        assert (q.topology.latency, q.topology.bandwidth) == (t.latency, t.bandwidth)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "'topology'"),
        ({"topology": "NDv9", "size": 1}, "NDv9"),
        ({"topology": 5, "size": 1}, "not a string"),
        ({"topology": "NDv5"}, "'size'"),
        ({"topology": "NDv5", "size": -1}, "'size'"),
        ({"topology": "NDv5", "size": float("nan")}, "'size'"),
        ({"topology": "NDv5", "size": True}, "'size'"),
        ({"topology": "NDv5", "size": "140"}, "'size'"),
        ({"topology": "NDv5", "size": 1, "chunks": 0}, "'chunks'"),
        ({"topology": "NDv5", "size": 1, "chunks": 1.5}, "'chunks'"),
        ({"topology": "DGX-2", "size": 1, "chunks": 64}, "at most 10,000"),
        ({"topology": "NDv5", "size": 1, "gpus": 4}, "8 GPUs"),
        ({"topology": "NDv5", "size": 1, "question": ["x"]}, "'question'"),
        ({"topology": "NDv5", "size": 1, "prompt": "x" * 30_000}, "30,000 characters"),
        ({"topology": "NDv5", "size": 1, "previous": "slow"}, "'previous'"),
        ({"topology": "NDv5", "size": 1, "previous": {"latency_us": 3}}, "'program'"),
        ({"topology": "NDv5", "size": 1, "previous": {"program": "x"}}, "'latency_us'"),
        ({"topology": "NDv5", "size": 1, "previous": {"program": "x", "latency_us": -1}}, "'latency_us'"),
        ({"topology": "NDv5", "size": 1, "previous": {"plan": "nothing"}}, "no transfer"),
        ({"topology": "NDv5", "size": 1, "previous": {"plan": "D(0, 0): G(0) => G(1)"}}, "not valid"),
    ],
)
def test_a_wrong_field_is_named(fields, reason):
    with pytest.raises(CaseError, match=reason):
        TASK.case({"id": "x", **fields}, "fields")
