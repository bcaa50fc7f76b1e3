"""A slice of the test set on the page: asked and judged case by case, and our table beside the paper's. No Gradio."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sigma.aimicius.answers import Answer
from sigma.aimicius.contract import Case, Task, Verdict
from sigma.aimicius.evaluate import ask, load_cases
from sigma.aimicius.scoring import Report
from sigma.events import Engine, StepEvent
from visualizers.tasks.judging import Judges

SAY_SECONDS = 0.5


@dataclass
class Trial:
    """One side's run over a slice."""

    task: Task
    side: str
    name: str
    total: int
    report: Report
    rows: list[dict[str, Any]] = field(default_factory=list)
    note: str = ""
    held: bool = False  # to the task's form
    worked: int | None = None  # examples before a question; None for the task's own number
    ended: bool = False
    started: float = field(default_factory=time.monotonic)
    seconds: float = 0.0

    def count(self, case: Case, answer: Answer, verdict: Verdict | None, problem: str) -> None:
        """Take in one case; one that could not be judged is listed and counts nowhere."""
        if verdict is not None:
            self.report.add(case, verdict, answer.finish)
        self.rows.append(
            {
                "task": self.task.name,
                "side": self.side,
                "id": case.id,
                "answer": answer.text,
                "truth": case.truth,
                "finish": answer.finish,
                "problem": problem,
                "scores": {n: s.value for n, s in verdict.scores.items()} if verdict is not None else {},
            }
        )
        self.seconds = time.monotonic() - self.started


def find_cases(task: Task, limit: int, stop: threading.Event) -> Iterator[str | list[Case]]:
    """Progress sentences while the test set is built or read, then the slice. Raises CaseError."""
    found: list[Any] = []
    said = ["reading the test set"]

    def work() -> None:
        try:
            found.append(
                load_cases(task, None, "test", limit, lambda what, n: said.append(f"making {what}: {n:,} cases"))
            )
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=work, name="cases", daemon=True)
    thread.start()
    while thread.is_alive() and not stop.is_set():
        yield said[-1]
        thread.join(SAY_SECONDS)
    if stop.is_set():
        return
    if isinstance(found[0], Exception):
        raise found[0]
    yield found[0]


def run_trial(
    trial: Trial, cases: list[Case], engine: Engine | None, judges: Judges, stop: threading.Event
) -> Iterator[None]:
    """Ask and judge case by case; a yield whenever the trial has something new to show, at least every half second.

    Without an engine the truths are judged. Closing this generator, or `stop`, frees the engine's caches.
    """
    for number, case in enumerate(cases, 1):
        answer = Answer(case.truth)
        if engine is not None:
            answer = yield from _answered(trial, case, number, engine, stop)
        if stop.is_set() or answer is None:
            return
        judgement = judges.start(trial.task, case, answer.text)
        try:
            while not judgement.finished():
                judgement.done.wait(SAY_SECONDS)
                if stop.is_set():
                    return
                yield
        finally:
            if not judgement.finished():
                judgement.leave()
        trial.count(case, answer, judgement.verdict, judgement.problem)
        yield
    trial.ended, trial.note = True, ""


def _answered(trial: Trial, case: Case, number: int, engine: Engine, stop: threading.Event):
    budget = trial.task.answer_tokens
    events = ask(engine, trial.side, trial.task, case, trial.worked, budget, trial.held)
    said, tokens = 0.0, 0
    try:
        for event in events:
            if isinstance(event, Answer):
                return event
            tokens += isinstance(event, StepEvent)
            if stop.is_set():
                return None
            if time.monotonic() - said >= SAY_SECONDS:
                said = time.monotonic()
                trial.note = f"case {number} of {trial.total}: {tokens} of {budget} tokens"
                yield
    finally:
        events.close()
    return None
