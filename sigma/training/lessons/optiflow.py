"""Lessons for Optiflow: a machine and a request, and the program that prints a good all-gather plan; then a faster one.

There are two programs, `optiflow_programs.FIRST` (in three shapes of output) for the first turn and
`optiflow_programs.FASTER` for the improving turn; that module says why they are so few and how they work. Machines
(`optiflow_machines`) and words (`optiflow_phrases`) are broad, and keep off the values of the test and dev splits.
In an improving turn the plan before is a slow one of the train split's, or a first turn's answer where it can be beaten;
every such lesson is played and timed here: the answer's plan is valid and faster.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from sigma.aimicius.contract import Case
from sigma.aimicius.optiflow.generator.programs import print_of, slow_program
from sigma.aimicius.optiflow.plans.plan import check_plan, read_plan
from sigma.aimicius.optiflow.plans.simulate import simulate
from sigma.aimicius.optiflow.plans.topology import Topology
from sigma.aimicius.optiflow.prompt import messages
from sigma.aimicius.optiflow.question import Question, read_question
from sigma.training.lessons import Lesson
from sigma.training.lessons.optiflow_machines import SIZES, Machine, chunks_for, machine
from sigma.training.lessons.optiflow_phrases import request
from sigma.training.lessons.optiflow_programs import FASTER, FIRST, counted, fenced

COUNT = 2400
SECOND_TURNS = 0.4
OWN_WORDS = 0.06  # part of the cases without a question: the task words the machine itself
STYLES = {"lines": 6, "steps": 3, "nested": 1}
PLANS = 0.15  # part of the improving turns on small machines in which the plan before stands there, not its program
SMALL = 30  # transfers of a plan that may stand there
BETTER = 0.99  # of the previous plan's time, at most

# Slow programs that are valid on any machine of a kind; those that follow the links are so on machines without a switch.
_ANYWHERE = ("one sender at a time", "gather and spread", "one transfer a step")
_LINKED = ("one chunk at a time", "one source at a time")
_SLOW = dict.fromkeys(("switch", "planes", "tree"), _ANYWHERE)
_SLOW |= {"mesh": (*_ANYWHERE, *_LINKED, "ring"), "ring": (*_LINKED, "ring"), "one way": _LINKED}


def lessons(seed: int) -> Iterator[Lesson]:
    """The collection in mixed order: `COUNT` lessons, no question twice. `topic` is the kind of machine and the turn."""
    for case, topic in questions(seed):
        yield Lesson("optiflow", tuple(messages(case)), case.truth, topic)


def questions(seed: int) -> Iterator[tuple[Case, str]]:
    """The same as cases of the task, which its judge can score, and their topics."""
    rng = random.Random(f"optiflow lessons {seed}")
    seen: set[str] = set()
    while len(seen) < COUNT:
        case, topic = _draw(rng, f"optiflow-lesson-{len(seen):04d}")
        key = repr(case.fields)
        if key not in seen:
            seen.add(key)
            yield case, topic


def _draw(rng: random.Random, identity: str) -> tuple[Case, str]:
    found = machine(rng)
    while counted(found.topology.bandwidth) != found.topology.gpus:  # what the programs would miscount
        found = machine(rng)
    n, chunks, size = found.topology.gpus, chunks_for(rng, found), rng.choice(SIZES)
    style = rng.choices(list(STYLES), weights=list(STYLES.values()))[0]
    fields = {"topology": found.name} if found.name else matrices(found.topology)
    fields |= {"size": size, "chunks": chunks}
    if rng.random() < OWN_WORDS:
        style = "lines"  # nobody asked for anything else
    else:
        fields["question"] = request(rng, found.kind, found.name, style, n, chunks, size)
    if rng.random() < SECOND_TURNS and (previous := _previous(rng, found, fields)):
        fields["previous"] = previous
        return Case(identity, fields, fenced(FASTER), "train"), f"{found.kind}, faster"
    return Case(identity, fields, fenced(FIRST[style]), "train"), f"{found.kind}, first, {style}"


def matrices(topology: Topology) -> dict:
    """A machine as a case's fields, in the numbers that JSON can hold."""
    plain = lambda x: "inf" if x == float("inf") else int(x) if x == int(x) else x  # noqa: E731
    rows = {
        key: [[plain(x) for x in row] for row in matrix]
        for key, matrix in (("latency", topology.latency), ("bandwidth", topology.bandwidth))
    }
    return {"topology": topology.name, "gpus": topology.gpus, **rows}


def _previous(rng: random.Random, found: Machine, fields: dict) -> dict | None:
    """A program and its time that `faster_program` beats; None if none of three tries is such."""
    q = read_question(fields, "a lesson")
    n = found.topology.gpus
    took = _time(FASTER, q)
    slow = _SLOW.get(found.kind, _LINKED)
    for _ in range(3):
        if rng.random() < 0.5:
            program = rng.choice(list(FIRST.values()))
        else:
            program = slow_program(rng.choice(slow), n, q.chunks)
        before = _time(program, q)
        if took < before * BETTER:
            if n * (n - 1) * q.chunks <= SMALL and rng.random() < PLANS:
                return {"plan": print_of(program, q.values())}
            return {"program": program, "latency_us": round(before, 4)}
    return None


def _time(program: str, q: Question) -> float:
    """The latency of one of our own programs' plans, in us."""
    check = check_plan(read_plan(print_of(program, q.values())), q.topology, q.chunks)
    assert check.valid, f"{check.problem}\n{program}"
    return simulate(check.plan, q.topology, q.chunk_kb).latency
