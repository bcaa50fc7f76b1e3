"""What a turn may be asked with: the numbers of the page, the commands and the API pass here. The message is for the user."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from kernels.selective.missing_mass import MISSING_MASS
from sigma.engine.fields import Fields, Number, Whole, Within, number
from sigma.events import PromptError, Sampling
from sigma.limits.current import limits

__all__ = [
    "LABELS",
    "NewTokens",
    "SamplingFields",
    "make_sampling",
    "new_tokens",
    "number",
    "parse_missing_mass",
    "parse_selective",
    "parse_threshold",
]

MOST_THRESHOLD = 0.5
"""Weight below which V rows may be skipped at most."""
MOST_LIKELIEST = 20
"""Tokens whose likelihood a step may be asked for."""

NewTokens = Annotated[Whole, Within("new_tokens")]
"""New tokens of an answer, up to the server's limit."""


def new_tokens(wanted: int) -> int:
    """A default number of new tokens, where the server's limit is not lower."""
    return min(wanted, limits().new_tokens)


LABELS = {
    "temperature": "Temperature",
    "top_p": "Top-p",
    "top_k": "Top-k",
    "repetition_penalty": "Repetition penalty",
    "seed": "Seed",
    "max_new_tokens": "Max tokens",
}
"""What the page calls the sampling options."""


class SamplingFields(Fields):
    """The sampling options, each with its range; without a seed there is a new one every time."""

    temperature: Number = Field(0.0, ge=0, le=5)
    top_p: Number = Field(1.0, ge=0.01, le=1)
    top_k: Whole = Field(0, ge=0, le=1000)
    repetition_penalty: Number = Field(1.0, ge=0.5, le=2)
    seed: Whole = Field(None, ge=0, le=2**31 - 1)
    max_new_tokens: NewTokens = Field(default_factory=lambda: new_tokens(256), ge=1)


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


def parse_missing_mass(value: Any) -> str | None:
    """What becomes of the weight of V rows that are not fetched, one of the three words; nothing is the model's own way."""
    if value in (None, ""):
        return None
    word = str(value).strip().lower()
    if word not in MISSING_MASS:
        raise PromptError(f"Missing mass must be one of {', '.join(MISSING_MASS)}, not {word[:20]!r}.")
    return word


def parse_threshold(value: Any) -> float | None:
    """The weight below which a V row is not fetched; nothing is the model's own."""
    if value in (None, ""):
        return None
    try:
        value = float(value) if isinstance(value, str) else value
    except ValueError:
        raise PromptError(f"Threshold: {value[:20]!r} is not a number.") from None
    return number(value, "Threshold", 0, MOST_THRESHOLD)


def make_sampling(
    temperature: Any = None,
    top_p: Any = None,
    top_k: Any = None,
    repetition_penalty: Any = None,
    max_new_tokens: Any = None,
    seed: Any = None,
    names: Mapping[str, str] = LABELS,
) -> Sampling:
    """The sampling options, each within its range; None is an option's default, as is an empty seed.

    names: what the asker calls them (see `Fields.read`). PromptError names the first that is wrong.
    """
    given = {
        "temperature": temperature,
        "top_p": top_p,
        "top_k": top_k,
        "repetition_penalty": repetition_penalty,
        "seed": None if seed == "" else seed,
        "max_new_tokens": max_new_tokens,
    }
    return Sampling(**SamplingFields.read(given, names).model_dump())
