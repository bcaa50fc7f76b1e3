"""Infrawise's lessons: the judge gives the answers full marks, every name of the task is covered, nothing of another split comes up."""

import json
import random
from collections import Counter
from itertools import groupby

import pytest

from sigma.aimicius.contract import verdict_of
from sigma.aimicius.infrawise import TASK, names
from sigma.aimicius.infrawise.answer import read_dcw
from sigma.aimicius.infrawise.cases import split_of
from sigma.aimicius.infrawise.choice import read_choice
from sigma.aimicius.infrawise.dcw import DCW
from sigma.aimicius.infrawise.phrases import WORKLOADS as TASKS_WORKLOADS
from sigma.aimicius.infrawise.records import fits
from sigma.training.lessons import lessons
from sigma.training.lessons.infrawise import CONTEXTS, DCWS, QUESTIONS, RETRIEVAL_FIRST, SIZES, questions
from sigma.training.lessons.infrawise_asks import UNITS, WORDED, spoken_limit, word
from sigma.training.lessons.infrawise_contexts import asked, context, measured
from sigma.training.lessons.infrawise_names import AMD, DESIGNS, PRECISIONS, WORKLOADS, spoken_workload
from sigma.training.lessons.infrawise_worked import line, worked


@pytest.fixture(scope="module")
def every():
    return list(questions(5))


def dcw_of(case):
    text = json.dumps(case.fields["dcw"]) if "dcw" in case.fields else case.truth
    return read_dcw(text).dcw()


def chosen(case):
    return read_choice(case.truth.rpartition("\n")[2]).chosen


def contexts(every):
    """The lessons of each list of records, in their order."""
    with_records = [case for case, _ in every if "records" in case.fields]
    return [[*group] for _, group in groupby(with_records, lambda case: case.fields["records"])]


def test_the_judge_gives_every_answer_full_marks(every):
    for case, _ in every:
        scores = verdict_of(TASK, case, case.truth).scores
        assert {score.value for score in scores.values()} <= {1.0, None}, (case, scores)
        assert any(score.value == 1.0 for score in scores.values())


def test_the_task_reads_every_case(every):
    for case, _ in every[::12]:
        row = {"id": case.id, **case.fields, "truth": case.truth}
        assert TASK.case(row, "a lesson").fields == case.fields


def test_there_are_as_many_as_it_says_and_none_twice(every):
    assert Counter(case.fields["kind"] for case, _ in every)["dcw"] == DCWS
    assert Counter(group[0].fields["kind"] for group in contexts(every)) == CONTEXTS
    assert len({json.dumps(case.fields, sort_keys=True) for case, _ in every}) == len(every)


def test_the_same_seed_gives_the_same_lessons(every):
    again = lessons("infrawise", 5)
    for (case, topic), one in zip(every[:200], again):
        assert (one.answer, one.topic) == (case.truth, topic)
        assert list(one.messages) == TASK.messages(case)
    other = [one.messages for _, one in zip(range(20), lessons("infrawise", 6))]
    assert other != [tuple(TASK.messages(case)) for case, _ in every[:20]]


def test_no_dcw_of_another_split_is_asked_for(every):
    for case, _ in every:
        asked = dcw_of(case)
        plain = DCW(
            names.design(asked.target), names.design(asked.baseline), asked.criterion, asked.workload
        )  # a given DCW may be spelt otherwise
        if case.fields["kind"] != "retrieval" or plain.workload in TASKS_WORKLOADS:
            assert split_of(plain) == "train", plain


def test_every_name_of_the_task_is_asked_for(every):
    answers = [dcw_of(case) for case, _ in every if case.fields["kind"] != "retrieval"]
    assert {a.target for a in answers} == {*names.DESIGNS} == {*DESIGNS}
    assert {a.baseline for a in answers} == {*names.DESIGNS, ""}
    assert {*TASKS_WORKLOADS} == {*WORKLOADS}
    asked = {a.workload for a in answers}
    assert all(any(w.startswith(name) for w in asked) for name in WORKLOADS)
    assert {p for p in PRECISIONS if any(w.endswith(f" {p}") for w in asked)} == {*names.PRECISIONS}


def test_a_few_hundred_lessons_ask_for_every_workload(every):
    asked = {dcw_of(case).workload for case, _ in every[:300] if case.fields["kind"] == "dcw"}
    assert all(any(w.startswith(name) for w in asked) for name in WORKLOADS)


