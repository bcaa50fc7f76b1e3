"""The forms of Infrawise's answers as a grammar, for decoding that is held to it: the DCW's JSON, and lists of given indexes."""

from __future__ import annotations

import json
from typing import Any

from sigma.aimicius.infrawise import names
from sigma.aimicius.infrawise.dcw import DCW
from sigma.aimicius.infrawise.one import named


def _any(words: Any) -> str:
    return " | ".join(json.dumps(str(word)) for word in words)


def answer_form(kind: str, indexes: list[int]) -> str:
    """The grammar of a kind's answers to one prompt; `indexes` are those of the results in it."""
    dcw = (
        r'dcw: "{\"Design\": {\"Target\": \"" design "\", \"Baseline\": \"" design? "\"}, \"Criterion\": \"" criterion '
        r'"\", \"Workload\": \"" WORKLOAD "\"}"'
    )
    lines = [
        dcw,
        f"design: {_any(names.DESIGNS)}",
        'criterion: "default" | "peak performance" | "cost-effectiveness" | "within " LIMIT " " ("us" | "ms" | "s" | "min" | "h")',
        r"LIMIT: /[0-9]{1,7}(\.[0-9]{1,4})?/",
        r'WORKLOAD: /[^"\\\n]{1,80}/',
    ]
    one = _any(indexes)
    lines.append(f'chosen: "None" | "[" ({one}) (", " ({one}))* "]"' if indexes else 'chosen: "None"')
    start = {"dcw": "dcw", "retrieval": '"Results: "? chosen', "end-to-end": r'dcw "\n" "Results: " chosen'}[kind]
    return "\n".join((f"start: {start}", *lines))


def record_form(row: dict[str, Any], dcw: DCW) -> str:
    """The grammar of the answers about one record: each of its names, and yes or no."""
    lines = [f'{json.dumps(f"{name}: ")} ("yes" | "no")' for name in named(row, dcw)]
    return "start: " + ' "\\n" '.join(lines)
