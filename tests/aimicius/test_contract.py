"""What every task shares: case files, and the functions that ask for what a task may offer."""

import json

import pytest

from sigma.aimicius import NAMES, load_task
from sigma.aimicius.contract import (
    Case,
    CaseError,
    answer_tokens,
    follow_up,
    group_of,
    label_of,
    read_cases,
    verdict_of,
)
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


def test_what_a_task_may_offer_is_asked_through_functions():
    class Plain:
        pass

    case = TASK.examples()[2]
    assert (answer_tokens(TASK), answer_tokens(Plain())) == (48, 256)
    assert (group_of(TASK, case), group_of(Plain(), case)) == ("sum", "")
    assert label_of(TASK, case) == "sum: 1 and 2"
    assert label_of(Plain(), case) == "Add <b>1</b> & 2. Slowly."
    assert label_of(Plain(), Case("x", {"text": "w " * 100}, "")).endswith("…")
    verdict = verdict_of(TASK, case, "It is 4.")
    second = follow_up(TASK, case, verdict)
    assert [m["role"] for m in TASK.messages(second)] == ["system", "user", "assistant", "user"]
    assert follow_up(TASK, second, verdict_of(TASK, second, "3")) is None
    assert follow_up(Plain(), case, verdict) is None
