"""Counts what an engine answers: requests and how they ended, tokens, times to the first token, errors; and the lines.

`Meter.watched(engine)` is the same engine, counted: whoever asks it, page, `/v1` or endpoint, is seen in one place. Each
request ends in one log line. Numbers only; with `with_text` the line also says what was asked.
"""

from __future__ import annotations

import logging
import threading
import time
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from sigma.events import (
    AnswersTogether,
    ChatRequest,
    Engine,
    EngineFigures,
    Event,
    HeldInspection,
    PastRun,
    PromptError,
    PromptEvent,
    SideInfo,
    StepEvent,
)
from sigma.limits.visitors import Visitors
from sigma.observe.numbers import current
from sigma.observe.private import mark

T = TypeVar("T")

FIRST_TOKEN_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper ends of the histogram's classes; the last one has none."""
RECENT_SECONDS = 300.0
"""How long an error counts as recent."""
MOST_TEXT = 2000  # characters of a question in a log line

log = logging.getLogger(__name__)


class Standing(Protocol):
    """A line of visitors, as an operator sees it."""

    def standing(self) -> tuple[int, int, int]:
        """(being answered, waiting, refused since the start because too many waited)."""


@dataclass(slots=True)
class Times:
    """A histogram: `counts` per class of FIRST_TOKEN_SECONDS, and one more for what is slower; `total` in seconds."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(FIRST_TOKEN_SECONDS) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one time."""
        self.counts[bisect_left(FIRST_TOKEN_SECONDS, seconds)] += 1
        self.total += seconds


@dataclass(frozen=True, slots=True)
class Counts:
    """What a meter has counted since it was made.

    `requests` by outcome: "finished", "stopped" (by whoever asked), "refused" (told why: too long, no memory) or "failed".
    `tokens` by (side, kind): "prompt" were read, "reused" were in a cache already, "new" were written. `errors` by logger.
    `first_token` by side: from the request to its first token; waiting in a line comes before that.
    """

    requests: dict[str, int]
    tokens: dict[tuple[str, str], int]
    errors: dict[str, int]
    first_token: dict[str, Times]


class Meter:
    """Counts, safe between threads. `with_text`: log what is asked, too. `visitors`: whose tokens they are."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self.with_text = False
        self.visitors = Visitors(clock)
        self.lines: dict[str, Standing] = {}
        self._clock = clock
        self._lock = threading.Lock()
        self._requests: Counter[str] = Counter()
        self._tokens: Counter[tuple[str, str]] = Counter()
        self._errors: Counter[str] = Counter()
        self._recent: deque[float] = deque(maxlen=1000)
        self._first: dict[str, Times] = {}

    def watched(self, engine: Engine) -> Engine:
        """The engine, its answers counted."""
        return WatchedEngine(engine, self)

    def count_error(self, logger: str) -> None:
        """An error was logged."""
        with self._lock:
            self._errors[logger] += 1
            self._recent.append(self._clock())

    def recent_errors(self) -> int:
        """Errors of the last RECENT_SECONDS."""
        with self._lock:
            start = self._clock() - RECENT_SECONDS
            return sum(when > start for when in self._recent)

    def counts(self) -> Counts:
        """All counts of one moment."""
        with self._lock:
            first = {side: Times(list(times.counts), times.total) for side, times in self._first.items()}
            return Counts(dict(self._requests), dict(self._tokens), dict(self._errors), first)

    def _add(self, answer: _Answer) -> None:
        self.visitors.charge(answer.number, answer.used())
        with self._lock:
            self._requests[answer.outcome] += 1
            self._tokens.update(answer.tokens)
            for side, seconds in answer.first.items():
                self._first.setdefault(side, Times()).add(seconds)


class _Answer:
    """One request on its way. An event is counted when it is handed over, for the side that a column asks."""

    def __init__(self, request: ChatRequest, meter: Meter):
        self._request, self._meter, self._clock = request, meter, meter._clock
        self.number, self._begun = current(), meter._clock()
        self._left = set(request.messages)
        self._model = {name: request.column(name).model for name in request.messages}
        self.outcome = "stopped"
        self.tokens: Counter[tuple[str, str]] = Counter()
        self.first: dict[str, float] = {}

    def feed(self, event: Event) -> None:
        """Count an event."""
        side = self._model[event.side]
        if isinstance(event, PromptEvent):
            self.tokens[side, "prompt"] += len(event.token_ids) - event.reused
            self.tokens[side, "reused"] += event.reused
        elif isinstance(event, StepEvent):
            if event.token_id >= 0:
                self.tokens[side, "new"] += 1
                self.first.setdefault(side, self._clock() - self._begun)
            if event.finish_reason is not None:
                self._left.discard(event.side)
                self.outcome = "stopped" if self._left else "finished"

    def fail(self, error: Exception) -> None:
        """The request ends with an error; what it says must not carry the request's texts into a log."""
        refused = isinstance(error, PromptError) and not self.tokens
        self.outcome = "refused" if refused else "failed"
        mark(error, [message["content"] for messages in self._request.messages.values() for message in messages])

    def used(self) -> int:
        """Tokens that it made the device read or write."""
        return sum(count for (_, kind), count in self.tokens.items() if kind != "reused")

    def end(self) -> None:
        """Count it, in one log line."""
        self._meter._add(self)
        told = {
            "outcome": self.outcome,
            "sides": ",".join(self._model.values()),
            "seconds": round(self._clock() - self._begun, 3),
            "tuned": any(self._request.column(name).tuned for name in self._model),
        }
        for (side, kind), count in sorted(self.tokens.items()):
            told[f"{side}_{kind}_tokens"] = count
        for side, seconds in self.first.items():
            told[f"{side}_first_token_seconds"] = round(seconds, 3)
        if self._meter.with_text:
            told["text"] = next(iter(self._request.messages.values()))[-1]["content"][:MOST_TEXT]
        log.info("answer %s", self.outcome, extra={**told, "request": self.number})


