"""From a question's parts to how somebody types it: slots filled, spans in words, an opening, a story, slips of the finger."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from sigma.aimicius.nl2kql.generator.shapes import CLOSERS, OPENERS, STORIES
from sigma.aimicius.nl2kql.schema import Table, fleet

SLOT = re.compile(r"\{(\w+)\}")
UNITS = {"m": ("minute", "minutes"), "h": ("hour", "hours"), "d": ("day", "days")}


def fill(text: str, slots: dict[str, Any], partial: bool = False) -> str:
    """The text with its slots filled. Raises KeyError for a slot that is not given, unless `partial` leaves it."""
    return SLOT.sub(lambda m: str(slots[m[1]]) if m[1] in slots or not partial else m[0], text)


def share(items: Sequence[Any], split: str) -> Sequence[Any]:
    """A split's part of a list of wordings: the last is test's, the one before dev's; long lists give a few more."""
    few = max(1, len(items) // 6)
    edges = {
        "train": (0, len(items) - 2 * few),
        "dev": (len(items) - 2 * few, len(items) - few),
        "test": (len(items) - few, len(items)),
    }
    return items[slice(*edges[split])]


def span_words(span: str) -> str:
    """`2h` -> 2 hours, `1d` -> 1 day."""
    number, unit = span[:-1], span[-1]
    return f"{number} {UNITS[unit][number != '1']}"


def dress(rng: random.Random, split: str, ask: str) -> str:
    """The question as somebody types it: an opening, a story, lower case, slips of the finger; its values unharmed."""
    style = rng.random()
    if style < 0.25:  # terse
        text = ask.rstrip("?")
        text = re.sub(r"\b(the|of the|are there|please) ", lambda m: m[0] if rng.random() < 0.5 else "", text)
    elif style < 0.4:  # indirect
        text = f"{rng.choice(share(STORIES, split))} {ask[0].upper()}{ask[1:]}"
    elif style < 0.75:
        text = rng.choice(share(OPENERS, split)) + ask
        closer = rng.choice(CLOSERS)
        text = text + closer if not text.endswith("?") else text
        text = text[0].upper() + text[1:] if rng.random() < 0.7 else text
    else:
        text = ask[0].upper() + ask[1:]
    return _slips(rng, text) if rng.random() < 0.15 else text


def _slips(rng: random.Random, text: str) -> str:
    """One or two typing errors in plain words of five letters or more; names and values are left as they are."""
    words = text.split(" ")
    plain = [
        i for i, word in enumerate(words) if word.isalpha() and word.islower() and len(word) > 4 and word in _PLAIN
    ]
    for i in rng.sample(plain, min(len(plain), rng.choice((1, 1, 2)))):
        word = words[i]
        at = rng.randrange(1, len(word) - 2)
        kind = rng.random()
        if kind < 0.4:
            words[i] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        elif kind < 0.75:
            words[i] = word[:at] + word[at + 1 :]
        else:
            words[i] = word[:at] + word[at] * 2 + word[at + 1 :]
    return " ".join(words)


# Words that a slip may hit without the question losing its meaning.
_PLAIN = frozenset("average number which there please every latest newest count where during within please devices events highest lowest total entries messages records readings samples sorted different maximum percentile problem report between number changes average mention prefixed".split())  # fmt: skip


@cache
def table_named(name: str) -> Table:
    """A table of the fleet."""
    table = fleet().find(name)
    assert table is not None, name
    return table
