"""What a visitor may ask: every option is checked on the server (its numbers in sigma/engine/options.py, as a command's)."""

from __future__ import annotations

from typing import Any

from sigma.engine.options import (
    make_sampling,
    number,
    parse_missing_mass,
    parse_selective,
    parse_threshold,
)
from sigma.engine.prompts import clean
from sigma.events import ChatRequest, PromptError, Sampling
from sigma.limits.current import limits

__all__ = [
    "clean_prompt",
    "make_request",
    "make_sampling",
    "number",
    "parse_missing_mass",
    "parse_selective",
    "parse_threshold",
]


def clean_prompt(text: Any, what: str = "prompt") -> str:
    """The text as a model may read it (`sigma.engine.prompts.clean`); blanks stay, they may be a program's.

    Of blanks alone nothing is left. PromptError for a prompt of which nothing is left, or too long to tokenize.
    """
    if text is not None and not isinstance(text, str):
        raise PromptError(f"The {what} must be a text.")
    text = text or ""
    if len(text) > limits().prompt_characters:
        raise PromptError(
            f"The {what} has {len(text):,} characters; at most {limits().prompt_characters:,} are read. Shorten it."
        )
    text = clean(text)
    if text.strip():
        return text
    if what == "prompt":
        raise PromptError("Write a prompt first, or press one of the examples.")
    return ""


def make_request(
    messages: dict[str, list[dict[str, str]]],
    sampling: Sampling,
    selective: Any,
    layer: Any,
    context: int,
    layers: int,
    missing_mass: Any = None,
    threshold: Any = None,
) -> ChatRequest:
    """The engine's request; `context` and `layers` are the loaded model's, so this runs after it is ready.

    missing_mass and threshold: of selective V; None is the model's own.
    """
    return ChatRequest(
        messages=messages,
        sampling=sampling,
        selective_k=parse_selective(selective, context),
        probe_layer=None if layer is None else number(layer, "Probe layer", 0, layers - 1, whole=True),
        selective_missing_mass=parse_missing_mass(missing_mass),
        selective_threshold=parse_threshold(threshold),
    )
