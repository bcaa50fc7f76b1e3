"""The sandbox against hostile programs. Everything runs for real; without the runtime these tests are skipped with its reason."""

import os
import resource
import stat
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from sigma.aimicius.optiflow import sandbox as module
from sigma.aimicius.optiflow.sandbox import (
    SANDBOX,
    WASM_SHA256,
    Limits,
    Sandbox,
    SandboxError,
    private_folder,
    wasm_file,
)
from sigma.checkpoints.base import sha256_of
from tests.aimicius.optiflow.hostile import PROGRAMS

# Waiting costs no processor time: only programs that wait get a short clock, so that a busy machine fails none of the others.
QUICK = Limits(cpu=0.8, wall=30.0, memory=64 << 20, output=1 << 20)
WAITS = replace(QUICK, wall=1.5)
GOOD = "import json, os, re\nprint(json.dumps([size * 2, len(latency)]), sum(range(10)))"
VALUES = {"latency": [[0, float("inf")], [0.5, 0]], "size": 140}


@pytest.fixture(scope="module")
def box() -> Sandbox:
    try:
        SANDBOX.prepare()
    except SandboxError as error:
        pytest.skip(str(error))
    return SANDBOX


def children() -> set[int]:
    """The sandbox's processes below this one; empty where there is no /proc."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and b"wasi_child" in (status.parent / "cmdline").read_bytes():
                found.add(int(status.parent.name))
        except (OSError, ValueError, IndexError):  # it has ended meanwhile
            continue
    return found


@pytest.mark.parametrize(("name", "ends", "program"), PROGRAMS, ids=[p[0] for p in PROGRAMS])
def test_a_hostile_program_is_contained_and_the_next_run_is_unaffected(box, tmp_path, monkeypatch, name, ends, program):
    monkeypatch.setenv("VERY_SECRET", "the secret")
    canary = tmp_path / "canary"
    canary.write_text("the canary")
    before = sorted(tmp_path.iterdir())
    program = (
        program.replace("{canary!r}", repr(str(canary)))
        .replace("{folder!r}", repr(str(tmp_path)))
        .replace("{{", "{")
        .replace("}}", "}")
    )
    library = sha256_of(box.prepare())

    run = box.run(program, VALUES, WAITS if name == "endless sleep" else QUICK)

    assert run.end in ends, run
    assert run.text.endswith((".", "stopped")) or len(run.text) > 20
    assert "secret" not in run.stdout + run.text and "canary" not in run.stdout
    assert canary.read_text() == "the canary" and sorted(tmp_path.iterdir()) == before
    assert sha256_of(box.prepare()) == library
    assert not children()
    good = box.run(GOOD, VALUES, QUICK)
    assert (good.end, good.stdout) == ("ok", "[280, 2] 45\n")


def test_forty_hostile_programs_at_least():
    assert len({name for name, *_ in PROGRAMS}) == len(PROGRAMS) >= 40


def test_a_run_is_quick_after_the_first_compile(box):
    plan = "for g in range(8):\n    for r in range(1, 8):\n        print(f'D({g}, 0): G({g}) => G({(g + r) % 8})')"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert all(box.run(plan, VALUES).ok for _ in range(3))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Processor time: by the clock this machine may be busy with other things.
    assert (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 3 < 0.5


def test_several_visitors_at_once_are_all_served_with_a_bound_on_processes(box):
    few, seen, most = Sandbox(at_once=2), [], 0
    threads = [threading.Thread(target=lambda: seen.append(few.run("print(1)").end)) for _ in range(8)]
    for t in threads:
        t.start()
    while any(t.is_alive() for t in threads):
        most = max(most, len(children()))
        time.sleep(0.02)
    assert seen == ["ok"] * 8
    assert most <= 2
    assert most >= 1 or not Path("/proc/self/stat").exists()


def test_who_waits_too_long_is_told_so(box):
    narrow = Sandbox(at_once=1, patience=0.1)
    first = threading.Thread(target=narrow.run, args=("while True: pass", {}, QUICK))
    first.start()
    time.sleep(0.3)
    run = narrow.run("print(1)")
    first.join()
    assert run.end == "busy" and not run.judged and "Try again" in run.text
    assert narrow.run("print(1)").end == "ok"


def test_the_runtime_is_the_pinned_file(box):
    assert sha256_of(wasm_file()) == WASM_SHA256


def test_the_compiled_guest_is_private(box):
    cached = box.prepare()
    assert not cached.stat().st_mode & 0o022 and not cached.parent.stat().st_mode & 0o022


def test_another_runtime_is_refused(monkeypatch, tmp_path, box):
    other = tmp_path / "python.wasm"
    other.write_bytes(b"\0asm other")
    monkeypatch.setattr(module, "wasm_file", lambda: other)
    run = Sandbox(folder=tmp_path / "cache").run("print(1)")
    assert run.end == "unavailable" and "SHA-256" in run.text


def test_without_the_runtime_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(module.util, "find_spec", lambda name: None)
    box = Sandbox(folder=tmp_path)
    assert box.status()[0] == "unavailable" and "pip install" in box.status()[1]
    assert box.run("print(1)").end == "unavailable"


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_code_that_others_could_have_written_is_not_loaded(tmp_path):
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    planted = folder / "x.cwasm"
    planted.write_bytes(b"machine code" * 100_000)
    private_folder(folder)
    assert not planted.exists()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    link = tmp_path / "link"
    link.symlink_to(folder)
    with pytest.raises(SandboxError, match="does not belong"):
        private_folder(link)


def test_a_folder_that_cannot_be_written_gives_a_reason(tmp_path, box):
    file = tmp_path / "file"
    file.write_text("")
    run = Sandbox(folder=file / "below").run("print(1)")
    assert run.end == "unavailable" and "cannot be prepared" in run.text


def test_an_error_names_the_line(box):
    run = box.run("a = 1\nb = a / 0\n")
    assert run.line == 2 and "ZeroDivisionError" in run.text and "line 2" in run.text


def test_a_long_program_is_not_run(box):
    assert "at most" in box.run("#" * 200_000).text


def test_values_arrive_as_they_are(box):
    run = box.run(
        "print(latency, bandwidth, size, chunks)",
        {"latency": [[0, float("inf")]], "bandwidth": [[0]], "size": 1.5, "chunks": 2},
    )
    assert run.stdout == "[[0, inf]] [[0]] 1.5 2\n"


def test_the_child_says_what_is_broken(tmp_path):
    child = Path(module.CHILD)
    done = subprocess.run(
        [sys.executable, "-I", str(child), "run", "/nothing", str(tmp_path), "{}"], capture_output=True, text=True
    )
    assert '"broken"' in done.stdout and done.returncode == 0
