"""Continuous batching: one thread works on the device, and every answer that waits for its next token steps with the others.

A step serves all that wait for the same runtime, so its weights are read once for all of them. An answer joins at the
next step and leaves by not asking for another; whoever is cancelled does so between two. Prompts are read in chunks
between the steps, and no answer waits for two chunks. Which side of a request goes next is decided by device time, as
before: the one that has used less, unless the other may ride in a step that goes anyway and is not far ahead.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, InvalidStateError, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sigma.engine.lookup import MOST_ROWS
from sigma.engine.run import Run
from sigma.engine.worker import Worker
from sigma.events import ChatRequest, Event, Interrupted
from sigma.limits.current import limits
from sigma.observe.numbers import current, numbered
from sigma.runtime import SequenceStep

LINGER_SECONDS = 0.002  # how long a step waits for those that the last one answered, so that they go together again
LEAD_MS = 50.0  # device time that one side may be ahead of the other of its request to ride in another's step
SHARED_CHUNK = 48  # tokens of a prompt read at once while answers are being written

LOST = (
    "The engine's thread was ended in the middle of this answer, and another has taken its place. What was written stays; "
    "ask again."
)

log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class _Piece:
    """A piece of work that is done apart; `work` is told whether others' answers are being written meanwhile."""

    work: Callable[[bool], Any]
    request: ChatRequest | None = None
    future: Future = field(default_factory=Future)
    number: str | None = field(default_factory=current)  # in the log lines that the work makes


@dataclass(eq=False, slots=True)
class _Waiting:
    """A request that waits for a step: its sides, the one that has used least first, and the pieces done when it came."""

    runs: list[Run]
    pieces: int
    future: Future = field(default_factory=Future)
    number: str | None = field(default_factory=current)

    def run_on(self, runtime: Any) -> Run | None:
        """The side that may step on a runtime now."""
        for run in self.runs:
            if run.model.runtime is runtime and not run.reading:
                ahead = run.spent - self.runs[0].spent
                return run if ahead <= LEAD_MS else None
        return None


