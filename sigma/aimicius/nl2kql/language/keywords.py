"""Keywords that are names: which words Microsoft's parser takes as names where the shipped grammar knows only a keyword, and where.

Found by asking Microsoft's parser (@kusto/language-service-next 12.4.1) about each of the grammar's 227 words at 66 places.
"""

from __future__ import annotations

# The 27 words that the grammar takes as a name nowhere.
KEYWORDS = frozenset(
    "anomalycolumns consume count distinct entity_group extend filter getschema join kind limit mvapply mvexpand order "
    "panels parse regex scan serialize sort summarize table take top with_node_id with_source withsource".split()
)
# Of them, those that name a parameter in front of `=`, and cannot be declared.
_PARAMETERS = frozenset({"kind", "with_source", "withsource"})
# Words that are keywords in the grammar and ordinary identifiers in Microsoft's parser: `count as list`.
PLAIN = frozenset(
    "aggregations all anomalycolumns axes base cluster delta execute hidden hot hotdata hotindex into legend linear list log "
    "map none panels plugin replace series stacked stacked100 table threshold unstacked visible xaxis xcolumn xmax xmin "
    "xtitle yaxis ycolumns ymax ymin ysplit ytitle".split()
)
# Operators that may stand alone: `fork (count) (getschema)`.
_ALONE = frozenset({"consume", "count", "getschema", "serialize"})
_SIGNS = frozenset("== != =~ !~ < > <= >= <> + - * / % .. and or".split())
_STRINGS = frozenset(
    f"{sign}{word}{case}"
    for word in "contains startswith endswith has hasprefix hassuffix in".split()
    for sign in ("", "!")
    for case in ("", "_cs", "~")
) | {"between", "!between", "has_any", "has_all", "matches regex", "like", "notlike", "notcontains"}
# Behind these stands an operand or a name, never an operator of the pipe.
_BEFORE = (
    _SIGNS
    | _STRINGS
    | frozenset(
        "where filter by on of as extend project project-away project-keep project-rename project-reorder distinct summarize "
        "mv-expand mvexpand mv-apply mvapply parse parse-where parse-kv print serialize make-series union join lookup range find "
        "search take limit top sample evaluate invoke let set step from to default with , [ = .".split()
    )
)
# Behind an operand at the start of a bracket or of a statement stands one of these, behind an operator's name none.
_AFTER = _SIGNS | _STRINGS | frozenset("| , ) ] ; . [ = : <EOF>".split()) | {""}
_STARTS = frozenset(("", ";", "(", "{"))


def is_name(words: list[str], place: int) -> bool:
    """Whether the word at that place, a keyword of the grammar, can only be a name there. `words`: the query's tokens."""
    word, before, after = words[place], _at(words, place - 1), _at(words, place + 1)
    if word not in KEYWORDS or before == "|":
        return False
    if word in _PARAMETERS and _declares(before, after):
        return False
    if word == "regex" and words[place - 2 : place] == ["kind", "="]:
        return False
    if word == "count" and after == "(" and _at(words, place + 2) == ")":
        return False
    if word == "table" and after == "(":  # a bare table('x') has no place in the grammar
        return before in _STARTS or before in _BEFORE
    if word == "limit" and before in ("mv-expand", "mvexpand", "mv-apply", "mvapply"):
        return False
    if _in_render(words, place):
        return before in ("=", ",") and after != "="
    if before in _STARTS:
        return _starts_with_name(words, place)
    return before in _BEFORE or _behind_pattern(words, place)


def _at(words: list[str], place: int) -> str:
    return words[place] if 0 <= place < len(words) else ""


def _declares(before: str, after: str) -> bool:
    return after in ("=", ":", "(") or before in ("let", "as", "project-away", "project-keep", "project-reorder")


def _in_render(words: list[str], place: int) -> bool:
    """Whether the word belongs to a `render`, whose property names are keywords too (`with (kind=stacked)`)."""
    for at in range(place - 1, -1, -1):
        if words[at] in ("|", ";"):
            return words[at + 1] == "render"
    return False


def _starts_with_name(words: list[str], place: int) -> bool:
    """At the start of a statement or of a bracket an operator could stand too: what follows decides."""
    word, after = words[place], _at(words, place + 1)
    if after == "*" and _at(words, place + 2) in ("|", ")", ";", "", "<EOF>"):  # distinct *
        return False
    if word in _ALONE and after in ("|", ")") and _opens_pipe(words, place - 1):
        return False
    return after in _AFTER


def _opens_pipe(words: list[str], place: int) -> bool:
    """Whether the bracket at `place` holds operators: fork (...) (...), mv-apply ... on (...), partition by x (...)."""
    before = _at(words, place - 1)
    if _at(words, place) != "(" or before in ("fork", "on", ")", "=") or _at(words, place - 2) == "by":
        return _at(words, place) == "("
    return False


def _behind_pattern(words: list[str], place: int) -> bool:
    """`parse a with * 'text' count:long`: a column behind a piece of text."""
    if _at(words, place - 1)[:1] not in ('"', "'"):
        return False
    for at in range(place - 1, -1, -1):
        if words[at] in ("|", ";"):
            return words[at + 1] in ("parse", "parse-where")
    return False
