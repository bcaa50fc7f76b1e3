"""The default parser: the one that ANTLR generates from Microsoft's own Kql.g4, as the package duckdb-kql ships it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from antlr4 import CommonTokenStream, InputStream, Token
from antlr4.error.ErrorListener import ErrorListener
from antlr4.ListTokenSource import ListTokenSource
from duckdb_kql._antlr.KqlLexer import KqlLexer
from duckdb_kql._antlr.KqlParser import KqlParser

from sigma.aimicius.nl2kql.answer import CURLY
from sigma.aimicius.nl2kql.language.mend import mended

MAX_DIAGNOSTICS = 20
MAX_DEPTH = 60  # brackets within brackets
PARSE_S = 3.0  # of the thread's processor time
NAME = "Kql.g4 (ANTLR, in duckdb-kql)"

_lock = threading.Lock()  # ANTLR's Python runtime shares its growing tables between parsers
_OPEN = {KqlLexer.OPENPAREN, KqlLexer.OPENBRACKET, KqlLexer.OPENBRACE}
_CLOSE = {KqlLexer.CLOSEPAREN, KqlLexer.CLOSEBRACKET, KqlLexer.CLOSEBRACE}


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One complaint about `length` characters from `start`. `kind`: "syntax", or "schema" (a name that is not there)."""

    start: int
    length: int
    message: str
    kind: str = "syntax"


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a parser made of a query. `tree` is ANTLR's `top` context, None where it was not built."""

    text: str
    diagnostics: tuple[Diagnostic, ...]
    tree: Any
    tokens: frozenset[str]

    @property
    def ok(self) -> bool:
        """Whether the text is KQL."""
        return not self.diagnostics


class _TooSlow(Exception):
    """The parser took too long."""


class _Listener(ErrorListener):
    def __init__(self, text: str):
        self.found: list[Diagnostic] = []
        self._text = text
        self._lines = [0]
        for i, char in enumerate(text):
            if char == "\n":
                self._lines.append(i + 1)

    def syntaxError(self, recognizer: Any, offendingSymbol: Any, line: int, column: int, msg: str, e: Any) -> None:
        start = self._lines[min(line, len(self._lines)) - 1] + column
        length = 1
        if offendingSymbol is not None and offendingSymbol.stop >= offendingSymbol.start:
            length = offendingSymbol.stop - offendingSymbol.start + 1
        start = min(start, len(self._text))
        if self._text[start : start + 1] == "|" and "<EOF>" in msg:
            # The grammar ends the pipe before an operator that it cannot read, so it points at the bar.
            length = len(self._text[start + 1 :].partition("|")[0]) + 1
            msg = "what follows this | is no operator, or is wrong or unfinished inside"
        self.found.append(Diagnostic(start, min(length, max(1, len(self._text) - start)), self._plain(start, msg)))

    def _plain(self, start: int, message: str) -> str:
        char = self._text[start : start + 1]
        if char in CURLY:
            return f"{char} is a typographic quote; KQL wants {CURLY[char]}"
        if message.startswith("token recognition error"):
            return f"{char!r} cannot stand here" if char not in ('"', "'") else "this string has no end"
        head, expecting, rest = message.partition(" expecting ")
        if expecting and rest.count("', ") + rest.count(", '") > 8:
            return head  # the list would name half the language
        return head + expecting + rest


class _Stream(CommonTokenStream):
    """Tokens until the deadline: prediction asks for tokens all the time, so this is where a runaway parse ends."""

    wall = cpu = float("inf")

    def start_clock(self) -> None:
        """From now on the parser has PARSE_S."""
        self.wall, self.cpu = time.monotonic() + PARSE_S, time.thread_time() + PARSE_S

    def LA(self, i: int) -> int:
        # The thread's own time decides, since a busy machine is not the query's fault; wall time is cheaper to ask.
        if time.monotonic() > self.wall and time.thread_time() > self.cpu:
            raise _TooSlow
        return super().LA(i)


def parse(text: str) -> Parsed:
    """Tokens, tree and diagnostics of a text; never raises for anything it holds.

    About 3 ms for a query of 200 characters once the parser's tables are warm (`warm`).
    """
    with _lock:
        return _parse(text)


def tokens_of(text: str) -> frozenset[str]:
    """The set of the Kusto lexer's tokens, for the Jaccard similarity; see `_spelling` for what counts as equal."""
    with _lock:
        listener = _Listener(text)
        return _token_set(_lex(text, listener), text, listener)


@lru_cache(maxsize=1)
def warm() -> None:
    """Parse a few queries once: ANTLR builds its prediction tables as it meets the constructs of the language."""
    for query in _WARM:
        parse(query)


def _lex(text: str, listener: _Listener) -> _Stream:
    lexer = KqlLexer(InputStream(text))
    lexer.removeErrorListeners()
    lexer.addErrorListener(listener)
    stream = _Stream(lexer)
    stream.fill()
    return stream


