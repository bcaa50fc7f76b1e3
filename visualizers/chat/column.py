"""The header of a column: the model's name, its heads drawn small, and one line of measured figures."""

from __future__ import annotations

from html import escape

from sigma.events import SIDE_NAMES, SideInfo
from visualizers.shared.heads import describe_heads, heads_svg

FIGURES = (
    ("rate", "decode speed"),
    ("first", "first token"),
    ("context", "context"),
    ("k", "K resident"),
    ("v", "V resident"),
    ("v_read", "V read, this step"),
)


def column_head(side: str, info: SideInfo | None) -> str:
    """HTML of one header; the browser fills the figures in (`assets/chat/figures.js`)."""
    name = escape(info.name if info else SIDE_NAMES[side])
    picture = heads_svg(info) if info else ""
    about = escape(describe_heads(info)) if info else ""
    cells = "".join(
        f'<div data-figure="{key}" data-value=""><dt>{label}</dt><dd><b>–</b></dd></div>' for key, label in FIGURES
    )
    return (
        f'<section class="side-head" id="head-{side}" aria-label="{name}">'
        f'<div class="side-title"><div><h2>{name}</h2> <span class="phase" data-phase="waiting">waiting</span>'
        f'<p class="about">{about}</p></div>{picture}</div>'
        f'<dl class="figures">{cells}</dl><span class="kind">measured</span></section>'
    )
