"""A chat that its browser kept while the page was loaded anew: read, checked, and a conversation again. No Gradio.

The browser keeps what both columns show, in the form that it was sent (`visualizers.chat.messages`), for its own tab alone
(assets/chat/kept.js). It is a visitor's text like any other: nothing that it says is believed beyond that.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sigma.events import SIDES
from sigma.limits.current import limits
from visualizers.chat.messages import unpack_messages
from visualizers.shared.columns import COLUMNS
from visualizers.shared.conversation import Conversation, Turn

MOST_TURNS, MOST_WORDS = 500, 200

BACK = "The page was loaded anew; the chat is here again."
BROKEN = f"{BACK} The answer that was being written ended where it stands: Retry writes it again."
WAITED = "The page was loaded anew before the answer began; the prompt is in the box again."


@dataclass(frozen=True, slots=True)
class Kept:
    """A conversation as it was shown; `box`: what belongs into the prompt box; `said`: what a visitor is told."""

    conversation: Conversation
    box: str
    said: str


def read_kept(text: Any) -> Kept | None:
    """What a browser kept: {"left", "right": packed messages, "made": who answered, "box", "running"}; None for anything else."""
    if not isinstance(text, str) or not 0 < len(text) <= limits().answer_characters:
        return None
    try:
        given = json.loads(text)
        shown = {column: unpack_messages(given[column]) for column in COLUMNS}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    turns = _turns(shown)
    if turns is None:
        return None
    box = given.get("box") if isinstance(given.get("box"), str) else ""
    running, waited = given.get("running") is True, ""
    if turns and not any(turns[-1].answers.values()):
        waited = turns.pop().prompt
    conversation = Conversation(turns=turns, made=_made(given.get("made")) if turns else {})
    said = WAITED if waited else (BROKEN if running else BACK) if turns else ""
    return Kept(conversation, (box if box.strip() else waited)[: limits().prompt_characters], said)


def _turns(shown: dict[str, list[dict[str, str]]]) -> list[Turn] | None:
    """The turns of both columns, which have the same prompts; None where they have not."""
    turns: list[Turn] = []
    for column, rows in shown.items():
        at = -1
        for row in rows:
            role, content = row["role"], row["content"]
            if role == "user":
                at += 1
                if at == len(turns):
                    turns.append(Turn(content))
                if turns[at].prompt != content:
                    return None
            elif at < 0:
                return None
            elif role == "assistant":
                turns[at].answers[column] = content
            elif role == "note":
                turns[at].notes[column] = content[:MOST_WORDS]
    prompts = (sum(row["role"] == "user" for row in rows) for rows in shown.values())
    if len(turns) > MOST_TURNS or set(prompts) != {len(turns)}:
        return None
    return turns


def _made(given: Any) -> dict[str, dict[str, Any]]:
    """Who answered in each column, as the headers name it; {} where that is not what is meant by it."""
    found = {}
    for column in COLUMNS:
        one = given.get(column) if isinstance(given, dict) else None
        if not isinstance(one, dict) or one.get("model") not in SIDES:
            return {}
        words = {name: one.get(name) if isinstance(one.get(name), str) else "" for name in ("label", "settings")}
        found[column] = {"model": one["model"], **{name: word[:MOST_WORDS] for name, word in words.items()}}
    return found
