"""The number of a request: in every log line that it causes, and in the message that its visitor gets.

A visitor's turn is a generator that the server advances in whatever thread is free, each time in a fresh context: what a
step sets there the next one does not find. So `bound` sets the number around every step.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Item = TypeVar("Item")

_current: ContextVar[str | None] = ContextVar("request", default=None)


def new_number() -> str:
    """A number that no other request has: "req_" and twelve hexadecimal digits."""
    return f"req_{uuid.uuid4().hex[:12]}"


def current() -> str | None:
    """The number of the request that this code runs for; None outside of any."""
    return _current.get()


def logged(log: logging.Logger, words: str, *arguments: object) -> str:
    """Log the error that is being handled, under the current number or a new one; the number, to be told to the visitor."""
    with numbered(number := current() or new_number()):
        log.exception(words, *arguments)
    return number


def assign(number: str) -> None:
    """The number of what runs in this context from here on: for a task of the server, which serves one request."""
    _current.set(number)


@contextmanager
def numbered(number: str | None) -> Iterator[None]:
    """The number within this block. Not by a token: a generator may leave the block in another context than it came."""
    before = _current.get()
    _current.set(number)
    try:
        yield
    finally:
        _current.set(before)


def bound(number: str | None, steps: Iterator[Item]) -> Generator[Item, None, None]:
    """The same items, each made under this number; closed with this generator, if it can be."""
    try:
        while True:
            with numbered(number):
                try:
                    item = next(steps)
                except StopIteration:
                    return
            yield item
    finally:
        if (close := getattr(steps, "close", None)) is not None:
            with numbered(number):
                close()
