"""What every task shares: case files, defaults, the same files, and the sheet that a judge fills in."""

import json
from pathlib import Path

import pytest

from sigma.aimicius import NAMES, contract, load_task
from sigma.aimicius.contract import Case, CaseError, Part, Score, Sheet, Task, read_cases, verdict_of
from tests.aimicius.small_task import TASK


def test_unknown_task_is_named_with_those_that_exist():
    with pytest.raises(ValueError, match=r"no task 'nl2sql'.*cmdgen, infrawise, optiflow, nl2kql"):
        load_task("nl2sql")
    assert len(NAMES) == 4


def test_a_case_survives_its_line():
    case = Case("a", {"question": "Wie viel? “<b>”\u2028", "numbers": [1, 2], "kind": "sum"}, "3")
    assert TASK.case(json.loads(case.to_json()), "here") == case


def write(tmp_path, *lines):
    path = tmp_path / "cases.jsonl"
    path.write_bytes("\n".join(lines).encode())
    return path


GOOD = {"id": "a", "question": "What is 1 plus 2?", "numbers": [1, 2], "kind": "sum", "truth": "3"}


def test_cases_are_read_and_cut(tmp_path):
    rows = [json.dumps({**GOOD, "id": str(i), "question": "x\u2028y"}, ensure_ascii=False) for i in range(5)]
    path = write(tmp_path, *rows, "", "  ")
    assert [case.id for case in read_cases(TASK, path)] == list("01234")
    assert len(read_cases(TASK, path, limit=2)) == 2


@pytest.mark.parametrize(
    "lines,message",
    [
        ([], "holds no case"),
        ([json.dumps(GOOD), "{"], "line 2: not JSON"),
        (["[1]"], "line 1: a case is a JSON object, this is a list"),
        ([json.dumps({**GOOD, "numbers": [1]})], "line 1: 'numbers'"),
        ([json.dumps({**GOOD, "question": 7})], "line 1: 'question' is a int"),
        ([json.dumps({k: v for k, v in GOOD.items() if k != "id"})], "line 1: 'id' is missing"),
        ([json.dumps(GOOD)] * 2, "line 2: the id 'a' is already that of line 1"),
        (["[" * 100_000], "line 1: not JSON"),
    ],
)
def test_bad_case_files_are_explained_with_the_line(tmp_path, lines, message):
    with pytest.raises(CaseError, match=message):
        read_cases(TASK, write(tmp_path, *lines))


def test_binary_and_missing_files(tmp_path):
    path = tmp_path / "binary.jsonl"
    path.write_bytes(b"\xff\x00\xfe")
    for bad in (path, tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(CaseError, match="not a readable text file"):
            read_cases(TASK, bad)


class Plain(Task):
    """Only what every task must have."""

    name = title = about = "plain"
    metrics = TASK.metrics
    examples = generate = case = messages = judge = lambda self, *_: None


def test_a_task_has_defaults_for_what_it_need_not_offer():
    plain, case = Plain(), TASK.examples()[2]
    assert (TASK.answer_tokens, plain.answer_tokens) == (48, 256)
    assert (TASK.group(case), plain.group(case)) == ("sum", "")
    assert TASK.button(case) == "sum: 1 and 2"
    assert plain.button(case) == "Add <b>1</b> & 2. Slowly."
    assert plain.button(Case("x", {"text": "w " * 100}, "")).endswith("…")
    assert plain.button(Case("x", {"numbers": [1]}, "")) == "x"
    verdict = verdict_of(TASK, case, "It is 4.")
    second = TASK.follow_up(case, verdict)
    assert [m["role"] for m in TASK.messages(second)] == ["system", "user", "assistant", "user"]
    assert TASK.follow_up(second, verdict_of(TASK, second, "3")) is None
    assert plain.follow_up(case, verdict) is None


def test_a_task_without_a_judge_is_refused():
    with pytest.raises(TypeError, match="judge"):
        type("Half", (Task,), dict.fromkeys(("examples", "generate", "case", "messages"), Plain.judge))()


@pytest.mark.parametrize("name", NAMES)
def test_every_task_is_one_and_has_the_same_files(name):
    assert isinstance(load_task(name), Task)
    folder = Path(contract.__file__).parent / name
    assert not {"task.py", "cases.py", "prompt.py", "answer.py", "judge.py"} - {path.name for path in folder.iterdir()}


def test_a_sheet_keeps_parts_in_order_and_scores_in_the_metrics_order():
    sheet = Sheet(("a", "b", "c"))
    first = sheet.part("one", "good", "fine", {"kind": "small.one"})
    second = sheet.add(Part("two", "skipped", "not looked at"))
    sheet.score("c", 0.5, "half")
    sheet.missing(0.0, "first bad", ("a",))
    sheet.score("c", 1.0, "whole after all")
    with pytest.raises(KeyError):
        sheet.verdict()  # "b" has no score yet
    sheet.missing(None, "does not apply")
    verdict = sheet.verdict()
    assert verdict.parts == (first, second)
    assert list(verdict.scores.items()) == [
        ("a", Score(0.0, "first bad")),
        ("b", Score(None, "does not apply")),
        ("c", Score(1.0, "whole after all")),
    ]
    with pytest.raises(AssertionError):
        sheet.score("d", 1.0, "no such metric")
    assert set(Sheet(("a",), "not asked for").verdict().scores.values()) == {Score(None, "not asked for")}
