"""Design, criterion, workload: the JSON that stands for what somebody wants to know.

The form is the paper's: {"Design": {"Target": "A100", "Baseline": ""}, "Criterion": "default", "Workload": "ORT inference"}.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sigma.aimicius.infrawise import names

PARTS = ("Target", "Baseline", "Criterion", "Workload")
KEYS = ("Design", "Criterion", "Workload")
MAX_VALUE = 300  # characters of one value; no name is nearly as long


@dataclass(frozen=True, slots=True)
class DCW:
    """Four strings as they were written."""

    target: str
    baseline: str
    criterion: str
    workload: str

    def part(self, name: str) -> str:
        """The part by its name in PARTS."""
        return getattr(self, name.lower())

    def same(self, other: DCW, name: str) -> bool:
        """Whether one part means the same in both."""
        return normal(name, self.part(name)) == normal(name, other.part(name))

    def to_dict(self) -> dict[str, Any]:
        """The paper's form."""
        return {
            "Design": {"Target": self.target, "Baseline": self.baseline},
            "Criterion": self.criterion,
            "Workload": self.workload,
        }

    def to_json(self) -> str:
        """The paper's form on one line."""
        return json.dumps(self.to_dict(), ensure_ascii=False)


def normal(name: str, text: str) -> Any:
    """What a part means, for comparing."""
    if name in ("Target", "Baseline"):
        return names.design(text)
    return names.criterion(text) if name == "Criterion" else names.workload_key(text)


def printable(text: str, limit: int = MAX_VALUE) -> str:
    """Text that can be sent on: lone surrogates replaced, cut at `limit`."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= limit else text[: limit - 1] + "\u2026"
