"""The settings of each column, in the Chat tab's settings: a model, and a drawer with what is its own."""

from __future__ import annotations

from typing import Any

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
            rows = [("off: all rows", "off"), "16", "32", "64", "128", "256"]
            selective = _own(column, "selective", "Selective V", rows, typed=True)
        with gr.Accordion("More of its own", open=False, elem_classes=["own-settings"]):
            rest = _rest(column)
    return ColumnSettings(chosen, selective, *rest)


def _own(column: str, name: str, label: str, choices: list[Any], typed: bool = False) -> gr.Dropdown:
    """A setting that is the one below for both columns until it is chosen; `typed`: another value may be written."""
    return gr.Dropdown(
        [AS_BELOW, *choices],
        value=SAME,
        allow_custom_value=typed,
        label=label,
        elem_id=f"{column}-{name}",
        min_width=120,
    )


def _rest(column: str) -> list[gr.components.Component]:
    with gr.Row():
        masses = [("renormalize", "renormalize"), ("mean of the others", "mean"), ("drop", "drop")]
        missing_mass = _own(column, "missing-mass", "Missing mass", masses)
        threshold = _own(column, "threshold", "Threshold", ["0", "0.0001", "0.001", "0.01"], typed=True)
    with gr.Row():
        temperature = _own(column, "temperature", "Temperature", ["0", "0.5", "0.7", "1"], typed=True)
        tuned = _own(column, "tuned", "Base", [("tuned", "tuned"), ("as published", "published")])
    system = gr.Textbox(label="System prompt", lines=1, max_lines=4, placeholder="as below", elem_id=f"{column}-system")
    return [missing_mass, threshold, temperature, tuned, system]
