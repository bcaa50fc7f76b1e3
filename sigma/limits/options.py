"""The limits as options of a command, and as a table: both come from the fields alone."""

from __future__ import annotations

import argparse
from typing import Any

from sigma.limits.settings import Limits, kind, option, shown, variable

METAVARS = {"size": "SIZE", "number": "NUMBER", "whole number": "N", "word": "WORD"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """An option for each limit, in a group of its own. Values stay text: `Limits.read` checks them."""
    words = "Each is a variable of the environment too; the option goes before it."
    group = parser.add_argument_group("limits", words)
    for name, field in Limits.model_fields.items():
        default = shown(name, field.default)
        told = f"{field.description} ({f'default: {default}; ' if default else ''}{variable(name)})"
        group.add_argument(option(name), metavar=METAVARS[kind(name)], help=told)


def given(args: argparse.Namespace) -> dict[str, Any]:
    """The limits that the command line has set, as they were written."""
    found = {name: getattr(args, name) for name in Limits.model_fields}
    return {name: value for name, value in found.items() if value is not None}


def table() -> str:
    """All limits in Markdown, as README.md has them: `python -m sigma.limits.options`."""
    lines = ["| option | variable | default | |", "|---|---|---|---|"]
    for name, field in Limits.model_fields.items():
        lines.append(f"| `{option(name)}` | `{variable(name)}` | {shown(name, field.default)} | {field.description} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
