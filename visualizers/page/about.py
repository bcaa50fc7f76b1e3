"""The About tab: what the default model is and is not, how every figure is obtained, licences, citation."""

from __future__ import annotations

import gradio as gr

from visualizers.page.words import ABOUT


def about_tab() -> None:
    """Fill the tab."""
    gr.Markdown(ABOUT, elem_id="about", container=False)
