"""Reading a finished answer while nobody asks anything, so that the next turn has less to read.

The rows that decode steps made of an answer are not kept, since a prefill would compute them in another way (see
`sigma.engine.sessions`). The next turn's prompt repeats the answer, though. Its rows are therefore computed as that turn
would compute them, in small pieces and only while no request is at work: one that comes waits for one piece at most.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from sigma.engine.alarm import Alarm
from sigma.engine.prompts import prompt_ids
from sigma.engine.sessions import Kept, same_start
from sigma.events import PromptError

PIECE = 32  # tokens; on two cores about two decode steps, and nearly as quick a token as whole chunks
QUIET_SECONDS = 0.1  # first whoever waits for the end of the answer gets the processor

log = logging.getLogger(__name__)


class Answered:
    """One side's kept cache and the chat as it stands with its answer: what there is to read."""

    def __init__(self, model: Any, kept: Kept, messages: list[dict[str, str]], text: str):
        self._model, self._kept = model, kept
        self._messages = [*messages, {"role": "assistant", "content": text}]
        self._ids: list[int] | None = None

    @property
    def over(self) -> bool:
        """Whether the next turn has come, or the chat is gone."""
        return self._kept.claimed

    def piece(self) -> bool:
        """Read the next piece; whether there may be more. On the device's thread."""
        if self._ids is None:
            self._ids = self._expected()
        return self._kept.extend(self._step)

    def _expected(self) -> list[int]:
        """What the next prompt begins with, whatever is asked; nothing where the context is too short to go on."""
        context, tokenizer = self._model.context_length, self._model.side.tokenizer
        questions = ([*self._messages, {"role": "user", "content": text}] for text in ("a", "1"))
        try:
            one, other = (prompt_ids(tokenizer, chat, context) for chat in questions)
        except PromptError:
            return []
        return one[: same_start(one, other)]

    def _step(self, cache: Any, ids: list[int]) -> list[int]:
        same = same_start(ids, self._ids)
        # A template that changes what it wrote before (or a prompt of one token, which a decode step read) is left alone.
        if same < len(ids) - 2 or len(ids) < 2:
            return ids
        stop = min(same + PIECE, len(self._ids))
        stop -= len(self._ids) - stop == 1  # no piece of one token: it would be computed apart
        if stop - same < 2:
            return ids
        cache.keep_first(same)
        self._model.runtime.prefill(torch.tensor([self._ids[same:stop]]), cache)
        return self._ids[:stop]


class ReadAhead:
    """Answers to read, the oldest first, while no work is at hand. `submit` runs something on the device's thread."""

    def __init__(self, submit: Callable[[Callable[[], None]], Any]):
        self._submit = submit
        self._lock = threading.Lock()
        self._waiting: deque[Answered] = deque()
        self._at_work = 0
        self._reading = False  # a piece is at hand on the device's thread
        self._closed = False
        self._alarm = Alarm(QUIET_SECONDS, self._begin, "read ahead")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing is read while somebody is in here, and for a moment after the last one has left."""
        with self._lock:
            self._at_work += 1
            self._alarm.clear()
        try:
            yield
        finally:
            with self._lock:
                self._at_work -= 1
                self._arm()

    def add(self, answered: Answered) -> None:
        """Read this one, too, when there is time."""
        with self._lock:
            self._waiting = deque(one for one in self._waiting if not one.over)
            self._waiting.append(answered)
            self._arm()

    def idle(self) -> bool:
        """Whether all is read."""
        with self._lock:
            return not self._waiting

    def close(self) -> None:
        """Read nothing more."""
        with self._lock:
            self._closed = True
            self._waiting.clear()
            self._alarm.close()

    def _arm(self) -> None:
        if self._may_read() and not self._reading:
            self._alarm.set()
        else:
            self._alarm.clear()

    def _may_read(self) -> bool:
        return bool(self._waiting) and not self._at_work and not self._closed

    def _begin(self) -> None:
        with self._lock:
            if self._may_read() and not self._reading:
                self._submit(self._read)  # which waits for the lock that is held here
                self._reading = True

    def _read(self) -> None:
        """A piece of the first answer, and then this again; work that came in between stands before it."""
        with self._lock:
            self._reading = self._may_read()
            if not self._reading:
                return
            first = self._waiting[0]
        try:
            more = first.piece()
        except Exception:
            log.exception("an answer could not be read ahead")
            more = False
        with self._lock:
            if not more and self._waiting and self._waiting[0] is first:
                self._waiting.popleft()
            self._reading = self._may_read()
            if self._reading:
                self._submit(self._read)
