"""The examples of the Chat tab, which of them ask a task a question whose right answer is known, and what came of those."""

from __future__ import annotations

import json
import logging
from functools import cache
from pathlib import Path
from typing import Any

from sigma.aimicius.recognise import QUESTION, Known
from sigma.events import SIDES
from visualizers.page.assets import ASSETS
from visualizers.shared.signs import signs

EXAMPLES = ASSETS / "examples" / "chat.json"
OUTCOMES = EXAMPLES.with_name("chat_outcomes.json")
LEGEND = "✓ right, ◐ in part, ✗ wrong when recorded; Sigma first."
log = logging.getLogger(__name__)


def read_examples() -> list[dict[str, Any]]:
    """The examples of the tab: label, prompt, system prompt, whether by the tuned base, selective-V setting, what a column
    has of its own ("left", "right"), and the task's "case" that its question is, with the truth."""
    return json.loads(EXAMPLES.read_text("utf-8"))


@cache
def known_questions() -> list[Known]:
    """The examples with a "case": the task's name, the fields of its case beside the question, and the truth."""
    found = []
    for number, example in enumerate(read_examples(), 1):
        if "case" in example:
            fields = dict(example["case"])
            task = fields.pop("task")
            row = {"id": f"example {number}", QUESTION[task]: example["prompt"], **fields}
            found.append(Known(task, row, "of this page's chat"))
    return found


@cache
def recorded_signs(path: Path = OUTCOMES) -> dict[str, str]:
    """Signs by the examples' prompts; none where no file is, or one that cannot be read."""
    try:
        rows = json.loads(path.read_text("utf-8"))["examples"]
        found = {str(row["prompt"]): signs({side: row[side]["outcome"] for side in SIDES}) for row in rows}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("the recorded outcomes in %s cannot be read: %s", path.name, error)
        return {}
    return {prompt: text for prompt, text in found.items() if text}


def labels() -> list[str]:
    """The examples' labels with their signs, in the order of `read_examples`."""
    known = recorded_signs()
    return [f"{example['label']} {known.get(example['prompt'], '')}".rstrip() for example in read_examples()]
