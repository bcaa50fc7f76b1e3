"""What the handlers of every turn share: waiting for the engine, the two buttons, the notices, and how a turn ends."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from sigma.events import Engine, PromptError
from sigma.observe.numbers import bound, current, new_number, numbered
from visualizers.shared.caller import host_of
from visualizers.shared.line import Place
from visualizers.shared.loader import EngineLoader
from visualizers.shared.stream import Run

log = logging.getLogger(__name__)

FAILED = "Something went wrong while answering; the server's log has the details under {number}. Your prompt is kept."
AGAIN = " To try once more, ask again."
WAIT_SECONDS = 0.25
TELL_SECONDS = 1.0
"""How often whoever waits in the line is told something: each time costs the server some 10 ms of its processor, and a line
of twenty that moves often would take all of it."""

TOAST_SECONDS = 8
QUICK = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
"""Options of an event that ends at once. Not queued: Gradio closes a page's event stream when its last queued event
ends, and an event that joins in that moment is never heard of again. With only turns in the queue that moment hardly
comes."""

Updates = dict[Any, Any]


def toast(message: str) -> None:
    """A message that floats over the page for a while. Gradio shows its text as HTML, so it is escaped here."""
    gr.Warning(escape(message), duration=TOAST_SECONDS)


def _has_come(place: Place, run: Run, seconds: float) -> bool:
    """Wait so long, until the place's turn has come or the run is stopped; whether it has come."""
    end = time.monotonic() + seconds
    while not (come := place.wait(max(0.0, min(WAIT_SECONDS, end - time.monotonic())))):
        if run.stop.is_set() or time.monotonic() >= end:
            break
    return come


@dataclass(frozen=True)
class TurnParts:
    """The parts of a tab that every turn changes. `without_model`: what works before there is one, a sentence's begin."""

    start: gr.Button
    stop: gr.Button
    notice: gr.HTML
    without_model: str = ""

    def streaming(self, limit: int | None = None) -> dict[str, Any]:
        """Options of an event that streams a turn. Without a `limit` it begins at once, and waits in a `Line` of ours."""
        return {
            "concurrency_limit": limit,
            "show_progress": "minimal",
            "show_progress_on": self.notice,
            "api_visibility": "private",
            "trigger_mode": "once",
        }

    def buttons(self, running: bool) -> Updates:
        """One of the two buttons at a time."""
        return {self.start: gr.update(visible=not running), self.stop: gr.update(visible=running)}

    def say(self, text: str) -> Updates:
        """A line beside the buttons; "" takes it away."""
        return {self.notice: f'<p role="status">{escape(text)}</p>' if text else ""}

    def warn(self, message: str) -> Updates:
        """A message beside the buttons and as a toast, so that it is seen and can still be read later."""
        toast(message)
        return {self.notice: f'<p role="alert" class="problem">{escape(message)}</p>'}

    def await_engine(self, loader: EngineLoader, run: Run) -> Generator[Updates, None, Engine | None]:
        """Show the loading progress; the engine, or None when the run was stopped. PromptError if there is none.

        OverLimit for a visitor who has asked too much already.
        """
        loader.meter.visitors.admit(host_of(), current())
        loader.retry()
        shown = ""
        while not loader.wait(WAIT_SECONDS) and not run.stop.is_set():
            status = loader.status
            note = self._with_rest(f"Loading the model: {status.text}, {round(status.fraction * 100)} %.", "already")
            # A yield each time, changed or not: a generator that never yields cannot be stopped.
            yield self.say(note) if note != shown else {self.notice: gr.skip()}
            shown = note
        if run.stop.is_set():
            return None
        if loader.engine is None:
            raise PromptError(self._with_rest(f"No model is loaded: {loader.status.text}", "all the same") + AGAIN)
        if shown:
            yield self.say("")
        return loader.engine

    def await_place(
        self, place: Place, run: Run, show: Callable[[str], Updates] | None = None
    ) -> Generator[Updates, None, bool]:
        """Wait for the place's turn; whether it has come, False when the run was stopped.

        show: what says that one waits ("waiting: 2 before you"), and "" at the end; by default the notice.
        """
        show, shown = show or self.say, ""
        while not _has_come(place, run, TELL_SECONDS if shown else 0) and not run.stop.is_set():
            note = f"waiting: {place.before} before you"
            yield show(note) if note != shown else {self.notice: gr.skip()}
            shown = note
        if run.stop.is_set():
            return False
        if shown:
            yield show("")
        return True

    def _with_rest(self, text: str, how: str) -> str:
        return f"{text} {self.without_model} {how}." if self.without_model else text

    def guarded(
        self,
        run: Run,
        updates: Iterator[Updates],
        failed: Callable[[str], Updates],
        told: tuple[type[Exception], ...] = (PromptError,),
    ) -> Iterator[Updates]:
        """A turn's updates to their end; an error becomes `failed(message)`. The run has ended in any case.

        told: exceptions whose message is for the visitor; of any other the log has the details, under a number that the
        message names.
        """
        number = new_number()
        try:
            yield from bound(number, updates)
        except told as error:
            yield failed(str(error))
        except Exception:
            with numbered(number):
                log.exception("a turn failed")
            yield failed(FAILED.format(number=number))
        finally:
            run.ended.set()
