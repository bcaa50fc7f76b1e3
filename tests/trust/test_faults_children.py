"""Child processes that are killed, or whose code is damaged: it is said, it is no verdict on an answer, and the next one runs."""

import os
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest

from sigma.aimicius.nl2kql.engine import run as queries
from sigma.aimicius.optiflow.sandbox import SANDBOX, Limits, Sandbox, SandboxError
from tests.trust.recovery import recovery


@pytest.fixture(autouse=True)
def quick():
    """Instead of the folder's: no page is needed here."""


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


@pytest.fixture(scope="module")
def box():
    try:
        SANDBOX.prepare()
    except SandboxError as error:
        pytest.skip(str(error))
    return SANDBOX


def children(word):
    """Processes below this one with a word in their command line."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and word.encode() in (status.parent / "cmdline").read_bytes():
                found.append(int(status.parent.name))
        except (OSError, ValueError, IndexError):
            continue
    return found


def test_a_sandbox_that_is_killed_is_no_verdict_on_the_program_and_the_next_runs(box):
    found = []
    thread = threading.Thread(target=lambda: found.append(box.run("while True: pass", limits=Limits(cpu=60, wall=60))))
    thread.start()
    until(lambda: children("wasi_child"))
    with recovery("a sandbox is killed at work"):
        for pid in children("wasi_child"):
            os.kill(pid, signal.SIGKILL)
        thread.join(60)
        assert found[0].end == "unavailable" and not found[0].judged and "not the program" in found[0].text
        assert box.run("print(6 * 7)").stdout == "42\n"


def test_a_sandbox_without_room_for_its_files_says_so_and_works_again(box, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    run = box.run("print(1)")
    assert run.end == "unavailable" and "could not start" in run.text
    monkeypatch.setattr("tempfile.tempdir", None)
    with recovery("a sandbox has no room for its files"):
        assert box.run("print(1)").ok


def test_damaged_code_of_the_sandbox_is_compiled_again_not_run(box, tmp_path, monkeypatch):
    """Compiling takes ten seconds: what is held here is that it is asked for, with the whole code as its result."""
    folder = tmp_path / "sandbox"
    folder.mkdir(mode=0o700)
    whole = box.prepare()
    kept = folder / whole.name
    shutil.copy(whole, kept)
    shutil.copy(whole.with_suffix(".sha256"), kept.with_suffix(".sha256"))
    compiled = []
    monkeypatch.setattr("sigma.aimicius.optiflow.sandbox._compile", lambda to: compiled.append(shutil.copy(whole, to)))
    assert Sandbox(folder=folder).run("print(1)").ok and not compiled
    with kept.open("r+b") as file:
        file.seek(1 << 20)
        file.write(b"\0" * 4096)
    again = Sandbox(folder=folder)
    assert again.run("print(1)").ok and len(compiled) == 1


# NL2KQL's engine


def test_a_query_engine_that_is_killed_idle_is_started_again():
    assert queries.run("XidErrors | count")["rows"] == [[8_000]]
    os.kill(queries._child()._process.pid, signal.SIGKILL)
    queries._child()._process.wait(30)
    with recovery("the query engine is killed while idle"):
        assert queries.run("XidErrors | where Xid > 0 | count")["rows"]


def test_a_query_engine_that_is_killed_at_work_says_so_and_the_next_query_runs():
    queries.run("XidErrors | take 1")
    slow = "range x from 1 to 30000000 step 1 | summarize count() by bin(x * 7 % 1000003, 3) | count"
    found, pid = [], queries._child()._process.pid
    thread = threading.Thread(target=lambda: found.append(queries.run(slow)))
    thread.start()
    until(lambda: queries._child()._lock.locked())
    with recovery("the query engine is killed at work"):
        os.kill(pid, signal.SIGKILL)
        thread.join(60)
        assert "ended" in found[0]["error"] or "gone" in found[0]["error"], found
        assert queries.run("XidErrors | summarize n = count()")["rows"] == [[8_000]]
    assert slow not in queries._results, "a result that says nothing of the query is not kept"
