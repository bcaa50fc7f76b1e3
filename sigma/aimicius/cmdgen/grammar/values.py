"""Kinds of option values: each turns a typed word into its canonical value, or says why the tool would not take it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sigma.aimicius.cmdgen.grammar.option import Option

MAX_DIGITS = 18  # a longer number is no count of anything here (and Python's int() refuses very long ones)


class ValueProblem(ValueError):
    """The word is no value of that kind."""


def integer(word: str, option: Option) -> int:
    """A decimal whole number within the option's range."""
    if not re.fullmatch(r"[+-]?\d+", word, re.ASCII) or len(word) > MAX_DIGITS:
        raise ValueProblem(f"{word!r} is not a whole number")
    return _ranged(int(word), option)


def number(word: str, option: Option) -> float | int:
    """A number, whole where it is whole."""
    if not re.fullmatch(r"[+-]?\d+(\.\d*)?", word, re.ASCII) or len(word) > MAX_DIGITS:
        raise ValueProblem(f"{word!r} is not a number")
    value = float(word)
    return _ranged(int(value) if value.is_integer() else value, option)


def _ranged(value: Any, option: Option) -> Any:
    if option.low is not None and value < option.low:
        raise ValueProblem(f"{value} is below {option.low}")
    if option.high is not None and value > option.high:
        raise ValueProblem(f"{value} is above {option.high}")
    return value


def size(word: str, option: Option) -> int:
    """Bytes with the nccl-tests' binary suffixes: 8, 64K, 32M, 1G."""
    match = re.fullmatch(r"(\d{1,15})(\.\d+)?([KMGT]?)B?", word, re.IGNORECASE | re.ASCII)
    if not match:
        raise ValueProblem(f"{word!r} is not a size")
    whole = float(match[1] + (match[2] or ""))
    return int(whole * 1024 ** "KMGT".find(match[3].upper()) * 1024) if match[3] else int(whole)


def text(word: str, option: Option) -> str:
    """Any word, as it is."""
    return word


def path(word: str, option: Option) -> str:
    """A path without a leading ./ or doubled slashes."""
    if not word:
        raise ValueProblem("an empty path")
    word = re.sub(r"/{2,}", "/", word)
    while word.startswith("./") and len(word) > 2:
        word = word[2:]
    return word


def choice(word: str, option: Option) -> Any:
    """One of the option's words, in any case where the tool does not mind."""
    table = option.choices or {}
    if word in table:
        return table[word]
    lowered = {key.lower(): value for key, value in table.items()}
    if not option.strict_case and word.lower() in lowered:
        return lowered[word.lower()]
    raise ValueProblem(f"{word!r} is none of {', '.join(list(table)[:12])}{' ...' if len(table) > 12 else ''}")


def words(word: str, option: Option) -> list[Any]:
    """A comma list of the option's words, as a set."""
    return sorted({choice(part.strip(), option) for part in word.split(",")}, key=str)


def fields(word: str, option: Option) -> list[Any]:
    """A comma list of field names, in order; other names of the same field become one."""
    return [choice(part.strip(), option) for part in word.split(",")]


def letters(word: str, option: Option) -> str:
    """A set of letters, such as dmon's metric groups."""
    known = option.choices or {}
    for letter in word:
        if letter not in known:
            raise ValueProblem(f"{letter!r} is none of {''.join(known)}")
    if not word:
        raise ValueProblem("no letter at all")
    return "".join(letter for letter in known if letter in word)


def devices(word: str, option: Option) -> list[str]:
    """A comma list of devices: indices, UUIDs or bus ids, as a sorted set."""
    parts = [part.strip() for part in word.split(",")]
    if not all(parts):
        raise ValueProblem(f"{word!r} is no list of devices")
    canonical = {str(int(part)) if re.fullmatch(r"\d{1,9}", part, re.ASCII) else part for part in parts}
    return sorted(canonical, key=lambda part: (not part.isdecimal(), int(part) if part.isdecimal() else 0, part))


def pair(word: str, option: Option) -> list[int]:
    """Two numbers joined by a comma, or one that stands for both (nvidia-smi's -lgc)."""
    parts = word.split(",")
    if not 1 <= len(parts) <= 2:
        raise ValueProblem(f"{word!r} is not MIN,MAX")
    low, high = (integer(parts[0], option), integer(parts[-1], option))
    if low > high:
        raise ValueProblem(f"the minimum {low} is above the maximum {high}")
    return [low, high]


def clocks(word: str, option: Option) -> list[int]:
    """Memory clock and graphics clock joined by a comma (nvidia-smi's -ac); both must be given."""
    parts = word.split(",")
    if len(parts) != 2:
        raise ValueProblem(f"{word!r} is not MEMORY,GRAPHICS")
    return [integer(part, option) for part in parts]


def csv_words(word: str, option: Option) -> list[str]:
    """A comma list of any words, in order."""
    return [part for part in word.split(",") if part]


def passed_on(word: str, option: Option) -> list[str]:
    """Options for another program: joined by commas, or by spaces inside quotes."""
    return [part for part in re.split(r"[,\s]+", word) if part]


KINDS: dict[str, Callable[[str, Option], Any]] = {
    "int": integer,
    "number": number,
    "size": size,
    "text": text,
    "path": path,
    "choice": choice,
    "words": words,
    "fields": fields,
    "letters": letters,
    "devices": devices,
    "pair": pair,
    "clocks": clocks,
    "list": csv_words,
    "passed": passed_on,
}
