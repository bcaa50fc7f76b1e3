"""What the Chat tab's buttons do: send, examples, retry, undo, clear, stop. Every path leaves the prompt somewhere."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from typing import Any

import gradio as gr

from sigma.events import SIDE_NAMES, SIDES, ChatRequest, Engine, PromptError, SideInfo
from visualizers.chat.column import column_heads
from visualizers.chat.columns.link import write
from visualizers.chat.examples import read_examples
from visualizers.chat.kept import read_kept
from visualizers.chat.messages import pack_messages
from visualizers.chat.settings import TurnSettings, with_example
from visualizers.chat.tab import ChatTab
from visualizers.shared.columns import COLUMNS, FIRST_MODELS, made_by
from visualizers.shared.conversation import Conversation, Turn
from visualizers.shared.line import Place
from visualizers.shared.options import clean_prompt
from visualizers.shared.runs import BUSY, Runs
from visualizers.shared.stream import Run, stream_turn
from visualizers.shared.turn_handlers import QUICK, TurnParts, Updates
from visualizers.shared.turn_view import TurnView

KEPT_JS = """() => {
  try { return [sessionStorage.getItem('sigma-chat') || '']; } catch { return ['']; }
}"""
NO_TUNED = "these models have no tuned base: answered as published"


class ChatHandlers:
    """The handlers, bound to one tab and its visitors' runs.

    A visitor's conversation is None until the page's load event has made it, so every handler can begin with a new one.
    """

    def __init__(self, tab: ChatTab, runs: Runs, recorded: dict[str, SideInfo] | None = None):
        """recorded: what the sides are until a model is loaded."""
        self.tab, self.runs, self.recorded = tab, runs, recorded or {}
        self.parts = TurnParts(tab.send, tab.stop, tab.notice)
        self.examples = read_examples()

    def wire_opening(self, page: gr.Blocks) -> None:
        """What happens when a page opens. Not as the state's value: a callable value becomes a public endpoint."""
        tab = self.tab
        shown = [tab.state, *tab.columns.values(), *tab.heads.values(), *tab.planned.values(), tab.notice, tab.box]
        page.load(self.arrived, tab.notice, shown, js=KEPT_JS, **QUICK)

    def wire(self) -> list[Any]:
        """Attach every handler; returns the events after which the newest turn is another, or has ended."""
        tab = self.tab
        turn_inputs = [tab.state, *tab.settings]
        outputs = [*tab.columns.values(), tab.live, tab.state, tab.box, tab.send, tab.stop, tab.notice, tab.restore]
        outputs += [*tab.heads.values(), *tab.planned.values()]
        stream = self.parts.streaming()
        sent = gr.on([tab.send.click, tab.box.submit], self.send, [tab.box, *turn_inputs], outputs, **stream)
        again = tab.retry.click(self.retry, turn_inputs, outputs, **stream)
        shown = tab.examples.click(
            self.example, [tab.examples, *turn_inputs], [*outputs, *tab.settings, tab.link], **stream
        )
        return [
            sent,
            again,
            shown,
            tab.stop.click(self.stop, [tab.state, tab.box], outputs, cancels=[sent, again, shown], **QUICK),
            tab.undo.click(self.undo, [tab.state, tab.box], outputs, **QUICK),
            tab.clear.click(self.clear, [tab.state], outputs, **QUICK),
            tab.restore.click(self.restore, [tab.state], outputs, **QUICK),
        ]

    def arrived(self, kept: str) -> Updates:
        """A page has opened: a new conversation, or the one that its tab kept while it was loaded anew."""
        found = read_kept(kept)
        if found is None:
            return {self.tab.state: Conversation()}
        conversation = found.conversation
        updates = {self.tab.state: conversation, **self._columns(conversation), **self._heads(conversation)}
        if found.said:
            updates |= self.parts.say(found.said)
        return {**updates, self.tab.box: found.box} if found.box else updates

    def send(
        self, request: gr.Request, prompt: str, conversation: Conversation | None, *settings: Any
    ) -> Iterator[Updates]:
        """Answer the prompt in the box."""
        yield from self._answer(request, prompt, conversation or Conversation(), TurnSettings.read(*settings))

    def example(
        self, request: gr.Request, index: int, conversation: Conversation | None, *settings: Any
    ) -> Iterator[Updates]:
        """Answer an example, with the settings that it shows."""
        conversation, chosen = conversation or Conversation(), self.examples[index]
        shown = with_example(TurnSettings.read(*settings), chosen)
        if not self.runs.busy(conversation.session):
            yield {**dict(zip(self.tab.settings, shown.values(), strict=True)), self.tab.link: write(shown)}
        yield from self._answer(request, chosen["prompt"], conversation, shown, keep_box=True)

    def retry(self, request: gr.Request, conversation: Conversation | None, *settings: Any) -> Iterator[Updates]:
        """Answer the newest prompt again, with the settings as they are now."""
        conversation, own = conversation or Conversation(), TurnSettings.read(*settings)
        if self.runs.busy(conversation.session):
            yield self.parts.warn(BUSY)
            return
        if not conversation.turns:
            yield self.parts.warn("There is nothing to retry yet.")
            return
        prompt = conversation.turns[-1].prompt
        # Options are checked before the old answer is given up.
        try:
            self._check(prompt, own)
        except PromptError as error:
            yield self.parts.warn(str(error))
            return
        yield from self._answer(request, prompt, conversation, own, keep_box=True, again=True)

    def stop(self, conversation: Conversation | None, box: str) -> Updates:
        """End the turn; what was written stays. A turn that only waited is gone, and its prompt is in the box again."""
        conversation = conversation or Conversation()
        newest = conversation.turns[-1] if conversation.turns else None
        run = self.runs.stop(conversation.session)
        updates = {**self._columns(conversation), **self.parts.buttons(False), **self.parts.say("Stopped.")}
        if newest is not None and newest not in conversation.turns and newest.replaced is None:
            updates[self.tab.box] = box if box.strip() else newest.prompt
        if run is not None:
            updates[self.tab.live] = run.view.payload()
        return updates

    def undo(self, conversation: Conversation | None, box: str) -> Updates:
        """Take the newest turn back; its prompt returns to the box unless something is written there."""
        conversation = conversation or Conversation()
        if self.runs.busy(conversation.session):
            return self.parts.warn(BUSY)
        prompt = conversation.undo()
        if prompt is None:
            return self.parts.warn("There is nothing to undo.")
        return {**self._columns(conversation), **self.parts.say(""), self.tab.box: box if box.strip() else prompt}

    def clear(self, conversation: Conversation | None) -> Updates:
        """Put the chat aside and free what the engine keeps of it."""
        conversation = conversation or Conversation()
        if self.runs.busy(conversation.session):
            return self.parts.warn(BUSY)
        conversation.clear()
        self.runs.loader.release(conversation.session)
        can_restore = gr.update(visible=bool(conversation.cleared))
        return {**self._columns(conversation), **self.parts.say("Chat cleared."), self.tab.restore: can_restore}

    def restore(self, conversation: Conversation | None) -> Updates:
        """Undo of clear."""
        conversation = conversation or Conversation()
        conversation.restore()
        return {**self._columns(conversation), **self.parts.say(""), self.tab.restore: gr.update(visible=False)}

    def _answer(
        self,
        request: gr.Request,
        prompt: str,
        conversation: Conversation,
        settings: TurnSettings,
        keep_box: bool = False,
        again: bool = False,
    ) -> Iterator[Updates]:
        run = Run(TurnView(time.monotonic()))
        try:
            prompt, systems = self._check(prompt, settings)
            self._describe(run, settings.request(settings.opening(), self._loaded()))
            self.runs.open(conversation.session, run, request.session_hash)
        except PromptError as error:
            yield self.parts.warn(str(error))
            return
        turn = conversation.again(systems) if again else conversation.begin(prompt, systems)
        yield from self.parts.guarded(
            run,
            self._turn(run, conversation, turn, settings, keep_box),
            lambda message: self._give_back(run, conversation, turn, message),
        )

    def _turn(
        self, run: Run, conversation: Conversation, turn: Turn, settings: TurnSettings, keep_box: bool
    ) -> Iterator[Updates]:
        tab, started = self.tab, False
        conversation.made = run.view.made
        first = {
            **self._columns(conversation),
            **self._heads(conversation),
            **self.parts.buttons(True),
            **self.parts.say(""),
            tab.state: conversation,
            tab.restore: gr.update(visible=False),
            tab.live: run.view.payload(),
        }
        try:
            yield first if keep_box else {**first, tab.box: ""}
            with self.runs.line.join() as place:
                engine = yield from self._wait(run, conversation, turn, place)
                started = engine is not None
                if started:
                    yield from self._stream(engine, run, conversation, turn, settings)
        finally:
            # Also when Stop has closed this generator: a turn that only waited leaves nothing behind.
            if not started:
                turn.waiting, run.view.stopped = "", True
                conversation.drop(turn)
        yield {**self._columns(conversation), **self.parts.buttons(False)}

    def _wait(
        self, run: Run, conversation: Conversation, turn: Turn, place: Place
    ) -> Generator[Updates, None, Engine | None]:
        """Wait for the model and for those who came earlier, with a bubble that says so; None when stopped."""

        def show(note: str) -> Updates:
            turn.waiting = note
            return self._columns(conversation)

        engine = yield from self.parts.await_engine(self.runs.loader, run)
        if engine is None or not (yield from self.parts.await_place(place, run, show)):
            return None
        return engine

    def _stream(
        self, engine: Engine, run: Run, conversation: Conversation, turn: Turn, settings: TurnSettings
    ) -> Iterator[Updates]:
        infos, early = infos_of(engine), not run.view.info
        request = settings.request(conversation.messages(), infos)
        self._describe(run, request)
        # The clock of "first token" starts when the model is there and free, not when the visitor came.
        run.view.restart(time.monotonic())
        turn.notes = {column: self._note(column, run, settings, infos) for column in COLUMNS}
        if early:  # who answers has only now been loaded
            conversation.made = run.view.made
            yield self._heads(conversation)
        events = engine.stream(request, conversation.session)
        answered = lambda: self.runs.line.standing()[0]  # noqa: E731
        for update in stream_turn(events, request, run, pictures=bool(settings.pictures), answered=answered):
            turn.answers.update(update.texts)
            changed = self._columns(conversation)
            if update.payload is not None:
                changed[self.tab.live] = update.payload
            yield changed

    def _check(self, prompt: str, settings: TurnSettings) -> tuple[str, dict[str, str]]:
        """Prompt and system prompts, cleaned; PromptError for any option that cannot be used."""
        cleaned, systems = clean_prompt(prompt), settings.systems()
        settings.request(settings.opening(), self._loaded())
        return cleaned, systems

    def _give_back(self, run: Run, conversation: Conversation, turn: Turn, message: str) -> Updates:
        """After an error: a turn without an answer is taken back: its prompt returns to the box, what it replaced to its place."""
        run.view.stopped = True
        updates = {**self.parts.buttons(False), **self.parts.warn(message), self.tab.live: run.view.payload()}
        if not any(turn.answers.values()):
            conversation.drop(turn)
            if turn.replaced is None:
                updates[self.tab.box] = turn.prompt
        return {**updates, **self._columns(conversation)}

    def _loaded(self) -> dict[str, SideInfo] | None:
        engine = self.runs.loader.engine
        return infos_of(engine) if engine else None

    def _describe(self, run: Run, request: ChatRequest) -> None:
        """Tell the run's picture who answers in which column."""
        run.view.made, infos = made_by(request), self._loaded()
        if infos is not None:
            run.view.describe({column: infos[request.column(column).model] for column in COLUMNS})

    def _heads(self, conversation: Conversation) -> Updates:
        """The columns' headers name who answers now; what was planned is no news any more."""
        heads = column_heads(conversation.made, self._loaded() or self.recorded)
        return {**{self.tab.heads[c]: heads[c] for c in COLUMNS}, **{self.tab.planned[c]: "" for c in COLUMNS}}

    @staticmethod
    def _note(column: str, run: Run, settings: TurnSettings, infos: dict[str, SideInfo]) -> str:
        """What is said before an answer: who gave it, unless that is the column's first model and nothing sets it apart."""
        made = run.view.made[column]
        label = made["label"]
        notes = [] if label == SIDE_NAMES[FIRST_MODELS[column]] else [label]
        if settings.asks_tuned(column):
            notes.append(infos[made["model"]].tuned or NO_TUNED)
        return "; ".join(notes)

    def _columns(self, conversation: Conversation) -> Updates:
        return {part: pack_messages(conversation.shown(column)) for column, part in self.tab.columns.items()}


def infos_of(engine: Engine) -> dict[str, SideInfo]:
    """What the engine's sides are."""
    return {side: engine.info(side) for side in SIDES}
