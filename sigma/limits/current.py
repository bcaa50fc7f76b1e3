"""The limits of this process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

from sigma.limits.settings import OTHERS, PREFIX, Limits, variable

_used: Limits | None = None


def limits() -> Limits:
    """The limits of this process, read at the first call. LimitError for an environment that cannot be used."""
    global _used
    if _used is None:
        _used = Limits.read()
    return _used


def apply(given: Mapping[str, Any]) -> Limits:
    """Use these limits from here on, in child processes too: they become variables. LimitError as `Limits.read`."""
    global _used
    read = Limits.read(given)
    for name, value in given.items():
        if value is not None:
            os.environ[variable(name)] = str(value)
    _used = read
    return read


@contextmanager
def using(**given: Any) -> Iterator[Limits]:
    """Other limits within this block, in this process alone: for tests."""
    global _used
    before, chosen = _used, Limits.read({**limits().model_dump(), **given})
    _used = chosen
    try:
        yield chosen
    finally:
        _used = before


def unknown(environment: Mapping[str, str] | None = None) -> list[str]:
    """A sentence for each variable that begins like ours and is none: it was meant for something."""
    known = [*map(variable, Limits.model_fields), *OTHERS]
    said = []
    for name in sorted(os.environ if environment is None else environment):
        if name.startswith(PREFIX) and name not in known:
            near = get_close_matches(name[len(PREFIX) :], [one[len(PREFIX) :] for one in known], 1)
            said.append(
                f"{name} is no setting and changes nothing{f'; did you mean {PREFIX}{near[0]}?' if near else '.'}"
            )
    return said
