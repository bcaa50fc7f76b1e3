"""What the default models scored when it was measured: read from the checkpoint's record, shown with every task."""

from __future__ import annotations

import functools
import json
import logging
from html import escape
from pathlib import Path
from typing import Any

from sigma.aimicius.contract import Task
from sigma.events import SIDE_NAMES, SIDES
from visualizers.shared.signs import signs
from visualizers.tasks.evaluate.results import figures_table

RECORDED = Path(__file__).resolve().parents[2] / "assets" / "sigma-135m" / "aimicius.json"
DATA = {
    "test": "our generated AIMicius-style test set, which shares no template and no value with the training questions",
    "heldout": "questions written by hand in people's words, which no training question comes from",
}
LEGEND = "Before each example: what came of it when it was recorded with the default models, Sigma first: ✓ right, ◐ in part, ✗ wrong."
log = logging.getLogger(__name__)


@functools.cache
def recorded(path: Path = RECORDED) -> dict[str, list[dict[str, Any]]]:
    """{"reports", "paired"} as `sigma.aimicius.record` wrote them; both empty where there is no such file."""
    try:
        found = json.loads(path.read_text("utf-8"))
        return {"reports": list(found["reports"]), "paired": list(found["paired"])}
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("the recorded scores in %s cannot be read: %s", path.name, error)
    return {"reports": [], "paired": []}


def outcomes(task: Task, path: Path = RECORDED) -> dict[str, str]:
    """A sign for Sigma and one for the GQA model by the examples' ids, "✓✗"; only where both were recorded."""
    rows = [r for r in recorded(path)["reports"] if (r["task"], r["data"]) == (task.name, "examples")]
    found = {side: r.get("outcomes", {}) for side in SIDES for r in rows if r["side"] == side}
    both = set.intersection(*(set(found.get(side, {})) for side in SIDES))
    shown = {case: signs({side: found[side][case] for side in SIDES}) for case in both}
    return {case: text for case, text in shown.items() if text}


def recorded_html(task: Task, path: Path = RECORDED) -> str:
    """A box to open, with a table for each kind of data; nothing where nothing was recorded."""
    rows = [row for row in recorded(path)["reports"] if row["task"] == task.name]
    tables = []
    for data, words in DATA.items():
        found = [row for row in rows if row["data"] == data]
        found.sort(key=lambda row: (row["side"] != "sigma", row["model"]))
        if found:
            columns = [(f"{SIDE_NAMES.get(row['side'], row['side'])}, {row['model']}", row) for row in found]
            tables.append(figures_table(task, columns, f"{words}; other data, other size of model"))
            tables.append(_difference(task, data, path))
    if not tables:
        return ""
    return (
        f"<details class='recorded'><summary>What the default models scored on {escape(task.title)}, measured</summary>"
        f"{''.join(tables)}</details>"
    )


def _difference(task: Task, data: str, path: Path) -> str:
    """A sentence for each model: Sigma less GQA on the primary metrics."""
    rows = [r for r in recorded(path)["paired"] if (r["task"], r["data"], r["primary"]) == (task.name, data, True)]
    said = [
        f"{escape(r['model'])}, {escape(r['metric'])}: {r['difference']:+.1f} points ({_range(r)}, n = {r['n']})"
        for r in rows
    ]
    return f"<p class='note'>Sigma less GQA, the same cases paired. {'; '.join(said)}.</p>" if said else ""


def _range(row: dict[str, Any]) -> str:
    if row["low"] is None:
        return "one case: no interval"
    return f"95 % interval {row['low']:+.1f} to {row['high']:+.1f}"
