"""A small drawing of a side's heads: which query heads share a key head, and which share a value head."""

from __future__ import annotations

from collections import Counter
from html import escape

from sigma.events import SideInfo

ROW = 22
DOT = 10  # a query head's width, where there is room
WIDEST = 160  # of all heads together, beside the model's name on a phone


def head_groups(queries: int, shared: int) -> list[range]:
    """Query heads per shared head: head i serves queries [i g, (i + 1) g) with g = queries / shared (Eq. 3)."""
    if shared < 1 or queries % shared:
        raise ValueError(f"{queries} query heads cannot share {shared} heads evenly")
    size = queries // shared
    return [range(i * size, (i + 1) * size) for i in range(shared)]


def describe_heads(info: SideInfo) -> str:
    """The drawing in words."""
    plural = lambda n: "" if n == 1 else "s"  # noqa: E731
    return (
        f"{info.query_heads} query head{plural(info.query_heads)} share {info.key_heads} key "
        f"head{plural(info.key_heads)}{other_layers(info)} and {info.value_heads} value head{plural(info.value_heads)}"
    )


def other_layers(info: SideInfo) -> str:
    """What layers have other K heads than most, in brackets; "" where all are alike."""
    counts = Counter(heads for heads in info.layer_key_heads if heads != info.key_heads)
    said = [f"{heads} in {count} of the {info.layers} layers" for heads, count in sorted(counts.items())]
    return f" ({', '.join(said)})" if said else ""


def heads_svg(info: SideInfo) -> str:
    """Key heads above, query heads in the middle, value heads below, each joined to the queries it serves.

    Shapes differ as well as colours: query heads are round, key heads blue bars, value heads orange bars.
    """
    step = min(16.0, WIDEST / info.query_heads)
    gap, radius = min(2.0, step / 8), min(DOT / 2, step * 0.36)
    width = round(info.query_heads * step) + 24
    marks = []
    for kind, count, top in (("k", info.key_heads, True), ("v", info.value_heads, False)):
        for group in head_groups(info.query_heads, count):
            x0 = 24 + group.start * step + gap
            x1 = 24 + group.stop * step - gap
            y = 2 if top else 2 + 2 * ROW
            marks.append(f'<rect class="head-{kind}" x="{x0:g}" y="{y}" width="{x1 - x0:g}" height="{DOT}" rx="3"/>')
            end = y + DOT if top else y
            for q in group:
                x = 24 + (q + 0.5) * step
                marks.append(f'<line class="join-{kind}" x1="{x:g}" y1="{end}" x2="{x:g}" y2="{2 + ROW + DOT / 2}"/>')
    for q in range(info.query_heads):
        marks.append(f'<circle class="head-q" cx="{24 + (q + 0.5) * step:g}" cy="{2 + ROW + DOT / 2}" r="{radius:g}"/>')
    for label, y in (("K", 11), ("Q", 11 + ROW), ("V", 11 + 2 * ROW)):
        marks.append(f'<text x="2" y="{y}">{label}</text>')
    height = 4 + 2 * ROW + DOT
    return (
        f'<svg class="heads" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(describe_heads(info))}">{"".join(marks)}</svg>'
    )
