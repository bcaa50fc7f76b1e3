"""The chosen results of an answer: a set of indexes, or the word None."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

_LABEL = re.compile(
    r"^[ \t#>*_-]*(?:final answer|answers?|results?|index(?:es)?|indices|matching (?:results?|indexes)|fitting results?)"
    r"[ \t*_]*[:=](.*)$",
    re.IGNORECASE | re.MULTILINE,
)
_FENCE = re.compile(r"```[a-zA-Z]*")
# For text whose white space is single spaces: a run of them would be read in many ways.
_NUMBERS = re.compile(r"\[? ?#?[0-9]{1,6}(?:(?:,? and | ?[,;&] ?| )#?[0-9]{1,6})* ?\]? ?\.?")
_LIST = re.compile(r"\[[\s0-9,\"']*\]")
_NONE = re.compile(r"\W{0,3}none\b", re.IGNORECASE)
MAX_LABELS = 1000


@dataclass(frozen=True, slots=True)
class Claim:
    """`chosen` is None where nothing can be read, and `problem` says why; the empty set is the answer None."""

    chosen: frozenset[int] | None
    problem: str = ""


def _value(text: str) -> frozenset[int] | None:
    """The set that a short text states as a whole; None if it states none."""
    text = " ".join(text.split()).strip("`*_ ")
    if not text:
        return None
    if re.fullmatch(r"[\"']?none[\"']?\W{0,2}", text, re.IGNORECASE) or re.fullmatch(r"\[ ?\]\.?", text):
        return frozenset()
    if _NUMBERS.fullmatch(text):
        return frozenset(int(number) for number in re.findall(r"[0-9]+", text))
    if text[0] == "[":
        return _json_list(text)
    return None


def _json_list(text: str) -> frozenset[int] | None:
    """A JSON list of whole numbers, of strings that are such, or of records with an index."""
    try:
        items, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return None
    if text[end:].strip(" .`\n\t\r") or not isinstance(items, list):
        return None
    chosen = set()
    for item in items:
        if isinstance(item, dict):
            item = item.get("index")
        if isinstance(item, str) and re.fullmatch(r"[0-9]{1,6}", item):
            item = int(item)
        if type(item) is not int or not 0 <= item < 1_000_000:
            return None
        chosen.add(item)
    return frozenset(chosen)


def read(text: str) -> Claim:
    """What an answer (without its DCW) chooses. Never raises.

    A line such as "Results: [2, 5]" counts first; then an answer that is nothing else; then the one list of numbers in
    prose; then an answer that begins with None. Two different statements are no answer.
    """
    text = _FENCE.sub(" ", text).strip()
    if not text:
        return Claim(None, "no indexes are given")
    labelled = [match[1] for _, match in zip(range(MAX_LABELS), _LABEL.finditer(text))]
    labelled = [line for line in labelled if line.strip(" *_`")]
    if labelled:
        sets = [_value(line) for line in labelled]
        if len({chosen for chosen in sets if chosen is not None}) > 1:
            return Claim(None, "the answer states different results in different lines")
        stated = next((chosen for chosen in sets if chosen is not None), None)
        if stated is not None:
            return Claim(stated)
    whole = _value(text)
    if whole is not None:
        return Claim(whole)
    lists = {_value(match) for match in _LIST.findall(text)} - {None}
    if len(lists) > 1:
        return Claim(None, "the answer has several different lists of indexes")
    if lists:
        chosen = lists.pop()
        if chosen and _NONE.match(text):
            return Claim(None, "the answer says None and a list of indexes")
        return Claim(chosen)
    if _NONE.match(text):
        return Claim(frozenset())
    return Claim(None, "there is neither a list of indexes nor None")
