"""A visitor's conversation: the turns so far on both sides, and what retry, undo and clear do to them. No Gradio."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from sigma.events import SIDES


@dataclass
class Turn:
    """One prompt and the answers that each side has given so far."""

    prompt: str
    system: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    waiting: str = ""
    """What is shown in the place of the answers while they have not begun."""

    notes: dict[str, str] = field(default_factory=dict)
    """What is shown before a side's answer, such as which weights gave it."""

    replaced: Turn | None = None
    """The turn whose place this one took (retry), which is there again if this one is dropped."""


@dataclass
class Conversation:
    """One visitor's conversation; the two sides answer the same prompts and keep their own answers."""

    session: str = field(default_factory=lambda: uuid.uuid4().hex)
    turns: list[Turn] = field(default_factory=list)
    cleared: list[Turn] = field(default_factory=list)

    def begin(self, prompt: str, system: str = "") -> Turn:
        """Add a turn that is about to be answered; what Clear had put aside is gone then."""
        turn = Turn(prompt, system)
        self.turns.append(turn)
        self.cleared = []
        return turn

    def again(self, system: str = "") -> Turn:
        """The newest prompt once more, in the place of its turn; IndexError when there is none."""
        old = self.turns.pop()
        turn = self.begin(old.prompt, system)
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

    def messages(self, system: str) -> dict[str, list[dict[str, str]]]:
        """The request of the newest turn: each side's own history, ending with the visitor's prompt."""
        return {side: self._side_messages(side, system) for side in SIDES}

    def _side_messages(self, side: str, system: str) -> list[dict[str, str]]:
        messages = [{"role": "system", "content": system}] if system else []
        for turn in self.turns[:-1]:
            # Stopped before its first token, a turn says nothing: an empty answer would teach the model to be silent.
            if not turn.answers.get(side):
                continue
            messages.append({"role": "user", "content": turn.prompt})
            messages.append({"role": "assistant", "content": turn.answers[side]})
        if self.turns:
            messages.append({"role": "user", "content": self.turns[-1].prompt})
        return messages

    def shown(self, side: str) -> list[dict[str, str]]:
        """The column of one side: prompts and answers in order; instead of an answer that has not begun, what it waits for."""
        rows = []
        for turn in self.turns:
            rows.append({"role": "user", "content": turn.prompt})
            if turn.answers.get(side):
                if turn.notes.get(side):
                    rows.append({"role": "note", "content": turn.notes[side]})
                rows.append({"role": "assistant", "content": turn.answers[side]})
            elif turn.waiting:
                rows.append({"role": "waiting", "content": turn.waiting})
        return rows
