"""Lessons: questions with right answers, made for tuning the base (`sigma.training.tune`).

One module per kind (`cmdgen`, `infrawise`, `optiflow`, `nl2kql`, `facts`), each with `lessons(seed)`. They are beside the
tasks' train splits, not instead of them: broader in phrasing, options and values. No module here may read a test split, a
dev split or a `heldout` file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module

KINDS = ("cmdgen", "infrawise", "infrawise_records", "optiflow", "nl2kql", "facts")


@dataclass(frozen=True, slots=True)
class Lesson:
    """A chat up to the user's last turn, and the answer to learn. `topic` names what it covers, for counting."""

    kind: str
    messages: tuple[dict[str, str], ...]
    answer: str
    topic: str = ""


def lessons(kind: str, seed: int) -> Iterator[Lesson]:
    """A kind's lessons in mixed order, the same for the same seed on every machine. They end: a finite collection.

    Raises ValueError for an unknown kind.
    """
    if kind not in KINDS:
        raise ValueError(f"there are no lessons of {kind!r}; there are {', '.join(KINDS)}")
    yield from import_module(f"{__name__}.{kind}").lessons(seed)
