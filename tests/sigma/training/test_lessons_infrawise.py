"""Infrawise's lessons: the judge gives the answers full marks, every name of the task is covered, nothing of another split comes up."""

import random
from collections import Counter

import pytest

from sigma.aimicius.contract import verdict_of
from sigma.aimicius.infrawise import TASK, names, one
from sigma.aimicius.infrawise.answer import read_dcw
from sigma.aimicius.infrawise.cases import split_of
from sigma.aimicius.infrawise.dcw import DCW
from sigma.aimicius.infrawise.phrases import WORKLOADS as TASKS_WORKLOADS
from sigma.aimicius.infrawise.records import fits, published
from sigma.training.lessons import lessons
from sigma.training.lessons.infrawise import DCWS, draw, questions
from sigma.training.lessons.infrawise_asks import UNITS, WORDED, spoken_limit, word
from sigma.training.lessons.infrawise_names import AMD, DESIGNS, PRECISIONS, WORKLOADS, spoken_workload
from sigma.training.lessons.infrawise_published import measured
from sigma.training.lessons.infrawise_records import ASKED, about


@pytest.fixture(scope="module")
def every():
    return list(questions(5))


def dcw_of(case):
    return read_dcw(case.truth).dcw()


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
    assert len({case.fields["intention"] for case, _ in every}) == len(every) == DCWS


def test_the_same_seed_gives_the_same_lessons(every):
    again = lessons("infrawise", 5)
    for (case, topic), lesson in zip(every[:200], again):
        assert (lesson.answer, lesson.topic) == (case.truth, topic)
        assert list(lesson.messages) == TASK.messages(case)
    other = [lesson.messages for _, lesson in zip(range(20), lessons("infrawise", 6))]
    assert other != [tuple(TASK.messages(case)) for case, _ in every[:20]]


def test_no_dcw_of_another_split_is_asked_for(every):
    assert {split_of(dcw_of(case)) for case, _ in every} == {"train"}


def test_every_name_of_the_task_is_asked_for(every):
    answers = [dcw_of(case) for case, _ in every]
    assert {a.target for a in answers} == {*names.DESIGNS} == {*DESIGNS}
    assert {a.baseline for a in answers} == {*names.DESIGNS, ""}
    assert {*TASKS_WORKLOADS} == {*WORKLOADS}
    asked = {a.workload for a in answers}
    assert all(any(w.startswith(name) for w in asked) for name in WORKLOADS)
    assert {p for p in PRECISIONS if any(w.endswith(f" {p}") for w in asked)} == {*names.PRECISIONS}


def test_a_few_hundred_lessons_ask_for_every_workload(every):
    asked = {dcw_of(case).workload for case, _ in every[:300]}
    assert all(any(w.startswith(name) for w in asked) for name in WORKLOADS)


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


@pytest.fixture(scope="module")
def records():
    return list(lessons("infrawise_records", 5))


def wanted(lesson):
    return lesson.messages[0]["content"].partition("\n\nResult: ")[0]


def test_records_of_one_dcw_stand_together_and_begin_alike(records):
    heads = [wanted(lesson) for lesson in records]
    runs = [head for head, before in zip(heads, [None, *heads]) if head != before]
    assert len(runs) == ASKED and len(records) > 5 * ASKED
    assert len({lesson.messages[0]["content"] for lesson in records}) > 0.95 * len(records)


def test_every_name_is_wanted_about_as_often_as_not(records):
    said = Counter(word for lesson in records for word in lesson.topic.split())
    assert 0.3 < said["yes"] / said.total() < 0.6
    machine = [lesson for lesson in records if "yes" in lesson.topic.split()[: len(lesson.topic.split()) - 2]]
    assert len(machine) > 0.35 * len(records)
    times = [
        lesson.answer.rpartition(": ")[2] for lesson in records if "\ntime: within" in lesson.messages[0]["content"]
    ]
    assert len(times) > 0.1 * len(records) and 0.2 < times.count("yes") / len(times) < 0.8


def test_the_records_about_a_dcw_resemble_what_it_asks_for():
    rng = random.Random(8)
    for benchmark in measured():
        dcw = draw(rng, benchmark)
        found = about(rng, dcw)
        keys = {(record.hardware, record.sku, record.workload) for record in found}
        assert 1 <= len(found) == len(keys)
        known = [r for r in published() if fits(r.row(0), DCW(dcw.target, dcw.baseline, "default", dcw.workload))]
        assert not known or any(record in known for record in found)


def test_the_same_seed_gives_the_same_records(records):
    again = list(zip(range(50), lessons("infrawise_records", 5)))
    assert [lesson for _, lesson in again] == records[:50]
    assert [lesson for _, lesson in zip(range(50), lessons("infrawise_records", 6))] != records[:50]


def test_a_right_answer_names_what_the_prompt_names(records):
    for lesson in records[::40]:
        text = lesson.messages[0]["content"]
        assert text.startswith(one.RULES)
        for line in lesson.answer.splitlines():
            name = line.rpartition(": ")[0]
            assert name in text.partition("Result: ")[2] or name.split()[0] in ("no", "time"), (text, line)
