"""Every task's judge under the same storm: mutated answers, no crash, no verdict above the truth's own.

The engines that cost time (Optiflow's sandbox, CMDGen's encoder, NL2KQL's database) are replaced by quick stand-ins that
keep the judges' own code in play; their own tests run the real ones.
"""

from __future__ import annotations

import json
import random
import string
from functools import cache
from importlib import import_module
from itertools import islice

import pytest

from sigma.aimicius import NAMES, load_task
from sigma.aimicius.contract import MAX_ANSWER, Case, Part, Score, Task, Verdict

ANSWERS = 2500  # per task
STATES = {"good", "bad", "neutral", "skipped"}
PIECES = (
    "", " ", "\n", "\t", "\x00", "\ud800", "\u202e", "é", "٣", "`", "```", "```python\n", "'", '"', "\\", "{", "}", "[", "]",
    "(", ")", "|", ";", "&&", "$(id)", "> /tmp/x", "<script>", "&lt;", "%s", "{0}", "None", "null", "NaN", "-1", "0",
    "99999999999999999999", "1e999", "--help", "-i 0", ".drop table X", "// ", "# ", "/*", "print(", "D(0, 0): G(0) => G(1)",
    "step 1\n", "Results: [1]", '{"Design": 3}', "cluster('x').", " | take 1", " | where 1 == 1",
)  # fmt: skip
HOSTILE = (
    "",
    " \n\t ",
    "I am sorry, I cannot help with that.",
    "\x00" * 500,
    "\ud800\udfff" * 200,
    "(" * 3000,
    "[" * 3000,
    "{" * 3000,
    '{"a":' * 2000,
    "`" * 3000,
    "```\n" * 800,
    "'" * 401,
    "|" * 3000,
    "-" * 3000,
    "a" * 20_000,
    "0" * 20_000,
    "\n" * 20_000,
    "x " * (MAX_ANSWER // 2) + "tail beyond the limit",
)


def _quiet_cmdgen(task, patch):
    similarity = import_module("sigma.aimicius.cmdgen.similarity")
    patch.setattr(similarity, "missing", lambda: None)
    patch.setattr(similarity, "cosine", lambda one, other: 1.0 if one == other else 0.5)


def _quiet_optiflow(task, patch):
    """A sandbox that has a truth's program print a known plan, and any other program a plan changed at random."""
    sandbox = import_module("sigma.aimicius.optiflow.sandbox")
    plans = import_module("sigma.aimicius.optiflow.plans.schedules")
    questions = import_module("sigma.aimicius.optiflow.question")
    find = import_module("sigma.aimicius.optiflow.answer").find_program
    printed: dict[str, str] = {}  # the same program may be the truth on several machines
    for case in _cases(task):
        q = questions.read_question(case.fields)
        plan, _ = plans.reference_plan(q.topology, q.size, q.chunks)
        printed[find(case.truth).program + repr(q.values())] = plan.text()

    class Quick:
        def status(self):
            return "ready", ""

        def warm(self):
            pass

        def run(self, program, values=None, limits=None):
            if plan := printed.get(program + repr(values)):
                return sandbox.Run("ok", "ran", plan)
            rng = random.Random(repr(program))
            if rng.random() < 0.2:
                return sandbox.Run("error", "failed", line=1)
            plan = next((plan for key, plan in printed.items() if key.endswith(repr(values))), "")
            return sandbox.Run("ok", "ran", mutated(rng, plan, program))

    patch.setattr(task, "sandbox", Quick())


def _quiet_nl2kql(task, patch):
    engine = import_module("sigma.aimicius.nl2kql.engine.run")
    patch.setattr(engine, "run", lambda query: {"error": "no database in this test"})
    patch.setenv("SIGMA_NL2KQL_PARSER", "default")  # the strict one, where it is present, is a process of its own


QUIET = {"cmdgen": _quiet_cmdgen, "optiflow": _quiet_optiflow, "nl2kql": _quiet_nl2kql}


@cache
def _loaded(name: str) -> Task:
    try:
        return load_task(name)
    except (ImportError, AttributeError) as error:
        pytest.skip(f"the task {name} does not import: {error}")


@cache
def _cases(task: Task) -> tuple[Case, ...]:
    return (*task.examples(), *islice(task.generate("dev"), 14))


@pytest.fixture(params=NAMES)
def task(request, monkeypatch):
    task = _loaded(request.param)
    if quiet := QUIET.get(request.param):
        quiet(task, monkeypatch)
    return task


def judged(task: Task, case: Case, answer: str) -> Verdict:
    """The verdict, after everything that the contract says of parts and verdicts."""
    *parts, verdict = task.judge(case, answer)
    assert isinstance(verdict, Verdict) and all(isinstance(part, Part) for part in parts)
    assert verdict.parts == tuple(parts)
    assert list(verdict.scores) == [metric.name for metric in task.metrics]
    for part in parts:
        assert part.state in STATES and part.name and part.text
        assert part.view is None or isinstance(part.view["kind"], str)
    for name, score in verdict.scores.items():
        assert score.reason, name
        assert score.value is None or (0 <= score.value <= 1 and isinstance(score.value, float)), (name, score)
    json.dumps(verdict.to_dict(), allow_nan=False).encode()
    return verdict


def in_full(task: Task, scores: dict[str, Score]) -> bool | None:
    """Whether the primary metric is reached, or all where the paper names no primary one; None where none applies."""
    names = [metric.name for metric in task.metrics if metric.primary] or list(scores)
    values = [scores[name].value for name in names if scores[name].value is not None]
    return all(value == 1 for value in values) if values else None


def mutated(rng: random.Random, truth: str, other: str) -> str:
    """The truth after a few cuts, insertions, doublings and turns; now and then another case's truth, or noise."""
    if rng.random() < 0.05:
        return "".join(rng.choice(string.printable + "é\ud800") for _ in range(rng.randrange(300)))
    text = other if rng.random() < 0.1 else truth
    for _ in range(rng.randint(1, 5)):
        at = rng.randrange(len(text) + 1)
        to = min(len(text), at + rng.randrange(16))
        text = rng.choice(
            (
                text[:at] + text[to:],
                text[:at] + rng.choice(PIECES) + text[at:],
                text[:to] + text[at:to] + text[to:],
                text[:at] + text[at:to][::-1] + text[to:],
                text[:at] + text[at:to].swapcase() + text[to:],
                text[:at] + str(rng.randrange(100)) + text[to:],
                f"Sure!\n{text}\nHope it helps.",
            )
        )
    return text


def test_truths_score_in_full(task):
    for case in _cases(task):
        verdict = judged(task, case, case.truth)
        low = {name: score for name, score in verdict.scores.items() if score.value not in (None, 1.0)}
        assert not low, (case.id, low)
        assert any(score.value == 1 for score in verdict.scores.values())


def test_mutated_answers_never_crash_and_never_beat_the_truth(task):
    rng = random.Random(f"judges {task.name}")
    cases = [case for case in _cases(task) if case.truth]
    best = [judged(task, case, case.truth).scores for case in cases]
    counted = [0, 0]
    for number in range(ANSWERS):
        at = number % len(cases)
        answer = mutated(rng, cases[at].truth, rng.choice(cases).truth)
        scores = judged(task, cases[at], answer).scores
        for name, score in scores.items():
            top = best[at][name].value
            assert score.value is None or (top is not None and score.value <= top), (cases[at].id, answer, name, score)
        if (whole := in_full(task, scores)) is not None:
            counted[whole] += 1
    assert counted[0] > ANSWERS // 10, "most changes cost something"


@pytest.mark.parametrize("answer", HOSTILE, ids=[repr(text[:8]) for text in HOSTILE])
def test_hostile_answers_get_a_verdict_and_no_credit(task, answer):
    for case in _cases(task)[:2]:
        assert not in_full(task, judged(task, case, answer).scores)


def test_a_case_without_a_truth_is_judged_as_far_as_that_goes(task):
    for case in _cases(task)[:6]:
        own = task.case({**json.loads(case.to_json()), "truth": ""}, "a visitor's case")
        assert own.truth == ""
        for answer in (case.truth, "", "nonsense"):
            judged(task, own, answer)


def test_drawings_escape_what_an_answer_holds(task):
    try:
        draw = import_module(f"visualizers.tasks.{task.name}").draw
    except ImportError as error:
        pytest.skip(f"{task.name} has no drawing: {error}")
    evil = '<script>alert(1)</script><img src=x onerror="x">'
    for case in _cases(task)[:4]:
        for answer in (case.truth, evil, case.truth + evil, case.truth.replace("0", evil, 1), evil + case.truth):
            for part in judged(task, case, answer).parts:
                if part.view:
                    drawn = draw(part.view)
                    assert isinstance(drawn, str)
                    assert "<script" not in drawn.lower() and "<img" not in drawn.lower()
