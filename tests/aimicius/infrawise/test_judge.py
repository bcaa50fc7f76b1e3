"""Verdicts: the truth in full, near misses in the one metric that they miss, anything else without a crash."""

import json
import random
import string

import pytest

from sigma.aimicius.contract import MAX_ANSWER, Case, Verdict, verdict_of
from sigma.aimicius.infrawise import TASK, dcw
from sigma.aimicius.infrawise.judge import ACCURACY, NAMES, RECALL

DCW = dcw.DCW("NDmv4", "NDv4", "within 250 ms", "BERT-large training fp16")
ROWS = [
    {"index": 1, "hardware": "A100", "sku": "NDmv4", "workload": "BERT-large training fp16", "results": {"step time (ms)": 201.27}},
    {"index": 2, "hardware": "A100", "sku": "NDmv4", "workload": "BERT-large training fp32", "results": {"step time (ms)": 293.92}},
    {"index": 3, "hardware": "A100", "sku": "NDv4", "workload": "BERT-large training fp16", "results": {"step time (ms)": 206.81}},
    {"index": 4, "hardware": "V100", "sku": "", "workload": "BERT-large training fp16", "results": {"step time (ms)": 303.15}},
]  # fmt: skip
CASE = Case(
    "both",
    {"kind": "end-to-end", "intention": "...", "records": ROWS},
    f"{DCW.to_json()}\nResults: [1, 3]",
)
NONE = Case("none", {"kind": "retrieval", "dcw": DCW.to_dict(), "records": ROWS[3:]}, "None")


def values(case, answer):
    return {name: score.value for name, score in verdict_of(TASK, case, answer).scores.items()}


def written(**parts):
    return dcw.DCW(
        **({"target": "NDmv4", "baseline": "NDv4", "criterion": "within 250 ms", "workload": DCW.workload} | parts)
    ).to_json()


def test_the_truth_scores_in_full_and_every_score_has_a_reason():
    verdict = verdict_of(TASK, CASE, CASE.truth)
    assert list(verdict.scores) == [metric.name for metric in TASK.metrics] == list(NAMES)
    assert all(score.value == 1 and score.reason for score in verdict.scores.values())
    assert [part.state for part in verdict.parts] == ["good", "good", "good"]
    json.dumps(verdict.to_dict())


def test_other_spellings_of_the_truth_score_in_full():
    answer = '```json\n{"Workload": "half-precision Bert-Large training", "Criterion": "results within 0.25 s", "Design": {"Baseline": "ND A100 v4", "Target": "NDm A100 v4"}}\n```\nIndexes: 3 and 1'
    assert set(values(CASE, answer).values()) == {1.0}


@pytest.mark.parametrize(
    ("changed", "missed"),
    [
        ({"target": "NDv4"}, {"Target"}),
        ({"target": "A100"}, {"Target"}),
        ({"baseline": "NDv5"}, {"Baseline"}),
        ({"baseline": ""}, {"Baseline"}),
        ({"target": "NDv4", "baseline": "NDmv4"}, {"Target", "Baseline"}),
        ({"criterion": "within 250 s"}, {"Criterion"}),
        ({"criterion": "within 251 ms"}, {"Criterion"}),
        ({"criterion": "default"}, {"Criterion"}),
        ({"workload": "BERT-large training fp32"}, {"Workload"}),
        ({"workload": "BERT-large training"}, {"Workload"}),
        ({"workload": "BERT-base training fp16"}, {"Workload"}),
    ],
)
def test_a_near_miss_of_a_part_costs_that_part_and_the_whole(changed, missed):
    scores = values(CASE, f"{written(**changed)}\nResults: [1, 3]")
    assert {name for name, value in scores.items() if value == 0} == missed | {"DCW"}


@pytest.mark.parametrize(
    ("choice", "recall", "accuracy"),
    [
        ("[1, 3]", 1, 1),
        ("3, 1, 3", 1, 1),
        ("[1]", 0, 0),
        ("[1, 2, 3]", 1, 0),
        ("[1, 3, 99]", 1, 0),
        ("[2, 4]", 0, 0),
        ("None", 0, 0),
        ("[]", 0, 0),
        ("I cannot say", 0, 0),
    ],
)
def test_recall_and_accuracy_of_a_choice(choice, recall, accuracy):
    scores = values(CASE, f"{DCW.to_json()}\nResults: {choice}")
    assert (scores[RECALL], scores[ACCURACY]) == (recall, accuracy)


@pytest.mark.parametrize(("answer", "score"), [("None", 1), ("[]", 1), ("[4]", 0), ("", 0), ("all of them", 0)])
def test_where_nothing_fits_only_none_is_right(answer, score):
    scores = values(NONE, answer)
    assert scores[RECALL] == scores[ACCURACY] == score
    assert all(scores[name] is None for name in ("Target", "Baseline", "Criterion", "Workload", "DCW"))


def test_a_case_of_dcw_generation_has_no_retrieval_scores():
    case = Case("dcw", {"kind": "dcw", "intention": "..."}, DCW.to_json())
    scores = values(case, DCW.to_json())
    assert scores["DCW"] == 1 and scores[RECALL] is None and scores[ACCURACY] is None


