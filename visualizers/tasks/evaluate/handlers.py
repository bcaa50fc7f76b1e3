"""The Evaluate part of the Tasks tab: a slice of the test set, with progress, Stop, and our table beside the paper's."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from html import escape
from typing import Any

import gradio as gr

from sigma.aimicius.contract import CaseError, Task
from sigma.aimicius.scoring import Report
from sigma.events import SIDES, Engine, PromptError
from visualizers.chat.handlers import FAILED, WAIT_SECONDS
from visualizers.shared.options import number
from visualizers.shared.runs import Runs
from visualizers.shared.stream import Run
from visualizers.shared.turn_view import TurnView
from visualizers.tasks.evaluate.results import results_payload
from visualizers.tasks.evaluate.trial import MOST_CASES, SAY_SECONDS, Trial, find_cases, run_trial
from visualizers.tasks.handlers import Visit
from visualizers.tasks.judging import JudgeRoom
from visualizers.tasks.shelf import Shelf
from visualizers.tasks.tab import TasksTab

log = logging.getLogger(__name__)

KEPT = 4  # runs that a table shows beside each other
Updates = dict[Any, Any]


class TrialHandlers:
    """The handlers of Evaluate; a visitor has one run at a time, an evaluation or a turn."""

    def __init__(self, tab: TasksTab, runs: Runs, shelf: Shelf, room: JudgeRoom):
        self.tab, self.runs, self.shelf, self.room = tab, runs, shelf, room

    def wire(self) -> None:
        """Attach the handlers. One evaluation runs at a time; it shares the device with everybody's turns."""
        tab = self.tab
        outputs = [tab.results, tab.evaluate, tab.trial_stop, tab.trial_notice, tab.state]
        begun = tab.evaluate.click(
            self.evaluate,
            [tab.state, tab.task, tab.trial_side, tab.trial_cases],
            outputs,
            concurrency_limit=1,
            concurrency_id="evaluate",
            show_progress="minimal",
            show_progress_on=tab.trial_notice,
            trigger_mode="once",
            api_visibility="private",
        )
        tab.trial_stop.click(
            self.stop,
            tab.state,
            outputs,
            cancels=[begun],
            show_progress="hidden",
            queue=False,
            api_visibility="private",
        )

    def evaluate(
        self, request: gr.Request, visit: Visit | None, name: str, side: str, limit: float
    ) -> Iterator[Updates]:
        """Ask and judge a slice of the test set."""
        visit, run = visit or Visit(), Run(TurnView(time.monotonic(), ()))
        try:
            if side not in (*SIDES, "truth"):
                raise PromptError("Choose whose answers are judged.")
            count = number(limit, "Cases", 1, MOST_CASES, whole=True)
            task = self.shelf.task(name)
            self.runs.open(visit.session, run, request.session_hash)
        except PromptError as error:
            yield self._problem(str(error))
            return
        try:
            yield {**self._buttons(True), self.tab.state: visit, self.tab.trial_notice: ""}
            yield from self._run(run, visit, task, side, count)
            yield {**self._buttons(False), self.tab.results: self._results(visit, task, False)}
        except (PromptError, CaseError) as error:
            yield {**self._buttons(False), **self._problem(str(error))}
        except Exception:
            log.exception("an evaluation failed")
            yield {**self._buttons(False), **self._problem(FAILED)}
        finally:
            run.ended.set()

    def _run(self, run: Run, visit: Visit, task: Task, side: str, count: int) -> Iterator[Updates]:
        tab, engine, name = self.tab, None, "truths"
        cases: list[Any] = []
        for found in find_cases(task, count, run.stop):
            if isinstance(found, list):
                cases = found
            else:
                yield {tab.trial_notice: f'<p role="status">{escape(found)}</p>'}
        if side != "truth":
            yield from self._await_engine(run)
            engine = self.runs.loader.engine
            name = engine.info(side).name if engine is not None else side
        if run.stop.is_set() or not cases:
            return
        trial = Trial(task, side, name, len(cases), Report(task, side))
        earlier = [old for old in visit.trials.get(task.name, []) if old.side != side or old.ended]
        visit.trials[task.name] = [*earlier, trial][-KEPT:]
        yield {tab.trial_notice: "", tab.results: self._results(visit, task, True)}
        said = time.monotonic()
        for _ in run_trial(trial, cases, engine, self.room, run.stop):
            late = time.monotonic() - said >= SAY_SECONDS
            said = time.monotonic() if late else said
            yield {tab.results: self._results(visit, task, True)} if late else {tab.results: gr.skip()}

    def _await_engine(self, run: Run) -> Iterator[Updates]:
        loader: Any = self.runs.loader
        while not loader.wait(WAIT_SECONDS) and not run.stop.is_set():
            text = f"Loading the model: {loader.status.text}, {round(loader.status.fraction * 100)} %."
            yield {self.tab.trial_notice: f'<p role="status">{escape(text)}</p>'}
        engine: Engine | None = loader.engine
        if engine is None and not run.stop.is_set():
            raise PromptError(f"No model is loaded: {loader.status.text} The truths can be judged all the same.")

    def stop(self, visit: Visit | None) -> Updates:
        """End the run; what was judged stays in the table."""
        updates: Updates = {**self._buttons(False), self.tab.trial_notice: '<p role="status">Stopped.</p>'}
        if visit is None:
            return updates
        self.runs.stop(visit.session)
        for trials in visit.trials.values():
            for trial in trials:
                trial.note = "" if trial.ended else "stopped"
        if visit.task is not None and visit.trials.get(visit.task.name):
            updates[self.tab.results] = self._results(visit, visit.task, False)
        return updates

    def _results(self, visit: Visit, task: Task, running: bool) -> str:
        trials = visit.trials.get(task.name, [])
        return results_payload(task, trials, trials[-1] if trials else None, running)

    def _buttons(self, running: bool) -> Updates:
        return {self.tab.evaluate: gr.update(visible=not running), self.tab.trial_stop: gr.update(visible=running)}

    def _problem(self, message: str) -> Updates:
        return {self.tab.trial_notice: f'<p role="alert" class="problem">{escape(message)}</p>'}
