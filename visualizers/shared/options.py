"""What a visitor may ask: every option is checked on the server, and the message is for the visitor."""

from __future__ import annotations

import math
from typing import Any

from sigma.engine.prompts import clean
from sigma.events import ChatRequest, PromptError, Sampling

MAX_PROMPT_CHARACTERS = 200_000
"""Longest prompt that a visitor may send; the engine reads twice as much, since a task puts its own words around one."""

MAX_NEW_TOKENS = 2048


def clean_prompt(text: Any, what: str = "prompt") -> str:
    """The text as a model may read it (`sigma.engine.prompts.clean`); blanks stay, they may be a program's.

    Of blanks alone nothing is left. PromptError for a prompt of which nothing is left, or too long to tokenize.
    """
    text = str(text or "")
    if len(text) > MAX_PROMPT_CHARACTERS:
        raise PromptError(f"The {what} has {len(text):,} characters; at most {MAX_PROMPT_CHARACTERS:,} are read.")
    text = clean(text)
    if text.strip():
        return text
    if what == "prompt":
        raise PromptError("Write a prompt first, or press one of the examples.")
    return ""


def parse_selective(value: Any, context: int) -> int | None:
    """The selective-V setting: "off" (or nothing) is None, else V rows per query head, 1 to the context length."""
    text = str(value if value is not None else "off").strip().lower()
    if text in ("off", ""):
        return None
    try:
        rows = int(text)
    except ValueError:
        raise PromptError(f"Selective V: {text[:20]!r} is neither off nor a whole number.") from None
    if rows < 1:
        raise PromptError(f"Selective V: k must be at least 1, not {rows}. Choose off to read every V row.")
    if rows > context:
        raise PromptError(f"Selective V: k = {rows:,} is more than the context of {context:,} tokens.")
    return rows


def number(value: Any, name: str, low: float, high: float, whole: bool = False) -> float:
    """A number between `low` and `high`, or PromptError with both."""
    try:
        result = float(value)
    except (TypeError, ValueError):
        raise PromptError(f"{name} must be a number.") from None
    if not math.isfinite(result) or not low <= result <= high:
        raise PromptError(f"{name} must be between {low:g} and {high:g}, not {result:g}.")
    if whole and result != int(result):
        raise PromptError(f"{name} must be a whole number, not {result:g}.")
    return int(result) if whole else result


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


def make_request(
    messages: dict[str, list[dict[str, str]]], sampling: Sampling, selective: Any, layer: Any, context: int, layers: int
) -> ChatRequest:
    """The engine's request; `context` and `layers` are the loaded model's, so this runs after it is ready."""
    return ChatRequest(
        messages=messages,
        sampling=sampling,
        selective_k=parse_selective(selective, context),
        probe_layer=None if layer is None else number(layer, "Probe layer", 0, layers - 1, whole=True),
    )
