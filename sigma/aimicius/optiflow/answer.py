"""Finding the program in an answer. Nothing is parsed as Python here: hostile text can exhaust Python's own parser."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FENCE = re.compile(
    r"^[ \t]{0,3}(`{3,}|~{3,})[ \t]*([^\n`]*)\n(.*?)(?:^[ \t]{0,3}\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL
)
_START = re.compile(r"^(?:import |from \w|def \w|for \w|while |print\(|[A-Za-z_]\w*(?:, *\w+)* *=(?!=))", re.MULTILINE)
_PRINTS = re.compile(r"\bprint\s*\(|\bstdout\b")
_TRANSFER = re.compile(r"\bD\s*\(\s*\d")


@dataclass(frozen=True, slots=True)
class Found:
    """The program, or "" and the reason why there is none."""

    program: str
    text: str


def find_program(answer: str) -> Found:
    """The Python program of an answer: its first ```python block, else a plain block that prints, else bare code.

    Of several blocks the first that prints something counts. A block that is not closed runs to the end.
    """
    blocks = [(label.strip().split(" ")[0].lower(), body) for _, label, body in _FENCE.findall(answer)]
    labelled = [body for label, body in blocks if label in ("python", "py", "python3")]
    plain = [body for label, body in blocks if label in ("", "text", "code") and _PRINTS.search(body)]
    for body in [b for b in labelled if _PRINTS.search(b)] + labelled + plain:
        if body.strip():
            return Found(body.rstrip() + "\n", "A fenced block of Python.")
    if not blocks and (start := _START.search(answer)) and _PRINTS.search(answer, start.start()):
        return Found(answer[start.start() :].rstrip() + "\n", "Code without a fence, from its first line on.")
    if not answer.strip():
        return Found("", "The answer is empty.")
    if _TRANSFER.search(answer):
        return Found("", "The answer writes out transfers, but the task asks for a program that prints them.")
    if blocks:
        return Found("", "The answer has a code block, but no Python that prints anything.")
    return Found("", "The answer has no code.")