def test_an_answer_without_a_dcw_may_still_choose_right():
    scores = values(CASE, "Results: [1, 3]")
    assert scores["DCW"] == 0 and scores[ACCURACY] == 1


def test_without_a_truth_the_answer_is_read_and_the_rule_applied():
    case = Case("own", {**CASE.fields}, "")
    verdict = verdict_of(TASK, case, CASE.truth)
    assert all(score.value is None for score in verdict.scores.values())
    assert verdict.parts[-1].text.endswith("what fits this DCW is: 1, 3.")
    assert all(score.value is None for score in verdict_of(TASK, case, "nothing").scores.values())


@pytest.mark.parametrize(
    "part, value, known",
    [("target", "ND H100 v5", True), ("target", "H900", False), ("target", "", False), ("baseline", "", True), ("baseline", "TPU", False),
     ("criterion", "peak performance", True), ("criterion", "within 3 parsecs", False), ("criterion", "within 200 ms", True),
     ("workload", "NCCL all-reduce", True), ("workload", "making coffee", False)],
)  # fmt: skip
def test_without_a_truth_it_says_which_names_are_known(part, value, known):
    case = TASK.case({"id": "own", "kind": "dcw", "intention": "What is measured?"}, "test")
    parts = {"target": "H100", "baseline": "", "criterion": "default", "workload": "NCCL allreduce", part: value}
    judged = [one for one in TASK.judge(case, dcw.DCW(**parts).to_json()) if getattr(one, "name", "") == "DCW"]
    (cell,) = [cell for cell in judged[0].view["cells"] if cell["name"] == part.capitalize()]
    assert cell["state"] == "neutral" and cell["reason"].endswith(
        "; a name known here" if known else "; no name that is known here"
    )


def test_a_long_answer_is_cut_and_says_so():
    verdict = verdict_of(TASK, CASE, CASE.truth + " " * 1_000_000)
    assert verdict.parts[0].state == "neutral" and f"{MAX_ANSWER:,}" in verdict.parts[0].text
    assert verdict.scores[ACCURACY].value == 1
    assert verdict_of(TASK, CASE, "x" * 1_000_000 + CASE.truth).scores[ACCURACY].value == 0


def test_the_chart_shows_the_chosen_results_with_their_unit():
    view = verdict_of(TASK, CASE, f"{DCW.to_json()}\nResults: [1, 4]").parts[-1].view
    assert [view["chart"][key] for key in ("name", "unit", "of")] == ["step time", "ms", "the chosen results"]
    unchosen = verdict_of(TASK, CASE, "?").parts[-1].view["chart"]
    assert unchosen["of"] == "the results that fit" and len(unchosen["bars"]) == 2
    assert [(bar["value"], bar["fits"]) for bar in view["chart"]["bars"]] == [(201.27, True), (303.15, False)]
    assert [(row["chosen"], row["fits"]) for row in view["records"]] == [
        (True, True),
        (False, False),
        (False, True),
        (True, False),
    ]


PIECES = ["{", "}", "[", "]", '"', ":", ",", "None", "Results:", "Design", "Target", '"Baseline": ""', "\\ud800", "\x00", "```", "1", "3", "within 250 ms", "\n", "NaN", "null", "é", "NDv4"]  # fmt: skip


def mutated(rng, text):
    """A truth after one to six random changes, or random text."""
    if rng.random() < 0.1:
        return "".join(rng.choice(string.printable + "\ud800é\u202e") for _ in range(rng.randrange(200)))
    for _ in range(rng.randint(1, 6)):
        at, to = sorted(rng.randrange(len(text) + 1) for _ in range(2))
        to = min(to, at + 12)
        text = rng.choice(
            (
                text[:at] + text[to:],
                text[:at] + rng.choice(PIECES) + text[at:],
                text[:to] + text[at:to] + text[to:],
                text[:at] + text[at:to][::-1] + text[to:],
                text[:at] + text[at:to].swapcase() + text[to:],
            )
        )
    return text


def test_ten_thousand_mutated_answers():
    rng = random.Random(20250)
    cases = [*TASK.examples(), CASE, NONE, Case("own", CASE.fields, "")]
    full = 0
    for number in range(10_000):
        case = cases[number % len(cases)]
        best = values(case, case.truth) if case.truth else {}
        *_, verdict = TASK.judge(case, mutated(rng, case.truth or CASE.truth))
        assert isinstance(verdict, Verdict) and list(verdict.scores) == list(NAMES)
        for name, score in verdict.scores.items():
            assert score.reason
            assert (score.value is None) == (best.get(name) is None)
            assert score.value is None or (score.value in (0.0, 1.0) and score.value <= best[name])
        json.dumps(verdict.to_dict(), ensure_ascii=False).encode("utf-8")
        full += all(score.value in (None, 1.0) for score in verdict.scores.values()) and bool(case.truth)
    assert 0 < full < 5000, "some changes keep the meaning (spaces, case), most do not"
