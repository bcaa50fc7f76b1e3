"""Parts of an Infrawise verdict: the DCW as cards, the results with what was chosen marked, and bars of the chosen ones.

Pure functions from `Part.view` (see `sigma.aimicius.infrawise.judge`) to HTML in which every text is escaped.
"""

from __future__ import annotations

from html import escape
from typing import Any

CARD_WORDS = {"good": ("✓", "right"), "bad": ("✗", "wrong"), "neutral": ("•", "not judged")}
MARKS = {
    (True, True): ("found", "✓", "chosen, fits"),
    (True, False): ("wrong", "✗", "chosen, does not fit"),
    (False, True): ("missed", "!", "fits, not chosen"),
    (True, None): ("chosen", "•", "chosen"),
}
BARS = {True: "found", False: "wrong", None: "chosen"}


def draw(view: dict[str, Any]) -> str:
    """HTML of a view of kind "infrawise.dcw" or "infrawise.results"; "" for another kind."""
    if view.get("kind") == "infrawise.dcw":
        return f'<dl class="iw-cards">{"".join(_card(cell) for cell in view["cells"])}</dl>'
    if view.get("kind") == "infrawise.results":
        return _chart(view.get("chart")) + _records(view["records"])
    return ""


def _card(cell: dict[str, Any]) -> str:
    state = cell["state"] if cell["state"] in CARD_WORDS else "neutral"
    sign, word = CARD_WORDS[state]
    truth = ""
    if cell["truth"] is not None and state == "bad":
        truth = f'<dd class="iw-truth">truth: {_value(cell["truth"])}</dd>'
    return (
        f'<div class="iw-card" data-state="{state}"><dt>{escape(cell["name"])} '
        f'<span class="iw-word"><span aria-hidden="true">{sign}</span> {word}</span></dt>'
        f'<dd class="iw-value">{_value(cell["given"])}</dd>{truth}</div>'
    )


def _value(text: str | None) -> str:
    if text is None:
        return "<i>not given</i>"
    return escape(text) if text.strip() else "<i>none</i>"


def _records(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return ""
    return f'<ul class="iw-list" aria-label="Results that were given">{"".join(_record(row) for row in rows)}</ul>'


def _record(row: dict[str, Any]) -> str:
    mark, sign, word = MARKS.get((bool(row["chosen"]), row["fits"]), ("other", "", ""))
    chip = f'<span class="iw-mark"><span aria-hidden="true">{sign}</span> {word}</span>' if word else ""
    machine = " · ".join(escape(text) for text in (row["sku"], row["hardware"]) if text)
    figures = "".join(f"<span><i>{escape(key)}</i> {escape(value)}</span>" for key, value in row["results"].items())
    return (
        f'<li data-mark="{mark}"><b class="iw-index">{escape(str(row["index"]))}</b>'
        f'<span class="iw-what"><b>{escape(row["workload"])}</b> <span>{machine}</span>{chip}</span>'
        f'<span class="iw-figures">{figures}</span></li>'
    )


def _chart(chart: dict[str, Any] | None) -> str:
    if not chart or not chart["bars"]:
        return ""
    top = max((bar["value"] for bar in chart["bars"]), default=0)
    rows = "".join(_bar(bar, top, chart["unit"]) for bar in chart["bars"])
    title = f"{chart['name']} of {chart['of']}, {chart['unit']}"
    return f'<figure class="iw-chart"><figcaption>{escape(title[0].upper() + title[1:])}</figcaption>{rows}</figure>'


def _bar(bar: dict[str, Any], top: float, unit: str) -> str:
    width = max(0.0, min(100.0, 100 * bar["value"] / top)) if top > 0 else 0.0
    detail = f" <small>{escape(bar['detail'])}</small>" if bar["detail"] else ""
    return (
        f'<div class="iw-row" data-mark="{BARS.get(bar["fits"], "chosen")}"><span class="iw-label">{escape(bar["label"])}{detail}</span>'
        f'<svg class="iw-bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="iw-track" width="100" height="10"/><rect class="iw-fill" width="{width:.2f}" height="10"/></svg>'
        f'<span class="iw-number">{escape(number(bar["value"]))} {escape(unit)}</span></div>'
    )


def number(value: float) -> str:
    """A figure with thousands apart and no needless zeros."""
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.1f}"
