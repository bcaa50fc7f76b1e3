"""Faults of a DCW that show without a truth, and the further tries that they lead to."""

import json
from fractions import Fraction

import pytest

from sigma.aimicius import load_task
from sigma.aimicius.contract import verdict_of
from sigma.aimicius.evaluate import ask, load_cases
from sigma.aimicius.infrawise.answer import read_dcw
from sigma.aimicius.infrawise.dcw import DCW
from sigma.aimicius.infrawise.faults import designs, faults, limits, precisions
from sigma.aimicius.tries import BEST
from tests.aimicius.test_asking import Scripted

TASK = load_task("infrawise")
REQUEST = "Compare NDmv4 with ND A100 v4 on BERT-large training in half precision, within 200 ms."
RIGHT = DCW("NDmv4", "NDv4", "within 200 ms", "BERT-large training fp16").to_json()
WRONG = DCW("NDmv4", "H100", "within 200 ms", "BERT-large training fp16").to_json()


@pytest.mark.parametrize(
    "request_, found",
    [
        (REQUEST, ["NDmv4", "NDv4"]),
        ("a100-sxm4-80gb or the Standard_ND96isr_H100_v5?", ["A100", "NDv5"]),
        ("OCI BM.GPU.MI300X.8 beside MI300X nodes and NDv4-based ones", ["OCI BM.GPU.MI300X.8", "MI300x", "NDv4"]),
        ("our old cluster, GPUs and machines", []),
        ("", []),
    ],
)
def test_designs_are_read_by_their_longest_names(request_, found):
    assert designs(request_) == found


def test_limits_and_precisions_are_read():
    assert limits("under 0.2 s, not 1,500ms; 3 nodes, 80 GB, 8xA100") == {Fraction(1, 5), Fraction(3, 2)}
    assert precisions("half-precision, FP 16 and bf16; half of it, every single run") == {"fp16", "bf16"}


def test_what_is_wrong_is_said():
    assert (
        faults(REQUEST, RIGHT) == [] == faults("NDv4 with its A100: HPL", DCW("NDv4", "", "default", "HPL").to_json())
    )
    assert faults(REQUEST, WRONG) == ["has H100, which is not asked about", "leaves out NDv4"]
    same = DCW("NDmv4", "NDmv4", "default", "BERT-large training").to_json()
    assert faults(REQUEST, same) == [
        "compares NDmv4 with itself",
        "leaves out NDv4",
        "leaves out the limit",
        "leaves out fp16",
    ]
    other = DCW("", "NDv4", "within 20 ms", "BERT-large training fp32").to_json()
    assert faults(REQUEST, other) == [
        "has no target", "leaves out NDmv4", "has a limit that is not asked for", "has fp32, which is not asked for"
    ]  # fmt: skip
    assert len(faults(REQUEST, "I cannot.")) == 4
    for odd in ("\0", "9" * 10_000 + " ms", "{" * 5000, "within 1,000,000,000 h"):
        assert isinstance(faults(odd, odd), list)


def test_hardly_a_right_dcw_looks_faulty():
    cases = [*load_cases(TASK, None, "dev", 100), *load_cases(TASK, None, "train", 300)]
    cases = [case for case in cases if case.fields["kind"] != "retrieval"]
    alarms = [case for case in cases if faults(case.fields["intention"], case.truth)]
    assert len(alarms) <= 0.03 * len(cases), [(case.fields["intention"], case.truth) for case in alarms[:5]]


def case_of(kind):
    return next(case for case in TASK.examples() if case.fields["kind"] == kind)


def tried(case, answers, tries=None, budget=None):
    """(the whole answer, how each prompt was asked): the engine's answers in turn."""
    left = iter(answers)
    engine = Scripted(lambda side, prompt: next(left))
    *_, answer = ask(engine, "sigma", TASK, case, 0, budget, tries=tries)
    return answer, [request.sampling for request in engine.requests]


def test_a_dcw_is_tried_again_and_the_results_follow_the_one_that_counts():
    case = case_of("end-to-end")
    wrong = DCW("H200", "", "default", "HPL").to_json()
    right = case.truth.split("\n")[0]
    records = [said for _, said in list(TASK.lessons(case))[1:]]
    answer, asked = tried(case, [wrong, right, *records])
    assert [s.seed for s in asked[:3]] == [None, 1, None] and len(asked) == 2 + len(records)
    assert "# another try: it has H200, which is not asked about" in answer.text
    assert all(
        score.value == 1 for score in verdict_of(TASK, case, answer.text).scores.values() if score.value is not None
    )
    assert "of several tries" in verdict_of(TASK, case, answer.text).parts[0].text
    # An earlier try that counts is restated before the first result.
    answer, asked = tried(case, [right.replace("default", "within 5 ms"), "nothing", "nothing", wrong, *records])
    assert len(asked) == 4 + len(records) and f"\n{BEST}\n" in answer.text and answer.finish == "stop"
    assert read_dcw(answer.text).parts["Target"] == json.loads(right)["Design"]["Target"]
    assert "Results:" in answer.text.rpartition(BEST)[2]


def test_without_room_for_a_try_the_results_follow_all_the_same():
    case = case_of("end-to-end")
    wrong = DCW("H200", "", "default", "HPL").to_json()
    answer, asked = tried(case, [wrong, *["H200: no"] * 50], budget=100)
    assert asked[1].seed is None and "another try" not in answer.text


def test_a_dcw_alone_ends_with_the_try_that_counts():
    case = case_of("dcw")
    wrong = DCW("H200", "", "default", "HPL").to_json()
    answer, asked = tried(case, [wrong, case.truth])
    assert len(asked) == 2 and verdict_of(TASK, case, answer.text).scores["DCW"].value == 1
    answer, asked = tried(case, [wrong], tries=1)
    assert len(asked) == 1 and answer.text == wrong
    answer, _ = tried(case, [wrong, "no", "no", "no"])
    assert answer.text.endswith(f"{BEST}\n{wrong}") and verdict_of(TASK, case, answer.text).scores["DCW"].value == 0
