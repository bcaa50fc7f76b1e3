"""The forms of Infrawise's answers as a grammar, for decoding that is held to it: the DCW's JSON, and lists of given indexes."""

from __future__ import annotations

import json
from typing import Any

from sigma.aimicius.infrawise import names


def _any(words: Any) -> str:
    return " | ".join(json.dumps(str(word)) for word in words)


def answer_form(kind: str, indexes: list[int]) -> str:
    """The grammar of a kind's answers; `indexes` are those of the results in the prompt."""
    dcw = (
        r'dcw: "{\"Design\": {\"Target\": \"" design "\", \"Baseline\": \"" design? "\"}, \"Criterion\": \"" criterion '
        r'"\", \"Workload\": \"" WORKLOAD "\"}"'
    )
    lines = [
        dcw,
        f"design: {_any(names.DESIGNS)}",
        'criterion: "default" | "peak performance" | "cost-effectiveness" | "within " LIMIT " " ("us" | "ms" | "s")',
        r"LIMIT: /[0-9]{1,7}(\.[0-9]{1,4})?/",
        r'WORKLOAD: /[^"\\\n]{1,80}/',
    ]
    if indexes:
        one = _any(indexes)
        lines.append(f'chosen: "None" | "[" ({one}) (", " ({one}))* "]"')
    else:
        lines.append('chosen: "None"')
    start = {"dcw": "dcw", "retrieval": "chosen", "end-to-end": r'dcw "\nResults: " chosen'}[kind]
    return "\n".join((f"start: {start}", *lines))
