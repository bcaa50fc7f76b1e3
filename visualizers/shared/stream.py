"""One turn as a stream of updates: text often, pictures seldom, and an engine that is always closed. No Gradio."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field

from sigma.events import ChatRequest, Event
from visualizers.shared.columns import made_by
from visualizers.shared.turn_view import TurnView

TEXT_SECONDS = 0.1
"""Least time between text updates: ten a second, more than eyes need and few enough for a browser. An update costs the
server some 10 ms of its processor, so where more than CROWD are answered at once each has fewer: together they have no more than CROWD would."""

CROWD = 2

PICTURE_SECONDS = 0.4
"""Least time between picture updates: two or three a second, which eyes follow and a browser pays for easily."""


@dataclass(frozen=True, slots=True)
class Update:
    """What changed: the answers so far, and a new picture payload or None."""

    texts: dict[str, str]
    payload: str | None = None


@dataclass
class Run:
    """A turn in progress; `stop` asks it to end, `ended` is set once the engine's generator is closed."""

    view: TurnView
    stop: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)


def stream_turn(
    events: Generator[Event, None, None],
    request: ChatRequest,
    run: Run,
    clock: Callable[[], float] = time.monotonic,
    pictures: bool = True,
    answered: Callable[[], int] = lambda: 1,
) -> Iterator[Update]:
    """Draw one turn from the engine's events; closing this generator, or `run.stop`, closes theirs, which frees the caches.

    request: what was asked. pictures: whether they are drawn on the way; without, only text comes until the end. answered:
    how many visitors are being answered now. The last update always carries a picture of the final state. Raises what the engine raises.
    """
    view = run.view
    view.made = made_by(request)
    last_text = last_picture = -1e9
    try:
        for event in events:
            now = clock()
            view.feed(event, now)
            if run.stop.is_set():
                break
            if now - last_text < TEXT_SECONDS * max(1.0, answered() / CROWD):
                continue
            last_text, payload = now, None
            if pictures and now - last_picture >= PICTURE_SECONDS:
                last_picture, payload = now, view.payload()
            yield Update(view.texts(), payload)
    finally:
        events.close()
        view.stopped = not view.finished()
        run.ended.set()
    yield Update(view.texts(), view.payload())
