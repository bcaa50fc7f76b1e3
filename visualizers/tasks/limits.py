"""What the server takes of an answer that somebody pastes or sends, and how much is judged at once."""

from __future__ import annotations

from sigma.events import PromptError

JUDGES = 4
"""Answers of visitors' own that are judged together."""

MAX_ANSWER_CHARACTERS = 2_000_000
"""Characters of an answer that the server takes; the judges look at fewer."""


def check_answer(answer: str) -> None:
    """PromptError for an answer that is too long to be taken."""
    if len(answer) > MAX_ANSWER_CHARACTERS:
        raise PromptError(f"The answer has {len(answer):,} characters; at most {MAX_ANSWER_CHARACTERS:,} are taken.")
