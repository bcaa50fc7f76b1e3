"""What the Tasks tab's buttons do: pick, example, ask, stop, second turn, and an answer of one's own."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from typing import Any

import gradio as gr

from sigma.aimicius.contract import Case, Task, answer_tokens, follow_up, label_of
from sigma.events import SIDES, PromptError
from visualizers.chat.handlers import CONCURRENT, FAILED, WAIT_SECONDS
from visualizers.shared.options import make_request, make_sampling, number
from visualizers.shared.runs import Runs
from visualizers.shared.stream import Run
from visualizers.shared.turn_view import TurnView
from visualizers.tasks.common import messages_html
from visualizers.tasks.evaluate.trial import Trial
from visualizers.tasks.fields import from_boxes, lines_of, to_boxes
from visualizers.tasks.judging import JudgeRoom
from visualizers.tasks.shelf import Shelf
from visualizers.tasks.tab import MOST_EXAMPLES, MOST_TOKENS, NAMES, TasksTab
from visualizers.tasks.turn import Asked, answer_payload, empty_verdict, judge_one, names_of, stream_and_judge

log = logging.getLogger(__name__)

JUDGES = 4
"""Answers of visitors' own that are judged together."""

SHORT = 12  # characters of a field that shares its line with others
MAX_OWN = 2_000_000  # characters of a pasted answer that the server takes; the judges look at fewer
BUSY = "An answer is still being written. Press Stop first."
Updates = dict[Any, Any]


@dataclass
class Visit:
    """What one visitor has before them."""

    session: str = field(default_factory=lambda: uuid.uuid4().hex)
    task: Task | None = None
    example: Case | None = None
    fields: list[str] = field(default_factory=list)
    asked: Asked | None = None
    trials: dict[str, list[Trial]] = field(default_factory=dict)


