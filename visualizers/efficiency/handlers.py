"""The Efficiency tab put into the page: what Run, Cancel and the presets do, and what happens when a visitor leaves."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Generator, Iterator
from typing import Any

import gradio as gr

from sigma.efficiency.settings import LABELS, Settings, whole
from sigma.engine.fields import number
from sigma.events import SIDES, PromptError
from sigma.observe.numbers import current
from visualizers.efficiency import charts, tables
from visualizers.efficiency.document import Answered, checked
from visualizers.efficiency.document_tables import answered_payload
from visualizers.efficiency.lab import BUSY, SAY_SECONDS, Lab, progress
from visualizers.efficiency.tab import EfficiencyTab, defaults, efficiency_tab, figures, plot
from visualizers.shared.caller import host_of
from visualizers.shared.formulas import GIB
from visualizers.shared.loader import EngineLoader
from visualizers.shared.runs import Runs
from visualizers.shared.stream import Run
from visualizers.shared.turn_handlers import QUICK, WAIT_SECONDS, TurnParts, Updates
from visualizers.shared.turn_view import TurnView

MOST_GIB = 1_000_000
MOST_ASKED = 12
"""Questions about the document that stay on the page."""


class EfficiencyHandlers:
    """The handlers; a visitor has one run at a time, and `lab` lets one visitor run at a time."""

    def __init__(self, tab: EfficiencyTab, runs: Runs, lab: Lab):
        self.tab, self.runs, self.lab = tab, runs, lab
        self.paper = TurnParts(tab.run, tab.stop, tab.notice)
        self.many = TurnParts(tab.count, tab.count_stop, tab.count_notice)
        self.long = TurnParts(tab.read, tab.read_stop, tab.read_notice)

    def wire(self) -> None:
        """Attach the handlers."""
        tab = self.tab
        tab.preset.change(self.choose, tab.preset, list(tab.fields.values()), **QUICK)
        outputs = [tab.state, tab.run, tab.stop, tab.notice, tab.progress, *tab.plots, tab.results]
        asked = [tab.state, tab.preset, *tab.fields.values()]
        begun = tab.run.click(self.measure, asked, outputs, **self.paper.streaming())
        tab.stop.click(
            lambda session: self.cancel(session, self.paper, tab.progress), tab.state, outputs, cancels=[begun], **QUICK
        )
        outputs = [
            tab.state,
            tab.count,
            tab.count_stop,
            tab.count_notice,
            tab.count_progress,
            tab.count_plot,
            tab.count_results,
        ]
        asked = [tab.state, tab.context, tab.top_k, tab.memory]
        begun = tab.count.click(self.together, asked, outputs, **self.many.streaming())
        tab.count_stop.click(
            lambda session: self.cancel(session, self.many, tab.count_progress),
            tab.state,
            outputs,
            cancels=[begun],
            **QUICK,
        )

        outputs = [tab.state, tab.asked, tab.read, tab.read_stop, tab.read_notice, tab.read_progress, tab.read_results]
        begun = tab.read.click(self.read, [tab.state, tab.asked, tab.question], outputs, **self.long.streaming())
        tab.read_stop.click(
            lambda session: self.cancel(session, self.long, tab.read_progress),
            tab.state,
            outputs,
            cancels=[begun],
            **QUICK,
        )

    def choose(self, preset: str) -> list[str]:
        """A size's texts into the boxes."""
        texts = defaults(preset)
        return [texts[name] for name in self.tab.fields]

    def measure(self, request: gr.Request, session: str | None, preset: str, *texts: str) -> Iterator[Updates]:
        """Run the paper's experiment with what the boxes hold."""
        try:
            given = {"preset": preset, **dict(zip(self.tab.fields, texts))}
            settings = Settings.asked(given, LABELS)
        except PromptError as error:
            yield self.paper.warn(str(error))
            return

        def show(result: dict[str, Any]) -> Updates:
            label = "measured now"
            csv = result.pop("csv")
            updates: Updates = {
                part: gr.update(value=plot(one), visible=True)
                for part, one in zip(self.tab.plots, figures(result, label))
            }
            name = f"efficiency-{settings.preset}-{result['kind']}"
            html, text = tables.result_html(result, label), json.dumps(result, indent=1)
            said = f"The run has ended: {len(result['points'])} lengths were timed."
            return updates | {self.tab.results: tables.payload(html, name, csv, text, said)}

        going = lambda: self.lab.measure(settings)  # noqa: E731
        yield from self._go(request, session, self.paper, self.tab.progress, going, show)

    def together(
        self, request: gr.Request, session: str | None, context: str, top_k: str, memory: str
    ) -> Iterator[Updates]:
        """Time answers that step together."""
        try:
            tokens = int(number(whole(context), "Context", 2, 1 << 20, whole=True))
            k = int(number(whole(top_k or "0"), "Selective V, k", 0, 1 << 20, whole=True))
            budget = round(GIB * number(_decimal(memory), "Memory budget, GiB", 0.01, MOST_GIB))
        except PromptError as error:
            yield self.many.warn(str(error))
            return

        def show(rows: list) -> Updates:
            infos = {side: self.lab.loader.engine.info(side) for side in SIDES}
            csv, text = tables.together_json(rows, tokens)
            html = tables.together_html(rows, infos, tokens, budget)
            return {
                self.tab.count_plot: gr.update(value=plot(charts.together(rows)), visible=True),
                self.tab.count_results: tables.payload(html, f"together-{tokens}", csv, text, "The run has ended."),
            }

        going = lambda: self.lab.together(tokens, k or None)  # noqa: E731
        yield from self._go(request, session, self.many, self.tab.count_progress, going, show)

    def read(self, request: gr.Request, session: str | None, asked: list[Answered], question: str) -> Iterator[Updates]:
        """Ask both sides about the long document; the rows of it stay with the session for the next question."""
        try:
            question = checked(question)
        except PromptError as error:
            yield self.long.warn(str(error))
            return
        session = session or uuid.uuid4().hex

        def show(answered: Answered) -> Updates:
            rows = [*asked, answered][-MOST_ASKED:]
            return {self.tab.asked: rows, self.tab.read_results: answered_payload(rows)}

        going = lambda: self.lab.document(question, session)  # noqa: E731
        yield from self._go(request, session, self.long, self.tab.read_progress, going, show)

    def _go(
        self,
        request: gr.Request,
        session: str | None,
        parts: TurnParts,
        bar: gr.HTML,
        begin: Callable[[], Generator[tuple[str, float], None, Any]],
        show: Callable[[Any], Updates],
    ) -> Iterator[Updates]:
        session, run = session or uuid.uuid4().hex, Run(TurnView(time.monotonic(), ()))
        try:
            self.runs.open(session, run, request.session_hash)
        except PromptError:  # in the words of a chat
            yield parts.warn(BUSY)
            return
        ended = {bar: progress("", 0, False), **parts.buttons(False)}
        yield from parts.guarded(
            run,
            self._run(run, session, parts, bar, begin, show),
            lambda message: {**ended, **parts.warn(message)},
        )

    def _run(
        self, run: Run, session: str, parts: TurnParts, bar: gr.HTML, begin: Callable, show: Callable
    ) -> Iterator[Updates]:
        yield {**parts.buttons(True), **parts.say(""), self.tab.state: session, bar: progress("beginning", 0)}
        self.lab.loader.meter.visitors.admit(host_of(), current())
        with self.lab.line.join() as place:
            if not (yield from parts.await_place(place, run)):
                return
            while not self.lab.loader.wait(WAIT_SECONDS) and not run.stop.is_set():
                yield {bar: progress("waiting until the model has loaded: loading would disturb the times", 0)}
            going, said = begin(), 0.0
            try:
                while not run.stop.is_set():
                    try:
                        text, part = next(going)
                    except StopIteration as end:
                        yield {**show(end.value), bar: progress("", 1, False), **parts.buttons(False), **parts.say("")}
                        return
                    if time.monotonic() - said >= SAY_SECONDS:
                        said = time.monotonic()
                        yield {bar: progress(text, part)}
            finally:
                going.close()

    def cancel(self, session: str | None, parts: TurnParts, bar: gr.HTML) -> Updates:
        """End the run; what was shown before stays."""
        if session is not None:
            self.runs.stop(session)
        return {**parts.buttons(False), **parts.say("Cancelled."), bar: progress("", 0, False)}


def _decimal(text: str) -> Any:
    """A number with decimals after a point or a comma; what is none comes back as it is."""
    try:
        return float(text.strip().replace(",", "."))
    except (AttributeError, ValueError):
        return text


def add_efficiency(page: gr.Blocks, loader: EngineLoader, lab: Lab) -> None:
    """Add the tab to the page's Tabs; call it inside them."""
    runs = Runs(loader, lab.line)
    with gr.Tab("Efficiency", id="efficiency"):
        tab = efficiency_tab(lambda session: session and runs.leave(session))
    EfficiencyHandlers(tab, runs, lab).wire()

    def leave(request: gr.Request) -> None:
        runs.close_page(request.session_hash)

    page.unload(leave)
