"""What was measured on the long document, as HTML and to be saved. Everything is escaped here."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from html import escape

from visualizers.efficiency.document import Answered, SideFigures, place_of
from visualizers.efficiency.tables import NONE, payload, table, tag
from visualizers.shared.units import binary, digits

HEAD = [
    "question",
    "side",
    "prompt tokens",
    "reused",
    "first token",
    "decode tok/s",
    "K + V held",
    "allocated",
    "V read, last step",
]
NOTE = (
    "Reused: tokens of the prompt whose K and V the server still held, as the engine reported it. Both sides read the document "
    "once, whoever asks first; a later question reads itself. The server frees what it holds where an answer needs the memory: "
    "then reused is 0. First token: the side's own computing time for what it read and one token."
)
ENDS = {"length": " (cut at the limit)", "context": " (the context is full)"}


def answered_html(rows: Sequence[Answered]) -> str:
    """All questions of a session, newest last in the table, and the newest answers in full."""
    cells = [
        [
            str(number),
            side.name,
            f"{side.prompt_tokens:,}",
            f"{side.reused:,}",
            NONE if side.first_ms is None else f"{digits(side.first_ms / 1e3)} s",
            NONE if side.tok_s is None else digits(side.tok_s),
            binary(side.resident_bytes),
            binary(side.allocated_bytes),
            binary(side.v_read_bytes),
        ]
        for number, one in enumerate(rows, 1)
        for side in one.sides
    ]
    answers = "".join(_answer(number, one) for number, one in reversed(list(enumerate(rows, 1))))
    return (
        table(HEAD, cells, "The same document, one question after the other", "measured now")
        + f'<p class="note">{escape(NOTE)}</p>{answers}'
    )


def _answer(number: int, one: Answered) -> str:
    said = "".join(
        f'<p class="effic-answer"><b>{escape(side.name)}</b>{ENDS.get(side.finish, "")}: '
        f'<span translate="no">{escape(side.text.strip() or "(nothing)")}</span></p>'
        for side in one.sides
    )
    where = ""
    if one.sentence:
        where = f'<p class="note">The text says, at {100 * place_of(one.sentence):.0f} % of its length: “{escape(one.sentence)}”</p>'
    return f'<section class="effic-card"><h3>{number}. {escape(one.question)} {tag("measured now")}</h3>{said}{where}</section>'


def answered_payload(rows: Sequence[Answered]) -> str:
    """What the page shows and lets a visitor save."""
    flat = [{"question": one.question, **asdict(side)} for one in rows for side in one.sides]
    said = f"{len(rows)} question{'s' if len(rows) > 1 else ''} answered."
    return payload(
        answered_html(rows), "long-document", _csv(flat), json.dumps(flat, indent=1, ensure_ascii=False), said
    )


def _csv(flat: list[dict]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, ["question", *(field.name for field in fields(SideFigures))], lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: "" if value is None else value for name, value in row.items()} for row in flat)
    return out.getvalue()
