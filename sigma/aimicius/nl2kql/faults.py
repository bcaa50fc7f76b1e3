"""What is wrong with a query as far as the question and the schema tell: the parser does not take it, it names what is not
there, it leaves out a value of the question, or it has one that nobody asked for.

Nothing here knows a truth: faults are a reason to try again, and to prefer a try that has fewer, not a verdict.
"""

from __future__ import annotations

import re

from sigma.aimicius.nl2kql.answer import find_query
from sigma.aimicius.nl2kql.language import parse, references
from sigma.aimicius.nl2kql.schema import Schema

MOST_CHARACTERS = 4000  # of a question that are looked at
_VALUE = re.compile(r"[A-Za-z0-9_.%-]{0,80}[0-9][A-Za-z0-9_.-]{0,80}")  # ocr-train-3, 560.35.03, 12, 8h
_NUMBER = re.compile(r"(?<![\w.])[Pp]?([0-9]{1,12}(?:\.[0-9]{1,6})?)(?:h|d|m|s|min|ms|x|%|th|st|nd|rd)?(?![\w.])")
_NAME = re.compile(r"(?:cluster|database)\s*\(\s*(?:\"[^\"]*\"|'[^']*')\s*\)")
_LITERAL = re.compile(r"\"([^\"\n]{1,200})\"|'([^'\n]{1,200})'")
_DATE = re.compile(r"datetime\s*\(([^)\n]{1,40})\)")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_ALWAYS = frozenset((0, 1, 7, 24, 30, 60, 100))  # numbers that stand for words: a day, a week, percent
_WORDS = {
    word: number for number, word in enumerate("two three four five six seven eight nine ten eleven twelve".split(), 2)
} | {"both": 2, "twice": 2, "dozen": 12, "twenty": 20, "fifty": 50, "hundred": 100}


def values(question: str) -> list[str]:
    """Numbers, and names with a digit, that a question gives."""
    found = []
    for word in _VALUE.findall(question):
        number = _NUMBER.fullmatch(word.strip(".-"))
        found.append(number[1] if number else word.strip(".-"))
    return list(dict.fromkeys(found))


def faults(question: str, answer: str, schema: Schema) -> list[str]:
    """What is wrong, in words for people; [] for nothing. Never raises for anything in an answer."""
    question, found = question[:MOST_CHARACTERS], find_query(answer)
    if found.refusal:
        return ["is no query"] * 4  # worse than any fault of one
    parsed = parse.parse(found.query)
    if not parsed.ok:
        return [f"is not taken: {parsed.diagnostics[0].message[:80]}"] * 3
    wrong = [each.message[:80] for each in references.read(parsed, schema).diagnostics[:3]]
    plain = _DATE.sub(
        lambda date: " ".join(str(int(n)) for n in re.findall("[0-9]+", date[1])), _NAME.sub(" ", found.query)
    )
    wrong += [f"leaves out {value}" for value in values(question) if not _says(plain, value)]
    literals = [one or other for one, other in _LITERAL.findall(plain)]
    wrong += [f"has {text[:40]}, which is not asked about" for text in literals if not _names(question, text)]
    numbers = _NUMBER.findall(_LITERAL.sub(" ", _DATE.sub(" ", _NAME.sub(" ", found.query))))
    given = {_WORDS[word] for word in re.findall("[a-z]+", question.casefold()) if word in _WORDS} | _ALWAYS
    return wrong + [
        f"has {n}, which is not asked for" for n in numbers if float(n) not in given and not _says(question, n)
    ]


def _names(question: str, literal: str) -> bool:
    """Whether a question has a text, or all the words that it is put together from: LeakDetected, "detected a leak"."""
    question = question.casefold()
    words = _CAMEL.findall(literal)
    return literal.casefold() in question or (bool(words) and all(word.casefold() in question for word in words))


def _says(text: str, value: str) -> bool:
    return (
        re.search(rf"(?:(?<![A-Za-z0-9.])|(?<=\bp)){re.escape(value)}(?![0-9]|\.[0-9])", text, re.IGNORECASE)
        is not None
    )
