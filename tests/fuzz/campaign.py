"""Campaigns: a target's cases in chunks, each from its own seed, so that a campaign can stop and go on."""

from __future__ import annotations

import json
import time
import traceback
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.fuzz.histories import HISTORIES
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).with_name("corpus")
ROOT = Path(__file__).parents[2]
STEPS = 40  # of a history
COMMON = dict(database=None, deadline=None, suppress_health_check=list(HealthCheck), report_multiple_bugs=False)
NAMES = (*TARGETS, *HISTORIES)


@dataclass
class Progress:
    """How far a target's campaign has come. `findings` are different failures, by where they were raised."""

    cases: int = 0
    chunks: int = 0
    seconds: float = 0.0
    slowest: float = 0.0  # processor time of one case
    failed: int = 0  # cases, the repetitions of a finding among them
    findings: dict[str, str] = field(default_factory=dict)


def place_of(error: BaseException) -> str:
    """The kind of an error and the last line of ours that it came through."""
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if str(ROOT) in frame.filename]
    frame = ours[-1] if ours else None
    where = f"{Path(frame.filename).relative_to(ROOT)}:{frame.lineno}" if frame else "elsewhere"
    return f"{type(error).__name__} at {where}"


class _Watched:
    """A target's check that counts, takes the time, and passes over what was found before."""

    def __init__(self, run: Callable[[Any], None], progress: Progress):
        self.run, self.progress, self.last, self.shrinking = run, progress, None, False

    def __call__(self, case: Any) -> None:
        begun = time.thread_time()
        if not self.shrinking:
            self.progress.cases += 1
        try:
            self.run(case)
        except Exception as error:
            if not self.shrinking:
                self.progress.failed += 1
            if place_of(error) in self.progress.findings:
                return
            self.shrinking, self.last = True, (case, error)
            raise
        finally:
            if not self.shrinking:
                self.progress.slowest = max(self.progress.slowest, time.thread_time() - begun)


def run_chunk(target: Target, size: int, number: int, progress: Progress) -> tuple[Any, BaseException] | None:
    """`size` cases from a seed; the smallest failing case and its error, if one failed in a way that is not known yet."""
    watched = _Watched(target.run, progress)

    @settings(max_examples=size, phases=(Phase.generate, Phase.shrink), **COMMON)
    @seed(number)
    @given(target.cases)
    def check(case: Any) -> None:
        watched(case)

    try:
        check()
    except Exception:
        if watched.last is None:
            raise
        case, error = watched.last
        progress.findings[place_of(error)] = " ".join(str(error).split())[:300]
        return case, error
    return None


def run_histories(name: str, size: int, number: int, progress: Progress) -> None:
    """As `run_chunk`, of a state machine: hypothesis tells the shortest failing history."""
    machine = seed(number)(type(HISTORIES[name].__name__, (HISTORIES[name],), {}))
    machine.made = 0
    chosen = settings(max_examples=size, stateful_step_count=STEPS, phases=(Phase.generate, Phase.shrink), **COMMON)
    try:
        run_state_machine_as_test(machine, settings=chosen)
    except Exception as error:
        progress.failed += 1
        notes = "\n".join(getattr(error, "__notes__", ()))
        progress.findings[place_of(error)] = f"{' '.join(str(error).split())[:300]}\n{notes}"
    progress.cases += min(machine.made, size)


def keep(name: str, case: Any, corpus: Path = CORPUS) -> None:
    """Add a case to the corpus: from now on it is a test."""
    path = corpus / f"{name}.jsonl"
    line = json.dumps(case)
    known = path.read_text("utf-8").splitlines() if path.exists() else []
    if line not in known:
        corpus.mkdir(exist_ok=True)
        path.write_text("".join(f"{one}\n" for one in (*known, line)), "utf-8")


def corpus_cases() -> list[tuple[str, int, Any]]:
    """(target, line, case) of every case kept."""
    found = []
    for path in sorted(CORPUS.glob("*.jsonl")):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            found.append((path.stem, number, json.loads(line)))
    return found


class Campaign:
    """Progress by target, kept in a file after every chunk."""

    def __init__(self, path: Path, base_seed: int = 0):
        self.path, self.base_seed = path, base_seed
        stored = json.loads(path.read_text("utf-8")) if path.exists() else {}
        self.progress = {name: Progress(**one) for name, one in stored.items()}

    def advance(self, name: str, size: int) -> Progress:
        """One more chunk of a target."""
        progress = self.progress.setdefault(name, Progress())
        number = zlib.crc32(f"{name} {self.base_seed} {progress.chunks}".encode())
        begun = time.monotonic()
        if name in HISTORIES:
            run_histories(name, size, number, progress)
        elif found := run_chunk(TARGETS[name], size, number, progress):
            keep(name, found[0])
        progress.chunks += 1
        progress.seconds += time.monotonic() - begun
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps({key: asdict(one) for key, one in self.progress.items()}, indent=1), "utf-8")
        return progress
