"""The Chat tab's address: its settings as `#chat?left=sigma&right=sigma&left_selective=16`, written and read. No Gradio.

Only what differs from the page's first settings is written, so a link stays short. Nothing that a link says is believed:
what cannot be used is told, and the first setting stands in its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from sigma.events import SIDE_NAMES, PromptError, SideInfo
from visualizers.chat.settings import TurnSettings
from visualizers.shared.column_settings import LINKED, SAME, linked_name
from visualizers.shared.columns import COLUMNS
from visualizers.shared.options import clean_prompt

MINE = "#chat"
LONGEST = 20_000  # characters of an address that are read
NAMES = {"missing_mass": "missing", "max_new_tokens": "tokens"}
"""Settings that a link calls otherwise: as a link to Explore does, where it has them."""

FIRST = TurnSettings()
BOTH = {NAMES.get(field.name, field.name): field.name for field in fields(TurnSettings) if field.name not in COLUMNS}
FLAGS = ("tuned", "lookup", "pictures")
TEXTS = ("system", "threshold")
WORDS = ("model", "selective", "missing_mass")


@dataclass(frozen=True, slots=True)
class Linked:
    """What an address asks for: settings, a prompt for the box, and what of it cannot be used, in sentences."""

    settings: TurnSettings
    prompt: str = ""
    problems: tuple[str, ...] = ()


def write(settings: TurnSettings) -> str:
    """The address's fragment; "" while everything is as the page shows it at first."""
    found = [(name, getattr(settings, field), getattr(FIRST, field)) for name, field in BOTH.items()]
    for column in COLUMNS:
        own, first = settings.own(column), FIRST.own(column)
        found += [
            (linked_name(column, name), getattr(own, field), getattr(first, field)) for name, field in LINKED.items()
        ]
    given = {name: _text(value) for name, value, first in found if _text(value) != _text(first)}
    return f"{MINE}?{urlencode(given)}" if given else ""


def read(address: Any, infos: Mapping[str, SideInfo] | None = None) -> Linked | None:
    """What an address asks for; None for one that is not the Chat tab's. `infos` describes the sides, for their limits."""
    if not isinstance(address, str) or address[len(MINE) :][:1] not in ("", "?") or not address.startswith(MINE):
        return None
    if len(address) > LONGEST:
        return Linked(FIRST, problems=(f"The link is too long: at most {LONGEST:,} characters are read.",))
    given = dict(parse_qsl(address[len(MINE) + 1 :]))
    settings, problems = FIRST, []
    for name, text in sorted(
        given.items(), key=lambda one: one[0] not in COLUMNS
    ):  # models first: their settings depend
        wish = _wished(settings, name, text)
        if wish is None:
            continue  # of a newer page, or of another one
        try:
            wish.systems()
            wish.request({column: [] for column in COLUMNS}, infos)
            settings = wish
        except PromptError as error:
            problems.append(str(error))
    settings, told = _without_gqa_rows(settings)
    return Linked(settings, *_prompt(given.get("prompt", ""), [*problems, *told]))


def _text(value: Any) -> str:
    """A value as a link holds it; a number that a slider gave is the same as one that was typed."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value)


def _wished(settings: TurnSettings, name: str, text: str) -> TurnSettings | None:
    """The settings with one more that the link names; None for a name that is no setting."""
    if name in BOTH:
        return replace(settings, **{BOTH[name]: _value(BOTH[name], text)})
    column, _, rest = name.partition("_")
    field = LINKED.get(rest or "model")
    if column not in COLUMNS or field is None:
        return None
    own = replace(settings.own(column), **{field: text if field in (*TEXTS, "temperature") else text.strip().lower()})
    return replace(settings, **{column: own})


def _value(field: str, text: str) -> Any:
    if field in TEXTS:
        return text
    if field in WORDS:
        return text.strip().lower()
    if field in FLAGS:
        return text in ("1", "true")
    try:
        number = float(text)
    except ValueError:
        return text  # which the check names
    return int(number) if number.is_integer() else number


def _without_gqa_rows(settings: TurnSettings) -> tuple[TurnSettings, list[str]]:
    """A column of another model than Sigma reads every V row: a k of its own is told and taken back."""
    problems = []
    for column in COLUMNS:
        own = settings.own(column)
        if own.model != "sigma" and own.selective not in (SAME, "", "off"):
            name = SIDE_NAMES[own.model]
            problems.append(f"{column.capitalize()} column: selective V is Sigma's; {name} reads every V row.")
            settings = replace(settings, **{column: replace(own, selective=SAME)})
    return settings, problems


def _prompt(text: str, problems: list[str]) -> tuple[str, tuple[str, ...]]:
    try:
        return clean_prompt(text) if text else "", tuple(problems)
    except PromptError as error:
        return "", (*problems, str(error))
