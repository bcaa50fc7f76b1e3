"""The live pictures: one component with a fixed body; its value is the payload string, drawn by `assets/chat/`.

The template has no `${value}`: with one, every update would write the body anew and wipe the canvases.
"""

from __future__ import annotations

import gradio as gr

from visualizers.page.html import fragment


def pictures() -> gr.HTML:
    """The component; set its value to a `TurnView.payload()`."""
    return gr.HTML(
        value="",
        html_template=fragment("chat/pictures"),
        js_on_load="sigma.mount('chat', element, props, watch);",
        elem_id="live",
        padding=False,
        apply_default_css=False,
    )
