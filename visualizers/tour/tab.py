"""The button that starts the guided tour; the tour itself is a dialog that `assets/tour/tour.js` makes."""

from __future__ import annotations

import json

import gradio as gr

from visualizers.page.html import fragment
from visualizers.tour.script import script


def tour_button() -> gr.HTML:
    """The button, with the tour's steps as data: nothing has to be loaded or asked for."""
    steps = json.dumps(script(), separators=(",", ":"), ensure_ascii=False)
    return gr.HTML(
        value="",
        html_template=fragment("tour/tour", tour=steps),
        js_on_load="sigma.mount('tour', element);",
        elem_id="tour-box",
        padding=False,
        apply_default_css=False,
    )
