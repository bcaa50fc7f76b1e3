"""The settings of each column, in the Chat tab's settings: a model, and a drawer with what is its own."""

from __future__ import annotations

import gradio as gr

from sigma.events import SIDE_NAMES
from visualizers.chat.settings import TurnSettings
from visualizers.shared.column_settings import SAME, ColumnSettings
from visualizers.shared.columns import COLUMNS

AS_BELOW = ("as below", SAME)


def column_settings() -> dict[str, ColumnSettings]:
    """By column its components, as `ColumnSettings` has them; laid out side by side."""
    first = TurnSettings()
    with gr.Row(elem_id="choose-columns"):
        return {column: _one(column, first.own(column).model) for column in COLUMNS}


def _one(column: str, model: str) -> ColumnSettings:
    with gr.Column(min_width=280, elem_classes=["choose-column"]):
        with gr.Row():
            chosen = gr.Dropdown(
                [(name, side) for side, name in SIDE_NAMES.items()],
                value=model,
                label=f"{column.capitalize()} column",
                elem_id=f"{column}-model",
                min_width=120,
            )
            selective = gr.Dropdown(
                [AS_BELOW, ("off: all rows", "off"), "16", "32", "64", "128", "256"],
                value=SAME,
                allow_custom_value=True,
                label="Selective V",
                elem_id=f"{column}-selective",
                min_width=120,
            )
        with gr.Accordion("More of its own", open=False, elem_classes=["own-settings"]):
            rest = _rest(column)
    return ColumnSettings(chosen, selective, *rest)


def _rest(column: str) -> list[gr.components.Component]:
    with gr.Row():
        missing_mass = gr.Dropdown(
            [AS_BELOW, ("renormalize", "renormalize"), ("mean of the others", "mean"), ("drop", "drop")],
            value=SAME,
            label="Missing mass",
            elem_id=f"{column}-missing-mass",
            min_width=120,
        )
        threshold = gr.Dropdown(
            [AS_BELOW, "0", "0.0001", "0.001", "0.01"],
            value=SAME,
            allow_custom_value=True,
            label="Threshold",
            elem_id=f"{column}-threshold",
            min_width=120,
        )
    with gr.Row():
        temperature = gr.Dropdown(
            [AS_BELOW, "0", "0.5", "0.7", "1"],
            value=SAME,
            allow_custom_value=True,
            label="Temperature",
            elem_id=f"{column}-temperature",
            min_width=120,
        )
        tuned = gr.Dropdown(
            [AS_BELOW, ("tuned", "tuned"), ("as published", "published")],
            value=SAME,
            label="Base",
            elem_id=f"{column}-tuned",
            min_width=120,
        )
    system = gr.Textbox(label="System prompt", lines=1, max_lines=4, placeholder="as below", elem_id=f"{column}-system")
    return [missing_mass, threshold, temperature, tuned, system]
