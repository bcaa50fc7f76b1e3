"""Judges at work: each in a thread of its own, with a time limit, its parts readable while it goes on."""

from __future__ import annotations

import logging
import threading
import time

from sigma.aimicius.contract import Case, Part, Task, Verdict
from sigma.limits.current import limits
from sigma.observe.numbers import logged

log = logging.getLogger(__name__)


class Judgement:
    """One answer being judged. `parts` grows, then `verdict` or `problem` is set, then `done`."""

    def __init__(self, task: Task, case: Case, answer: str):
        self.task, self.case, self.answer = task, case, answer
        self.parts: list[Part] = []
        self.verdict: Verdict | None = None
        self.problem = ""
        self.done = threading.Event()
        self._deadline, self._seconds = 0.0, 0.0
        self._left = False

    def leave(self) -> None:
        """Nobody waits for it any more: it ends at its next part."""
        self._left = True
        self.done.set()

    def overdue(self) -> bool:
        """Whether the time limit has passed; then the judgement is given up, with a problem that says so."""
        if self.done.is_set() or not self._deadline or time.monotonic() < self._deadline:
            return False
        self.problem = f"Judging took longer than {self._seconds:g} s and was given up."
        self.leave()
        return True

    def finished(self) -> bool:
        """Whether there is nothing more to wait for."""
        return self.overdue() or self.done.is_set()

    def _work(self, seats: threading.Semaphore, seconds: float) -> None:
        # While it waits for a seat the same limit counts: a visitor does not care what a judge waits for.
        self._deadline, self._seconds = time.monotonic() + seconds, seconds
        if not seats.acquire(timeout=seconds):
            self.problem = "All judges are busy. Try again in a minute."
            self.done.set()
            return
        try:
            self._deadline = time.monotonic() + seconds
            for found in self.task.judge(self.case, self.answer):
                if self._left:
                    return
                if isinstance(found, Verdict):
                    self.verdict = found
                else:
                    self.parts.append(found)
        except Exception:  # judges promise not to raise; a visitor must not see it if one does
            number = logged(log, "the judge of %s failed", self.task.name)
            self.problem = f"The judge failed; the server's log has the details under {number}."
        finally:
            seats.release()
            if not self._left and self.verdict is None and not self.problem:
                self.problem = "The judge gave no verdict."
            self.done.set()


class Judges:
    """At most `seats` judges at a time; one that hangs keeps its seat, so hanging ones cannot pile up.

    seconds: longest judging of one answer. A task's own limits are tighter; this one is for what nobody thought of.
    By default both are this server's limits.
    """

    def __init__(self, seats: int | None = None, seconds: float | None = None):
        self._seats = threading.Semaphore(limits().judges if seats is None else seats)
        self.seconds = limits().judge_seconds if seconds is None else seconds

    def start(self, task: Task, case: Case, answer: str) -> Judgement:
        """Begin to judge."""
        judgement = Judgement(task, case, answer)
        name = f"judge-{task.name}"
        threading.Thread(target=judgement._work, args=(self._seats, self.seconds), name=name, daemon=True).start()
        return judgement

    def judge(self, task: Task, case: Case, answer: str) -> Judgement:
        """Judge and wait for the end."""
        judgement = self.start(task, case, answer)
        while not judgement.done.wait(0.05):
            judgement.overdue()
        return judgement
