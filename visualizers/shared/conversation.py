"""A visitor's conversation: the turns so far on both sides, and what retry, undo and clear do to them. No Gradio."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from visualizers.shared.columns import COLUMNS


@dataclass
class Turn:
    """One prompt and the answers that each column has given so far; `systems`: a column's system prompt, if any."""

    prompt: str
    systems: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    waiting: str = ""
    """What is shown in the place of the answers while they have not begun."""

    notes: dict[str, str] = field(default_factory=dict)
    """What is shown before a column's answer, such as who gave it."""

    replaced: Turn | None = None
    """The turn whose place this one took (retry), which is there again if this one is dropped."""


@dataclass
class Conversation:
    """One visitor's conversation; the two columns answer the same prompts and keep their own answers."""

    session: str = field(default_factory=lambda: uuid.uuid4().hex)
    turns: list[Turn] = field(default_factory=list)
    cleared: list[Turn] = field(default_factory=list)
    made: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Who made what the columns show (`visualizers.shared.columns.made_by`); empty before the first turn."""

    def begin(self, prompt: str, systems: dict[str, str] | None = None) -> Turn:
        """Add a turn that is about to be answered; what Clear had put aside is gone then."""
        turn = Turn(prompt, systems or {})
        self.turns.append(turn)
        self.cleared = []
        return turn

    def again(self, systems: dict[str, str] | None = None) -> Turn:
        """The newest prompt once more, in the place of its turn; IndexError when there is none."""
        old = self.turns.pop()
        turn = self.begin(old.prompt, systems)
        turn.replaced = old
        return turn

    def drop(self, turn: Turn) -> None:
        """Take back a turn that got no answer; what it replaced is there again. A turn that is not there is ignored."""
        back = [] if turn.replaced is None else [turn.replaced]
        self.turns = [one for kept in self.turns for one in (back if kept is turn else [kept])]

    def undo(self) -> str | None:
        """Remove the newest turn and return its prompt; None when there is none."""
        return self.turns.pop().prompt if self.turns else None

    def clear(self) -> None:
        """Put all turns aside; `restore` brings them back."""
        if self.turns:
            self.cleared, self.turns = self.turns, []

    def restore(self) -> None:
        """Undo of clear."""
        if self.cleared:
            self.turns, self.cleared = self.cleared, []

    def messages(self) -> dict[str, list[dict[str, str]]]:
        """The request of the newest turn: each column's own history, ending with the visitor's prompt."""
        return {column: self._column_messages(column) for column in COLUMNS}

    def _column_messages(self, column: str) -> list[dict[str, str]]:
        system = self.turns[-1].systems.get(column) if self.turns else ""
        messages = [{"role": "system", "content": system}] if system else []
        for turn in self.turns[:-1]:
            # Stopped before its first token, a turn says nothing: an empty answer would teach the model to be silent.
            if not turn.answers.get(column):
                continue
            messages.append({"role": "user", "content": turn.prompt})
            messages.append({"role": "assistant", "content": turn.answers[column]})
        if self.turns:
            messages.append({"role": "user", "content": self.turns[-1].prompt})
        return messages

    def shown(self, column: str) -> list[dict[str, str]]:
        """One column: prompts and answers in order; instead of an answer that has not begun, what it waits for."""
        rows = []
        for turn in self.turns:
            rows.append({"role": "user", "content": turn.prompt})
            if turn.answers.get(column):
                if turn.notes.get(column):
                    rows.append({"role": "note", "content": turn.notes[column]})
                rows.append({"role": "assistant", "content": turn.answers[column]})
            elif turn.waiting:
                rows.append({"role": "waiting", "content": turn.waiting})
        return rows
