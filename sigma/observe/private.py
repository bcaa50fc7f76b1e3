"""Keeps what was asked out of the messages of errors: an error that an answer raised knows the texts of its request."""

from __future__ import annotations

from collections.abc import Sequence

SHORTEST = 12  # characters in a row of a text that count as said from it
CUT = "[text of the request]"


def mark(error: BaseException, texts: Sequence[str]) -> None:
    """Note on an error which texts its request had; `without_texts` leaves them out of what it says."""
    error.__dict__.setdefault("private_texts", ())
    error.private_texts = (*error.private_texts, *texts)


def without_texts(error: BaseException) -> str:
    """What an error says, without the pieces of its request's texts: whole short ones, and SHORTEST characters or more."""
    said = str(error)
    for text in getattr(error, "private_texts", ()):
        said = _without(said, text)
    return said


def _without(said: str, text: str) -> str:
    if len(text.strip()) < SHORTEST:
        return said.replace(text.strip(), CUT) if text.strip() else said
    kept, at = [], 0
    while at < len(said):
        length = _common(said, at, text)
        if length:
            kept.append(CUT)
            at += length
        else:
            kept.append(said[at])
            at += 1
    return "".join(kept)


def _common(said: str, at: int, text: str) -> int:
    """How many characters from `at` on are in the text in a row; 0 for fewer than SHORTEST."""
    stop = at + SHORTEST
    if stop > len(said) or said[at:stop] not in text:
        return 0
    while stop < len(said) and said[at : stop + 1] in text:
        stop += 1
    return stop - at
