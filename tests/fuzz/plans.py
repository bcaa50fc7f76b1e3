"""Optiflow: the program in an answer, the plan in its output, the matrices of a case."""

from __future__ import annotations

import json
import math
from functools import cache

from hypothesis import strategies as st

from sigma.aimicius.contract import CaseError
from sigma.aimicius.optiflow.answer import find_program
from sigma.aimicius.optiflow.plans.bounds import lower_bounds
from sigma.aimicius.optiflow.plans.plan import MAX_TRANSFERS, PlanError, check_plan, read_plan
from sigma.aimicius.optiflow.plans.schedules import reference_plan
from sigma.aimicius.optiflow.plans.simulate import simulate
from sigma.aimicius.optiflow.plans.topology import PRESETS, Topology
from sigma.aimicius.optiflow.question import read_question
from tests.fuzz.target import Target
from tests.fuzz.texts import ANY_TEXT, language

SIZE, CHUNKS, SMALL = 70.0, 1, 4


@cache
def machines() -> tuple[Topology, ...]:
    """The presets of up to SMALL GPUs, or the smallest one: a plan for them is short enough to be edited into another."""
    by_size = sorted(PRESETS.values(), key=lambda topology: topology.gpus)
    return tuple(one for one in by_size if one.gpus <= SMALL) or (by_size[0],)


@cache
def plans() -> tuple[str, ...]:
    """The reference plan of each machine, in the shapes that are read."""
    found = []
    for topology in machines():
        plan, _ = reference_plan(topology, SIZE, CHUNKS)
        lists = [[str(t) for t in transfers] for transfers in plan.rounds]
        found += [
            plan.text(),
            str(lists),
            "\n".join(line for lines in lists for line in lines),
            json.dumps([line for lines in lists for line in lines]),
        ]
    return tuple(dict.fromkeys(found))


PIECES = (
    "D(0, 0): G(0) => G(1)", "D(1, 0): G(1) -> G(0)", "D(2,0):G(2)=>G(3)\n", "D(", "G(", ")", ": ", " => ", "step 1\n", "Round 2:", "## phase", "[", "]", "],\n[",
    "'", ", ", "D(s, c): G(a) => G(b)", "d(0,0) : g(0) => g(3)", "999999", "7", "\n",
)  # fmt: skip
PROGRAMS = (
    "```python\nfor i in range(4):\n    print(f'D({i}, 0): G({i}) => G({(i + 1) % 4})')\n```",
    "Here it is:\n\nimport sys\nsys.stdout.write('D(0, 0): G(0) => G(1)')",
    "```\nprint(1)\n```\n\n~~~py\nprint(2)\n~~~\nDone.",
    "def f():\n    return 1\nprint(f())",
    "D(0, 0): G(0) => G(1)",
)
PROGRAM_PIECES = (
    "```", "```python", "```python3\n", "~~~", "print(", "stdout", "import os\n", "def f():\n", "x = 1\n", "for i in x:\n    ", "\n", "D (0", "`", "text",
)  # fmt: skip


def check_program(answer: str) -> None:
    """A program that stands in the answer, or a reason why there is none."""
    found = find_program(answer)
    assert found.text
    assert not found.program or (found.program.strip() in answer and found.program.endswith("\n"))


def check_output(case: tuple[str, int]) -> None:
    """A plan says itself again; what is valid delivers all, is valid without what was dropped, and beats no lower bound."""
    output, place = case
    topology = machines()[place % len(machines())]
    try:
        plan = read_plan(output)
    except PlanError as error:
        assert str(error)
        return
    assert 0 < len(plan) <= MAX_TRANSFERS and all(plan.rounds)
    again = read_plan(plan.text())
    assert again.rounds == plan.rounds or not plan.grouped
    check = check_plan(plan, topology, CHUNKS)
    assert (check.bad is None) or check.problem
    cost = simulate(check.plan, topology, SIZE / CHUNKS)
    assert 0 <= cost.free <= cost.latency + 1e-9 and math.isfinite(cost.latency)
    if not check.valid:
        return
    assert check.delivered == check.wanted == len(check.plan)
    kept = check_plan(check.plan, topology, CHUNKS)
    assert kept.valid and not kept.warnings
    assert cost.latency >= lower_bounds(topology, SIZE, CHUNKS).chunks * (1 - 1e-9)


NUMBER = st.one_of(
    st.integers(-2, 10),
    st.floats(),
    st.sampled_from(("inf", "0", 10**400, "1e3", True, None, "")),
    st.integers(-(10**20), 10**20),
)
MATRIX = st.one_of(
    st.lists(st.lists(NUMBER, max_size=5), max_size=5),
    language(("0 1\n1 0", "[[0, 1.5], [inf, 0]]", "0,1;1,0"), ("inf", "[", "]", ",", ";", "\n", "1e3")),
)
PREVIOUS = st.fixed_dictionaries(
    {}, optional={"program": ANY_TEXT, "plan": st.one_of(st.sampled_from(plans()), ANY_TEXT), "latency_us": NUMBER}
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "topology": st.one_of(st.sampled_from((*PRESETS, "custom")), ANY_TEXT, NUMBER),
        "gpus": NUMBER, "latency": MATRIX, "bandwidth": MATRIX, "size": NUMBER, "chunks": NUMBER,
        "question": ANY_TEXT, "prompt": st.one_of(ANY_TEXT, NUMBER), "previous": st.one_of(PREVIOUS, NUMBER, ANY_TEXT),
    },
)  # fmt: skip


def check_fields(fields: dict) -> None:
    """A question that JSON can hold, or a CaseError with a sentence."""
    try:
        question = read_question(fields)
    except CaseError as error:
        assert str(error)
        return
    assert question.size > 0 and question.topology.gpus >= 2
    json.dumps(question.values())


TARGETS = (
    Target("plans.program", "the program in an answer (Optiflow)", language(PROGRAMS, PROGRAM_PIECES), check_program),
    Target("plans.output", "the plan in a program's output, checked and timed (Optiflow)",
           st.tuples(language(plans(), PIECES), st.integers(0, 9)).map(list), check_output),
    Target("plans.fields", "a visitor's machine: matrices, sizes, a former plan (Optiflow)", FIELDS, check_fields),
)  # fmt: skip
