"""Generated cases and cases of files."""

import hashlib
import json
from functools import cache

import pytest

from sigma.aimicius.contract import SPLITS, CaseError, read_cases, verdict_of
from sigma.aimicius.infrawise import TASK, cases, phrases
from sigma.aimicius.infrawise.answer import read_dcw
from sigma.aimicius.infrawise.cases import KIN
from sigma.aimicius.infrawise.dcw import DCW
from sigma.aimicius.infrawise.names import PRECISIONS, workload_key
from sigma.aimicius.infrawise.records import fits

SIZES = {"train": 5000, "dev": 100, "test": 400}
HASHES = {
    "train": "4627e1c536a885e6875fdaaa54be8e7d08bb0b69717a5787ff8e2c8ef1c5fe50",
    "dev": "f0c9e9dccb4854016b2347ba4ec5abe7f70b5f449923a117fdbf2b14eafd5c39",
    "test": "73438fd3005ff45ecb8e402a7d85071042e5cb983d5292d518943f747ced56c9",
}


@cache
def split(name):
    return list(TASK.generate(name))


def asked(case):
    return read_dcw(json.dumps(case.fields["dcw"]) if "dcw" in case.fields else case.truth).dcw()


@pytest.mark.parametrize("name", SPLITS)
def test_size_and_content_are_the_same_on_every_machine(name):
    text = "\n".join(case.to_json() for case in split(name))
    assert len(split(name)) == SIZES[name] == len({case.id for case in split(name)})
    assert hashlib.sha256(text.encode()).hexdigest() == HASHES[name]


@pytest.mark.parametrize("name", SPLITS)
def test_every_truth_scores_in_full_by_its_own_judge(name):
    for case in split(name):
        wrong = {k: s for k, s in verdict_of(TASK, case, case.truth).scores.items() if s.value not in (None, 1.0)}
        assert not wrong, (case, wrong)


def test_what_the_prompt_says_itself_scores_nothing():
    for kind in ("dcw", "end-to-end", "retrieval"):
        case = next(case for case in split("test") if case.fields["kind"] == kind)
        text = TASK.messages(case)[-1]["content"]
        assert "[2, 5]" not in text
        for line in text.splitlines() if kind != "retrieval" else ():
            if not line.startswith('{"Design"'):
                continue
            for other in split("test"):
                parts = verdict_of(TASK, other, line).scores
                assert not sum(parts[name].value or 0 for name in ("Target", "Baseline", "Criterion", "Workload"))


def test_what_always_answering_none_scores_is_said():
    scores = [verdict_of(TASK, case, "None").scores["Bench. Accuracy"].value for case in split("test")]
    asked = [score for score in scores if score is not None]
    assert f"{100 * sum(asked) / len(asked):.1f} %" in TASK.note
    assert f"{sum(asked):.0f} of the test set's {len(asked)}" in TASK.note


def test_splits_share_no_dcw_and_no_request():
    for one, other in (("train", "dev"), ("train", "test"), ("dev", "test")):
        assert not {asked(case) for case in split(one)} & {asked(case) for case in split(other)}
        ours = {case.fields.get("intention", case.id) for case in split(one)}
        assert not ours & {case.fields.get("intention", case.id) for case in split(other)}


def all_phrases():
    yield phrases.SINGLE
    yield phrases.COMPARE
    yield phrases.PRECISION
    yield from phrases.CRITERIA.values()
    yield from (patterns for patterns, _ in phrases.WORKLOADS.values())


def test_no_phrase_stands_in_two_splits():
    for splits in all_phrases():
        texts = [text for texts in splits for text in texts]
        assert len(splits) == 3 and all(splits)
        assert len({text.casefold().strip(" .?") for text in texts}) == len(texts)


def test_contexts_have_ten_results_hard_others_and_some_without_a_fit():
    kinds, none, hard, hardest = {}, 0, 0, 0
    cases = split("test") + split("train")[:1000]
    for case in cases:
        kinds[case.fields["kind"]] = kinds.get(case.fields["kind"], 0) + 1
        if "records" not in case.fields:
            continue
        rows = case.fields["records"]
        assert [row["index"] for row in rows] == list(range(1, 11))
        assert len({json.dumps({**row, "index": 0}) for row in rows}) == 10
        dcw = asked(case)
        right = [row for row in rows if fits(row, dcw)]
        none += not right
        others = [row for row in rows if row not in right]
        same_benchmark = [r for r in others if workload_key(r["workload"])[0] == workload_key(dcw.workload)[0]]
        words = set(dcw.workload.casefold().split()) - {"training", "inference", *PRECISIONS}
        alike = [r for r in others if words & set(r["workload"].casefold().split())]
        kin = [r for r in others if KIN & words and KIN & set(r["workload"].casefold().split())]
        hardest += bool(same_benchmark)
        hard += len({r["index"] for r in same_benchmark + alike + kin}) >= 3
    with_results = len(cases) - kinds["dcw"]
    assert all(count > 0.15 * len(cases) for count in kinds.values())
    assert 0.1 < none / with_results < 0.25
    assert hard > 0.75 * with_results, "three and more that differ in one thing"
    assert hardest > 0.75 * with_results, "another precision, machine or time of the very benchmark"


