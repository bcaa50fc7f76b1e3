"""The offer on the Chat tab: shown when a turn has ended, taken with one click, which judges both columns' answers."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from sigma.aimicius.contract import CaseError
from sigma.aimicius.recognise import Known, Recognised, recognise
from sigma.events import PromptError
from sigma.limits.current import limits
from sigma.observe.numbers import logged
from visualizers.shared.caller import host_of
from visualizers.shared.conversation import Conversation, Turn
from visualizers.shared.runs import Runs
from visualizers.shared.turn_handlers import QUICK, Updates
from visualizers.tasks.common import VerdictView
from visualizers.tasks.judging import Judges
from visualizers.tasks.loader import TaskLoader
from visualizers.tasks.offer.tab import COLUMNS, OfferTab, offer_tab, title
from visualizers.tasks.offer.words import judged_html, offer_html
from visualizers.tasks.turn import POLL_SECONDS, empty_verdict

log = logging.getLogger(__name__)

GONE = "There is no answer to judge any more."
WRITING = "The newest answers are still being written; they can be judged when they have ended."
HIDDEN = gr.update(visible=False)


class OfferHandlers:
    """The handlers, bound to the visitors' chats. `known`: questions with answers beside the hand-written cases' ones."""

    def __init__(self, runs: Runs, tasks: TaskLoader, judges: Judges, known: Callable[[], list[Known]] = list):
        self.runs, self.tasks, self.judges, self.known = runs, tasks, judges, known
        self.tab: OfferTab | None = None

    def layout(self) -> None:
        """Lay the offer out where it is called."""
        self.tab = offer_tab()

    def wire(self, state: gr.State, changes: list[Any]) -> None:
        """Look at the newest turn after each of `changes`, the events that may end or take back one; judge on a click."""
        tab = self.tab
        outputs = [tab.about, tab.judge, *tab.verdicts.values()]
        for change in changes:
            change.then(self.look, state, outputs, **QUICK)
        tab.judge.click(
            self.judge,
            state,
            outputs,
            concurrency_limit=limits().judges,
            concurrency_id="judge",
            show_progress="hidden",
            api_visibility="private",
            trigger_mode="once",
        )

    def look(self, conversation: Conversation | None) -> Updates:
        """Offer to judge the newest turn where a task is recognised in it; what was judged before goes."""
        tab, turn = self.tab, newest(conversation)
        found = self._recognised(turn) if turn is not None else None
        emptied = {part: empty_verdict("") for part in tab.verdicts.values()}
        if found is None:
            return {tab.about: "", tab.judge: HIDDEN, **emptied}
        shown = offer_html(found, self._unfinished(conversation))
        return {tab.about: shown, tab.judge: gr.update(visible=True), **emptied}

    def judge(self, conversation: Conversation | None) -> Iterator[Updates]:
        """Judge both answers of the newest turn, part by part; then say what was judged and what was not."""
        tab, turn = self.tab, newest(conversation)
        found = self._recognised(turn) if turn is not None else None
        if found is None or self.runs.busy(conversation.session):
            yield {tab.about: f'<p role="alert">{WRITING if found else GONE}</p>', tab.judge: HIDDEN}
            return
        yield {tab.judge: HIDDEN, **{part: empty_verdict(found.task, "judging …") for part in tab.verdicts.values()}}
        try:
            self.runs.loader.meter.visitors.admit(host_of(), None)
            task = self.tasks.task(found.task)
            case = task.case(dict(found.row), "The chat's question")
        except (PromptError, CaseError) as error:
            yield {part: empty_verdict(found.task, str(error)[:400]) for part in tab.verdicts.values()}
            return
        draw, key = self.tasks.draw(task.name), uuid.uuid4().hex
        views = {column: VerdictView(f"{key}-{column}", title(column), task, draw) for column in COLUMNS}
        judged = {
            column: self.judges.start(task, case, turn.answers[column])
            for column in COLUMNS
            if turn.answers.get(column)
        }
        try:
            missing = [tab.verdicts[column] for column in COLUMNS if column not in judged]
            yield {part: empty_verdict(task.name, "no answer to judge") for part in missing} or {tab.about: gr.skip()}
            while True:
                ended = all(one.finished() for one in judged.values())
                payloads = {tab.verdicts[column]: views[column].payload(one) for column, one in judged.items()}
                changed = {part: payload for part, payload in payloads.items() if payload is not None}
                # Always a yield: a generator that does not yield cannot be stopped.
                yield changed or {tab.about: gr.skip()}
                if ended:
                    break
                time.sleep(POLL_SECONDS)
        finally:
            for one in judged.values():
                if not one.finished():
                    one.leave()
        verdicts = [one.verdict for one in judged.values()]
        yield {tab.about: judged_html(found, task, verdicts, self._unfinished(conversation))}

    def _recognised(self, turn: Turn) -> Recognised | None:
        """The task in a turn; None, and a line in the log, where looking fails: no chat ends because of an offer."""
        try:
            known = [*self.known(), *self.tasks.known()]
            found = recognise(turn.prompt, [turn.answers.get(column, "") for column in COLUMNS], known)
        except Exception:
            logged(log, "a chat turn could not be looked at for a task")
            return None
        return found if found is not None and found.task in self.tasks.names else None

    def _unfinished(self, conversation: Conversation) -> str:
        """A sentence where an answer of the newest turn is not whole."""
        run = self.runs.run(conversation.session)
        if run is None:
            return ""
        if run.view.stopped:
            return "The answers were stopped: judged as far as they go."
        cut = [column for column, view in run.view.sides.items() if view.meter.finish in ("length", "context")]
        return "An answer was cut at its limit: judged as far as it goes." if cut else ""


def newest(conversation: Conversation | None) -> Turn | None:
    """The newest turn that has an answer on any column."""
    turn = conversation.turns[-1] if conversation is not None and conversation.turns else None
    return turn if turn is not None and any(turn.answers.values()) else None
