"""What stands below the chat's answers: the offer to judge them, and a verdict under each."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from sigma.events import SIDE_NAMES
from visualizers.shared.columns import COLUMNS
from visualizers.tasks.tab import live, still


@dataclass(frozen=True, slots=True)
class OfferTab:
    """The components, by the names that the handlers use."""

    about: gr.HTML
    judge: gr.Button
    verdicts: dict[str, gr.HTML]


def title(column: str) -> str:
    """What a column's verdict is called."""
    return SIDE_NAMES.get(column, f"{column.capitalize()} column")


def offer_tab() -> OfferTab:
    """Lay it out; nothing of it is seen until there is something to offer."""
    verdicts = {}
    with gr.Column(elem_id="judge-offer"):
        with gr.Row(elem_id="judge-row"):
            about = still(elem_id="judge-about")
            judge = gr.Button(
                "Judge these answers", size="sm", elem_id="judge-answers", visible=False, scale=0, min_width=170
            )
        with gr.Row(elem_id="judge-columns", equal_height=False):
            for column in COLUMNS:
                with gr.Column(min_width=300, elem_classes=["side", f"side-{column}"]):
                    verdicts[column] = live("verdict", title(column), f"judge-verdict-{column}")
    return OfferTab(about, judge, verdicts)
