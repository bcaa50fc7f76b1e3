"""What follows when a visitor chooses a column: what the next answer will be, and the link; and a link that is followed."""

from __future__ import annotations

from typing import Any

import gradio as gr

from sigma.events import SIDE_NAMES, SIDES, PromptError, SideInfo
from visualizers.chat.columns.link import Linked, read, write
from visualizers.chat.settings import TurnSettings
from visualizers.chat.tab import ChatTab
from visualizers.page.html import Html, fragment
from visualizers.shared.columns import COLUMNS, FIRST_MADE, made_by
from visualizers.shared.conversation import Conversation
from visualizers.shared.loader import EngineLoader
from visualizers.shared.turn_handlers import QUICK, TurnParts, Updates
from visualizers.shared.units import plural

NUMBERED_JS = "(...given) => [...given.slice(0, -1), sigma.nextCall?.() ?? '0']"


class ColumnHandlers:
    """Bound to one tab; `recorded` describes the sides until a model is loaded."""

    def __init__(self, tab: ChatTab, loader: EngineLoader, parts: TurnParts, recorded: dict[str, SideInfo]):
        self.tab, self.loader, self.parts, self.recorded = tab, loader, parts, recorded

    def wire(self) -> None:
        """Attach every handler."""
        tab = self.tab
        written = [*tab.planned.values(), tab.link]
        texts = [part for part in tab.settings if isinstance(part, gr.Textbox)]
        changes = [part.blur if part in texts else part.change for part in tab.settings]
        # Several settings may change at once, and of two answers the older may come last. So calls are numbered, and where
        # an older answer comes after a newer one the browser asks again (assets/chat/link.js).
        asked = [tab.state, *tab.settings, tab.link]
        gr.on([*changes, tab.link.input], self.chosen, asked, written, js=NUMBERED_JS, trigger_mode="multiple", **QUICK)
        tab.link.submit(self.follow, [tab.state, tab.link], [*tab.settings, tab.box, tab.notice, *written], **QUICK)

    def chosen(self, conversation: Conversation | None, *values: Any) -> Updates:
        """Say which columns answer next, where that is not who answered what is shown; and the link that holds it.

        The last value is the call's number, which the link then begins with.
        """
        *values, number = values
        settings = TurnSettings.read(*values)
        return {**self.planned(conversation, settings), self.tab.link: f"{_number(number)} {write(settings)}"}

    def planned(self, conversation: Conversation | None, settings: TurnSettings) -> Updates:
        """The line below each column's header."""
        shown = (conversation.made if conversation else None) or FIRST_MADE
        try:
            next_made = made_by(settings.request(settings.opening(), self._infos()))
        except PromptError:
            return {self.tab.planned[column]: "" for column in COLUMNS}  # which the next turn explains
        return {self.tab.planned[column]: planned_line(shown[column], next_made[column]) for column in COLUMNS}

    def follow(self, conversation: Conversation | None, address: str) -> Updates:
        """Set what an address asks for; what it asks for in vain is told."""
        linked = read(address, self._infos())
        if linked is None:
            return {self.tab.notice: gr.skip()}
        updates = {**self._settings(linked), **self.planned(conversation, linked.settings)}
        updates[self.tab.link] = write(linked.settings)
        if linked.prompt:
            updates[self.tab.box] = linked.prompt
        return {**updates, **self._told(linked.problems)}

    def _settings(self, linked: Linked) -> Updates:
        values = linked.settings.values()
        infos = self._infos()
        layer = self.tab.settings.index(self.tab.layer)
        if infos:
            values[layer] = min(int(values[layer]), infos["sigma"].layers - 1)
        return dict(zip(self.tab.settings, values, strict=True))

    def _told(self, problems: tuple[str, ...]) -> Updates:
        if not problems:
            return self.parts.say("")
        more = f" (and {plural(len(problems) - 1, 'more problem')})" if len(problems) > 1 else ""
        return self.parts.warn(
            f"The link cannot be followed as it is: {problems[0]}{more} The page's own setting is used."
        )

    def _infos(self) -> dict[str, SideInfo] | None:
        """What the sides are, or were when the run was recorded that is shown first."""
        engine = self.loader.engine
        if engine is None:
            return self.recorded or None
        return {side: engine.info(side) for side in SIDES}


def _number(given: Any) -> int:
    return int(given) if isinstance(given, str) and given.isdecimal() and len(given) < 16 else 0


def planned_line(shown: dict[str, Any], next_made: dict[str, Any]) -> Html | str:
    """What a column's next answer is made by; "" where that is who made the shown one."""
    same = all(shown.get(name) == next_made[name] for name in ("model", "settings"))
    if same:
        return ""
    settings = f", {next_made['settings']}" if next_made["settings"] else ""
    return fragment("chat/planned", name=SIDE_NAMES[next_made["model"]], settings=settings)
