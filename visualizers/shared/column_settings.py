"""What a column has of its own beside what both columns have, as it comes from a form or an address. No Gradio."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from sigma.events import SIDE_NAMES, ChatRequest, Column, PromptError
from visualizers.shared.columns import COLUMNS, FIRST_MODELS, system_of
from visualizers.shared.options import clean_prompt, number, parse_missing_mass, parse_selective, parse_threshold

SAME = "same"
"""What a column's setting holds while it is what both columns have."""
TUNED = {"tuned": True, "published": False}


@dataclass(frozen=True, slots=True)
class ColumnSettings:
    """Who answers in a column, and what of the settings is its own; unchecked, in the order of `ChatTab.settings`."""

    model: Any
    selective: Any = SAME
    missing_mass: Any = SAME
    threshold: Any = SAME
    temperature: Any = SAME
    tuned: Any = SAME
    system: Any = ""

    def values(self) -> list[Any]:
        """Its fields in their order."""
        return [getattr(self, field.name) for field in fields(self)]

    def column(self, both: ChatRequest, context: int, has_tuned: bool) -> Column:
        """Who answers, with what both columns have where nothing is set here; PromptError for what cannot be.

        context: the model's; has_tuned: whether there is a tuned base, without which the base answers as published.
        """
        if self.model not in SIDE_NAMES:
            raise PromptError(f"there is no model {str(self.model)[:20]!r}; there are {', '.join(SIDE_NAMES)}.")
        own = both if self.model != "sigma" else self._rows(both, context)
        if _set(self.temperature):
            warm = number(_as_number(self.temperature), "Temperature", 0, 5)
            own = replace(own, sampling=replace(own.sampling, temperature=warm))
        if _set(self.tuned):
            if self.tuned not in TUNED:
                raise PromptError(f"the base must be one of {', '.join(TUNED)}, not {str(self.tuned)[:20]!r}.")
            own = replace(own, tuned=TUNED[self.tuned] and has_tuned)
        return own.column(self.model)

    def named(self, name: str, both: ChatRequest, context: int, has_tuned: bool) -> Column:
        """`column`, whose errors begin with the column's name."""
        try:
            return self.column(both, context, has_tuned)
        except PromptError as error:
            raise PromptError(f"{name.capitalize()} column: {error}") from None

    def cleaned_system(self) -> str:
        """The system prompt of its own, "" for none; PromptError when it is too long."""
        return clean_prompt(self.system, "system prompt")

    def _rows(self, both: ChatRequest, context: int) -> ChatRequest:
        """Which V rows are read; Sigma's alone, so that what another model's column still holds of it is no error."""
        own = replace(both, selective_k=parse_selective(self.selective, context)) if _set(self.selective) else both
        if _set(self.missing_mass):
            own = replace(own, selective_missing_mass=parse_missing_mass(self.missing_mass))
        if _set(self.threshold):
            own = replace(own, selective_threshold=parse_threshold(self.threshold))
        return own


def _set(value: Any) -> bool:
    return value not in (SAME, "", None)


def _as_number(value: Any) -> Any:
    """A number that was typed, or stands in an address; anything else as it is."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


LINKED = {"missing" if one.name == "missing_mass" else one.name: one.name for one in fields(ColumnSettings)}
"""What links call the fields, before which the column's name stands."""


def linked_name(column: str, name: str) -> str:
    """A column's setting in a link: "left" is its model, "left_selective" a setting of its own."""
    return column if name == "model" else f"{column}_{name}"


def linked_columns(request: ChatRequest) -> dict[str, str]:
    """What a link says of the columns of a request; nothing where they are the first models with the request's settings."""
    told: dict[str, str] = {}
    systems = {name: system_of(messages) for name, messages in request.messages.items()}
    for name, column in request.columns.items():
        plain = replace(request, columns={}).column(column.model)
        own = {"model": column.model} if column.model != FIRST_MODELS.get(name) else {}
        if column.selective_k != plain.selective_k:
            own["selective"] = "off" if column.selective_k is None else str(column.selective_k)
        if column.selective_missing_mass != plain.selective_missing_mass:
            own["missing"] = column.selective_missing_mass
        if column.selective_threshold != plain.selective_threshold:
            own["threshold"] = f"{column.selective_threshold:g}"
        if column.sampling.temperature != plain.sampling.temperature:
            own["temperature"] = f"{column.sampling.temperature:g}"
        if column.tuned != plain.tuned:
            own["tuned"] = "tuned" if column.tuned else "published"
        if len(set(systems.values())) > 1 and systems.get(name):
            own["system"] = systems[name]
        told |= {linked_name(name, field): value for field, value in own.items()}
    return told


def with_columns(both: ChatRequest, given: Mapping[str, Any], context: int, has_tuned: bool) -> ChatRequest:
    """The request of a link that names columns; PromptError, with the column's name, for what cannot be.

    both: what it asks of both, with messages of both under any one name.
    """
    messages, columns = {}, {}
    (shared, *_) = both.messages.values()
    for name in COLUMNS:
        own = {
            field: given[linked_name(name, link)] for link, field in LINKED.items() if linked_name(name, link) in given
        }
        settings = ColumnSettings(**{"model": FIRST_MODELS[name], **own})
        columns[name] = settings.named(name, both, context, has_tuned)
        system = settings.cleaned_system()
        told = [message for message in shared if message["role"] != "system"] if system else list(shared)
        messages[name] = [{"role": "system", "content": system}, *told] if system else told
    return replace(both, messages=messages, columns=columns)
