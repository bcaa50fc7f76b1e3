"""KQL that the shipped grammar refuses and Microsoft's own parser takes, put in words that the grammar has.

Tried on a query only when it was refused: tokens are renamed or replaced, their places in the text stay. Names that are
keywords (`order by count`, `d.kind`; see keywords.py), `between (a .. b + 1h)`, a bare `serialize`, `count as n`,
`parse-kv a as (...)`.
"""

from __future__ import annotations

from antlr4 import Token
from duckdb_kql._antlr.KqlLexer import KqlLexer

from sigma.aimicius.nl2kql.language.keywords import PLAIN, is_name


def mended(tokens: list[Token]) -> list[Token] | None:
    """The default channel's tokens in the grammar's words; None where nothing is to be mended."""
    seen = [token for token in tokens if token.channel == Token.DEFAULT_CHANNEL]
    found = _parse_kv(_between(_serialize(_names(_count_as(seen)))))
    changed = len(found) != len(seen) or any(one is not other for one, other in zip(found, seen))
    return found if changed else None


def _made(like: Token, kind: int, text: str) -> Token:
    token = like.clone()
    token.type, token.text = kind, text
    return token


def _names(tokens: list[Token]) -> list[Token]:
    words = [token.text for token in tokens]
    return [
        _made(token, KqlLexer.IDENTIFIER, token.text) if is_name(words, place) else token
        for place, token in enumerate(tokens)
    ]


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


def _is_plain(token: Token) -> bool:
    return token.type == KqlLexer.IDENTIFIER or token.text in PLAIN


def _count_as(tokens: list[Token]) -> list[Token]:
    """`count as n` is `summarize n = count()`."""
    out: list[Token] = []
    place = 0
    while place < len(tokens):
        words = [token.text for token in tokens[place : place + 4]]
        if words[:3] == ["|", "count", "as"] and len(words) == 4 and _is_plain(tokens[place + 3]):
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
