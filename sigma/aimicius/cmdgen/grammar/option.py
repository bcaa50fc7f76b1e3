"""A row of a tool's table of options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Option:
    """A row of a tool's table.

    kind: "flag" or a name of `values.KINDS`. count: values it takes: 1, a larger fixed number, "?" (optional),
    "+" (one or more), "*". repeat: "last" wins, "append" in order, "set" without order. default: dropped from the meaning
    when given. bare: value when "?" is given none.
    """

    name: str
    flags: tuple[str, ...]
    kind: str = "flag"
    default: Any = None
    choices: dict[str, Any] | None = None
    low: float | None = None
    high: float | None = None
    count: int | str = 1
    repeat: str = "last"
    bare: Any = True
    strict_case: bool = False
    attached: bool = False  # -Ipath: the value may follow the short name without a space


def opt(flags: str, kind: str = "flag", default: Any = None, choices: Any = None, **more: Any) -> Option:
    """A row from `"-i --id"`; the first long flag names it. Choices: `"a b c"` or a mapping word -> canonical."""
    names = tuple(flags.split())
    name = more.pop("name", None) or next((n for n in names if n.startswith("--")), names[0]).lstrip("-")
    if isinstance(choices, str):
        choices = {word: word for word in choices.split()}
    return Option(name, names, kind, default, choices, **more)
