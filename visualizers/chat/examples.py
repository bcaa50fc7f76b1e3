"""The examples of the Chat tab, and which of them ask a task a question whose right answer is known."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from sigma.aimicius.recognise import QUESTION, Known
from visualizers.page.assets import ASSETS

EXAMPLES = ASSETS / "examples" / "chat.json"


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
