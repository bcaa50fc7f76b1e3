"""Which examples of the Chat tab ask a task a question whose right answer is known."""

from __future__ import annotations

from functools import cache

from sigma.aimicius.recognise import QUESTION, Known
from visualizers.chat.tab import read_examples


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
