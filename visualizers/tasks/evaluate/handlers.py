"""The Evaluate part of the Tasks tab: a slice of the test set, with progress, Stop, and our table beside the paper's."""

from __future__ import annotations

import time
from collections.abc import Iterator

import gradio as gr

from sigma.aimicius.contract import Case, CaseError, Task
from sigma.aimicius.scoring import Report
from sigma.events import SIDES, PromptError
from sigma.limits.current import limits
from visualizers.shared.line import Line
from visualizers.shared.options import number
from visualizers.shared.runs import Runs
from visualizers.shared.stream import Run
from visualizers.shared.turn_handlers import QUICK, TurnParts, Updates
from visualizers.shared.turn_view import TurnView
from visualizers.tasks.evaluate.results import results_payload
from visualizers.tasks.evaluate.trial import SAY_SECONDS, Trial, find_cases, run_trial
from visualizers.tasks.judging import Judges
from visualizers.tasks.loader import TaskLoader
from visualizers.tasks.tab import TasksTab
from visualizers.tasks.turn import names_of
from visualizers.tasks.visit import Visit

KEPT = 4  # runs that a table shows beside each other


class TrialHandlers:
    """The handlers of Evaluate; a visitor has one run at a time, an evaluation or a turn."""

    def __init__(self, tab: TasksTab, runs: Runs, task_loader: TaskLoader, judges: Judges):
        self.tab, self.runs, self.tasks, self.judges = tab, runs, task_loader, judges
        self.line = Line(places=1)
        self.parts = TurnParts(tab.evaluate, tab.trial_stop, tab.trial_notice, "The truths can be judged")

    def wire(self) -> None:
        """Attach the handlers. One evaluation runs at a time, the next ones wait; it shares the device with all turns."""
        tab = self.tab
        inputs = [tab.state, tab.task, tab.trial_side, tab.trial_cases, tab.held, tab.worked]
        outputs = [tab.results, tab.evaluate, tab.trial_stop, tab.trial_notice, tab.state]
        begun = tab.evaluate.click(self.evaluate, inputs, outputs, **self.parts.streaming())
        tab.trial_stop.click(self.stop, tab.state, outputs, cancels=[begun], **QUICK)

    def evaluate(
        self,
        request: gr.Request,
        visit: Visit | None,
        name: str,
        side: str,
        limit: float,
        held: bool = False,
        worked: bool = True,
    ) -> Iterator[Updates]:
        """Ask and judge a slice of the test set."""
        visit, run = visit or Visit(), Run(TurnView(time.monotonic(), ()))
        try:
            if side not in (*SIDES, "truth"):
                raise PromptError("Choose whose answers are judged.")
            count = number(limit, "Cases", 1, limits().trial_cases, whole=True)
            task = self.tasks.task(name)
            self.runs.open(visit.session, run, request.session_hash)
        except PromptError as error:
            yield self.parts.warn(str(error))
            return
        yield from self.parts.guarded(
            run,
            self._run(run, visit, task, side, count, bool(held), bool(worked)),
            lambda message: {**self.parts.buttons(False), **self.parts.warn(message)},
            (PromptError, CaseError),
        )

    def _run(
        self, run: Run, visit: Visit, task: Task, side: str, count: int, held: bool, worked: bool
    ) -> Iterator[Updates]:
        tab = self.tab
        yield {**self.parts.buttons(True), **self.parts.say(""), tab.state: visit}
        with self.line.join() as place:
            if (yield from self.parts.await_place(place, run)):
                yield from self._evaluate(run, visit, task, side, count, held, worked)
        yield {**self.parts.buttons(False), tab.results: self._results(visit, task, False)}

    def _evaluate(
        self, run: Run, visit: Visit, task: Task, side: str, count: int, held: bool, worked: bool
    ) -> Iterator[Updates]:
        tab, engine, name = self.tab, None, "truths"
        cases: list[Case] = []
        for found in find_cases(task, count, run.stop):
            if isinstance(found, list):
                cases = found
            else:
                yield self.parts.say(found)
        if side != "truth":
            engine = yield from self.parts.await_engine(self.runs.loader, run)
            name = names_of({side: engine.info(side)})[side] if engine is not None else side
        if cases and not run.stop.is_set():
            held = held and engine is not None and task.grammar(cases[0]) is not None
            name = f"{name}, held to the form" if held else name
            if task.worked and not worked and engine is not None:
                name = f"{name}, without examples"
            trial = Trial(task, side, name, len(cases), Report(task, side), held=held, worked=None if worked else 0)
            earlier = [old for old in visit.trials.get(task.name, []) if old.side != side or old.ended]
            visit.trials[task.name] = [*earlier, trial][-KEPT:]
            yield {**self.parts.say(""), tab.results: self._results(visit, task, True)}
            said = time.monotonic()
            for _ in run_trial(trial, cases, engine, self.judges, run.stop):
                late = time.monotonic() - said >= SAY_SECONDS
                said = time.monotonic() if late else said
                yield {tab.results: self._results(visit, task, True)} if late else {tab.results: gr.skip()}

    def stop(self, visit: Visit | None) -> Updates:
        """End the run; what was judged stays in the table."""
        updates: Updates = {**self.parts.buttons(False), **self.parts.say("Stopped.")}
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
