"""The results that an answer chooses: a set of indexes, or the word None."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

MAX_LABELS = 1000
MAX_RANGE = 100
_LABEL = re.compile(
    r"^[ \t#>*_-]*(?:final answer|answers?|results?|index(?:es)?|indices|matching (?:results?|indexes)|fitting results?)"
    r"[ \t*_]*[:=](.*)$",
    re.IGNORECASE | re.MULTILINE,
)
_FENCE = re.compile(r"```[a-zA-Z]*")
_BULLETS = re.compile(r"(?:[ \t]*(?:[-*+\u2022]|[0-9]{1,3}[.)])[ \t]+)(.*)")
_INDEXED = re.compile(
    r"(?:the |only )?(?:only |matching |fitting |suitable )?(?:results?|index(?:es)?|indices|records?|numbers?|no\.)"
    r"(?: that (?:fits?|match(?:es)?))?(?: (?:no\.?|number|index(?:es)?|indices|are|is))?:? ?",
    re.IGNORECASE,
)
_FITS = r"(?:fits?|match(?:es)?|qualif(?:y|ies)|appl(?:y|ies))"
_WHOLLY = r"(?: (?:exactly|fully|perfectly|at all|here|above|(?:the|this|your) request|(?:the|all|these) criteria))*"
_NO = (
    r"(?:(?:(?:there (?:are|is|were|was)|there['\u2019]s|(?:i|we) (?:have )?(?:found|find|see)) )?(?:no|not any|not one|zero)|"
    r"there (?:is|are|was|were)(?:n['\u2019]t| not) any)"
)
_NOTHING = re.compile(
    rf"{_NO} (?:\w+ )?(?:results?|records?|index(?:es)?|indices|match(?:es)?)(?: (?:that |which )?(?:{_FITS}|found|is found|"
    rf"are found|was found|were found|suitable|available))?|{_NO} (?:match(?:es)?|matching|fitting)|"
    r"there (?:is|are) none|nothing (?:fits|matches)|(?:the )?empty (?:list|set)|the (?:list|set) is empty",
    re.IGNORECASE,
)
# A clause that denies every result: "no results match", "none of them fits", "Results: None". Not one that leaves some
# out ("no other result"), nor one about something else ("Baseline: None"), nor one that excepts a list ("none but [2]").
_DENIAL = re.compile(
    rf"(?:(?:final answer|answers?|(?:matching |fitting )?(?:results?|index(?:es)?|indices)) ?[:=] ?none|{_NOTHING.pattern}|"
    rf"none (?:of (?:the|these|those|them)(?: (?:results?|records?|index(?:es)?|indices|entries))?(?: {_FITS})?|{_FITS}|found))"
    rf"{_WHOLLY}",
    re.IGNORECASE,
)
_OTHERS = re.compile(r"\b(?:others?|more|further|additional|remaining)\b", re.IGNORECASE)
_CLAUSES = re.compile(
    r"[.!;,\n()]+|\b(?:(?:al)?though|however|yet|so|because|since|while|and|(?:seems|think|believe|means)(?: that)?|"
    r"but(?! ?(?:results? |index(?:es)? )?\[[\s0-9,\"']*\] ?(?:$|[.!\n]|match|fit|qualif)))\b",
    re.IGNORECASE,
)
# For text whose white space is single spaces: a run of them would be read in many ways.
_ITEM = r"#?[0-9]{1,6}(?: ?(?:[-\u2010-\u2014]|to|through|\.\.) ?#?[0-9]{1,6})?"  # an index, or the first and last of a range
_NUMBERS = re.compile(
    rf"\[? ?{_ITEM}(?:(?:,? and | ?[,;&] ?| ){_ITEM})* ?\]?(?: {_FITS})?(?: only)?{_WHOLLY} ?[.!]?",
    re.IGNORECASE,
)
_COUNT = re.compile(r"[0-9]+ (?:fit|match|qualify|apply)\b", re.IGNORECASE)  # "3 match": how many, not which
_EXCEPT = re.compile(r"[0-9]|\b(?:except|besides|apart|other than)\b", re.IGNORECASE)
_LIST = re.compile(r"\[[\s0-9,\"']*\]")
_NONE = re.compile(r"\W{0,3}none\b(?! of the (?:others?|rest|remaining)\b)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Claim:
    """`chosen` is None where nothing can be read, and `problem` says why; the empty set is the answer None."""

    chosen: frozenset[int] | None
    problem: str = ""


def _value(text: str) -> frozenset[int] | None:
    """The set that a short text states as a whole; None if it states none."""
    text = re.sub("[*`]", "", " ".join(text.split())).strip("_ ")
    if not text:
        return None
    # A tuple or a set says the same as a list, a comma at its end nothing.
    if (text[0], text[-1]) in (("(", ")"), ("{", "}"), ("[", "]")):
        text = f"[{text[1:-1].rstrip(' ,')}]"
    if _NOTHING.fullmatch(text.rstrip(".! ")):
        return frozenset()
    if introduced := _INDEXED.match(text):
        text = text[introduced.end() :]
    if not text or _COUNT.match(text):  # "Results:" and nothing behind it, or "Results: 3 match"
        return None
    if re.fullmatch(r"[\"']?(?:none|null|nil|n/?a)[\"']?\W{0,2}", text, re.IGNORECASE) or re.fullmatch(
        r"\[ ?\]\.?", text
    ):
        return frozenset()
    if _NUMBERS.fullmatch(text):
        return _numbers(text)
    if text[0] == "[":
        return _json_list(text)
    return None


def _numbers(text: str) -> frozenset[int] | None:
    """The indexes of a list in words, ranges written out; None for a range that falls or is longer than any context."""
    chosen: set[int] = set()
    for item in re.findall(_ITEM, text):
        ends = [int(number) for number in re.findall(r"[0-9]+", item)]
        first, last = ends[0], ends[-1]
        if not 0 <= last - first < MAX_RANGE:
            return None
        chosen.update(range(first, last + 1))
    return frozenset(chosen)


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


def _bulleted(text: str) -> frozenset[int] | None:
    """A list with one index on every line, each behind a dash or a number; a line before it may announce it."""
    lines = [line for line in text.splitlines() if line.strip()]
    if lines and lines[0].rstrip(" *_").endswith(":"):
        lines = lines[1:]
    marked = [_BULLETS.fullmatch(line.rstrip()) for line in lines]
    if not lines or not all(marked):
        return None
    values = [_value(match[1]) for match in marked if match]
    if any(value is None or len(value) != 1 for value in values):
        return None
    return frozenset().union(*(value for value in values if value))


def _denies(text: str) -> bool:
    """Whether one of the text's clauses says that no result fits."""
    for clause in _CLAUSES.split(re.sub("[*`]", "", text)):
        clause = " ".join(clause.split()).strip("\"'->_ ")
        if _DENIAL.fullmatch(clause) and not _OTHERS.search(clause):
            return True
    return False


def read_choice(text: str) -> Claim:
    """What an answer (without its DCW) chooses. Never raises.

    A line such as "Results: [2, 5]" counts first; then an answer that is nothing else; then the one list of numbers in
    prose; then an answer that begins with None or denies every result. Two different statements are no answer, and neither is a list in an
    answer that also says that nothing fits: which half is meant cannot be told.
    """
    text = _FENCE.sub(" ", text).strip()
    if not text:
        return Claim(None, "no indexes are given")
    claim = _choice(text)
    if claim.chosen and (_NONE.match(text) or _denies(text)):
        return Claim(None, "the answer says None and a list of indexes")
    return claim


def _choice(text: str) -> Claim:
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
    whole = _bulleted(text) if whole is None else whole
    if whole is not None:
        return Claim(whole)
    lists = {_value(match) for match in _LIST.findall(text)} - {None}
    if len(lists) > 1:
        return Claim(None, "the answer has several different lists of indexes")
    if lists:
        return Claim(lists.pop())
    if _NONE.match(text) or (_denies(text) and not _EXCEPT.search(text)):
        return Claim(frozenset())
    return Claim(None, "there is neither a list of indexes nor None")
