"""What the named endpoints share: one place at the engine for all programs, and errors that are one sentence."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr

from sigma.events import ChatRequest, Engine, Event, PromptError
from sigma.limits.current import limits
from sigma.observe.numbers import bound, current, new_number, numbered
from visualizers.shared.caller import GONE, WAIT_SECONDS, Caller, Place, host_of
from visualizers.shared.loader import EngineLoader

log = logging.getLogger(__name__)


def share() -> dict[str, Any]:
    """Options of an endpoint that asks the engine: a few programs are answered together, the others wait.

    The page's visitors, who have places of their own, do not wait for programs.
    """
    return {"concurrency_id": "api", "concurrency_limit": limits().calls_together}


@contextmanager
def in_words(what: str) -> Iterator[None]:
    """Errors for a program: a PromptError's words, and of any other error no more than where in the log it is."""
    number = new_number()
    try:
        with numbered(number):
            yield
    except PromptError as error:
        raise gr.Error(str(error), print_exception=False) from None
    except Exception:
        with numbered(number):
            log.exception("%s failed", what)
        raise gr.Error(
            f"{what} failed; the server's log has the details under {number}.", print_exception=False
        ) from None


class Programs:
    """The engine as programs get it, a few at a time."""

    def __init__(self, loader: EngineLoader):
        self.loader, self._place = loader, Place()

    @contextmanager
    def engine(self, request: gr.Request) -> Iterator[tuple[Engine, Callable[[], bool]]]:
        """(the engine, whether the caller has gone) once it is this call's turn; PromptError if there will be none.

        OverLimit for a visitor who has asked too much already.
        """
        caller = Caller(request)
        self.loader.meter.visitors.admit(host_of(request), current())
        self.loader.retry()
        with self._place.taken(caller):
            while not self.loader.wait(WAIT_SECONDS):
                if caller.gone():
                    raise PromptError(GONE)
            if self.loader.engine is None:
                raise PromptError(f"No model is loaded: {self.loader.status.text}")
            yield self.loader.engine, caller.gone


def events_of(
    engine: Engine, asked: ChatRequest, gone: Callable[[], bool], session: str | None = None
) -> Iterator[Event]:
    """The engine's events, ended with a PromptError once the caller has gone. The engine's stream is closed in any case."""
    events = engine.stream(asked, session)
    try:
        for event in bound(current(), events):
            yield event
            if gone():
                raise PromptError(GONE)
    finally:
        events.close()
