"""JSON lines, the form of corpora, questions, answers and records. Text only: no tensors here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any


def json_lines(text: str, name: str) -> Iterator[tuple[str, Any]]:
    """(where, value) of every line that is not blank; where is "NAME, line 3", for what a caller finds wrong with it.

    Raises ValueError, with where, for a line that is no JSON. A line ends at a newline only: str.splitlines would also
    cut at a U+2028 inside a string.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{name}, line {number}"
        try:
            value = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise ValueError(f"{where}: not JSON: {error}") from error
        yield where, value
