"""The judge: parts and scores, the second turn, and that no answer brings it down or beats the truth."""

import json
import random
from dataclasses import replace

import pytest

from sigma.aimicius.contract import MAX_ANSWER, Part, Verdict, verdict_of
from sigma.aimicius.optiflow import SANDBOX, TASK, Optiflow
from sigma.aimicius.optiflow.answer import find_program
from sigma.aimicius.optiflow.generator.programs import print_of, slow_program
from sigma.aimicius.optiflow.question import read_question
from sigma.aimicius.optiflow.sandbox import Run, Sandbox

EXAMPLES = {case.id: case for case in TASK.examples()}


class Echo(Sandbox):
    """For speed: a "program" whose output is its own text. What judges the output is the real thing."""

    def status(self):
        return "ready", ""

    def run(self, program, values=None, limits=None):
        return Run("ok", "Echoed.", program)


ECHO = Optiflow(Echo())


@pytest.fixture(scope="module")
def ready():
    try:
        SANDBOX.prepare()
    except RuntimeError as error:
        pytest.skip(str(error))


def values(verdict: Verdict) -> list:
    """The paper's four; whether the program ends without an error is asked for by its name."""
    return [s.value for name, s in verdict.scores.items() if name != "Runs without Error"]


def plan_of(case) -> str:
    """The truth's plan, wrapped so that Echo's judge takes it for a program."""
    program = case.truth.split("```python\n")[1].split("```")[0]
    return print_of(program, read_question(case.fields).values())


def echoed(plan: str) -> str:
    return f"```python\nprint()\n{plan}```"


def test_the_paper_is_quoted_with_its_table():
    figures = {m.name: list(m.paper.values()) for m in TASK.metrics}
    assert figures == {
        "Code Detected": [95.8, 82.2, 100.0, 98.2, 100.0],
        "Runs without Error": [],
        "Code Executable": [50.3, 18.6, 28.3, 51.2, 85.9],
        "Plan Valid": [16.8, 18.6, 28.3, 16.4, 86.7],
        "Plan Improved": [0.5, None, None, 1.1, 66.7],
    }
    assert [m.name for m in TASK.metrics if m.primary] == ["Plan Valid"]


@pytest.mark.parametrize("identity", EXAMPLES)
def test_examples_are_judged_in_full_through_the_sandbox(ready, identity):
    case = EXAMPLES[identity]
    *parts, verdict = TASK.judge(case, case.truth)
    second = "previous" in case.fields
    assert values(verdict) == [1.0, 1.0, 1.0, 1.0 if second else None]
    assert tuple(parts) == verdict.parts and all(p.state in ("good", "neutral") for p in parts)
    json.dumps(verdict.to_dict())
    assert TASK.button(case)
    assert TASK.case(json.loads(case.to_json()), "x").fields == case.fields


def test_the_papers_example_is_the_first(ready):
    verdict = verdict_of(TASK, EXAMPLES["ndv5"], EXAMPLES["ndv5"].truth)
    assert "7.78 us" in verdict.scores["Plan Valid"].reason


def test_two_turns_generate_measure_improve(ready):
    case = replace(EXAMPLES["mi300x"], fields={**EXAMPLES["mi300x"].fields, "chunks": 2})
    slow = verdict_of(TASK, case, f"Sure.\n```python\n{slow_program('ring', 8, 2)}```")
    assert values(slow) == [1.0, 1.0, 1.0, None]
    again = TASK.follow_up(case, slow)
    chat = TASK.messages(again)
    assert [m["role"] for m in chat] == ["user", "assistant", "user"]
    assert slow_program("ring", 8, 2).strip() in chat[1]["content"]
    assert f"{again.fields['previous']['latency_us']:.2f} us" in chat[2]["content"]
    same = verdict_of(TASK, again, f"```python\n{slow_program('ring', 8, 2)}```")
    assert values(same) == [1.0, 1.0, 1.0, 0.0] and "Not faster" in same.scores["Plan Improved"].reason
    better = verdict_of(TASK, again, EXAMPLES["mi300x-improve"].truth)
    assert values(better) == [1.0, 1.0, 1.0, 1.0] and "Faster" in better.scores["Plan Improved"].reason
    assert TASK.follow_up(again, better) is None
    assert TASK.case(json.loads(again.to_json()), "x").fields == again.fields


