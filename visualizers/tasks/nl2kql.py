"""Parts of an NL2KQL verdict: the query with what its parser underlines, the names it refers to, the rows it returns.

Pure functions from `Part.view` (see `sigma.aimicius.nl2kql.judge`) to HTML in which every text is escaped.
"""

from __future__ import annotations

from html import escape
from typing import Any

WORDS = {"clusters": "Cluster", "databases": "Database", "tables": "Table", "columns": "Column"}
CHIPS = (
    ("found", "✓", "in the truth too"),
    ("missed", "✗", "in the truth, not in the query"),
    ("extra", "+", "not in the truth"),
)
MAX_CHIPS = 40
MAX_MARKS = 20


def draw(view: dict[str, Any]) -> str:
    """HTML of a view of kind "nl2kql.query", ".references" or ".result"; "" for another kind."""
    kind = view.get("kind")
    if kind == "nl2kql.query":
        return _query(str(view.get("text", "")), list(view.get("diagnostics") or []))
    if kind == "nl2kql.references":
        return _references(list(view.get("parts") or []), bool(view.get("truth")))
    if kind == "nl2kql.result":
        return _table(view)
    return ""


def _query(text: str, diagnostics: list[dict[str, Any]]) -> str:
    """The query; each complaint has a number at its place and a line below."""
    marks = []
    for number, each in enumerate(diagnostics[:MAX_MARKS], 1):
        start = min(max(0, int(each["start"])), len(text))
        marks.append((start, min(len(text), start + max(1, int(each["length"]))), number, each))
    html, at = [], 0
    for start, stop, number, each in sorted(marks, key=lambda mark: mark[:3]):
        if start < at:  # inside another complaint's place: only the line below names it
            continue
        kind = "schema" if each.get("kind") == "schema" else "syntax"
        shown = escape(text[start:stop]) if stop > start else '<span class="kq-end">end</span>'
        html.append(f'{escape(text[at:start])}<mark data-kind="{kind}">{shown}<sup>{number}</sup></mark>')
        at = max(stop, start)
    html.append(escape(text[at:]))
    lines = "".join(_complaint(text, each) for _, _, _, each in marks)
    rest = len(diagnostics) - len(marks)
    more = f'<p class="kq-note">and {rest} more</p>' if rest > 0 else ""
    said = f'<ol class="kq-said">{lines}</ol>{more}' if lines else ""
    return f'<pre class="kq-query" tabindex="0" aria-label="Query">{"".join(html)}</pre>{said}'


def _complaint(text: str, each: dict[str, Any]) -> str:
    start = min(max(0, int(each["start"])), len(text))
    line = text.count("\n", 0, start) + 1
    column = start - (text.rfind("\n", 0, start) + 1) + 1
    kind = "schema" if each.get("kind") == "schema" else "syntax"
    return (
        f'<li data-kind="{kind}"><b>{kind}</b> {escape(str(each.get("message", "")))} '
        f"<i>line {line}, character {column}</i></li>"
    )


def _references(parts: list[dict[str, Any]], truth: bool) -> str:
    rows = []
    for part in parts:
        chips = []
        for state, sign, word in CHIPS:
            names = list(part.get(state) or [])
            if not truth and state == "extra":
                state, sign, word = "named", "•", "named by the query"
            chips += [_chip(str(name), state, sign, word) for name in names[:MAX_CHIPS]]
            if len(names) > MAX_CHIPS:
                chips.append(f'<span class="kq-note">and {len(names) - MAX_CHIPS} more</span>')
        name = WORDS.get(str(part.get("name")), str(part.get("name")))
        rows.append(f"<div><dt>{escape(name)}</dt><dd>{''.join(chips) or '<i>none</i>'}</dd></div>")
    key = " ".join(f"{sign} {word}" + (";" if state != "extra" else "") for state, sign, word in CHIPS)
    return f'<dl class="kq-names">{"".join(rows)}</dl>' + (f'<p class="kq-note">{key}</p>' if truth else "")


def _chip(name: str, state: str, sign: str, word: str) -> str:
    label = escape(name if len(name) <= 120 else name[:119] + "…")
    return (
        f'<span class="kq-chip" data-state="{state}" title="{escape(word)}"><span aria-hidden="true">{sign}</span> {label}'
        f'<span class="sr"> ({escape(word)})</span></span>'
    )


def _table(view: dict[str, Any]) -> str:
    columns, rows = list(view.get("columns") or []), list(view.get("rows") or [])
    if not rows:
        names = ", ".join(escape(str(name)) for name in columns)
        return f'<p class="kq-note">No rows. Columns: {names}</p>'
    numbers = [
        all(isinstance(row[i], (int, float)) and not isinstance(row[i], bool) for row in rows if row[i] is not None)
        for i in range(len(columns))
    ]
    head = "".join(f'<th scope="col"{_number(numbers[i])}>{escape(str(name))}</th>' for i, name in enumerate(columns))
    body = "".join(
        f"<tr>{''.join(f'<td{_number(numbers[i])}>{_cell(cell)}</td>' for i, cell in enumerate(row))}</tr>"
        for row in rows
    )
    total = int(view.get("total", len(rows)))
    count = f"more than {total:,}" if view.get("more") else f"{total:,}"
    shown = (
        f"{len(rows):,} of {count} rows"
        if view.get("more") or total > len(rows)
        else f"{total:,} row{'s' * (total != 1)}"
    )
    whose = "The truth's result" if view.get("whose") == "truth" else "The query's result"
    return (
        f'<div class="kq-table" tabindex="0" role="region" aria-label="{whose}"><table><caption>{whose}: {shown}; made-up data, '
        f"not a metric of the paper</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _number(yes: bool) -> str:
    return ' class="kq-number"' if yes else ""


def _cell(value: Any) -> str:
    if value is None:
        return "<i>null</i>"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return escape(f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}")
    return escape(str(value))
