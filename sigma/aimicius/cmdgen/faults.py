"""What is wrong with a command as far as the question alone tells: the tool does not take it, it leaves out a value that the
question gives, or it has a number that nobody asked for.

Nothing here knows a truth. Some right commands look faulty (a name that is a word to people is an option to a tool), so
faults are a reason to try again, and to prefer a try that has fewer, not a verdict.
"""

from __future__ import annotations

import re
from itertools import product

from sigma.aimicius.cmdgen.answer import find
from sigma.aimicius.cmdgen.command import read

MOST_CHARACTERS = 4000  # of a question that are looked at
_UNITS = {"k": "K", "m": "M", "g": "G", "t": "T"}
_NUMBER = re.compile(r"(?<![\w.+-])(\d{1,12}(?:\.\d{1,6})?)[ ]?(bytes?|[kmgt]i?b?|b)?(?!\w|\.\w)", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z0-9_./~:=+-]{2,80}")
_PATH = re.compile(r"(?=.*[A-Za-z])(?:[/~].+|.*\w[_.]\w.*)")  # /etc/x, ~/x, .cu names, mlx5_2, power.draw
_CODE = re.compile(r"(?=.*\d)[A-Z][A-Z0-9]{2,}")  # LL128
_NAMED = re.compile(r"\b(?i:macro|variable)\s+([A-Z]\w+)")
_GIVEN = re.compile(r"(?<=[ =,:])(\d{1,12})([KMGT]?)(?=$|[ ,:])")
_SMALL = 2  # numbers up to here switch something on or off, or are what a tool is usually given
_OF_MACHINES = re.compile(r"(?:[0-9]+x)?(?:[AHBLVT]\d{1,4}|MI\d{3}X?|GB\d{3}|RTX\d+)(?:SXM|PCIE)?", re.IGNORECASE)
_FACTORS = (60, 1000, 60_000, 1024)


def values(question: str) -> tuple[str, ...]:
    """The values that a question gives: numbers ("256 KB" as "256K"), paths, names with digits or points."""
    found = [number + _UNITS.get((unit or "")[:1].lower(), "") for number, unit in _NUMBER.findall(question)]
    for word in _WORD.findall(question):
        word = word.strip(".:=-").rpartition("=")[2]
        if _OF_MACHINES.fullmatch(word) or word.lower() in ("i.e", "e.g"):
            continue
        if _PATH.fullmatch(word) or _CODE.fullmatch(word):
            found.append(word)
    found += _NAMED.findall(question)
    return tuple(dict.fromkeys(found))


def left_out(question: str, command: str) -> list[str]:
    """Values of the question that the command does not say."""
    return [value for value in values(question) if not _says(command, value)]


def made_up(question: str, command: str) -> list[str]:
    """Numbers of the command that are neither in the question nor follow from two of its numbers or a change of unit."""
    plain = [int(number) for number in re.findall(r"\d{1,9}", question)][:12]
    known = {str(a * b) for a, b in product(plain, (*plain, *_FACTORS))} | {str(number) for number in plain}
    return [
        number + unit
        for number, unit in _GIVEN.findall(command)
        if (unit or int(number) > _SMALL) and number not in known and not _says(question, number + unit)
    ]


def faults(question: str, answer: str, vendor: str) -> list[str]:
    """What is wrong, in words for people; [] for nothing. Never raises for anything in an answer."""
    question, found = question[:MOST_CHARACTERS], find(answer)
    if len(found.commands) != 1:  # none is worse than any fault of a command
        return ["is not one command"] * (1 if found.commands else 3)
    given = read(found.command, vendor)
    wrong = [f"is not taken: {given.error.reason}"] if given.meaning is None else []
    wrong += [f"leaves out {value}" for value in left_out(question, found.command)]
    return wrong + [f"has {number}, which was not asked for" for number in made_up(question, found.command)]


def _says(text: str, value: str) -> bool:
    before = r"(?:(?<![A-Za-z0-9])|(?<=-[A-Za-z]))"  # -O0, -I/opt/x
    return re.search(rf"{before}{re.escape(value)}(?:i?B)?(?![A-Za-z0-9])", text, re.IGNORECASE) is not None
