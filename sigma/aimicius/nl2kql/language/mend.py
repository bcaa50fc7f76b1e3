"""KQL that the shipped grammar refuses and Microsoft's own parser takes, put in words that the grammar has.

Tried on a query only when it was refused: tokens are renamed or replaced, their places in the text stay. Names that are
keywords (`order by count`, `d.kind`), `between (a .. b + 1h)`, a bare `serialize`, `count as n`, `parse-kv a as (...)`.
"""

from __future__ import annotations

from antlr4 import Token
from duckdb_kql._antlr.KqlLexer import KqlLexer

# Words that are never names, however they stand.
_NEVER = frozenset(
    "and or not in has contains startswith endswith matches between by on of with to asc desc nulls first last true false null "
    "let set dynamic".split()
)
_BEFORE = frozenset(
    "where by on extend project project-away project-keep project-rename project-reorder distinct summarize mv-expand , ( [ "
    "== != =~ !~ < > <= >= = + - * / % and or in let .".split()
)
_AFTER = frozenset("== != =~ !~ < > <= >= = + - * / % , ) ] | ; . .. and or in has contains asc desc by".split())


def mended(tokens: list[Token]) -> list[Token] | None:
    """The default channel's tokens in the grammar's words; None where nothing is to be mended."""
    seen = [token for token in tokens if token.channel == Token.DEFAULT_CHANNEL]
    found = _names(seen)
    found = _parse_kv(_between(_serialize(_count_as(found))))
    changed = len(found) != len(seen) or any(one is not other for one, other in zip(found, seen))
    return found if changed else None


def _made(like: Token, kind: int, text: str) -> Token:
    token = like.clone()
    token.type, token.text = kind, text
    return token


def _names(tokens: list[Token]) -> list[Token]:
    out = []
    for place, token in enumerate(tokens):
        before = tokens[place - 1].text if place else ""
        after = tokens[place + 1].text if place + 1 < len(tokens) else ""
        word = token.text
        name = (
            word.replace("_", "a").isalnum()
            and word[:1].isalpha()
            and token.type != KqlLexer.IDENTIFIER
            and word not in _NEVER
            and before in _BEFORE
            and (after in _AFTER or after == "<EOF>")
        )
        out.append(_made(token, KqlLexer.IDENTIFIER, word) if name else token)
    return out


def _serialize(tokens: list[Token]) -> list[Token]:
    """`| serialize` alone only promises an order: it goes."""
    out: list[Token] = []
    for place, token in enumerate(tokens):
        after = tokens[place + 1].text if place + 1 < len(tokens) else ""
        if token.text == "serialize" and out and out[-1].text == "|" and after in ("|", ";", ")", "<EOF>"):
            out.pop()
        else:
            out.append(token)
    return out


def _count_as(tokens: list[Token]) -> list[Token]:
    """`count as n` is `summarize n = count()`."""
    out: list[Token] = []
    place = 0
    while place < len(tokens):
        words = [token.text for token in tokens[place : place + 4]]
        if words[:3] == ["|", "count", "as"] and len(words) == 4 and words[3].isidentifier():
            bar, count, like, name = tokens[place : place + 4]
            out += [
                bar,
                _made(count, KqlLexer.SUMMARIZE, "summarize"),
                _made(name, KqlLexer.IDENTIFIER, name.text),
                _made(like, KqlLexer.EQUAL, "="),
                _made(count, KqlLexer.COUNT, "count"),
                _made(like, KqlLexer.OPENPAREN, "("),
                _made(like, KqlLexer.CLOSEPAREN, ")"),
            ]
            place += 4
        else:
            out.append(tokens[place])
            place += 1
    return out


def _parse_kv(tokens: list[Token]) -> list[Token]:
    """The grammar forgot parse-kv's `as`."""
    out: list[Token] = []
    inside = False
    for place, token in enumerate(tokens):
        inside = token.type == KqlLexer.PARSEKV or (inside and token.text != "|")
        after = tokens[place + 1].text if place + 1 < len(tokens) else ""
        if not (inside and token.type == KqlLexer.AS and after == "("):
            out.append(token)
    return out


def _between(tokens: list[Token]) -> list[Token]:
    """The upper bound of a range in brackets of its own."""
    out: list[Token] = []
    ends: list[int] = []
    depth = 0
    for token in tokens:
        depth += token.type == KqlLexer.OPENPAREN
        if token.type == KqlLexer.CLOSEPAREN:
            if ends and ends[-1] == depth:
                ends.pop()
                out.append(_made(token, KqlLexer.CLOSEPAREN, ")"))
            depth -= 1
        out.append(token)
        if token.text == ".." and depth:
            ends.append(depth)
            out.append(_made(token, KqlLexer.OPENPAREN, "("))
    return out
