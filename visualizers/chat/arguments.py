"""What a program may send to the chat endpoint: every field has a type, and a wrong one is named. No Gradio."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StrictBool

from sigma.engine.fields import Fields, Number, Whole
from sigma.engine.options import MOST_THRESHOLD, NewTokens, new_tokens
from sigma.events import SIDES
from visualizers.shared.options import clean_prompt


class Arguments(Fields):
    """A call that can be answered, up to the model's own limits."""

    prompt: Annotated[str, AfterValidator(clean_prompt)]
    side: Literal["sigma", "gqa", "both"] = "sigma"
    max_new_tokens: NewTokens = Field(default_factory=lambda: new_tokens(128), ge=1)
    temperature: Number = Field(0.0, ge=0, le=5)
    selective_k: Whole = Field(None, ge=1)
    selective_missing_mass: Literal["drop", "renormalize", "mean"] = None
    selective_threshold: Number = Field(None, ge=0, le=MOST_THRESHOLD)
    tuned: StrictBool = False
    lookup: StrictBool = False

    @property
    def sides(self) -> tuple[str, ...]:
        """Who is asked."""
        return SIDES if self.side == "both" else (self.side,)


def check_arguments(
    prompt: Any,
    side: Any,
    max_new_tokens: Any,
    temperature: Any,
    selective_k: Any,
    selective_missing_mass: Any = None,
    selective_threshold: Any = None,
    tuned: Any = None,
    lookup: Any = None,
) -> Arguments:
    """The fields by their types and ranges, null being the default; PromptError names the first that is wrong."""
    given = dict(prompt=prompt, side=side, max_new_tokens=max_new_tokens)
    given |= dict(temperature=temperature, selective_k=selective_k, selective_missing_mass=selective_missing_mass)
    return Arguments.read({**given, "selective_threshold": selective_threshold, "tuned": tuned, "lookup": lookup})