def test_no_second_turn_after_an_optimal_or_an_invalid_plan(ready):
    case = EXAMPLES["ndv5"]
    assert TASK.follow_up(case, verdict_of(TASK, case, case.truth)) is None
    assert TASK.follow_up(case, verdict_of(TASK, case, "```python\nprint(1)\n```")) is None
    assert TASK.follow_up(case, verdict_of(TASK, case, "")) is None


def test_a_previous_plan_at_the_bound_cannot_be_improved():
    case = EXAMPLES["ndv5"]
    plan = plan_of(case)
    second = replace(case, fields={**case.fields, "previous": {"plan": plan}})
    score = verdict_of(ECHO, second, echoed(plan)).scores["Plan Improved"]
    assert score.value is None and "nothing can be faster" in score.reason


@pytest.mark.parametrize(
    ("answer", "expected", "reason"),
    [
        ("", [0, 0, 0], "empty"),
        ("   \n\t", [0, 0, 0], "empty"),
        ("I would send everything around the ring.", [0, 0, 0], "no code"),
        ("D(0, 0): G(0) => G(1)", [0, 0, 0], "program that prints"),
        ("```\nD(0, 0): G(0) => G(1)\n```", [0, 0, 0], "program that prints"),
        ("```json\n{}\n```", [0, 0, 0], "no Python"),
        ("```python\nprint(\n```", [1, 0, 0], "SyntaxError"),
        ("```python\n1 / 0\n```", [1, 0, 0], "ZeroDivisionError"),
        ("```python\nimport numpy\nprint(1)\n```", [1, 0, 0], "numpy"),
        ("```python\nprint('hello')\n```", [1, 1, 0], "no transfer"),
        ("```python\nx = 1\n```", [1, 0, 0], "printed nothing"),
        ("```python\n# D(0, 0): G(0) => G(1)\n```", [1, 0, 0], "printed nothing"),
        ("```python\nfor i in range(10**6):\n    print('D(0, 0): G(0) => G(1)')\n```", [1, 0, 0], "4 MB"),
        ("```python\nfor i in range(10**5):\n    print('D(0, 0): G(0) => G(1)')\n```", [1, 1, 0], "at most 50,000"),
        ("```python\nimport os\nos.system('id')\nprint(1)\n```", [1, 0, 0], "failed"),
        ("```python\nprint('D(0, 0): G(5) => G(1)')\n```", [1, 1, 0], "GPU 5 does not hold"),
        ("```python\nprint('D(0, 0): G(0) => G(1)')\n```", [1, 1, 0], "111 of 112"),
        ("n = 8\nfor g in range(n):\n    print(g)", [1, 1, 0], "no transfer"),
    ],
)
def test_answers_that_fall_short(ready, answer, expected, reason):
    verdict = verdict_of(TASK, EXAMPLES["ndv5"], answer)
    assert values(verdict) == [*map(float, expected), None]
    assert reason in " ".join(s.reason for s in verdict.scores.values())
    assert any(p.state == "bad" for p in verdict.parts)


def test_a_program_that_prints_nothing_ends_without_an_error_all_the_same(ready):
    for answer, ends in (("```python\n# a plan\n```", 1.0), ("```python\n1 / 0\n```", 0.0)):
        scores = verdict_of(TASK, EXAMPLES["ndv5"], answer).scores
        assert (scores["Runs without Error"].value, scores["Code Executable"].value) == (ends, 0.0)


def test_without_a_runtime_what_needs_it_is_skipped(tmp_path, monkeypatch):
    from sigma.aimicius.optiflow import sandbox

    monkeypatch.setattr(sandbox.util, "find_spec", lambda name: None)
    verdict = verdict_of(Optiflow(Sandbox(folder=tmp_path)), EXAMPLES["ndv4-improve"], EXAMPLES["ndv4-improve"].truth)
    assert values(verdict) == [1.0, None, None, None]
    assert [p.state for p in verdict.parts] == ["good", "skipped", "skipped", "skipped"]
    assert "pip install" in verdict.scores["Plan Valid"].reason


def test_a_long_answer_is_cut_and_says_so():
    answer = echoed(plan_of(EXAMPLES["ndv5"])) + "x" * 10**6
    verdict = verdict_of(ECHO, EXAMPLES["ndv5"], answer)
    assert f"{MAX_ANSWER:,}" in verdict.parts[0].text


