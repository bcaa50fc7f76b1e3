"""JSON that may stand in a page: one compact string in which no token looks like a tag."""

from __future__ import annotations

import json
from typing import Any


def compact_json(value: Any) -> str:
    """The value as JSON without spaces, every "<" escaped; ValueError for nan and infinity, which no browser reads.

    "<" only occurs inside JSON strings. Escaped, text stays text wherever the string is put, in a script element too.
    """
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c")
