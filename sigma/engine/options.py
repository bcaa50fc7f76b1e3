"""What a turn may be asked with: the numbers of the page, the commands and the API pass here. The message is for the user."""

from __future__ import annotations

import math
from typing import Any

from sigma.events import PromptError, Sampling

MAX_NEW_TOKENS = 2048


def number(value: Any, name: str, low: float, high: float, whole: bool = False) -> float:
    """A number between `low` and `high`, or PromptError with both."""
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    except (TypeError, ValueError):
        raise PromptError(f"{name} must be a number.") from None
    if not math.isfinite(result) or not low <= result <= high:
        raise PromptError(f"{name} must be between {low:g} and {high:g}, not {result:g}.")
    if whole and result != int(result):
        raise PromptError(f"{name} must be a whole number, not {result:g}.")
    return int(result) if whole else result


def parse_selective(value: Any, context: int | None = None) -> int | None:
    """The selective-V setting: "off" (or nothing) is None, else V rows per query head, 1 to the context length if known."""
    text = str(value if value is not None else "off").strip().lower()
    if text in ("off", ""):
        return None
    try:
        rows = int(text)
    except ValueError:
        raise PromptError(f"Selective V: {text[:20]!r} is neither off nor a whole number.") from None
    if rows < 1:
        raise PromptError(f"Selective V: k must be at least 1, not {rows}. Choose off to read every V row.")
    if context is not None and rows > context:
        raise PromptError(f"Selective V: k = {rows:,} is more than the context of {context:,} tokens.")
    return rows


def make_sampling(temperature: Any, top_p: Any, top_k: Any, penalty: Any, max_new_tokens: Any, seed: Any) -> Sampling:
    """The sampling options, each within its range; an empty seed means a new one every time."""
    return Sampling(
        temperature=number(temperature, "Temperature", 0, 5),
        top_p=number(top_p, "Top-p", 0.01, 1),
        top_k=number(top_k, "Top-k", 0, 1000, whole=True),
        repetition_penalty=number(penalty, "Repetition penalty", 0.5, 2),
        seed=None if seed in (None, "") else number(seed, "Seed", 0, 2**31 - 1, whole=True),
        max_new_tokens=number(max_new_tokens, "Max tokens", 1, MAX_NEW_TOKENS, whole=True),
    )
