"""What a command means: tool, sub-command, options with canonical values, operands, environment, launcher.

Two commands mean the same when their `key` is equal: options in any order, any spelling (`-i 0`, `--id=0`), values in one
form (`128M` and `134217728`), and options that only repeat the tool's default left out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


class CommandError(Exception):
    """A command that its tool would refuse. `output` is the refusal in the tool's own form, `reason` is ours."""

    def __init__(self, kind: str, reason: str, token: str = "", output: str = "", exit_code: int = 1):
        super().__init__(reason)
        self.kind, self.reason, self.token, self.output, self.exit_code = kind, reason, token, output, exit_code


@dataclass(slots=True)
class Meaning:
    """One parsed command. `options` holds canonical values by canonical name; defaults are in `defaults`, not here."""

    tool: str
    sub: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    operands: tuple[str, ...] = ()
    env: dict[str, Any] = field(default_factory=dict)
    launcher: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    spelled: dict[str, str] = field(default_factory=dict)  # canonical name -> as it was typed, for the page
    notes: list[str] = field(default_factory=list)

    def get(self, name: str, default: Any = None) -> Any:
        """The option's value: as given, else the tool's default, else `default`."""
        if name in self.options:
            return self.options[name]
        return self.defaults.get(name, default)

    def facts(self) -> dict[str, Any]:
        """All that makes up the meaning, one entry each: what the page compares line by line."""
        facts: dict[str, Any] = {"tool": " ".join((self.tool, *self.sub))}
        facts |= {name: value for name, value in self.options.items() if self.defaults.get(name) != value}
        if self.operands:
            facts["operands"] = list(self.operands)
        facts |= {f"environment {name}": value for name, value in self.env.items()}
        facts |= {f"mpirun {name}": value for name, value in self.launcher.items()}
        return facts

    @property
    def key(self) -> str:
        """Equal for commands that mean the same."""
        return json.dumps(self.facts(), sort_keys=True)


def difference(truth: Meaning, answer: Meaning) -> list[dict[str, str]]:
    """One row per part of either command: name, the two values as text, and same | missing | extra | other value."""
    wanted, given = truth.facts(), answer.facts()
    rows = []
    for name in [*wanted, *(name for name in given if name not in wanted)]:
        if name not in given:
            state = "missing"
        elif name not in wanted:
            state = "extra"
        else:
            state = "same" if wanted[name] == given[name] else "other value"
        rows.append(
            {
                "name": name,
                "truth": _shown(wanted[name], truth.spelled.get(name, "")) if name in wanted else "",
                "answer": _shown(given[name], answer.spelled.get(name, "")) if name in given else "",
                "state": state,
            }
        )
    return rows


def _shown(value: Any, spelled: str) -> str:
    if spelled:
        return spelled
    if value is True:
        return "set"
    return value if isinstance(value, str) else json.dumps(value)