class WatchedEngine:
    """`sigma.events.Engine` over another one: its streams are counted, everything else is the other's."""

    def __init__(self, engine: Engine, meter: Meter):
        self._engine, self._meter = engine, meter

    def stream(self, request: ChatRequest, session: str | None = None) -> Generator[Event, None, None]:
        """See `sigma.events.Engine.stream`."""
        answer = _Answer(request, self._meter)
        try:
            events = self._engine.stream(request, session)
        except Exception as error:
            answer.fail(error)
            answer.end()
            raise
        return self._counted(events, answer)

    @staticmethod
    def _counted(events: Generator[Event, None, None], answer: _Answer) -> Generator[Event, None, None]:
        try:
            for event in events:
                answer.feed(event)
                yield event
        except Exception as error:
            answer.fail(error)
            raise
        finally:
            events.close()
            answer.end()

    def info(self, side: str) -> SideInfo:
        """See `sigma.events.Engine.info`."""
        return self._engine.info(side)

    def release(self, session: str) -> None:
        """See `sigma.events.Engine.release`."""
        self._engine.release(session)

    def past_run(self, session: str) -> PastRun | None:
        """See `sigma.events.Engine.past_run`."""
        return self._engine.past_run(session)

    def inspect(
        self,
        side: str,
        ids: Sequence[int],
        prompt_length: int,
        cancelled: threading.Event | None = None,
        progress: Callable[[float], None] | None = None,
        tuned: bool = False,
    ) -> HeldInspection:
        """See `sigma.events.Engine.inspect`."""
        return self._engine.inspect(side, ids, prompt_length, cancelled, progress, tuned)

    def aside(self, work: Callable[[], T]) -> T:
        """See `sigma.events.Engine.aside`."""
        return self._engine.aside(work)

    def together(
        self, context: int, answers: Sequence[int], selective_k: int | None = None, rounds: int = 5
    ) -> Generator[float, None, list[AnswersTogether]]:
        """See `sigma.events.Engine.together`."""
        return self._engine.together(context, answers, selective_k, rounds)

    def piece(self, side: str, token_id: int) -> str:
        """See `sigma.events.Engine.piece`."""
        return self._engine.piece(side, token_id)

    def text(self, side: str, ids: Sequence[int]) -> str:
        """See `sigma.events.Engine.text`."""
        return self._engine.text(side, ids)

    def figures(self) -> EngineFigures:
        """See `sigma.events.Engine.figures`."""
        return self._engine.figures()

    def close(self) -> None:
        """See `sigma.events.Engine.close`."""
        self._engine.close()
