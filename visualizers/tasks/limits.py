"""What the server takes of an answer that somebody pastes or sends. The judges look at fewer characters."""

from __future__ import annotations

from sigma.events import PromptError
from sigma.limits.current import limits


def check_answer(answer: str) -> None:
    """PromptError for an answer that is too long to be taken."""
    if len(answer) > (most := limits().answer_characters):
        raise PromptError(f"The answer has {len(answer):,} characters; at most {most:,} are taken. Shorten it.")
