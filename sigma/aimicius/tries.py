"""Further tries of an answer whose faults show without a truth: how they stand in one text, and which of them counts."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from dataclasses import replace

from sigma.aimicius.contract import MAX_ANSWER, Ask

BEST = "# the try with the fewest faults:"
_AGAIN = "# another try: it "
_LINES = re.compile(rf"^(?:{re.escape(BEST)}|{re.escape(_AGAIN)}[^\n]*)$", re.MULTILINE)


def again(faults: list[str]) -> str:
    """The line between two tries in one answer: what is wrong with the one before."""
    return _AGAIN + "; ".join(dict.fromkeys(faults))[:200].replace("\n", " ")


def restated(best: str) -> str:
    """What makes an earlier try the one that counts."""
    return f"\n{BEST}\n{best}"


def counts(text: str, after: str) -> bool:
    """Whether `after`, what an answer or its next prompt goes on with, restates this try."""
    return f"{after}\n".startswith(f"{restated(text)}\n")


def last_try(answer: str) -> tuple[str, int]:
    """(what counts of an answer with several tries, how many lines part them): the text behind the last such line."""
    marks = list(_LINES.finditer(answer[:MAX_ANSWER]))
    return (answer[marks[-1].end() :], len(marks)) if marks else (answer, 0)


def first_try(answer: str) -> str:
    """What stood there before any further try."""
    mark = _LINES.search(answer[:MAX_ANSWER])
    return answer[: mark.start()].rstrip("\n") if mark else answer


def several(ask: Ask, faults: Callable[[str], list[str]], most: int) -> Generator[Ask, str | None, tuple[str, str]]:
    """The prompt, and as long as its answer has faults further tries of it, `most` in all: (what counts, what follows).

    The try with the fewest faults, of equal ones the earliest, is what counts; it must stand last: what follows restates
    it, or is "". For a task's `dialogue`.
    """
    made: list[tuple[str, list[str]]] = []
    lead = ask.lead
    while not made or (made[-1][1] and len(made) < most):
        text = yield replace(ask, lead=lead, draw=len(made) or None)
        if text is None:  # there is no room for it
            break
        made.append((text, faults(text)))
        lead = f"\n{again(made[-1][1])}\n"
    best = min(made, key=lambda one: len(one[1]))[0]
    return best, "" if best == made[-1][0] else restated(best)
