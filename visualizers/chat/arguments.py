"""What a program may send to the chat endpoint: every field has a type, and a wrong one is named. No Gradio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sigma.events import SIDES, PromptError
from visualizers.shared.options import MAX_NEW_TOKENS, clean_prompt, number

LARGEST = 1 << 53
"""Beyond, a number that came as JSON need not be the one that was meant."""
TYPES = {type(None): "null", bool: "true or false", str: "a text", int: "a number", float: "a number"}
TYPES |= {list: "a list", dict: "an object"}


@dataclass(frozen=True, slots=True)
class Arguments:
    """A call that can be answered, up to the model's own limits."""

    prompt: str
    sides: tuple[str, ...]
    max_new_tokens: int
    temperature: float
    selective_k: int | None


def check_arguments(prompt: Any, side: Any, max_new_tokens: Any, temperature: Any, selective_k: Any) -> Arguments:
    """The fields by their types and ranges, null being the default; PromptError names the first that is wrong."""
    if prompt is None:
        raise PromptError("prompt is missing: a text is required.")
    if not isinstance(prompt, str):
        raise PromptError(f"prompt must be a text, not {_kind(prompt)}.")
    side = "sigma" if side is None else side
    if side not in (*SIDES, "both") or not isinstance(side, str):
        given = repr(side[:20]) if isinstance(side, str) else _kind(side)
        raise PromptError(f"side must be sigma, gqa or both, not {given}.")
    return Arguments(
        clean_prompt(prompt),
        SIDES if side == "both" else (side,),
        int(number(_numeric("max_new_tokens", max_new_tokens, 128), "max_new_tokens", 1, MAX_NEW_TOKENS, whole=True)),
        number(_numeric("temperature", temperature, 0.0), "temperature", 0, 5),
        _rows(selective_k),
    )


def _rows(value: Any) -> int | None:
    rows = _numeric("selective_k", value, None)
    if rows is None:
        return None
    rows = int(number(rows, "selective_k", -LARGEST, LARGEST, whole=True))
    if rows < 1:
        raise PromptError(f"selective_k must be at least 1, not {rows:,}; null fetches every V row.")
    return rows


def _kind(value: Any) -> str:
    return TYPES.get(type(value), f"a {type(value).__name__}")


def _numeric(name: str, value: Any, default: float | None) -> float | None:
    if value is None:
        return default
    # True is 1 to Python, and "16" a number to float(): neither is what a caller means by a number.
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise PromptError(f"{name} must be a number, not {_kind(value)}.")
    if isinstance(value, int) and abs(value) > LARGEST:
        raise PromptError(f"{name} is too large a number.")
    return value