@pytest.mark.parametrize(
    ("answer", "program"),
    [
        ("```python\nprint(1)\n```", "print(1)\n"),
        ("Text\n```py\nprint(1)\n```\nmore", "print(1)\n"),
        ("```python\nprint(1)", "print(1)\n"),
        ("```\nprint(1)\n```", "print(1)\n"),
        ("~~~python\nprint(1)\n~~~", "print(1)\n"),
        ("```python\nx = 1\n```\nand\n```python\nprint(2)\n```", "print(2)\n"),
        ("```bash\nls\n```\n```Python\nprint(3)\n```", "print(3)\n"),
        ("Sure:\nn = 8\nprint(n)", "n = 8\nprint(n)\n"),
        ("```python\nprint('```')\n```", "print('```')\n"),
        ("no code", ""),
        ("x = 3 apples", ""),
        ("```python\n\n```", ""),
    ],
)
def test_finding_the_program(answer, program):
    assert find_program(answer).program == program


def test_the_prompt_holds_the_matrices_the_amounts_and_the_format():
    chat = TASK.messages(EXAMPLES["ndv5"])
    text = chat[-1]["content"]
    assert chat[-1]["role"] == "user"
    for words in ("140 KB", "2 chunks", "inf inf inf inf inf inf inf 0.2", "450", "D(s, c): G(a) => G(b)", "```python"):
        assert words in text
    assert TASK.messages(replace(EXAMPLES["ndv5"], fields={**EXAMPLES["ndv5"].fields, "prompt": "Mine."})) == [
        {"role": "user", "content": "Mine."}
    ]
    assert (
        "8 GPUs (0 to 7) and 1 switch (node 8)"
        in TASK.messages(TASK.case({"id": "x", "topology": "NDv5", "size": 1}, "x"))[0]["content"]
    )
    assert TASK.answer_tokens >= 200


def mutate(rng: random.Random, plan: str) -> str:
    lines = plan.splitlines(keepends=True)
    for _ in range(rng.randint(1, 4)):
        k = rng.randrange(len(lines)) if lines else 0
        kind = rng.randrange(9)
        if kind == 0 and lines:
            del lines[k]
        elif kind == 1 and lines:
            lines.insert(rng.randrange(len(lines)), lines[k])
        elif kind == 2 and lines:
            j = rng.randrange(len(lines))
            lines[k], lines[j] = lines[j], lines[k]
        elif kind == 3 and lines:
            digits = [i for i, c in enumerate(lines[k]) if c.isdigit()]
            if digits:
                i = rng.choice(digits)
                lines[k] = lines[k][:i] + str(rng.randrange(12)) + lines[k][i + 1 :]
        elif kind == 4 and lines:
            i = rng.randrange(len(lines[k]))
            lines[k] = lines[k][:i] + rng.choice("()[]:=>DG,`'\"\0é\n 0-") + lines[k][i + 1 :]
        elif kind == 5:
            lines.insert(k, f"step {rng.randrange(5)}\n")
        elif kind == 6:
            lines.insert(k, rng.choice(("[", "]", "[[", "]]\n", "```\n", "# note\n", "D(\n", "G(0)\n")))
        elif kind == 7:
            lines = lines[: k + 1]
        else:
            lines = [x for x in lines if not x.startswith("step")]
    return "".join(lines)


def noise(rng: random.Random) -> str:
    words = (
        "```",
        "```python\n",
        "print(",
        "D(0, 0): G(0) => G(1)\n",
        "step 1\n",
        "[",
        "]",
        "\n",
        "\0",
        "é",
        "for x in",
        "9" * 50,
        " ",
        "=>",
        "G(",
        "D(",
    )
    return "".join(rng.choice(words) for _ in range(rng.randint(0, 60)))


@pytest.mark.parametrize("seed", range(4))
def test_fuzz_no_crash_and_never_above_the_truth(seed):
    rng = random.Random(seed)
    small = [c for c in TASK.generate("dev") if c.fields["gpus"] <= 5][:20] + [EXAMPLES["own-matrices"]]
    truths = [(c, plan_of(c), values(verdict_of(ECHO, c, echoed(plan_of(c))))) for c in small]
    for _ in range(750):
        case, plan, best = rng.choice(truths)
        answer = echoed(mutate(rng, plan)) if rng.random() < 0.7 else noise(rng)
        *parts, verdict = ECHO.judge(case, answer)
        assert isinstance(verdict, Verdict) and all(isinstance(p, Part) for p in parts)
        assert list(verdict.scores) == [m.name for m in TASK.metrics]
        for score, top in zip(values(verdict), best):
            assert score is None or 0 <= score <= (1.0 if top is None else top)
        json.dumps(verdict.to_dict())
