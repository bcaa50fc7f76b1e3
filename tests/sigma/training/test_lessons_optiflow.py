"""Optiflow's lessons: the answers are right, the programs hold for machines of every kind, and no value of the test split is used."""

import random
from itertools import islice

import pytest

from sigma.aimicius.contract import verdict_of
from sigma.aimicius.optiflow import SANDBOX, TASK, cases
from sigma.aimicius.optiflow.generator.programs import print_of
from sigma.aimicius.optiflow.plans.bounds import lower_bounds
from sigma.aimicius.optiflow.plans.plan import check_plan, read_plan
from sigma.aimicius.optiflow.plans.simulate import simulate
from sigma.aimicius.optiflow.plans.topology import PRESETS, switched
from sigma.aimicius.optiflow.question import read_question
from sigma.training.lessons import lessons
from sigma.training.lessons.optiflow import matrices, questions
from sigma.training.lessons.optiflow_machines import ALPHAS, BUILD, KINDS, SIZES, WIDTHS, Machine, chunks_for, machine
from sigma.training.lessons.optiflow_phrases import SHAPES, WHERE, request
from sigma.training.lessons.optiflow_programs import FASTER, FIRST, counted, fenced


@pytest.fixture(scope="module")
def sample():
    return list(islice(questions(3), 150))


def question_of(topology, chunks=2, size=210):
    return read_question({**matrices(topology), "size": size, "chunks": chunks}, "a test")


def latency(program, q):
    check = check_plan(read_plan(print_of(program, q.values())), q.topology, q.chunks)
    assert check.valid, check.problem
    return simulate(check.plan, q.topology, q.chunk_kb).latency


@pytest.mark.parametrize(
    ("kind", "n"), [(kind, n) for kind in BUILD for n in (2, 3, 4, 8) if n > 2 or kind not in ("planes", "tree")]
)
def test_both_programs_are_valid_on_every_kind_of_machine(kind, n):
    q = question_of(BUILD[kind](n, 0.5, 50))
    times = {style: latency(program, q) for style, program in FIRST.items()}
    assert times["steps"] == pytest.approx(times["nested"]) and times["lines"] <= times["steps"] * (1 + 1e-9)
    assert latency(FASTER, q) <= 1.3 * times["lines"]


def test_the_programs_count_the_gpus_of_the_known_machines_and_of_nearly_every_training_case():
    assert all(counted(topology.bandwidth) == topology.gpus for topology in PRESETS.values())
    found = [read_question(case.fields, case.id).topology for case in islice(cases.generate("train"), 400)]
    found += [machine(rng).topology for rng in [random.Random(6)] for _ in range(400)]
    assert sum(counted(topology.bandwidth) != topology.gpus for topology in found) <= 4


def test_no_answer_depends_on_the_machine(sample):
    assert {case.truth for case, _ in sample} == {fenced(program) for program in (*FIRST.values(), FASTER)}


def test_on_a_switch_and_on_a_full_mesh_both_programs_meet_the_bound():
    for topology in (switched("custom", 6, 0.4, 90), PRESETS["NDv5"], PRESETS["MI300X"]):
        q = question_of(topology)
        bound = lower_bounds(topology, q.size, q.chunks).chunks
        for program in (FIRST["lines"], FASTER):
            assert latency(program, q) == pytest.approx(bound)


def test_slow_links_are_what_the_faster_program_is_for():
    rng = random.Random(2)
    faster = 0
    for _ in range(40):
        found = machine(rng)
        q = question_of(found.topology, chunks_for(rng, found))
        first, then = latency(FIRST["lines"], q), latency(FASTER, q)
        faster += then < first * 0.99
        assert then <= first * 1.3
    assert faster >= 3


def test_the_same_seed_gives_the_same_lessons(sample):
    again = list(islice(lessons("optiflow", 3), 150))
    assert [one.answer for one in again] == [case.truth for case, _ in sample]
    assert all(one.messages == tuple(TASK.messages(case)) for one, (case, _) in zip(again, sample))
    other = list(islice(lessons("optiflow", 4), 10))
    assert [one.messages for one in other] != [one.messages for one in again[:10]]


def test_first_and_improving_turns_of_many_kinds_are_mixed(sample):
    turns = [len(TASK.messages(case)) for case, _ in sample]
    assert set(turns) == {1, 3} and 0.2 < turns.count(3) / len(turns) < 0.6
    assert len({topic.split(",")[0] for _, topic in sample}) >= 9


def test_the_task_reads_every_case(sample):
    for case, _ in sample:
        row = {"id": case.id, **case.fields, "truth": case.truth}
        assert TASK.case(row, "a lesson").truth == case.truth


def test_no_value_of_another_split_is_used(sample):
    for own, shares in ((SIZES, cases.SIZES), (WIDTHS, cases.WIDTHS), (ALPHAS, cases.ALPHAS)):
        assert not set(own) & {*shares["dev"], *shares["test"]}
    for case, topic in sample:
        kind = topic.split(",")[0]
        if kind in cases.COMBOS:
            q = read_question(case.fields, case.id)
            closed = {*cases.COMBOS[kind]["dev"], *cases.COMBOS[kind]["test"]}
            assert (q.topology.gpus, q.chunks) not in closed


@pytest.mark.parametrize("kind", [*WHERE])
def test_a_request_names_the_amounts(kind):
    rng = random.Random(kind)
    for style in SHAPES:
        words = request(rng, kind, "", style, 7, 3, 1500)
        assert "{" not in words and words.strip() == words
        assert any(amount in words for amount in ("1.5", "1500")), words
    assert {*KINDS} - {"known"} <= {*WHERE}


def test_chunks_stay_within_the_task():
    assert chunks_for(random.Random(1), Machine(PRESETS["DGX-2"], "switch", "DGX-2")) <= 8


def test_the_judge_gives_full_marks(sample):
    if SANDBOX.status()[0] == "unavailable":
        pytest.skip(SANDBOX.status()[1])
    SANDBOX.prepare()
    first = [case for case, _ in sample if "previous" not in case.fields][:4]
    later = [case for case, _ in sample if "previous" in case.fields][:4]
    for case in first + later:
        scores = verdict_of(TASK, case, case.truth).scores
        assert {s.value for s in scores.values()} == ({1.0} if case in later else {1.0, None}), (case, scores)
