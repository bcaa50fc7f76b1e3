"""What the Tasks tab's buttons do: ask an example, ask what the boxes hold, stop, second turn, an answer of one's own."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from sigma.aimicius.contract import Case, CaseError
from sigma.engine.options import new_tokens
from sigma.events import SIDES, PromptError
from sigma.limits.current import limits
from visualizers.shared.caller import host_of
from visualizers.shared.line import Place
from visualizers.shared.options import make_request, make_sampling, number
from visualizers.shared.runs import BUSY, Runs
from visualizers.shared.stream import Run
from visualizers.shared.turn_handlers import QUICK, TurnParts, Updates
from visualizers.shared.turn_view import TurnView
from visualizers.tasks.choose.handlers import form_parts, form_updates, model_names, turn_parts
from visualizers.tasks.common import messages_html
from visualizers.tasks.judging import Judges
from visualizers.tasks.limits import check_answer
from visualizers.tasks.loader import TaskLoader
from visualizers.tasks.tab import MOST_TOKENS, TasksTab
from visualizers.tasks.turn import Asked, empty_verdict, judge_one, stream_and_judge
from visualizers.tasks.visit import Visit


class AskHandlers:
    """The handlers, bound to one tab, its visitors' runs, the tasks and the judges."""

    def __init__(self, tab: TasksTab, parts: TurnParts, runs: Runs, task_loader: TaskLoader, judges: Judges):
        self.tab, self.parts, self.runs, self.tasks, self.judges = tab, parts, runs, task_loader, judges

    def wire(self) -> list[Any]:
        """Attach the handlers; returns the events that stream, for whoever has to cancel them."""
        tab, stream = self.tab, self.parts.streaming()
        outputs, texts = [*turn_parts(tab), tab.sent], [tab.truth, *tab.boxes]
        how = [tab.budget, tab.held, tab.worked]
        asked = [tab.run.click(self.ask, [tab.state, *how, *texts], outputs, **stream)]
        asked.append(tab.follow.click(self.second_turn, [tab.state, *how], outputs, **stream))
        for i, button in enumerate(tab.examples):

            def example(
                request: gr.Request, name: str, visit: Visit, budget: float, held: bool, worked: bool, i: int = i
            ):
                yield from self.example(request, i, name, visit, budget, held, worked)

            shown = [*form_parts(tab), *turn_parts(tab), tab.own_verdict]
            asked.append(button.click(example, [tab.task, tab.state, *how], shown, **stream))
        tab.stop.click(self.stop, tab.state, outputs, cancels=asked, **QUICK)
        judging = {**self.parts.streaming(limits().judges), "concurrency_id": "judge", "show_progress": "hidden"}
        tab.judge.click(self.judge_own, [tab.state, tab.own, *texts], [tab.own_verdict], **judging)
        return asked

    def example(
        self,
        request: gr.Request,
        index: int,
        name: str,
        visit: Visit | None,
        budget: float,
        held: bool = False,
        worked: bool = True,
    ) -> Iterator[Updates]:
        """Show an example and ask both models at once."""
        visit = visit or Visit()
        if self.runs.busy(visit.session):
            yield self.parts.warn(BUSY)
            return
        try:
            if visit.task is None:
                visit.task = self.tasks.task(name)
            case = visit.task.examples()[index]
        except (PromptError, IndexError) as error:
            yield self.parts.warn(str(error))
            return
        cleared = {self.tab.own_verdict: empty_verdict(visit.task.name)}
        yield {self.tab.state: visit, **form_updates(self.tab, visit, case, worked), **cleared}
        yield from self._answer(request, visit, dict.fromkeys(SIDES, case), budget, held, worked)

    def ask(
        self, request: gr.Request, visit: Visit | None, budget: float, held: bool, worked: bool, truth: str, *texts: str
    ) -> Iterator[Updates]:
        """Ask both models what the boxes hold."""
        if visit is None or visit.task is None:
            yield self.parts.warn("Pick a task first.")
            return
        try:
            case = visit.case(truth, texts)
        except PromptError as error:
            yield self.parts.warn(str(error))
            return
        yield from self._answer(request, visit, dict.fromkeys(SIDES, case), budget, held, worked)

    def second_turn(
        self, request: gr.Request, visit: Visit | None, budget: float, held: bool = False, worked: bool = True
    ) -> Iterator[Updates]:
        """Tell each model its verdict and ask again, where the task has a second turn for that verdict."""
        cases = visit.second_turn() if visit is not None else {}
        if not cases:
            yield self.parts.warn("There is no second turn for these answers.")
            return
        yield from self._answer(request, visit, cases, budget, held, worked, visit.asked.turn + 1)

    def stop(self, visit: Visit | None) -> Updates:
        """End the turn; what was written stays, and is not judged."""
        updates = {**self.parts.buttons(False), **self.parts.say("Stopped.")}
        run = self.runs.stop(visit.session) if visit is not None else None
        asked = visit.asked if visit is not None else None
        if run is None or asked is None:
            return updates
        run.view.stopped = True
        for side in asked.cases:
            if side not in run.view.sides:
                continue
            updates[self.tab.answers[side]] = asked.answer_payload(run.view, side)
            judged = asked.judgements.get(side)
            if judged is None or judged.verdict is None:
                updates[self.tab.verdicts[side]] = empty_verdict(asked.task.name, "Stopped: not judged.")
        return updates

    def _answer(
        self,
        request: gr.Request,
        visit: Visit,
        cases: dict[str, Case],
        budget: float,
        held: bool,
        worked: bool,
        turn: int = 1,
    ) -> Iterator[Updates]:
        run, task = Run(TurnView(time.monotonic(), tuple(cases))), visit.task
        try:
            tokens = number(budget, "Token budget", 1, new_tokens(MOST_TOKENS), whole=True)
            names, draw = model_names(self.runs), self.tasks.draw(task.name)
            asked = Asked(task, cases, tokens, names, draw, turn, bool(held), None if worked else 0)
            if held and not asked.formed():
                asked.held = False
            messages = asked.messages
            self.runs.open(visit.session, run, request.session_hash)
        except (PromptError, CaseError) as error:
            yield self.parts.warn(str(error))
            return
        visit.asked = asked
        yield from self.parts.guarded(
            run, self._turn(run, visit, asked, messages, bool(held)), lambda message: self._failed(run, asked, message)
        )

    def _turn(
        self, run: Run, visit: Visit, asked: Asked, messages: dict[str, list[dict[str, str]]], wanted: bool
    ) -> Iterator[Updates]:
        tab = self.tab
        note = (
            f"{asked.task.title}'s answers have no form to be held to: they are free."
            if wanted and not asked.held
            else ""
        )
        same = all(chat == next(iter(messages.values())) for chat in messages.values())
        yield {
            tab.state: visit,
            **self.parts.buttons(True),
            **self.parts.say(note),
            **{tab.answers[side]: asked.answer_payload(run.view, side) for side in asked.cases},
            **{tab.verdicts[side]: empty_verdict(asked.task.name) for side in asked.cases},
            tab.follow: gr.update(visible=False),
            tab.sent: messages_html({"": next(iter(messages.values()))} if same else messages),
        }
        with self.runs.line.join() as place:
            yield from self._ask(run, asked, messages, place)
        again = bool(visit.second_turn()) and not run.stop.is_set()
        more = any(len(talk.sent) > 1 for talk in asked.talks.values())
        sent = {tab.sent: messages_html(asked.sent())} if more else {}
        yield {**self.parts.buttons(False), tab.follow: gr.update(visible=again), **sent}

    def _ask(
        self, run: Run, asked: Asked, messages: dict[str, list[dict[str, str]]], place: Place
    ) -> Iterator[Updates]:
        tab = self.tab
        engine = yield from self.parts.await_engine(self.runs.loader, run)
        if engine is not None and (yield from self.parts.await_place(place, run)):
            info = engine.info("sigma")
            asked.names = model_names(self.runs)
            sampling = make_sampling(0, 1, 0, 1, asked.budget, 0)
            request = make_request(messages, sampling, None, None, info.context_length, info.layers)
            request = replace(request, tuned=bool(info.tuned))
            run.view.restart(time.monotonic())
            last: dict[str, str] = {}
            for update in stream_and_judge(engine, request, asked, self.judges, run):
                changed: Updates = {tab.verdicts[side]: payload for side, payload in update.verdicts.items()}
                for side, payload in update.answers.items():
                    if last.get(side) != payload:
                        changed[tab.answers[side]] = last[side] = payload
                yield changed or {tab.notice: gr.skip()}

    def _failed(self, run: Run, asked: Asked, message: str) -> Updates:
        run.view.stopped = True
        answers = {self.tab.answers[side]: asked.answer_payload(run.view, side) for side in run.view.sides}
        return {**self.parts.buttons(False), **answers, **self.parts.warn(message)}

    def judge_own(self, visit: Visit | None, answer: str, truth: str, *texts: str) -> Iterator[str | Any]:
        """Judge the pasted answer to what the boxes hold; no model is needed."""
        if visit is None or visit.task is None:
            yield empty_verdict("", "Pick a task first.")
            return
        answer = answer or ""
        try:
            case = visit.case(truth, texts)
            check_answer(answer)
            self.runs.loader.meter.visitors.admit(host_of(), None)
        except PromptError as error:
            yield empty_verdict(visit.task.name, str(error))
            return
        judged = self.judges.start(visit.task, case, answer)
        for payload in judge_one(uuid.uuid4().hex, "Your answer", judged, self.tasks.draw(visit.task.name)):
            yield gr.skip() if payload is None else payload
