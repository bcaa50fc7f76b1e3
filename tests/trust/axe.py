"""axe-core in a page: what it says against the page's accessibility. It comes from npm, for the tests alone (`python -m tests.browser`)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "axe"
GRAVE = ("serious", "critical")


def source() -> str | None:
    """axe-core's script: of $AXE, else as npm has put it into `tests/axe`; None where it is not."""
    path = Path(os.environ.get("AXE") or FOLDER / "node_modules" / "axe-core" / "axe.min.js")
    return path.read_text("utf-8") if path.is_file() else None


@dataclass(frozen=True)
class Violation:
    """One rule that some elements break."""

    rule: str
    impact: str
    help: str
    nodes: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.impact} {self.rule} ({self.help}): "
            + "; ".join(self.nodes[:5])
            + (" ..." if len(self.nodes) > 5 else "")
        )


def violations(page, impacts: tuple[str, ...] = GRAVE) -> list[Violation]:
    """What breaks a rule on the page as it is now, of these impacts."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(source())
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] }).then((r) => r.violations)")
    return [
        Violation(
            one["id"], one["impact"], one["help"], tuple(f"{node['target'][0]} {_why(node)}" for node in one["nodes"])
        )
        for one in found
        if one["impact"] in impacts
    ]


def _why(node: dict) -> str:
    checks = [*node["any"], *node["all"], *node["none"]]
    return checks[0]["message"][:160] if checks else ""
