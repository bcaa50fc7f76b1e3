"""What the Chat tab's buttons do: send, examples, retry, undo, clear, stop. Every path leaves the prompt somewhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from html import escape
from typing import Any

import gradio as gr

from sigma.events import SIDES, PromptError
from visualizers.chat.tab import ChatTab, read_examples
from visualizers.shared.conversation import Conversation, Turn
from visualizers.shared.options import clean_prompt, make_request, make_sampling
from visualizers.shared.runs import Runs
from visualizers.shared.stream import Run, stream_turn
from visualizers.shared.turn_view import TurnView

log = logging.getLogger(__name__)

CONCURRENT = 2
"""Turns that run together; the engine shares the device between them, more visitors wait in the queue."""

FAILED = "Something went wrong while answering; the server's log has the details. Your prompt is kept."
WAIT_SECONDS = 0.25
Updates = dict[Any, Any]


class ChatHandlers:
    """The handlers, bound to one tab and its visitors' runs.

    A visitor's conversation is None until the page's load event has made it, so every handler can begin with a new one.
    """

    def __init__(self, tab: ChatTab, runs: Runs):
        self.tab, self.runs = tab, runs
        self.examples = read_examples()

    def wire(self) -> None:
        """Attach every handler; the three that stream share one queue of CONCURRENT."""
        tab = self.tab
        turn_inputs = [tab.state, *tab.settings]
        outputs = [*tab.columns.values(), tab.live, tab.state, tab.box, tab.send, tab.stop, tab.notice, tab.restore]
        stream = dict(
            outputs=outputs,
            concurrency_limit=CONCURRENT,
            concurrency_id="engine",
            show_progress="minimal",
            show_progress_on=tab.notice,
            api_visibility="private",
            trigger_mode="once",
        )
        sent = gr.on([tab.send.click, tab.box.submit], self.send, [tab.box, *turn_inputs], **stream)
        again = tab.retry.click(self.retry, turn_inputs, **stream)
        shown = tab.examples.click(
            self.example,
            [tab.examples, *turn_inputs],
            **{**stream, "outputs": [*outputs, tab.system, tab.selective]},
        )
        # Not queued: Gradio closes a page's event stream when its last queued event ends, and an event that joins in
        # that moment is never heard of again. With only turns in the queue that moment hardly comes.
        quick = dict(show_progress="hidden", api_visibility="private", queue=False)
        tab.stop.click(self.stop, [tab.state], outputs, cancels=[sent, again, shown], **quick)
        tab.undo.click(self.undo, [tab.state, tab.box], outputs, **quick)
        tab.clear.click(self.clear, [tab.state], outputs, **quick)
        tab.restore.click(self.restore, [tab.state], outputs, **quick)

    def send(self, request: gr.Request, prompt: str, conversation: Conversation, *settings: Any) -> Iterator[Updates]:
        """Answer the prompt in the box."""
        yield from self._answer(prompt, conversation or Conversation(), settings, request)

    def example(self, request: gr.Request, index: int, conversation: Conversation, *settings: Any) -> Iterator[Updates]:
        """Answer an example, with the system prompt and the selective-V setting that it shows."""
        conversation, chosen = conversation or Conversation(), self.examples[index]
        if not self.runs.busy(conversation.session):
            yield {self.tab.system: chosen["system"], self.tab.selective: chosen["selective"]}
        own = (chosen["system"], chosen["selective"], *settings[2:])
        yield from self._answer(chosen["prompt"], conversation, own, request, keep_box=True)

    def retry(self, request: gr.Request, conversation: Conversation, *settings: Any) -> Iterator[Updates]:
        """Answer the newest prompt again, with the settings as they are now."""
        conversation = conversation or Conversation()
        if self.runs.busy(conversation.session):
            yield self._notice("An answer is still being written. Press Stop first.")
            return
        if not conversation.turns:
            yield self._notice("There is nothing to retry yet.")
            return
        prompt = conversation.turns[-1].prompt
        # Options are checked before the old answer is given up.
        try:
            self._check(prompt, settings)
        except PromptError as error:
            yield self._notice(str(error))
            return
        conversation.undo()
        yield from self._answer(prompt, conversation, settings, request, keep_box=True)

    def stop(self, conversation: Conversation) -> Updates:
        """End the turn; what was written stays."""
        conversation = conversation or Conversation()
        run = self.runs.stop(conversation.session)
        updates = {**self._columns(conversation), **self._buttons(False), **self._say("Stopped.")}
        if run is not None:
            updates[self.tab.live] = run.view.payload()
        return updates

    def undo(self, conversation: Conversation, box: str) -> Updates:
        """Take the newest turn back; its prompt returns to the box unless something is written there."""
        conversation = conversation or Conversation()
        if self.runs.busy(conversation.session):
            return self._notice("An answer is still being written. Press Stop first.")
        prompt = conversation.undo()
        if prompt is None:
            return self._notice("There is nothing to undo.")
        return {**self._columns(conversation), **self._say(""), self.tab.box: box if box.strip() else prompt}

    def clear(self, conversation: Conversation) -> Updates:
        """Put the chat aside and free what the engine keeps of it."""
        conversation = conversation or Conversation()
        if self.runs.busy(conversation.session):
            return self._notice("An answer is still being written. Press Stop first.")
        conversation.clear()
        self.runs.loader.release(conversation.session)
        can_restore = gr.update(visible=bool(conversation.cleared))
        return {**self._columns(conversation), **self._say("Chat cleared."), self.tab.restore: can_restore}

    def restore(self, conversation: Conversation) -> Updates:
        """Undo of clear."""
        conversation = conversation or Conversation()
        conversation.restore()
        return {**self._columns(conversation), **self._say(""), self.tab.restore: gr.update(visible=False)}

    def _answer(
        self,
        prompt: str,
        conversation: Conversation,
        settings: tuple[Any, ...],
        request: gr.Request,
        keep_box: bool = False,
    ) -> Iterator[Updates]:
        tab, run = self.tab, Run(TurnView(time.monotonic()))
        try:
            prompt, system = self._check(prompt, settings)
            self.runs.open(conversation.session, run, request.session_hash)
        except PromptError as error:
            yield self._notice(str(error))
            return
        turn = conversation.begin(prompt, system)
        try:
            first = {
                **self._columns(conversation),
                **self._buttons(True),
                **self._say(""),
                tab.state: conversation,
                tab.restore: gr.update(visible=False),
                tab.live: run.view.payload(),
            }
            yield first if keep_box else {**first, tab.box: ""}
            yield from self._run(run, conversation, turn, settings)
            yield {**self._columns(conversation), **self._buttons(False)}
        except PromptError as error:
            yield self._give_back(run, conversation, turn, str(error))
        except Exception:
            log.exception("a turn failed")
            yield self._give_back(run, conversation, turn, FAILED)
        finally:
            run.ended.set()

    def _run(self, run: Run, conversation: Conversation, turn: Turn, settings: tuple[Any, ...]) -> Iterator[Updates]:
        yield from self._await_engine(run)
        engine = self.runs.loader.engine
        if run.stop.is_set() or engine is None:
            return
        _, selective, layer, pictures, *sampling = settings
        infos = {side: engine.info(side) for side in SIDES}
        sigma = infos["sigma"]
        run.view.describe(infos)
        request = make_request(
            conversation.messages(turn.system),
            make_sampling(*sampling),
            selective,
            min(int(layer), sigma.layers - 1) if pictures else None,
            sigma.context_length,
            sigma.layers,
        )
        # The clock of "first token" starts when the model is there, not when the visitor came.
        run.view.restart(time.monotonic())
        for update in stream_turn(engine, request, conversation.session, run, pictures=bool(pictures)):
            turn.answers.update(update.texts)
            changed = self._columns(conversation)
            if update.payload is not None:
                changed[self.tab.live] = update.payload
            yield changed

    def _await_engine(self, run: Run) -> Iterator[Updates]:
        """Show the loading progress until there is an engine; PromptError if there will be none."""
        loader, shown = self.runs.loader, ""
        while not loader.wait(WAIT_SECONDS) and not run.stop.is_set():
            status = loader.status
            note = f"Loading the model: {status.text}, {round(status.fraction * 100)} %."
            # A yield each time, changed or not: a generator that never yields cannot be stopped.
            yield self._say(note) if note != shown else {self.tab.notice: gr.skip()}
            shown = note
        if loader.status.phase == "failed":
            raise PromptError(f"No model is loaded: {loader.status.text}")
        if shown:
            yield self._say("")

    def _check(self, prompt: str, settings: tuple[Any, ...]) -> tuple[str, str]:
        """Prompt and system prompt, cleaned; PromptError for any option that cannot be used."""
        cleaned = clean_prompt(prompt)
        system = clean_prompt(settings[0], "system prompt")
        engine = self.runs.loader.engine
        context = engine.info("sigma").context_length if engine else 1 << 30
        make_request({}, make_sampling(*settings[4:]), settings[1], settings[2], context, 1 << 10)
        return cleaned, system

    def _give_back(self, run: Run, conversation: Conversation, turn: Turn, message: str) -> Updates:
        """After an error: a turn without an answer is taken back and its prompt returns to the box."""
        run.view.stopped = True
        updates = {**self._buttons(False), **self._notice(message), self.tab.live: run.view.payload()}
        if not any(turn.answers.values()):
            conversation.drop(turn)
            updates[self.tab.box] = turn.prompt
        return {**updates, **self._columns(conversation)}

    def _columns(self, conversation: Conversation) -> Updates:
        return {column: conversation.shown(side) for side, column in self.tab.columns.items()}

    def _buttons(self, running: bool) -> Updates:
        return {self.tab.send: gr.update(visible=not running), self.tab.stop: gr.update(visible=running)}

    def _say(self, text: str) -> Updates:
        return {self.tab.notice: f'<p role="status">{escape(text)}</p>' if text else ""}

    def _notice(self, message: str) -> Updates:
        """A message beside the prompt and as a toast, so that it is seen and can still be read later."""
        gr.Warning(message, duration=8)
        return {self.tab.notice: f'<p role="alert" class="problem">{escape(message)}</p>'}
