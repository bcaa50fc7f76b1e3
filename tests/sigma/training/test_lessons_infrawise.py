"""Infrawise's lessons: the judge gives the answers full marks, every name of the task is covered, nothing of another split comes up."""

import json
import random
from collections import Counter

import pytest

from sigma.aimicius.contract import verdict_of
from sigma.aimicius.infrawise import TASK, names
from sigma.aimicius.infrawise.answer import read_dcw
from sigma.aimicius.infrawise.cases import split_of
from sigma.aimicius.infrawise.dcw import DCW
from sigma.aimicius.infrawise.phrases import WORKLOADS as TASKS_WORKLOADS
from sigma.aimicius.infrawise.records import fits, published
from sigma.training.lessons import lessons
from sigma.training.lessons.infrawise import COUNTS, SIZES, WAVE, questions
from sigma.training.lessons.infrawise_asks import UNITS, WORDED, spoken_limit, word
from sigma.training.lessons.infrawise_contexts import context
from sigma.training.lessons.infrawise_names import AMD, DESIGNS, PRECISIONS, WORKLOADS, spoken_workload


@pytest.fixture(scope="module")
def every():
    return list(questions(5))


def dcw_of(case):
    text = json.dumps(case.fields["dcw"]) if "dcw" in case.fields else case.truth
    return read_dcw(text).dcw()


def test_the_judge_gives_full_marks(every):
    for case, _ in every[::12]:
        scores = verdict_of(TASK, case, case.truth).scores
        assert {score.value for score in scores.values()} <= {1.0, None}, (case, scores)
        assert any(score.value == 1.0 for score in scores.values())


def test_the_task_reads_every_case(every):
    for case, _ in every[::12]:
        row = {"id": case.id, **case.fields, "truth": case.truth}
        assert TASK.case(row, "a lesson").fields == case.fields


def test_there_are_as_many_as_it_says_and_none_twice(every):
    assert Counter(case.fields["kind"] for case, _ in every) == COUNTS
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


def test_contexts_grow_in_waves_and_the_fitting_stand_anywhere(every):
    sizes = {part: set() for part in range(len(SIZES))}
    for number, (case, _) in enumerate(every):
        if "records" in case.fields:
            sizes[number % WAVE * len(SIZES) // WAVE].add(len(case.fields["records"]))
    assert [sizes[part] for part in sizes] == [{*allowed} for allowed in SIZES]
    places, numbers = set(), set()
    for case, _ in every:
        if len(case.fields.get("records", ())) == 10:
            right = [place for place, row in enumerate(case.fields["records"]) if fits(row, dcw_of(case))]
            places.update(right)
            numbers.add(len(right))
    assert places == {*range(10)} and numbers >= {*range(8)}


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


def test_a_context_has_as_many_fitting_records_as_asked_for():
    rng = random.Random(8)
    asked = DCW("A100", "", "default", "NCCL allreduce")
    have = sum(fits(record.row(0), asked) for record in published())
    for wanted in range(min(have, 6) + 1):
        rows, right = context(rng, asked, 6, wanted)
        assert len(rows) == 6 and len(right) == wanted
        assert [row["index"] for row in rows] == sorted({row["index"] for row in rows})
        assert right == [row["index"] for row in rows if fits(row, asked)]
