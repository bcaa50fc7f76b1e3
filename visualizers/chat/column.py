"""The header of a column: the model's name, its heads drawn small, and one line of measured figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sigma.events import SIDE_NAMES, SideInfo
from visualizers.page.html import Html, fragment
from visualizers.shared.columns import COLUMNS, FIRST_MADE
from visualizers.shared.heads import describe_heads, heads_svg


def column_head(column: str, made: Mapping[str, Any], info: SideInfo | None) -> Html:
    """HTML of one column's header; the browser fills the figures in (`assets/chat/figures.js`).

    made: who answers there, one of `visualizers.shared.columns.made_by`; info: what that model is, once it is known.
    """
    return fragment(
        "chat/head",
        column=column,
        model=made["model"],
        settings=made["settings"],
        name=info.name if info else SIDE_NAMES[made["model"]],
        about=" · ".join(filter(None, (info.note, describe_heads(info)))) if info else "",
        picture=Html(heads_svg(info) if info else ""),
    )


def column_heads(made: Mapping[str, Mapping[str, Any]], infos: Mapping[str, SideInfo]) -> dict[str, Html]:
    """Both columns' headers; `infos` by model."""
    made = made or FIRST_MADE
    return {column: column_head(column, made[column], infos.get(made[column]["model"])) for column in COLUMNS}
