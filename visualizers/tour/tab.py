"""The button that starts the guided tour; the tour itself is a dialog that `assets/tour/tour.js` makes."""

from __future__ import annotations

import json
from html import escape

import gradio as gr

from visualizers.tour.script import script


def tour_button() -> gr.HTML:
    """The button, with the tour's steps as data: nothing has to be loaded or asked for."""
    data = escape(json.dumps(script(), separators=(",", ":"), ensure_ascii=False))
    return gr.HTML(
        value="",
        html_template=f'<button type="button" id="tour-button" data-tour="{data}">Take the tour</button>',
        js_on_load="sigma.mount('tour', element);",
        elem_id="tour-box",
        padding=False,
        apply_default_css=False,
    )