def test_an_unknown_split_is_refused():
    with pytest.raises(CaseError, match="no split 'validation'"):
        list(TASK.generate("validation"))


def test_examples_are_right_small_and_not_of_the_test_split():
    examples = TASK.examples()
    assert 3 <= len(examples) <= 6
    assert {case.fields["kind"] for case in examples} == {"dcw", "retrieval", "end-to-end"}
    for case in examples:
        assert cases.split_of(asked(case)) != "test"
        assert len(TASK.messages(case)[-1]["content"]) < 4000
        assert all(score.value in (None, 1.0) for score in verdict_of(TASK, case, case.truth).scores.values())
        assert TASK.label(case) and TASK.group(case)


def test_prompts_hold_what_is_needed_and_never_the_truth():
    for case in split("test"):
        (message,) = TASK.messages(case)
        assert message["role"] == "user" and len(message["content"]) < 4000
        assert case.fields.get("intention", "") in message["content"]
        if case.fields["kind"] == "retrieval":
            assert case.fields["records"][0]["workload"] in message["content"]
        if case.fields["kind"] != "retrieval":
            assert case.truth.split("\n")[0] not in message["content"]


def test_cases_survive_a_file(tmp_path):
    cases = TASK.examples() + split("dev")[:20]
    path = tmp_path / "cases.jsonl"
    path.write_text("\n".join(case.to_json() for case in cases), "utf-8")
    for case, again in zip(cases, read_cases(TASK, path), strict=True):
        assert (again.id, again.fields, again.truth) == (case.id, case.fields, case.truth)


ROW = {"index": 1, "hardware": "A100", "sku": "NDv4", "workload": "GEMM fp16", "results": {"rate (TFLOPS)": 33.9}}
GOOD = {"id": "a", "kind": "end-to-end", "intention": "GEMM on A100?", "records": [ROW], "truth": ""}
TRUTH = DCW("A100", "", "default", "GEMM").to_json()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kind": "other"}, "kind 'other'"),
        ({"kind": 3}, "'kind' is a int"),
        ({"id": None}, "'id' is missing"),
        ({"intention": None}, "'intention' is missing"),
        ({"records": []}, "must be a list"),
        ({"records": [ROW] * 51}, "51 records"),
        ({"records": [ROW, ROW]}, "the index 1 is given twice"),
        ({"records": [3]}, "record 1 is no object"),
        ({"records": [ROW | {"index": True}]}, "'index' must be a whole number"),
        ({"records": [ROW | {"sku": None}]}, "'sku' must be a string"),
        ({"records": [ROW | {"results": []}]}, "'results' must be an object"),
        ({"records": [ROW | {"results": {"x (s)": float("nan")}}]}, "finite number"),
        ({"records": [ROW | {"results": {"x (s)": 10**400}}]}, "too large"),
        ({"truth": "A100"}, "'truth' holds no DCW"),
        ({"truth": TRUTH}, "'truth' chooses no results"),
        ({"truth": TRUTH + "\nResults: [2]"}, "'truth' names index 2"),
        ({"kind": "retrieval", "dcw": {"Target": "A100"}}, "'dcw' is no DCW"),
        ({"kind": "retrieval"}, "'dcw' is no DCW"),
    ],
)
def test_a_case_that_is_wrong_is_refused_with_the_reason(change, says):
    with pytest.raises(CaseError, match=f"line 7.*{says}"):
        TASK.case(GOOD | change, "cases.jsonl, line 7")


def test_a_prompt_of_ones_own_is_sent_as_it_is():
    case = TASK.case({"id": "mine", "prompt": "What is fast?"}, "here")
    assert TASK.messages(case) == [{"role": "user", "content": "What is fast?"}]
    assert verdict_of(TASK, case, "Results: [1]").scores["Bench. Accuracy"].value is None