def test_the_questions_of_a_list_begin_alike_and_stand_together(every):
    groups = contexts(every)
    assert [len(group[0].fields["records"]) for group in groups] == [SIZES[i % len(SIZES)] for i in range(len(groups))]
    assert {group[0].fields["kind"] for group in groups[:RETRIEVAL_FIRST]} == {"retrieval"}
    for group in groups:
        assert len(group) in QUESTIONS and len({case.fields["kind"] for case in group}) == 1
        assert len({chosen(case) for case in group}) >= 3
        asks = "\n\nDCW: " if group[0].fields["kind"] == "retrieval" else "\n\nRequest: "
        texts = [TASK.messages(case)[0]["content"].partition(asks) for case in group]
        assert len({text[0] for text in texts}) == 1 and all(text[2] for text in texts)


def test_every_place_is_right_equally_often_and_no_one_answer_pays(every):
    for size in (2, 3, 4, 10):
        cases = [case for case, _ in every if len(case.fields.get("records", ())) == size]
        places = Counter(
            place for case in cases for place, row in enumerate(case.fields["records"]) if row["index"] in chosen(case)
        )
        assert len(places) == size and min(places.values()) > 0.6 * max(places.values())
        answers = Counter(chosen(case) for case in cases)
        assert max(answers.values()) < (0.4 if size == 2 else 0.25) * len(cases)
        assert 0.1 < answers[frozenset()] / len(cases) < 0.25


def test_every_spelling_of_a_design_means_it_or_is_unknown_to_the_task():
    for design, spellings in DESIGNS.items():
        for spelling in spellings:
            assert names.design(spelling) == design or names.design(spelling) not in names.DESIGNS, spelling


def test_a_collective_without_its_library_is_the_vendors():
    rng = random.Random(1)
    for design in ("H100", "MI300x"):
        for workload in ("NCCL allreduce", "RCCL allreduce"):
            for _ in range(60):
                said = spoken_workload(rng, workload, design, "").casefold()
                bare = "ccl" not in said
                assert not bare or (workload.startswith("RCCL") == (design in AMD)), said


@pytest.mark.parametrize("limit", [*WORDED, "220 ms", "0.5 us", "3 min"])
def test_a_limit_is_said_with_its_number_or_in_words(limit):
    rng = random.Random(limit)
    for _ in range(20):
        said = spoken_limit(rng, limit)
        assert said == WORDED.get(limit) or (
            said.startswith(limit.split()[0]) and said.endswith(UNITS[limit.split()[1]])
        )


def test_a_request_holds_what_it_is_about():
    rng = random.Random(4)
    for criterion in (names.DEFAULT, names.PEAK, names.COST, "within 7 ms"):
        for baseline in ("", "B9"):
            for _ in range(100):
                said = word(rng, "T7", baseline, "w5", criterion).casefold()
                assert "t7" in said and baseline.casefold() in said and "w5" in said and "{" not in said
                assert ("7" in said.replace("t7", "")) or not criterion.startswith("within")


def test_a_list_of_records_answers_questions_differently():
    rng = random.Random(8)
    for benchmark in measured():
        rows = context(rng, 4, benchmark)
        assert len(rows) == 4 and any(row["workload"].startswith(benchmark) for row in rows)
        assert [row["index"] for row in rows] == sorted({row["index"] for row in rows})
        found = asked(rng, rows, 4)
        assert len(set(found)) == len(found) == 4
        assert len({tuple(fits(row, dcw) for row in rows) for dcw in found}) >= 2


def test_a_line_says_what_decides_about_a_record():
    row = {"index": 7, "hardware": "A100", "sku": "NDv4", "workload": "NCCL allreduce"}
    row["results"] = {"message": "8 GiB", "busbw (GB/s)": 235.36, "time (us)": 63870}
    says = {
        "7 A100 NDv4 no": DCW("H100", "NDmv4", "default", "NCCL allreduce"),
        "7 A100 NDv4: NCCL allreduce no": DCW("H100", "NDv4", "within 1 s", "NCCL reduce"),
        "7 A100 NDv4: NCCL allreduce yes": DCW("A100", "", "peak performance", "NCCL allreduce"),
        "7 A100 NDv4: NCCL allreduce: 63870 us no": DCW("A100", "", "within 60 ms", "NCCL allreduce"),
        "7 A100 NDv4: NCCL allreduce: 63870 us yes": DCW("A100", "", "within 64 ms", "NCCL allreduce"),
    }
    assert {line(row, dcw): dcw for dcw in says.values()} == says
    other = {**row, "index": 12, "sku": "", "results": {"busbw (GB/s)": 1}}
    limit = DCW("A100", "", "within 64 ms", "NCCL allreduce")
    assert line(other, limit) == "12 A100: NCCL allreduce: no time no"
    assert worked([row, other], limit).endswith("\nResults: [7]") and worked([other], limit).endswith("\nResults: None")