def _parse(text: str) -> Parsed:
    listener = _Listener(text)
    stream = _lex(text, listener)
    tokens = _token_set(stream, text, listener)
    tree = None
    deep = _too_deep(stream.tokens)
    if deep is not None:
        listener.found.append(Diagnostic(deep, 1, f"brackets are nested more than {MAX_DEPTH} deep"))
    else:
        before = len(listener.found)
        try:
            tree = _tree(stream, listener)
            if len(listener.found) > before == 0 and (words := mended(stream.tokens)) is not None:
                second = _Listener(text)
                other = _tree(_Stream(ListTokenSource(words)), second)
                if not second.found:
                    tree, listener = other, second
            if not listener.found:
                listener.found += [_without_keys(token) for token in _bare_on(stream.tokens)]
        except _TooSlow:
            listener.found.append(Diagnostic(0, len(text), f"the parser was stopped after {PARSE_S:g} s"))
        except RecursionError:
            listener.found.append(Diagnostic(0, len(text), "the query is nested too deeply for the parser"))
    return Parsed(text, tuple(listener.found[:MAX_DIAGNOSTICS]), tree, tokens)


def _bare_on(tokens: list[Token]) -> list[Token]:
    """Each `on` of a join or lookup that no key follows: the grammar takes it, Kusto does not."""
    seen = [token for token in tokens if token.channel == Token.DEFAULT_CHANNEL]
    ends = {KqlLexer.BAR, KqlLexer.CLOSEPAREN, KqlLexer.SEMICOLON, KqlLexer.CLOSEBRACE, Token.EOF}
    found, joins = [], [False]  # whether a join is being read, bracket by bracket
    for before, token, after in zip([None, *seen], seen, seen[1:]):
        if token.type == KqlLexer.OPENPAREN:
            joins.append(False)
        elif token.type == KqlLexer.CLOSEPAREN:
            joins = joins[:-1] or [False]
        elif before is not None and before.type == KqlLexer.BAR:
            joins[-1] = token.type in (KqlLexer.JOIN, KqlLexer.LOOKUP)
        elif token.type == KqlLexer.ON and joins[-1] and after.type in ends and before.type != KqlLexer.ON:
            found.append(token)
    return found


def _without_keys(token: Token) -> Diagnostic:
    return Diagnostic(token.start, 2, "`on` names no column")


def _tree(stream: _Stream, listener: _Listener) -> Any:
    parser = KqlParser(stream)
    parser.removeErrorListeners()
    parser.addErrorListener(listener)
    stream.start_clock()
    return parser.top()


def _too_deep(tokens: list[Token]) -> int | None:
    depth = 0
    for token in tokens:
        if token.type in _OPEN:
            depth += 1
            if depth > MAX_DEPTH:
                return token.start
        elif token.type in _CLOSE:
            depth = max(0, depth - 1)
    return None


def _token_set(stream: _Stream, text: str, listener: _Listener) -> frozenset[str]:
    """Distinct tokens; a character that is no token counts as one of its own, so that junk is not free."""
    junk = {text[found.start : found.start + 1] for found in listener.found}
    spelled = {_spelling(token) for token in stream.tokens if token.channel == Token.DEFAULT_CHANNEL}
    return frozenset((spelled | junk) - {"", "<EOF>"})


def _spelling(token: Token) -> str:
    """Case matters in KQL, the kind of quote around a string does not."""
    text = token.text
    if token.type == KqlLexer.STRINGLITERAL and len(text) > 1 and text[0] == "'" == text[-1] and '"' not in text:
        return f'"{text[1:-1]}"'
    return text


_C = 'cluster("a").database("b").T'
_WARM = (
    "T | take 1",
    f'{_C} | where A > ago(1d) | where B startswith "x" and C endswith "y" or D in (1, 2) | distinct A, B',
    f'{_C} | where A between (ago(2d) .. ago(1h)) and B !in ("x") and C has_any ("a", "b") | summarize count() by B',
    f"{_C} | summarize N = count(), avg(X), percentile(X, 95), dcount(Y) by bin(A, 1h), B | top 5 by N desc",
    f"{_C} | summarize arg_max(A, *) by B | project A, C = B, D = strcat(B, 'x') | sort by A asc, B desc",
    f"{_C} | join kind=inner (cluster('a').database('b').U | where X == 79) on B, $left.C == $right.D | count",
    f"let t = 5; let f = (x: long) {{ x + t }}; {_C} | extend E = iff(A > t, 1.5, 2.0) | where not(E < -1) | project-away E",
    f"union {_C}, (U | where A =~ 'x') | where B !contains 'x' and isnotempty(C) | order by A | limit 10 | render timechart",
    "T | mv-expand A | parse B with * 'x' C:long 'y' | extend D = A.b[0] | where tostring(D) matches regex 'x' | count",
    "T | where A == datetime(2024-01-01) and B == dynamic([1, 2]) | make-series n = count() on A step 1h | where toscalar(U | count) > 1",
    "T |",
    "I am sorry, this is no query.",
)
