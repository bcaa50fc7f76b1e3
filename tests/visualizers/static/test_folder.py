"""Nothing but what was written here is ever replaced."""

import json
import os

import pytest

from visualizers.static import folder
from visualizers.static.__main__ import main

FILES = {"index.html": b"<!doctype html>", "sigma.js": b"1;"}


def test_a_new_folder_and_an_empty_one_are_written(tmp_path):
    for dest in (tmp_path / "a" / "b", tmp_path / "empty"):
        if dest.name == "empty":
            dest.mkdir()
        size = folder.write(dest, FILES, force=False)
        assert {path.name for path in dest.iterdir()} == {*FILES, folder.MARK}
        assert size == sum(path.stat().st_size for path in dest.iterdir())


def test_a_folder_of_ours_is_written_again_by_force_alone(tmp_path):
    folder.write(tmp_path, {**FILES, "old.js": b"2;"}, force=False)
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(FileExistsError, match="--force"):
        folder.write(tmp_path, FILES, force=False)
    folder.write(tmp_path, {**FILES, "sigma.js": b"3;"}, force=True)
    assert (tmp_path / "sigma.js").read_bytes() == b"3;" and not (tmp_path / "old.js").exists()
    assert (tmp_path / "mine.txt").read_text() == "kept"


@pytest.mark.parametrize(
    "mark",
    [
        None,
        "",
        "[]",
        '{"made_by": "someone else", "files": {}}',
        '{"made_by": "visualizers.static", "files": 3}',
        json.dumps({"made_by": "visualizers.static", "files": {"../precious.txt": ""}}),
        json.dumps({"made_by": "visualizers.static", "files": {"/etc/passwd": ""}}),
        json.dumps({"made_by": "visualizers.static", "files": [".."]}),
    ],
)
def test_a_folder_of_somebody_elses_never_is(tmp_path, mark):
    dest = tmp_path / "dest"
    dest.mkdir()
    (tmp_path / "precious.txt").write_text("precious")
    (dest / "index.html").write_text("theirs")
    if mark is not None:
        (dest / folder.MARK).write_text(mark)
    for force in (False, True):
        with pytest.raises(FileExistsError, match="did not write it"):
            folder.write(dest, FILES, force)
    assert (dest / "index.html").read_text() == "theirs" and (tmp_path / "precious.txt").exists()


def test_too_much_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="more than 3,000,000"):
        folder.write(tmp_path / "new", {"explore.js": b"x" * 3_000_000}, force=False)
    assert not (tmp_path / "new").exists()


def test_the_command_says_what_stands_in_the_way(tmp_path, capsys):
    (tmp_path / "file").write_text("x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("x")
    for dest, words in (("file", "is a file"), ("full", "is not empty"), ("file/below", "file")):
        assert main([str(tmp_path / dest)]) == 2
        said = capsys.readouterr().err
        assert said.startswith("not written: ") and words in said


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written(tmp_path, capsys):
    tmp_path.chmod(0o555)
    assert main([str(tmp_path / "new")]) == 2 and "new" in capsys.readouterr().err
    tmp_path.chmod(0o755)


@pytest.mark.parametrize(
    "space", ["name", "a/b/c", "a/", "../x", "a b/c", "https://huggingface.co/spaces/a/b", "a/b--c"]
)
def test_a_space_has_an_owner_and_a_name(tmp_path, space, capsys):
    with pytest.raises(SystemExit):
        main([str(tmp_path / "new"), "--space", space])
    assert "OWNER/NAME" in capsys.readouterr().err
