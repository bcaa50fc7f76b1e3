"""Commands that mean the same score Success, others do not: the hand-checked table of pairs.py."""

import json

import pytest

from sigma.aimicius.cmdgen import TASK
from sigma.aimicius.cmdgen.command import read
from sigma.aimicius.cmdgen.grammar.meaning import difference
from sigma.aimicius.contract import Case, verdict_of
from tests.aimicius.cmdgen.pairs import rows

ROWS = list(rows())
SYSTEM = {"NVIDIA": "8xH100", "AMD": "8xMI300X"}


@pytest.fixture(autouse=True)
def no_encoder(without_encoder):
    """Meaning needs no similarity."""


def test_the_table_is_large_and_has_both_kinds():
    assert len(ROWS) >= 150
    assert len(set(ROWS)) == len(ROWS)
    assert sum(same for *_, same, _ in ROWS) >= 60
    assert sum(not same for *_, same, _ in ROWS) >= 60


@pytest.mark.parametrize("vendor,first,same,second", ROWS, ids=[f"{a} {'=' if s else '!'} {b}" for _, a, s, b in ROWS])
def test_pair(vendor, first, same, second):
    for truth, answer in ((first, second), (second, first)):
        case = Case("x", {"prompt": "?", "vendor": vendor, "system": SYSTEM[vendor], "tool": ""}, truth)
        assert read(truth, vendor).error is None, read(truth, vendor).error
        verdict = verdict_of(TASK, case, answer)
        success = verdict.scores["Success Ratio"]
        assert success.value == float(same), (truth, answer, success.reason)
        assert verdict.scores["Accuracy"].value == float(same)


def test_difference_names_every_option_once():
    truth = read("nvidia-smi pmon -i 0 -d 4 -c 10 -f /tmp/a.txt", "NVIDIA").meaning
    answer = read("nvidia-smi pmon --id=0 -d 5 -c 10 -s um", "NVIDIA").meaning
    states = {row["name"]: row["state"] for row in difference(truth, answer)}
    assert states == {
        "tool": "same",
        "id": "same",
        "delay": "other value",
        "count": "same",
        "filename": "missing",
        "select": "extra",
    }


def test_a_key_is_the_facts_alone():
    one = read("NCCL_DEBUG=INFO all_reduce_perf -b 8 -e 1M -f 2", "NVIDIA").meaning
    other = read("NCCL_DEBUG=info ./all_reduce_perf -f2 -b8 -e1048576", "NVIDIA").meaning
    assert one.key == other.key
    assert json.loads(one.key)["environment NCCL_DEBUG"] == "INFO"
