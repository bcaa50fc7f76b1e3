"""What Explore shows first, answered ahead: the page carries it, so that the first picture waits for no server.

The browser keeps these answers under the keys of the questions that would have brought them (explore/store.js); a link
that asks for something else finds them unused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from visualizers.explore.recorded import read
from visualizers.explore.runs import RECORDED
from visualizers.explore.service import Explorer

DEFAULTS = {"layer": 12, "head": 0, "side": "sigma", "k": 16, "measure": "captured"}
"""The state that an explorer opens with, as `exploreDefaults` of explore/state.js has it; its step is the last."""

PARTS = ("row", "linked", "figures", "select", "maps", "overview")


def first_view(recording: Path) -> list[dict[str, Any]]:
    """[{"question", "answer"}, ...] of the recorded run's first view; [] when there is no recording."""
    data = read(recording)
    if data is None:
        return []
    explorer = Explorer(None, data)
    page = {"page": explorer.open_page("first view").token}
    opening = {"op": "open", "run": RECORDED}
    about = explorer.ask(page | opening)
    place = {"run": RECORDED, "text": about["text"], "query": about["prompt"] - 1 + max(0, about["steps"] - 1)}
    question = {"op": "view", **place, **DEFAULTS, "parts": list(PARTS)}
    return [{"question": one, "answer": explorer.ask(page | one)} for one in (opening, question)]
