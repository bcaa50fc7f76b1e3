"""Whether anybody still waits for the answer of a call to an endpoint.

A call comes as a request that waits for its answer (`/run/chat`), or as one that leaves it in Gradio's queue and fetches
the answer by a second one, an event stream. Gradio ends neither when its client is gone: a function that is not a
generator runs to its end. So the function asks here between two steps.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anyio.from_thread
import gradio as gr
from gradio.context import LocalContext

from sigma.events import OverLimit, PromptError
from sigma.limits.current import limits

UNHEARD_SECONDS = 15.0
"""How long an answer is written that nobody has come to fetch: messages then lie in its queue."""

FIRST_SECONDS = 2.0
"""How long at least: of a call that stood in the queue all that time unfetched, no more is written than this."""

WAIT_SECONDS = 0.25
GONE = "Nobody waited for this answer any more; it was ended."


class Place:
    """The places of programs at the engine. Gradio's queue knows them too, but a direct call does not stand in the queue.

    Few may wait: each holds a thread of the server, and a page needs some, too.
    """

    def __init__(self, places: int | None = None, waiting: int | None = None):
        self._free = threading.Semaphore(limits().calls_together if places is None else places)
        self._line = threading.Semaphore(limits().calls_waiting if waiting is None else waiting)

    @contextmanager
    def taken(self, caller: Caller) -> Iterator[None]:
        """Wait for a place and hold it; OverLimit when too many wait, PromptError if the caller is gone before its turn."""
        if not self._line.acquire(blocking=False):
            raise OverLimit("Too many programs are waiting for an answer; try again in a minute.", "calls_waiting")
        try:
            while not self._free.acquire(timeout=WAIT_SECONDS):
                if caller.gone():
                    raise PromptError(GONE)
        finally:
            self._line.release()
        try:
            yield
        finally:
            self._free.release()


def host_of(request: gr.Request | None = None) -> str | None:
    """The address that a request comes from, by default the one that this thread handles; None where there is none."""
    client = getattr(request or LocalContext.request.get(None), "client", None)
    return getattr(client, "host", None)


class Caller:
    """Who waits for a call; made in the thread that answers it, where Gradio says which call that is."""

    def __init__(self, request: gr.Request, clock: Callable[[], float] = time.monotonic):
        self._request, self._clock = request, clock
        blocks, self._id = LocalContext.blocks.get(None), LocalContext.event_id.get(None)
        self._queue: Any = blocks._queue if blocks is not None else None
        self._event = self._queue.event_ids_to_events.get(self._id) if self._queue is not None and self._id else None
        self._heard = clock()
        if self._event is not None:  # it may have been left alone before its turn came
            self._heard = max(self._event.enqueue_time, self._heard - UNHEARD_SECONDS + FIRST_SECONDS)

    def gone(self) -> bool:
        """Whether nobody waits any more."""
        if self._event is None:
            return self._disconnected()
        # Cancelled, or its stream was closed.
        if not self._event.alive or self._id not in self._queue.event_ids_to_events:
            return True
        now = self._clock()
        # A stream that is open empties the queue of its messages at once.
        waiting = self._queue.pending_messages_per_session.get(self._event.session_hash)
        if waiting is not None and waiting.qsize() == 0:
            self._heard = now
        return now - self._heard > UNHEARD_SECONDS

    def _disconnected(self) -> bool:
        request = getattr(self._request, "request", None)
        if request is None:
            return False
        try:
            return anyio.from_thread.run(request.is_disconnected)
        except RuntimeError:  # not in a worker thread of the server: a test, or a direct call
            return False
