"""What came of an answer, as a sign: before the examples of Chat and of Tasks."""

from __future__ import annotations

from collections.abc import Mapping

from sigma.events import SIDES

SIGNS = {"right": "✓", "partly": "◐", "wrong": "✗"}
"""By `sigma.aimicius.record.outcome`."""


def signs(outcomes: Mapping[str, str]) -> str:
    """A sign for each side's outcome, Sigma's first, "✓✗"; "" unless every side has one."""
    found = [SIGNS.get(outcomes.get(side, ""), "") for side in SIDES]
    return "".join(found) if all(found) else ""
