"""The Memory tab: the KV cache of any model at any context, projected; and the formula held against what was measured.

The form lives in the browser (`assets/memory/`), the arithmetic on the server (`visualizers.memory`), once.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from sigma.events import SIDES, SideInfo
from visualizers.memory import figures
from visualizers.memory.layout import body
from visualizers.shared.loader import EngineLoader


def memory_tab(loader: EngineLoader, infos: dict[str, SideInfo]) -> gr.HTML:
    """Fill the tab; `infos` describes the sides of the recorded run, which is shown until a model is loaded."""

    def project(form: Any = None) -> str:
        return figures.project(form)

    def check(measured: Any = None) -> str:
        """The recorded run is the recorded model's; whatever else the Chat tab shows is the loaded one's."""
        recorded = isinstance(measured, dict) and measured.get("recorded") is True
        engine = loader.engine
        known = infos if recorded or engine is None else {side: engine.info(side) for side in SIDES}
        return figures.check(measured, known)

    return gr.HTML(
        value="",
        html_template=body(),
        js_on_load="sigma.mount('memory', element, server);",
        server_functions=[project, check],
        elem_id="memory",
        padding=False,
        apply_default_css=False,
    )
