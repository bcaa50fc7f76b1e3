"""A column's messages as the one string that the browser draws (`assets/chat/messages.js`).

Gradio's Chatbot reads every message as Markdown: indentation, tabs, `2*3*4` and `&lt;` would be shown and copied as
something else, and a fence of some languages (cpp, mermaid) would hide its code. Here a message is text all the way.
"""

from __future__ import annotations

import json

from visualizers.shared.compact_json import compact_json

MARKS = {"user": "u", "assistant": "a", "waiting": "w", "note": "n"}


def pack_messages(rows: list[dict[str, str]]) -> str:
    """A line for each message: who speaks (or that an answer is waited for, or what is to be known of one), then the text as a JSON string without its quotes.

    While an answer grows, so does this string, only at its end: Gradio then sends the new part alone.
    """
    return "\n".join(MARKS[row["role"]] + compact_json(row["content"])[1:-1] for row in rows)


def unpack_messages(packed: str) -> list[dict[str, str]]:
    """The rows again. ValueError or KeyError for what was never packed; a lone surrogate becomes a question mark."""
    roles = {mark: role for role, mark in MARKS.items()}
    rows = []
    for line in packed.split("\n") if packed else []:
        content = json.loads(f'"{line[1:]}"')
        rows.append({"role": roles[line[:1]], "content": content.encode("utf-8", "replace").decode()})
    return rows