class Device:
    """The thread that works on the device, and who goes next. `prepare` runs in it first."""

    def __init__(self, prepare: Callable[[], None] = lambda: None):
        self._worker = Worker("device", prepare, self._lost, self._stranded)
        self._changed = threading.Condition()
        self._pieces: deque[_Piece] = deque()
        self._steps: list[_Waiting] = []
        self._pieces_done = 0
        self._stepped: dict[int, ChatRequest] = {}  # since the last piece
        self._doing: list[_Piece | _Waiting] = []  # begun, their futures perhaps not set
        self._requests = 0  # being answered
        self._ended = 0.0  # when the last work did
        self._batch = self._taken = self._made = 0  # answers in the newest step; steps so far, and their tokens
        self._open = True

    def submit(self, work: Callable[[], Any]) -> Future:
        """Do a piece of work when its turn comes: in the order they came, between the steps of answers."""
        return self._put(_Piece(lambda shared: work())).future

    @contextmanager
    def request(self) -> Iterator[None]:
        """A request is being answered: steps wait for it, a moment, to take it along."""
        with self._changed:
            self._requests += 1
        try:
            yield
        finally:
            with self._changed:
                self._requests -= 1
                self._changed.notify_all()

    def advance(self, runs: Sequence[Run]) -> Event:
        """The next event of a request whose sides `runs` have not finished; waits until the device has come to it.

        Raises what the side's work raises; no other request is harmed by that.
        """
        order = sorted(runs, key=lambda run: run.spent)
        while True:
            for run in order:
                if run.ready:
                    return run.ready.popleft()
            if (event := self._next_event(order)) is not None:
                return event

    def _next_event(self, order: list[Run]) -> Event | None:
        """Wait for the device; None where a step has found nothing that can be told."""
        first = order[0]
        if first.reading:
            asked = self._put(_Piece(lambda shared: first.read(SHARED_CHUNK if shared else None), first.request))
        else:
            asked = self._put(_Waiting(order, self._pieces_done))
        try:
            return asked.future.result()
        finally:
            self._withdraw(asked)  # nothing may still be at work on what an interrupted caller frees

    def figures(self) -> dict[str, Any]:
        """The fields of `sigma.events.EngineFigures` that are the device's."""
        with self._changed:
            return {
                "working": self._open,
                "answering": self._requests,
                "batch": self._batch,
                "steps": self._taken,
                "stepped": self._made,
            }

    def close(self) -> None:
        """Finish what was asked for and stop."""
        self._open = False
        self._worker.close()

    def _put(self, one: _Piece | _Waiting) -> _Piece | _Waiting:
        with self._changed:
            self._worker.submit(self._work)  # which waits for the lock that is held here
            (self._pieces if isinstance(one, _Piece) else self._steps).append(one)
            self._changed.notify_all()
        return one

    def _withdraw(self, one: _Piece | _Waiting) -> None:
        """Take back what has not begun, and wait for the end of what has."""
        with self._changed:
            for waiting in (self._pieces, self._steps):
                if one in waiting:
                    waiting.remove(one)
                    return
        wait([one.future])

    def _work(self) -> None:
        """Do what is next, if a step has not done it already: there is one call for each that waits."""
        try:
            job = self._next()
            if job is None:
                return
            job()
        except Exception as error:  # of the bookkeeping: what an answer's own work raises is its own (`_step`, `_do`)
            self._fail([*self._doing, *self._taken_back()], error)
            raise
        self._doing, self._ended = [], time.monotonic()

    def _lost(self) -> None:
        """The thread was ended: nobody waits for what it was doing, and for all others there is a call again."""
        with self._changed:
            waiting = [*self._pieces, *self._steps]
            doing, self._doing = [one for one in self._doing if one not in waiting], []
            for _ in waiting:  # a call may have been taken and not begun; one too many does nothing
                with suppress(RuntimeError):  # closed: its own calls are still there
                    self._worker.submit(self._work)
        self._fail(doing, Interrupted(LOST))

    def _stranded(self) -> None:
        """There is no thread any more until the next request starts one: nobody waits."""
        self._fail(self._taken_back(), Interrupted(LOST))

    def _taken_back(self) -> list[_Piece | _Waiting]:
        """All that wait: no longer."""
        with self._changed:
            waiting = [*self._pieces, *self._steps]
            self._pieces.clear()
            self._steps = []
        return waiting

    @staticmethod
    def _fail(ones: Sequence[_Piece | _Waiting], error: Exception) -> None:
        for one in ones:
            with suppress(InvalidStateError):  # it has its result
                one.future.set_exception(error)

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            left = self._ended + LINGER_SECONDS - time.monotonic()
            if left > 0 and (self._pieces or self._steps):
                self._changed.wait_for(self._all_wait, left)
            if not self._pieces and not self._steps:
                return None
            overdue = any(one.pieces < self._pieces_done for one in self._steps)  # has waited for a piece already
            if not self._pieces or overdue:
                chosen = self._together()
                self._batch, self._taken = len(chosen), self._taken + 1
                self._stepped |= {id(run.request): run.request for _, run in chosen}
                return partial(self._step, chosen)
            piece = self._pieces[0]
            self._doing = [piece]  # first: whenever this thread ends, each is in one of the two places
            self._pieces.popleft()
            writing = [*self._stepped.values(), *(one.runs[0].request for one in self._steps)]
            self._stepped = {}
            return partial(self._do, piece, any(request is not piece.request for request in writing))

    def _all_wait(self) -> bool:
        return len(self._pieces) + len(self._steps) >= self._requests

    def _step(self, chosen: list[tuple[_Waiting, Run]]) -> None:
        before = sum(run.step for _, run in chosen)
        events = _step(chosen)
        with self._changed:
            self._made += sum(run.step for _, run in chosen) - before
        for (one, _), event in zip(chosen, events):
            if isinstance(event, Exception):
                one.future.set_exception(event)
            else:
                one.future.set_result(event)

    def _together(self) -> list[tuple[_Waiting, Run]]:
        """Who goes in the next step: the one who waits longest, and all that can go along."""
        runtime = self._steps[0].runs[0].model.runtime
        chosen = [(one, run) for one in self._steps if (run := one.run_on(runtime)) is not None]
        chosen = chosen[: limits().batch]
        gone = {one for one, _ in chosen}
        self._doing = [*gone]
        self._steps = [one for one in self._steps if one not in gone]
        return chosen

    def _do(self, piece: _Piece, shared: bool) -> None:
        try:
            with numbered(piece.number):
                found = piece.work(shared)
            piece.future.set_result(found)
        except Exception as error:
            piece.future.set_exception(error)
        with self._changed:
            self._pieces_done += 1


def _step(chosen: list[tuple[_Waiting, Run]]) -> list[Event | Exception | None]:
    """One step of some runs of one runtime: of each its event, or what went wrong with it."""
    events: list[Event | Exception | None] = []
    begun = time.perf_counter()
    forward = [run for _, run in chosen if run.step > 0]  # the first token comes from the prompt's logits
    rows = max(1, min(MOST_ROWS, limits().batch // max(1, len(forward))))
    asked = {run: run.ask(rows) for run in forward}
    with numbered(",".join(one.number for one, _ in chosen if one.number) or None):
        found = _logits(asked)
    took = (time.perf_counter() - begun) * 1e3
    all_rows = sum(map(len, asked.values()))
    for one, run in chosen:
        try:
            with numbered(one.number):
                if run not in asked:
                    events.append(run.begin())
                    continue
                if isinstance(found[run], Exception):
                    raise found[run]
                events.append(run.take(asked[run], found[run], took, len(asked[run]) / all_rows))
        except Exception as error:
            events.append(error)
    return events


def _logits(asked: dict[Run, list[SequenceStep]]) -> dict[Run, Any]:
    """By run what was found for each of its tokens, or the error: where the step fails, each tries alone, without
    drafted tokens, and only the guilty one fails."""
    if not asked:
        return {}
    runs = list(asked)
    lengths = [run.cache.length for run in runs]
    try:
        found = iter(runs[0].model.runtime.decode_many([step for steps in asked.values() for step in steps]))
        return {run: [next(found) for _ in steps] for run, steps in asked.items()}
    except Exception as error:
        for run, length in zip(runs, lengths):  # some may have been stepped
            run.cache.keep_first(length)
        if len(runs) == 1 and len(asked[runs[0]]) == 1:
            return {runs[0]: error}
        log.warning("a step of %d answers failed and is taken one by one: %s", len(runs), error)
        alone = {}
        for run in runs:
            asked[run] = run.ask()
            alone |= _logits({run: asked[run]})
        return alone
