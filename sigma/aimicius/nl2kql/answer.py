"""The one query in an answer: code fences come off, and what is no query is refused with a reason."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sigma.aimicius.contract import MAX_ANSWER
from sigma.aimicius.tries import last_try

MAX_QUOTES = 400  # quotation marks; each unclosed one makes the lexer read to the end of the text again
MAX_QUERY = 10_000  # characters that are parsed; Kusto itself allows more, no question here needs a tenth of it
FENCE = re.compile(r"^[ \t]*(```+|~~~+)[^\n`]*\n(.*?)(?:^[ \t]*\1`*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
CURLY = {"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "‚": "'", "«": '"', "»": '"'}


@dataclass(frozen=True, slots=True)
class Found:
    """The query's text, what was done to get it, and why it is refused before any parser ("" if it is not)."""

    query: str
    notes: tuple[str, ...] = ()
    refusal: str = ""


def find_query(answer: str) -> Found:
    """The query in an answer, of several tries (`sigma.aimicius.tries`) in the last: the first fenced block, else all of it."""
    answer, parted = last_try(answer) if len(answer) <= MAX_ANSWER else (answer, 0)
    notes = ["of several tries the last counts"] if parted else []
    if len(answer) > MAX_ANSWER:
        notes.append(f"the answer has {len(answer):,} characters, the first {MAX_ANSWER:,} were looked at")
        answer = answer[:MAX_ANSWER]
    text = answer.replace("\r\n", "\n").replace("\r", "\n").strip().strip("\ufeff")
    blocks = FENCE.findall(text)
    if blocks:
        outside = FENCE.sub("", text).strip()
        text = blocks[0][1].strip()
        notes.append("taken out of its code fence")
        if len(blocks) > 1:
            notes.append(f"the first of {len(blocks)} code blocks")
        if outside:
            notes.append("text outside the fence was left out")
    elif len(text) > 2 and text[0] == text[-1] == "`" and "`" not in text[1:-1]:
        text = text[1:-1].strip()
        notes.append("taken out of its back-quotes")
    return Found(text, tuple(notes), _refusal(text))


def _refusal(text: str) -> str:
    code = re.sub(r"^\s*//[^\n]*$", "", text, flags=re.MULTILINE).strip()
    if not code:
        return "there is no query in the answer" if not text else "there are only comments in the answer"
    if code.startswith("."):
        word = " ".join(code.split()[:2])[:60]
        return f"a control command ({word} ...), not a query: it would administer the database, and it is never run"
    if len(text) > MAX_QUERY:
        return f"the query has {len(text):,} characters; more than {MAX_QUERY:,} are not parsed"
    if (quotes := sum(map(text.count, "'\"`"))) > MAX_QUOTES:
        return f"the query has {quotes:,} quotation marks; more than {MAX_QUOTES:,} are not parsed"
    if "\0" in text:
        return "the answer holds a NUL character; that is no text"
    return ""


def curly_quotes(text: str) -> list[tuple[int, str, str]]:
    """Position, the typographic quote there, and the one that KQL wants."""
    return [(i, char, CURLY[char]) for i, char in enumerate(text) if char in CURLY]
