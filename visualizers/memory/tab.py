"""The Memory tab: the KV cache of any model at any context, projected; and the formula held against what was measured.

The form lives in the browser (`assets/memory/`), the arithmetic on the server (`visualizers.memory`), once.
"""

from __future__ import annotations

import json
from html import escape
from typing import Any

import gradio as gr

from sigma.events import SIDES, SideInfo
from visualizers.memory import figures
from visualizers.memory.form import (
    ARCHITECTURE,
    COUNTED,
    KINDS,
    KV_LABELS,
    MEMORY,
    USE,
    WEIGHT_LABELS,
    WEIGHTS,
    Field,
    defaults,
)
from visualizers.memory.models import MODELS, PUBLISHED, SIGMA
from visualizers.page.html import Html, fragment
from visualizers.shared.loader import EngineLoader

FIRST = next(iter(MODELS))


def _box(name: str, field: Field, mode: str = "numeric") -> Html:
    hint = f'<small id="mem-hint-{name}">{escape(field.hint)}</small>' if field.hint else ""
    # The slider's positions are the chart's contexts; a number between two of them is typed.
    last = len(figures.contexts()) - 1
    slider = f'<input id="mem-slide" type="range" min="0" max="{last}" step="1" aria-label="Context">'
    return fragment(
        "memory/field",
        name=name,
        label=field.label,
        mode=mode,
        empty=field.empty or "",
        described=f"mem-error-{name}" + (f" mem-hint-{name}" if hint else ""),
        hint=Html(hint),
        slider=Html(slider if name == "context" else ""),
    )


def _options(options: dict[str, str]) -> str:
    return "".join(f'<option value="{escape(value)}">{escape(text)}</option>' for value, text in options.items())


def _presets() -> str:
    """The models to start from, Sigma's and published ones apart."""
    groups = {"Sigma, beside GQA": SIGMA, "Published models": PUBLISHED}
    return "".join(
        f'<optgroup label="{label}">{_options({name: model.name for name, model in models.items()})}</optgroup>'
        for label, models in groups.items()
    )


def _choice(name: str, label: str, options: dict[str, str] | str, hint: str = "") -> Html:
    items = options if isinstance(options, str) else _options(options)
    small = f"<small>{escape(hint)}</small>" if hint else ""
    return fragment("memory/choice", name=name, label=label, options=Html(items), hint=Html(small))


def _boxes(fields: dict[str, Field]) -> Html:
    return Html("".join(_box(name, field) for name, field in fields.items()))


def _body() -> Html:
    start = {"first": FIRST, "contexts": figures.contexts(), "presets": {name: defaults(name) for name in MODELS}}
    tied = _choice("tied", "Tied embedding", {"yes": "yes", "no": "no"})
    return fragment(
        "memory/memory",
        start=json.dumps(start, separators=(",", ":"), ensure_ascii=False),
        preset=_choice("preset", "Start from", _presets()),
        sources=json.dumps({name: model.source for name, model in MODELS.items()}, ensure_ascii=False),
        use=_boxes(USE),
        kv=_choice("kv", "Cache type", KV_LABELS),
        model=_boxes(ARCHITECTURE),
        kinds=Html("".join(f'<div class="mem-grid">{_boxes(fields)}</div>' for fields in KINDS.values())),
        memory=_box("memory", MEMORY, "decimal"),
        weights=_choice("weights", "Weights", WEIGHT_LABELS, "subtracted from the memory"),
        counted=Html(_boxes(WEIGHTS) + tied + _box("counted", COUNTED, "decimal")),
        view=fragment("memory/view"),
    )


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
        html_template=_body(),
        js_on_load="sigma.mount('memory', element, server);",
        server_functions=[project, check],
        elem_id="memory",
        padding=False,
        apply_default_css=False,
    )
