"""The Markdown of our own texts as HTML: headings, paragraphs, tables, lists, code, links. Gradio is not there to do it.

A text that needs more than these forms is refused, not shown half read.
"""

from __future__ import annotations

import re
from html import escape
from itertools import groupby

from visualizers.page.html import Html

INLINE = re.compile(r"`([^`]+)`|\*\*(.+?)\*\*|(?<![\w*])\*([^*\s][^*]*?)\*(?![\w*])|!?\[([^\]]*)\]\(([^)\s]+)\)")
KINDS = (
    ("heading", re.compile(r"#{1,6} ")),
    ("table", re.compile(r"\|")),
    ("code", re.compile(r" {4}")),
    ("item", re.compile(r"- | {2}\S")),
)
REFUSED = re.compile(r"```|~~~|<[a-zA-Z/!]|\d+\. |> |\* |\+ |={3,}$|-{3,}$")
RULE = re.compile(r"\|(?:\s*:?-+:?\s*\|)+\s*$")


def to_html(text: str) -> Html:
    """HTML of a text; links that lead to no address on the web become plain words.

    ValueError, with the line, for a form that is not known here.
    """
    parts = []
    for kind, lines in _blocks(text):
        parts.append(BLOCKS[kind](lines))
    return Html("\n".join(parts))


def sections(text: str, level: int = 2) -> dict[str, str]:
    """Parts of a text by their headings of one level, each with its heading; what stands before the first is left out."""
    mark = "#" * level + " "
    found: dict[str, list[str]] = {}
    lines: list[str] | None = None
    for line in text.splitlines():
        if line.startswith(mark):
            lines = found.setdefault(line.removeprefix(mark).strip(), [])
        if lines is not None:
            lines.append(line)
    return {name: "\n".join(lines) for name, lines in found.items()}


def inline(text: str) -> str:
    """One line's words: code, strong, emphasis and links; everything else is escaped."""
    parts, at = [], 0
    for match in INLINE.finditer(text):
        parts.append(escape(text[at : match.start()]))
        code, strong, emphasis, words, address = match.groups()
        if code is not None:
            parts.append(f"<code>{escape(code)}</code>")
        elif strong is not None:
            parts.append(f"<strong>{inline(strong)}</strong>")
        elif emphasis is not None:
            parts.append(f"<em>{inline(emphasis)}</em>")
        elif address.startswith("https://") and not match[0].startswith("!"):
            parts.append(f'<a href="{escape(address)}" rel="noopener">{inline(words)}</a>')
        else:
            parts.append(inline(words))
        at = match.end()
    return "".join([*parts, escape(text[at:])])


def _kind(line: str) -> str:
    if not line.strip():
        return ""
    found = next((name for name, form in KINDS if form.match(line)), "paragraph")
    if found == "paragraph" and REFUSED.match(line.strip()):
        raise ValueError(f"this form of Markdown is not known here: {line[:60]!r}")
    return found


def _blocks(text: str) -> list[tuple[str, list[str]]]:
    """(kind, lines) one after the other; a heading is one line, a blank line ends every block."""
    blocks = []
    for kind, lines in groupby(text.splitlines(), _kind):
        if kind == "heading":
            blocks += [(kind, [line]) for line in lines]
        elif kind:
            blocks.append((kind, list(lines)))
    return blocks


def _heading(lines: list[str]) -> str:
    marks, words = lines[0].split(" ", 1)
    # A text's first level is the page's own: its title.
    level = min(6, max(2, len(marks)))
    return f"<h{level}>{inline(words.strip())}</h{level}>"


def _paragraph(lines: list[str]) -> str:
    return f"<p>{inline(' '.join(line.strip() for line in lines))}</p>"


def _code(lines: list[str]) -> str:
    return f"<pre><code>{escape(chr(10).join(line[4:] for line in lines))}</code></pre>"


def _items(lines: list[str]) -> str:
    items: list[str] = []
    for line in lines:
        if line.startswith("- "):
            items.append(line[2:].strip())
        elif items:
            items[-1] += " " + line.strip()
        else:
            raise ValueError(f"this line goes on with no item: {line[:60]!r}")
    return "<ul>" + "".join(f"<li>{inline(item)}</li>" for item in items) + "</ul>"


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _table(lines: list[str]) -> str:
    if len(lines) < 2 or not RULE.match(lines[1]):
        raise ValueError(f"a table needs a line of dashes below its head: {lines[0][:60]!r}")
    head, *rows = [_cells(line) for line in [lines[0], *lines[2:]]]
    if wrong := next((row for row in rows if len(row) != len(head)), None):
        raise ValueError(f"a table of {len(head)} columns has a row of {len(wrong)}: {wrong[0]!r}")
    names = "".join(f'<th scope="col">{inline(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{inline(row[0])}</th>' + "".join(f"<td>{inline(cell)}</td>" for cell in row[1:]) + "</tr>"
        for row in rows
    )
    label = escape(next((cell for cell in head if cell), "a table"))
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="Table: {label}"><table><thead><tr>{names}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


BLOCKS = {"heading": _heading, "paragraph": _paragraph, "code": _code, "item": _items, "table": _table}
