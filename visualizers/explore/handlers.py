"""The Explore tab's end of the server: who asks, which run, and what is freed when a visitor leaves."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import gradio as gr

from sigma.events import PromptError
from visualizers.explore.first import first_view
from visualizers.explore.recorded import read
from visualizers.explore.service import Explorer
from visualizers.explore.tab import explore_tab
from visualizers.shared.caller import host_of
from visualizers.shared.compact_json import compact_json
from visualizers.shared.conversation import Conversation
from visualizers.shared.loader import EngineLoader
from visualizers.shared.turn_handlers import QUICK

MAX_QUESTION = 100_000
"""Longest question read, characters."""


def first_view_script(recording: Path) -> str:
    """The explorer's first picture as an element for the page's head; "" without a recording."""
    answers = first_view(recording)
    return f'<script type="application/json" id="sigma-first-view">{compact_json(answers)}</script>' if answers else ""


class ExploreHandlers:
    """Bound to one engine loader; `layout` makes the tab, `wire` attaches what needs the rest of the page."""

    def __init__(self, loader: EngineLoader, recording: Path):
        self.explorer = Explorer(loader, read(recording))
        self._asked = itertools.count(1)

    def layout(self) -> gr.HTML:
        """Make the component inside the open tab."""

        def ask_explorer(question: str) -> str:
            return self.ask(question)

        return explore_tab(ask_explorer)

    def wire(self, page: gr.Blocks, view: gr.HTML, chat_state: gr.State) -> None:
        """A token when a page opens, the chat's newest run when the browser asks, and an end when it closes."""
        page.load(self.opened, None, view, **QUICK)
        view.submit(self.newest, [chat_state], view, **QUICK)
        page.unload(self.closed)

    def ask(self, question: Any) -> str:
        """A question as JSON text, its answer as JSON text; never raises."""
        try:
            if not isinstance(question, str) or len(question) > MAX_QUESTION:
                raise ValueError("no text")
            asked = json.loads(question)
        except (ValueError, RecursionError):
            return compact_json({"error": "The question is not JSON."})
        return compact_json(self.explorer.ask(asked, host_of()))

    def opened(self, request: gr.Request) -> str:
        """The component's first value."""
        return compact_json({"page": self.explorer.open_page(request.session_hash).token, "run": None})

    def newest(self, request: gr.Request, conversation: Conversation | None) -> str:
        """The newest ended run of this visitor's chat; `run` is null when there is none."""
        answer = {"page": self.explorer.open_page(request.session_hash).token, "run": None, "error": None}
        try:
            run = self.explorer.add_run(request.session_hash, conversation.session if conversation else None)
            answer["run"] = run.id if run else None
        except PromptError as error:
            answer["error"] = str(error)
        # Two runs in a row would else have the same value as one, and no change reaches the browser.
        return compact_json({**answer, "asked": next(self._asked)})

    def closed(self, request: gr.Request) -> None:
        """The visitor left."""
        self.explorer.close(request.session_hash)
