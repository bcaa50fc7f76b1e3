"""The case files: built, fixed by their hashes, verified, and mended."""

import pytest

from sigma.aimicius import data
from sigma.aimicius.contract import Case, CaseError
from tests.aimicius.commands import build
from tests.aimicius.small_task import TASK, SmallTask

pytestmark = pytest.mark.usefixtures("small")


def test_files_are_built_fixed_and_verified(capsys, tmp_path):
    status, made, _ = build(capsys, "--task", "all", "--out", tmp_path / "out")
    assert status == 0 and len(made["files"]) == 6 and {row["hash"] for row in made["files"]} == {"not fixed yet"}
    assert [row["cases"] for row in made["files"][:3]] == [30, 10, 20]
    assert build(capsys, "--task", "small", "--update-hashes")[1]["files"][0]["hash"] == "fixed now"
    again = build(capsys, "--task", "all")[1]["files"]
    assert [row["hash"] for row in again] == ["as fixed"] * 3 + ["not fixed yet"] * 3
    assert [row["sha256"] for row in again] == [row["sha256"] for row in made["files"]]


def test_a_changed_generator_is_noticed(capsys, monkeypatch):
    build(capsys, "--task", "small", "--update-hashes")
    monkeypatch.setattr(SmallTask, "generate", lambda self, split: iter(TASK.examples()))
    status, _, err = build(capsys, "--task", "small", "--split", "dev")
    assert status == 2 and "--update-hashes" in err and "3 cases" in err and "fixes 10" in err


def test_evaluate_builds_what_is_absent_and_mends_what_was_changed(tmp_path, capsys):
    build(capsys, "--task", "small", "--update-hashes", "--out", tmp_path / "elsewhere")
    path = data.ensure(TASK, "test")
    assert path == tmp_path / "cache" / "aimicius" / "small" / "test.jsonl"
    whole = path.read_bytes()
    stamp = path.stat().st_mtime_ns
    assert data.ensure(TASK, "test").stat().st_mtime_ns == stamp, "a good file is used as it is"
    path.write_bytes(whole[:100])
    assert data.ensure(TASK, "test").read_bytes() == whole
    assert not list(path.parent.glob("*.part"))
    with pytest.raises(CaseError, match="no split 'best'"):
        data.ensure(TASK, "best")


@pytest.mark.parametrize(
    "cases,message",
    [
        ([], "made no case"),
        ([TASK.examples()[0]] * 2, "'sum': the id is used twice"),
        ([Case("a", {"question": "x", "numbers": (1, 2), "kind": "sum"}, "3")], "not what was written"),
    ],
)
def test_a_generator_that_writes_what_cannot_be_read_back(monkeypatch, tmp_path, cases, message):
    monkeypatch.setattr(SmallTask, "generate", lambda self, split: iter(cases))
    with pytest.raises(CaseError, match=message):
        data.build(TASK, "dev", tmp_path)
    assert not list(tmp_path.rglob("*.jsonl")) and not list(tmp_path.rglob("*.part"))


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "small").write_text("a file")
    with pytest.raises(CaseError, match="cannot be written"):
        data.build(TASK, "dev", tmp_path)