class TaskHandlers:
    """The handlers, bound to one tab, its visitors' runs, one shelf and one room of judges."""

    def __init__(self, tab: TasksTab, runs: Runs, shelf: Shelf, room: JudgeRoom):
        self.tab, self.runs, self.shelf, self.room = tab, runs, shelf, room

    def wire(self) -> list[Any]:
        """Attach the handlers; returns the events that stream, for whoever has to cancel them."""
        tab = self.tab
        private = dict(api_visibility="private")
        # Not queued: see the note in ChatHandlers.wire.
        quick = dict(show_progress="hidden", queue=False, **private)
        stream = dict(
            concurrency_limit=CONCURRENT,
            concurrency_id="engine",
            show_progress="minimal",
            show_progress_on=tab.notice,
            trigger_mode="once",
            **private,
        )
        form = [tab.about, *tab.examples, *tab.boxes, tab.truth, tab.sent, tab.budget]
        columns = [*tab.answers.values(), *tab.verdicts.values(), tab.follow]
        outputs = [tab.state, *columns, tab.run, tab.stop, tab.notice, tab.sent]
        texts = [tab.truth, *tab.boxes]
        asked = [tab.run.click(self.ask, [tab.state, tab.budget, *texts], outputs, **stream)]
        asked.append(tab.follow.click(self.second_turn, [tab.state, tab.budget], outputs, **stream))
        for i, button in enumerate(tab.examples):

            def example(request: gr.Request, name: str, visit: Visit, budget: float, i: int = i):
                yield from self.example(request, i, name, visit, budget)

            inputs = [tab.task, tab.state, tab.budget]
            asked.append(button.click(example, inputs, [*form, *outputs[:-1], tab.own_verdict], **stream))
        tab.stop.click(self.stop, tab.state, outputs, cancels=asked, **quick)
        everything = [*form, *outputs[:-1], tab.own_verdict, tab.task, tab.results]
        # A task's engine takes seconds to import the first time: something must show that it is being opened.
        opening = {**quick, "show_progress": "minimal", "show_progress_on": tab.about}
        tab.tab.select(self.first, [tab.task, tab.state], everything, **opening)
        tab.task.input(self.pick, [tab.task, tab.state], everything, cancels=asked, **opening)
        gr.on([box.blur for box in (*tab.boxes, tab.truth)], self.preview, [tab.state, *texts], [tab.sent], **quick)
        tab.judge.click(
            self.judge_own,
            [tab.state, tab.own, *texts],
            [tab.own_verdict],
            concurrency_limit=JUDGES,
            concurrency_id="judge",
            show_progress="hidden",
            trigger_mode="once",
            **private,
        )
        return asked

    # Choosing

    def first(self, name: str, visit: Visit | None) -> Updates:
        """The tab is opened: show the task that is picked, unless it is shown already."""
        if visit is not None and visit.task is not None:
            return {self.tab.state: gr.skip()}  # Gradio takes an empty dictionary for a missing value
        updates = self.pick(name, visit)
        self.shelf.warm()
        return updates

    def pick(self, name: str, visit: Visit | None) -> Updates:
        """Show another task with its first example; what was running ends."""
        tab, visit = self.tab, visit or Visit()
        self.runs.stop(visit.session)
        visit.asked = None
        try:
            task = self.shelf.task(name)
            examples = task.examples()[:MOST_EXAMPLES]
        except PromptError as error:
            visit.task = None
            hidden = {part: gr.update(visible=False) for part in (*tab.examples, *tab.boxes)}
            about = f'<p class="problem" role="alert">{escape(str(error))}</p>'
            return {**hidden, tab.about: about, tab.state: visit, **self._cleared("")}
        visit.task = task
        buttons = {
            button: gr.update(visible=i < len(examples), value=label_of(task, examples[i]) if i < len(examples) else "")
            for i, button in enumerate(tab.examples)
        }
        return {
            **buttons,
            **self._form(visit, examples[0]),
            **self._cleared(task.name),
            tab.about: f"<p>{escape(task.about)}</p>",
            tab.budget: gr.update(value=min(MOST_TOKENS, answer_tokens(task))),
            tab.state: visit,
        }

    def _form(self, visit: Visit, case: Case) -> Updates:
        tab = self.tab
        texts = to_boxes(case)
        visit.example, visit.fields = case, list(texts)
        updates: Updates = {}
        for i, box in enumerate(tab.boxes):
            if i >= len(texts):
                updates[box] = gr.update(visible=False, value="")
                continue
            name, text = list(texts.items())[i]
            plain = isinstance(case.fields[name], str)
            updates[box] = gr.update(
                visible=True,
                value=text,
                label=name.replace("_", " ") if plain else f"{name.replace('_', ' ')} (JSON)",
                lines=lines_of(text),
                elem_classes=[*([] if plain else ["code"]), *(["short"] if len(text) <= SHORT else [])],
            )
        updates[tab.truth] = gr.update(value=case.truth, lines=lines_of(case.truth))
        updates[tab.sent] = messages_html({"": visit.task.messages(case)})
        return updates

    def _cleared(self, task: str) -> Updates:
        tab = self.tab
        empty = TurnView(time.monotonic())
        infos = self._infos()
        return {
            **{tab.answers[side]: answer_payload(infos[side], empty, side, 0) for side in SIDES},
            **{part: empty_verdict(task) for part in (*tab.verdicts.values(), tab.own_verdict)},
            **self._buttons(False),
            tab.follow: gr.update(visible=False),
            tab.notice: "",
        }

    def preview(self, visit: Visit | None, truth: str, *texts: str) -> Updates:
        """The prompt as it would be sent now."""
        if visit is None or visit.task is None:
            return {self.tab.sent: gr.skip()}
        try:
            case = self._case(visit, truth, texts)
        except PromptError as error:
            return {self.tab.sent: f'<p class="problem">{escape(str(error))}</p>'}
        return {self.tab.sent: messages_html({"": visit.task.messages(case)})}

    def _case(self, visit: Visit, truth: str, texts: tuple[str, ...]) -> Case:
        return from_boxes(visit.task, visit.example, dict(zip(visit.fields, texts)), truth)

    # Asking the models

    def example(
        self, request: gr.Request, index: int, name: str, visit: Visit | None, budget: float
    ) -> Iterator[Updates]:
        """Show an example and ask both models at once."""
        visit = visit or Visit()
        if self.runs.busy(visit.session):
            yield self._notice(BUSY)
            return
        try:
            if visit.task is None:
                visit.task = self.shelf.task(name)
            case = visit.task.examples()[index]
        except (PromptError, IndexError) as error:
            yield self._notice(str(error))
            return
        cleared = {self.tab.own_verdict: empty_verdict(visit.task.name)}
        yield {self.tab.state: visit, **self._form(visit, case), **cleared}
        yield from self._answer(request, visit, dict.fromkeys(SIDES, case), budget)

    def ask(
        self, request: gr.Request, visit: Visit | None, budget: float, truth: str, *texts: str
    ) -> Iterator[Updates]:
        """Ask both models what the boxes hold."""
        if visit is None or visit.task is None:
            yield self._notice("Pick a task first.")
            return
        try:
            case = self._case(visit, truth, texts)
        except PromptError as error:
            yield self._notice(str(error))
            return
        yield from self._answer(request, visit, dict.fromkeys(SIDES, case), budget)

    def second_turn(self, request: gr.Request, visit: Visit | None, budget: float) -> Iterator[Updates]:
        """Tell each model its verdict and ask again, where the task has a second turn for that verdict."""
        cases = self._second(visit)
        if not cases:
            yield self._notice("There is no second turn for these answers.")
            return
        yield from self._answer(request, visit, cases, budget, visit.asked.turn + 1)

    def _second(self, visit: Visit | None) -> dict[str, Case]:
        asked = visit.asked if visit is not None else None
        cases = {}
        for side in SIDES if asked is not None else ():
            judged = asked.judgements.get(side)
            if judged is None or judged.verdict is None:
                continue
            try:
                case = follow_up(asked.task, asked.cases[side], judged.verdict)
            except Exception:
                log.exception("%s could not make a second turn", asked.task.name)
                continue
            if case is not None:
                cases[side] = case
        return cases

    def stop(self, visit: Visit | None) -> Updates:
        """End the turn; what was written stays, and is not judged."""
        updates = {**self._buttons(False), **self._say("Stopped.")}
        run = self.runs.stop(visit.session) if visit is not None else None
        asked = visit.asked if visit is not None else None
        if run is None or asked is None:
            return updates
        run.view.stopped = True
        for side in asked.cases:
            if side not in run.view.sides:
                continue
            updates[self.tab.answers[side]] = answer_payload(
                asked.names[side], run.view, side, asked.budget, asked.turn
            )
            judged = asked.judgements.get(side)
            if judged is None or judged.verdict is None:
                updates[self.tab.verdicts[side]] = empty_verdict(asked.task.name, "Stopped: not judged.")
        return updates

    def _answer(
        self, request: gr.Request, visit: Visit, cases: dict[str, Case], budget: float, turn: int = 1
    ) -> Iterator[Updates]:
        tab, task = self.tab, visit.task
        run = Run(TurnView(time.monotonic(), tuple(cases)))
        try:
            tokens = number(budget, "Token budget", 1, MOST_TOKENS, whole=True)
            asked = Asked(task, cases, tokens, self._infos(), self.shelf.draw(task.name), turn)
            messages = asked.messages()
            self.runs.open(visit.session, run, request.session_hash)
        except PromptError as error:
            yield self._notice(str(error))
            return
        visit.asked = asked
        same = all(chat == next(iter(messages.values())) for chat in messages.values())
        try:
            yield {
                tab.state: visit,
                **self._buttons(True),
                **self._say(""),
                **{tab.answers[s]: answer_payload(asked.names[s], run.view, s, tokens, turn) for s in cases},
                **{tab.verdicts[s]: empty_verdict(task.name) for s in cases},
                tab.follow: gr.update(visible=False),
                tab.sent: messages_html({"": next(iter(messages.values()))} if same else messages),
            }
            yield from self._run(run, asked, messages)
            again = bool(self._second(visit)) and not run.stop.is_set()
            yield {**self._buttons(False), tab.follow: gr.update(visible=again)}
        except PromptError as error:
            yield {**self._buttons(False), **self._ended(run, asked), **self._notice(str(error))}
        except Exception:
            log.exception("a task's turn failed")
            yield {**self._buttons(False), **self._ended(run, asked), **self._notice(FAILED)}
        finally:
            run.ended.set()

    def _run(self, run: Run, asked: Asked, messages: dict[str, list[dict[str, str]]]) -> Iterator[Updates]:
        tab = self.tab
        yield from self._await_engine(run)
        engine = self.runs.loader.engine
        if run.stop.is_set() or engine is None:
            return
        info = engine.info("sigma")
        asked.names = self._infos()
        sampling = make_sampling(0, 1, 0, 1, asked.budget, 0)
        request = make_request(messages, sampling, None, None, info.context_length, info.layers)
        run.view.restart(time.monotonic())
        last: dict[str, str] = {}
        for update in stream_and_judge(engine, request, asked, self.room, run):
            changed: Updates = {tab.verdicts[side]: payload for side, payload in update.verdicts.items()}
            for side, payload in update.answers.items():
                if last.get(side) != payload:
                    changed[tab.answers[side]] = last[side] = payload
            yield changed or {tab.notice: gr.skip()}

    def _await_engine(self, run: Run) -> Iterator[Updates]:
        """Show the loading progress until there is an engine; PromptError if there will be none."""
        loader, shown = self.runs.loader, ""
        while not loader.wait(WAIT_SECONDS) and not run.stop.is_set():
            status = loader.status
            note = (
                f"Loading the model: {status.text}, {round(status.fraction * 100)} %. "
                "Your own answer can be judged already."
            )
            yield self._say(note) if note != shown else {self.tab.notice: gr.skip()}
            shown = note
        if loader.status.phase == "failed":
            raise PromptError(f"No model is loaded: {loader.status.text} Your own answer can be judged all the same.")
        if shown:
            yield self._say("")

    # An answer of one's own

    def judge_own(self, visit: Visit | None, answer: str, truth: str, *texts: str) -> Iterator[str | Any]:
        """Judge the pasted answer to what the boxes hold; no model is needed."""
        if visit is None or visit.task is None:
            yield empty_verdict("", "Pick a task first.")
            return
        try:
            case = self._case(visit, truth, texts)
        except PromptError as error:
            yield empty_verdict(visit.task.name, str(error))
            return
        if len(answer or "") > MAX_OWN:
            yield empty_verdict(
                visit.task.name, f"The answer has {len(answer):,} characters; at most {MAX_OWN:,} are taken."
            )
            return
        judged = self.room.start(visit.task, case, answer or "")
        draw = self.shelf.draw(visit.task.name)
        for payload in judge_one(uuid.uuid4().hex, "Your answer", judged, draw):
            yield gr.skip() if payload is None else payload

    # Small updates

    def _infos(self) -> dict[str, str]:
        engine = self.runs.loader.engine
        return NAMES if engine is None else names_of({side: engine.info(side) for side in SIDES})

    def _ended(self, run: Run, asked: Asked) -> Updates:
        run.view.stopped = True
        return {
            self.tab.answers[s]: answer_payload(asked.names[s], run.view, s, asked.budget, asked.turn)
            for s in run.view.sides
        }

    def _buttons(self, running: bool) -> Updates:
        return {self.tab.run: gr.update(visible=not running), self.tab.stop: gr.update(visible=running)}

    def _say(self, text: str) -> Updates:
        return {self.tab.notice: f'<p role="status">{escape(text)}</p>' if text else ""}

    def _notice(self, message: str) -> Updates:
        gr.Warning(escape(message), duration=8)
        return {self.tab.notice: f'<p role="alert" class="problem">{escape(message)}</p>'}
