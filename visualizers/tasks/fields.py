"""A case as text boxes: strings as they are, everything else as JSON; and back, with a message for what cannot be read."""

from __future__ import annotations

import json
from typing import Any

from sigma.aimicius.contract import Case, CaseError, Task
from sigma.events import PromptError

BOXES = 8
MAX_CHARACTERS = 200_000  # of all boxes together
LINES = 14


def to_text(value: Any) -> str:
    """What a box shows of a field. A list of lists or dicts is written one item a line, as a matrix is read."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(item, (list, dict)) for item in value):
        return "[\n" + ",\n".join(" " + json.dumps(item, ensure_ascii=False) for item in value) + "\n]"
    return json.dumps(value, ensure_ascii=False)


def to_boxes(case: Case) -> dict[str, str]:
    """Text by field name, at most BOXES of them; texts come first, long structures last."""
    order = sorted(case.fields, key=lambda name: not isinstance(case.fields[name], str))
    if len(order) > BOXES:
        raise ValueError(f"a case with {len(order)} fields does not fit {BOXES} boxes")
    return {name: to_text(case.fields[name]) for name in order}


def lines_of(text: str) -> int:
    """How many lines a box shows before it scrolls."""
    return max(1, min(LINES, sum(1 + len(line) // 110 for line in text.split("\n"))))


def from_boxes(task: Task, example: Case, texts: dict[str, str], truth: str) -> Case:
    """The case that the boxes hold now.

    A truth that still is the example's is left out when a field was changed: it answers another question. Raises
    PromptError for what cannot be read.
    """
    total = sum(len(text) for text in texts.values()) + len(truth)
    if total > MAX_CHARACTERS:
        raise PromptError(f"The fields have {total:,} characters; at most {MAX_CHARACTERS:,} are read.")
    row: dict[str, Any] = {}
    for name, text in texts.items():
        old = example.fields.get(name)
        if text == to_text(old):
            row[name] = old
        elif isinstance(old, str):
            row[name] = text.replace("\r\n", "\n")
        else:
            row[name] = _parsed(name, text)
    changed = row != example.fields
    if changed and truth == example.truth:
        truth = ""
    row |= {"id": f"{example.id}, changed" if changed else example.id, "truth": truth}
    try:
        case = task.case(row, "Your fields")
    except CaseError as error:
        raise PromptError(f"{str(error)[:400]}.") from error
    return case


def _parsed(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = error.msg + f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else "nested too deep"
        raise PromptError(f"The field {name} is not JSON: {reason}.") from error
