"""Tables of commands and the words for them: how they are written down, and how a question and its command are drawn from one.

A table is text: a command in its own line, its phrases indented below, joined by |. `{name}` in both is a slot: the same
draw of `cmdgen_values.POOLS`, once as typed and once as said. `{name}` of `MODIFIERS` may add a piece to the command and a
tail to the phrase. Marks before a command: `*` draws it three times as often. After it: `#named` (the question must name
the tool), `#free` (it never has to), `#once` (no slot: few lessons), `#rare` (seldom of use:
few lessons).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from sigma.training.lessons.cmdgen_values import MODIFIERS, POOLS

SLOT = re.compile(r"\{(\w+)\}")
MANY = re.compile(r"\b(gpus|cards|devices|accelerators|each|every|all|both|per)\b")  # words that leave no single device


@dataclass(frozen=True, slots=True)
class Row:
    """A command and its phrases. `weight`: how often it is drawn against the others of its table."""

    command: str
    phrases: tuple[str, ...]
    weight: float = 1.0
    marks: frozenset[str] = frozenset()


def rows(text: str) -> list[Row]:
    """The rows of a table. Raises ValueError for a phrase that does not say what the command holds."""
    found: list[Row] = []
    command, phrases = "", []
    for line in [*text.strip("\n").splitlines(), "end"]:
        if line.startswith((" ", "\t")):
            phrases += [part.strip() for part in line.split("|") if part.strip()]
        elif line.strip():
            if command:
                found.append(_row(command, phrases))
            command, phrases = line.strip(), []
    return found


def _row(line: str, phrases: list[str]) -> Row:
    command, *marks = re.split(r"\s+#", line)
    stars = len(command) - len(command.lstrip("*"))
    command = command.lstrip("*").strip()
    wanted = {name for name in SLOT.findall(command) if name not in MODIFIERS}
    for phrase in phrases:
        said = set(SLOT.findall(phrase))
        missing = {name for name in wanted - said if not joint(name) & said}
        if missing or not phrases:
            raise ValueError(f"{command}: {phrase!r} does not say {', '.join(sorted(missing))}")
    if not phrases:
        raise ValueError(f"{command} has no phrase")
    return Row(command, tuple(phrases), 0.3 if "rare" in marks else 3.0**stars, frozenset(marks))


def joint(name: str) -> set[str]:
    """Slots that are drawn together with this one and say it too (`{gemm}.cu` says what `{src}` is)."""
    return {
        "src": {"bin"},
        "obj": {"src", "bin"},
        "bin": {"src"},
        "ranks": {"nodes"},
        "ranks4": {"nodes4"},
        "procs": {"sum"},
    }.get(name, set())


def draw(template: str, phrase: str, rng: random.Random) -> tuple[str, str]:
    """The command and the phrase with every modifier and slot decided."""
    for name in SLOT.findall(template):
        if name in MODIFIERS:
            piece, tail = _modifier(name, phrase, rng)
            template = template.replace("{" + name + "}", piece, 1)
            phrase = tail[1:] + phrase if tail.startswith("^") else phrase + tail
    typed: dict[str, str] = {}
    said: dict[str, str] = {}
    for name in dict.fromkeys(SLOT.findall(template + " " + phrase)):
        if name not in typed:
            fill(name, rng, typed, said)
    command = SLOT.sub(lambda match: typed[match[1]], template)
    return " ".join(command.split()), " ".join(SLOT.sub(lambda match: said[match[1]], phrase).split())


def fill(name: str, rng: random.Random, typed: dict[str, str], said: dict[str, str]) -> None:
    """Draw a slot (and those that belong to it) into the two mappings."""
    pool: Callable = POOLS.get(name) or POOLS[name.rstrip("0123456789")]
    drawn = pool(rng)
    if not isinstance(drawn, dict):
        drawn = {name: drawn}
    for key, (command, words) in drawn.items():
        typed.setdefault(key, command)
        said.setdefault(key, words)


def _modifier(name: str, phrase: str, rng: random.Random) -> tuple[str, str]:
    choices = MODIFIERS[name]
    if MANY.search(phrase):
        choices = [one for one in choices if not one.single] or choices
    chosen = rng.choices(choices, [one.weight for one in choices])[0]
    tail = rng.choice(chosen.tails)
    if not chosen.piece and MANY.search(phrase) and MANY.search(tail):  # "each card of all gpus"
        tail = ""
    return chosen.piece, tail
