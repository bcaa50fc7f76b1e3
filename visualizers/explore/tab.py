"""The Explore tab: one component with a fixed body, drawn by `assets/explore/`; the server only answers questions."""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr

from visualizers.page.html import fragment


def explore_tab(ask: Callable) -> gr.HTML:
    """The component; its value is the page's token and run as JSON, `ask` the server's end of its questions."""
    return gr.HTML(
        value="",
        html_template=fragment("explore/explore"),
        js_on_load="sigma.mount('explore', element, props, watch, server, trigger);",
        elem_id="explorer",
        padding=False,
        apply_default_css=False,
        server_functions=[ask],
    )
