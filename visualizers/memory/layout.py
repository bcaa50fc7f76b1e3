"""The HTML of the Memory tab: the form with its boxes, and the view that the browser fills. No Gradio."""

from __future__ import annotations

import json
from html import escape

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


def body() -> Html:
    """The form and the empty view; the settings to start from are data in it."""
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
