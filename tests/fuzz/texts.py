"""Strategies for text: right answers that were edited, words of the language in any order, deep nests, and any text at all."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hypothesis import strategies as st

# Lone surrogates, controls and bidirectional marks too: a JSON body can bring every one of them.
ANY_CHARACTER = st.characters(codec=None)
ANY_TEXT = st.text(ANY_CHARACTER, max_size=80)
ODD = (
    "", " ", "\n", "\r\n", "\t", "\0", "\x1b[2J", "\x85", "\xa0", "\u2028", "\ud800", "\udc00", "\u202e", "\u200b", "\ufeff", "\U0001f642",
    "e\u0301", "\u0663", "\uff11", "`", "```", "~~~", "'", '"', "\\", "{", "}", "[", "]", "(", ")", "<", ">", "|", ";", "&&", "$(id)", "#", "//",
    "/*", "--", "-1", "0", "1e999", "99999999999999999999", "NaN", "Infinity", "None", "null", "%s", "{0}", "<script>", "&lt;", "=", ",", ":", ".",
)  # fmt: skip
LONG = (1, 2, 3, 7, 60, 61, 400, 3000)


def changed(text: str, edits: Sequence[tuple[float, int, str | None]]) -> str:
    """The text with (where from 0 to 1, characters to take away, what to put there; None doubles what was there)."""
    for where, length, put in edits:
        at = math.floor(where * len(text))
        end = min(len(text), at + length)
        text = text[:at] + (text[at:end] * 2 if put is None else put) + text[end:]
    return text


def edited(examples: Sequence[str], pieces: Sequence[str]) -> st.SearchStrategy[str]:
    """One of the examples after up to five edits, with the language's own pieces and odd ones."""
    put = st.one_of(
        st.sampled_from((*pieces, *ODD)), st.none(), st.integers(-2, 10**6).map(str), st.text(ANY_CHARACTER, max_size=3)
    )
    edit = st.tuples(st.floats(0, 1), st.integers(0, 14), put)
    return st.builds(changed, st.sampled_from(list(examples)), st.lists(edit, max_size=5))


def soup(pieces: Sequence[str], most: int = 30) -> st.SearchStrategy[str]:
    """Words of the language in any order, apart or glued."""
    words = st.lists(st.sampled_from((*pieces, *ODD[:12])), max_size=most)
    return st.builds(lambda glue, found: glue.join(found), st.sampled_from((" ", "", "\n", ", ")), words)


def nested(pieces: Sequence[str]) -> st.SearchStrategy[str]:
    """A piece many times over, perhaps closed again by another."""
    piece = st.sampled_from((*pieces, *ODD))
    return st.builds(
        lambda a, n, middle, b, m: a * n + middle + b * m,
        piece, st.sampled_from(LONG), st.sampled_from(tuple(pieces)), piece, st.sampled_from((0, *LONG)),
    )  # fmt: skip


def language(examples: Sequence[str], pieces: Sequence[str], near: int = 3) -> st.SearchStrategy[str]:
    """All of the above; edited examples `near` times as often as each other, since they come furthest into a parser."""
    return st.one_of(*[edited(examples, pieces)] * near, soup(pieces), nested(pieces), ANY_TEXT)
