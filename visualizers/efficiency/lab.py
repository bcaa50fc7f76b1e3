"""Who measures now: one run at a time for all visitors and programs, beside the chat. No Gradio, and torch only in a run."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

from sigma.efficiency.results import Result
from sigma.efficiency.settings import Settings
from sigma.events import AnswersTogether, PromptError, SideInfo
from sigma.limits.current import limits
from visualizers.efficiency.document import Answered, ask
from visualizers.shared.line import Line
from visualizers.shared.loader import EngineLoader

BUSY = "A run of yours is still going on. Cancel it first."
ANSWERS = (1, 2, 4, 8, 16)
ROUNDS = 5
SAY_SECONDS = 0.25
"""Least time between two updates of the progress."""


class Lab:
    """The experiments over an engine that may still load; `line` is where those who want to measure wait."""

    def __init__(self, loader: EngineLoader, line: Line | None = None):
        self.loader, self.line = loader, line or Line(places=1)

    def measure(self, settings: Settings) -> Generator[tuple[str, float], None, dict[str, Any]]:
        """Time one layer of both shapes; yields (what is done, part of the whole), returns `Result.to_dict` with "csv".

        Between two of its calls the engine goes on with answers. PromptError as `sigma.efficiency.measure.measure`.
        """
        if settings.seconds > (most := limits().measure_seconds):
            raise PromptError(f"Here a run takes at most {most} s; python -m sigma.efficiency takes longer ones.")
        from kernels.device import chosen_device
        from sigma.efficiency import measure

        engine = self.loader.engine
        alone = measure.directly if engine is None else engine.aside
        device = chosen_device() if engine is None else near(engine.info("sigma")).split(":")[0]
        going = measure.measure(settings, device, alone)
        try:
            result = yield from _said(going)
        finally:
            going.close()
        return {**result.to_dict(), "csv": result.csv()}

    def together(self, context: int, top_k: int | None) -> Generator[tuple[str, float], None, list[AnswersTogether]]:
        """Time answers that step together on the loaded pair; PromptError where there is none, or as the engine's."""
        engine = self.loader.engine
        if engine is None:
            raise PromptError(f"No model is loaded: {self.loader.status.text}")
        going = engine.together(context, ANSWERS, top_k, ROUNDS)
        try:
            while True:
                try:
                    done = next(going)
                except StopIteration as end:
                    return end.value
                yield f"{context:,} tokens each", done
        finally:
            going.close()

    def document(self, question: str, session: str) -> Generator[tuple[str, float], None, Answered]:
        """Ask both sides about the long document, whose rows the session keeps; PromptError as `document.ask`."""
        engine = self.loader.engine
        if engine is None:
            raise PromptError(f"No model is loaded: {self.loader.status.text}")
        return (yield from ask(engine, question, session))


def near(info: SideInfo) -> str:
    """The device that is measured: the one that is there between answers, too."""
    return info.near or info.device


def _said(going: Generator) -> Generator[tuple[str, float], None, Result]:
    from sigma.efficiency.measure import Begun, Timed

    while True:
        try:
            event = next(going)
        except StopIteration as end:
            return end.value
        if isinstance(event, Begun):
            yield f"preparing {event.estimate.memory / 2**20:,.0f} MiB", 0.0
        elif isinstance(event, Timed):
            yield f"{event.tokens:,} tokens, round {event.rounds}", event.fraction


def progress(text: str, fraction: float, running: bool = True) -> str:
    """The payload that `assets/efficiency/progress.js` draws."""
    return json.dumps({"running": running, "text": text, "fraction": round(fraction, 3)}, ensure_ascii=False)
