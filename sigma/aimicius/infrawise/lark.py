"""The forms of Infrawise's answers as a grammar, for decoding that is held to it: the DCW's JSON, and lists of given indexes."""

from __future__ import annotations

import json
from typing import Any

from sigma.aimicius.infrawise import names


def _any(words: Any) -> str:
    return " | ".join(json.dumps(str(word)) for word in words)


def answer_form(kind: str, indexes: list[int]) -> str:
    """The grammar of a kind's answers; `indexes` are those of the results in the prompt.

    Before a choice each result may have its line, "2 A100 NDv4: HBM bandwidth yes", as the judge reads them.
    """
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
        numbers = "|".join(map(str, indexes))
        lines += ["notes: NOTE*", rf"NOTE: /({numbers}) [^\n\[\]]{{1,150}} (yes|no)\n/"]
    else:
        lines.append('chosen: "None"')
    notes = "notes " if indexes else ""
    start = {
        "dcw": "dcw",
        "retrieval": f'chosen | {notes}"Results: " chosen',
        "end-to-end": rf'dcw "\n" {notes}"Results: " chosen',
    }[kind]
    return "\n".join((f"start: {start}", *lines))
