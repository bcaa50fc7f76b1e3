"""What choosing a task does: its examples, its fields in the boxes, and the prompt as it would be sent."""

from __future__ import annotations

import time
from html import escape
from typing import Any

import gradio as gr

from sigma.aimicius.contract import Case, CaseError, Task
from sigma.aimicius.worked import asked
from sigma.engine.options import new_tokens
from sigma.events import SIDE_NAMES, SIDES, PromptError
from visualizers.shared.runs import Runs
from visualizers.shared.turn_handlers import QUICK, TurnParts, Updates
from visualizers.shared.turn_view import TurnView
from visualizers.tasks.common import messages_html
from visualizers.tasks.fields import lines_of
from visualizers.tasks.loader import TaskLoader
from visualizers.tasks.recorded import LEGEND, outcomes, recorded_html
from visualizers.tasks.tab import MOST_EXAMPLES, MOST_TOKENS, TasksTab
from visualizers.tasks.turn import answer_payload, empty_verdict, names_of
from visualizers.tasks.visit import Visit

SHORT = 12  # characters of a field that shares its line with others


def form_parts(tab: TasksTab) -> list[Any]:
    """What shows a case, the prompt that it makes last."""
    return [tab.about, *tab.examples, *tab.boxes, tab.truth, tab.budget, tab.sent]


def turn_parts(tab: TasksTab) -> list[Any]:
    """What shows a turn, without the prompt that was sent."""
    return [tab.state, *tab.answers.values(), *tab.verdicts.values(), tab.follow, tab.run, tab.stop, tab.notice]


def model_names(runs: Runs) -> dict[str, str]:
    """Column titles: the loaded models' names, or what the sides are called until then."""
    engine = runs.loader.engine
    return SIDE_NAMES if engine is None else names_of({side: engine.info(side) for side in SIDES})


def form_updates(tab: TasksTab, visit: Visit, case: Case, worked: bool) -> Updates:
    """Put a case into the form, and the chat that would be sent: with worked examples or without."""
    texts = list(visit.show(case).items())
    updates: Updates = {}
    for i, box in enumerate(tab.boxes):
        if i >= len(texts):
            updates[box] = gr.update(visible=False, value="")
            continue
        name, text = texts[i]
        plain = isinstance(case.fields[name], str)
        updates[box] = gr.update(
            visible=True,
            value=text,
            label=name.replace("_", " ") if plain else f"{name.replace('_', ' ')} (JSON)",
            lines=lines_of(text),
            elem_classes=[*([] if plain else ["code"]), *(["short"] if len(text) <= SHORT else [])],
        )
    updates[tab.truth] = gr.update(value=case.truth, lines=lines_of(case.truth))
    updates[tab.sent] = sent_html(visit.task, case, worked)
    return updates


def sent_html(task: Task, case: Case, worked: bool) -> str:
    """The chat that would be sent, or why its examples cannot be read."""
    try:
        return messages_html({"": asked(task, case, None if worked else 0)})
    except CaseError as error:
        return f'<p class="problem">{escape(str(error))}</p>'


class ChooseHandlers:
    """The handlers, bound to one tab, its visitors' runs and the tasks."""

    def __init__(self, tab: TasksTab, parts: TurnParts, runs: Runs, task_loader: TaskLoader):
        self.tab, self.parts, self.runs, self.tasks = tab, parts, runs, task_loader

    def wire(self, streams: list[Any]) -> None:
        """Attach the handlers; picking another task cancels the events in `streams`."""
        tab = self.tab
        everything = [*form_parts(tab), *turn_parts(tab), tab.own_verdict, tab.task, tab.results, tab.worked]
        # A task's engine takes seconds to import the first time: something must show that it is being opened.
        opening = {**QUICK, "show_progress": "minimal", "show_progress_on": tab.about}
        tab.tab.select(self.first, [tab.task, tab.state, tab.worked], everything, **opening)
        tab.task.input(self.pick, [tab.task, tab.state, tab.worked], everything, cancels=streams, **opening)
        texts = [tab.truth, *tab.boxes]
        changes = [*(box.blur for box in (*tab.boxes, tab.truth)), tab.worked.input]
        gr.on(changes, self.preview, [tab.state, tab.worked, *texts], [tab.sent], **QUICK)

    def first(self, name: str, visit: Visit | None, worked: bool = True) -> Updates:
        """The tab is opened: show the task that is picked, unless it is shown already."""
        if visit is not None and visit.task is not None:
            return {self.tab.state: gr.skip()}  # Gradio takes an empty dictionary for a missing value
        updates = self.pick(name, visit, worked)
        self.tasks.warm()
        return updates

    def pick(self, name: str, visit: Visit | None, worked: bool = True) -> Updates:
        """Show another task with its first example; what was running ends."""
        tab, visit = self.tab, visit or Visit()
        self.runs.stop(visit.session)
        visit.asked = None
        try:
            task = self.tasks.task(name)
            examples = task.examples()[:MOST_EXAMPLES]
        except PromptError as error:
            visit.task = None
            hidden = {part: gr.update(visible=False) for part in (*tab.examples, *tab.boxes)}
            about = f'<p class="problem" role="alert">{escape(str(error))}</p>'
            return {**hidden, tab.about: about, tab.state: visit, **self._cleared("")}
        visit.task = task
        signs = outcomes(task)
        labels = [f"{signs.get(case.id, '')} {task.button(case)}".strip() for case in examples]
        labels += [""] * (len(tab.examples) - len(labels))
        buttons = {button: gr.update(visible=bool(label), value=label) for button, label in zip(tab.examples, labels)}
        legend = f'<p class="note">{LEGEND}</p>' if signs else ""
        return {
            **buttons,
            **form_updates(tab, visit, examples[0], worked),
            **self._cleared(task.name),
            tab.about: f"<p>{escape(task.about)}</p>{recorded_html(task)}{legend}",
            tab.budget: gr.update(value=min(new_tokens(MOST_TOKENS), task.answer_tokens)),
            tab.worked: gr.update(visible=bool(task.worked)),
            tab.state: visit,
        }

    def _cleared(self, task: str) -> Updates:
        tab, empty, names = self.tab, TurnView(time.monotonic(), SIDES), model_names(self.runs)
        return {
            **{tab.answers[side]: answer_payload(names[side], empty, side, 0) for side in SIDES},
            **{part: empty_verdict(task) for part in (*tab.verdicts.values(), tab.own_verdict)},
            **self.parts.buttons(False),
            **self.parts.say(""),
            tab.follow: gr.update(visible=False),
        }

    def preview(self, visit: Visit | None, worked: bool, truth: str, *texts: str) -> Updates:
        """The prompt as it would be sent now."""
        if visit is None or visit.task is None:
            return {self.tab.sent: gr.skip()}
        try:
            case = visit.case(truth, texts)
        except PromptError as error:
            return {self.tab.sent: f'<p class="problem">{escape(str(error))}</p>'}
        return {self.tab.sent: sent_html(visit.task, case, worked)}
