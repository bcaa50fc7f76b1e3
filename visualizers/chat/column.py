"""The header of a column: the model's name, its heads drawn small, and one line of measured figures."""

from __future__ import annotations

from sigma.events import SIDE_NAMES, SideInfo
from visualizers.page.html import Html, fragment
from visualizers.shared.heads import describe_heads, heads_svg


def column_head(column: str, model: str, info: SideInfo | None) -> Html:
    """HTML of one column's header; the browser fills the figures in (`assets/chat/figures.js`)."""
    return fragment(
        "chat/head",
        column=column,
        model=model,
        name=info.name if info else SIDE_NAMES[model],
        about=describe_heads(info) if info else "",
        picture=Html(heads_svg(info) if info else ""),
    )
