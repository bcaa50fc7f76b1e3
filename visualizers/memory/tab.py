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
    KV_LABELS,
    MEMORY,
    USE,
    WEIGHT_LABELS,
    WEIGHTS,
    Field,
    defaults,
)
from visualizers.shared.loader import EngineLoader
from visualizers.shared.shapes import PAIRS

FIRST = next(iter(PAIRS))
# Its positions are the chart's contexts; a number between two of them is typed.
SLIDER = (
    f'<input id="mem-slide" type="range" min="0" max="{len(figures.contexts()) - 1}" step="1" aria-label="Context">'
)


def _box(name: str, field: Field, mode: str = "numeric") -> str:
    hint = f'<small id="mem-hint-{name}">{escape(field.hint)}</small>' if field.hint else ""
    described = f"mem-error-{name}" + (f" mem-hint-{name}" if hint else "")
    return f"""<div class="mem-field" data-field="{name}"><label for="mem-{name}">{escape(field.label)}</label>
      <input id="mem-{name}" name="{name}" type="text" inputmode="{mode}" autocomplete="off" spellcheck="false"
        maxlength="24" placeholder="{escape(field.empty or "")}" aria-describedby="{described}">{hint}
      {SLIDER if name == "context" else ""}<p class="mem-error" id="mem-error-{name}" aria-live="polite"></p></div>"""


def _choice(name: str, label: str, options: dict[str, str], hint: str = "") -> str:
    items = "".join(f'<option value="{escape(value)}">{escape(text)}</option>' for value, text in options.items())
    small = f"<small>{escape(hint)}</small>" if hint else ""
    return f"""<div class="mem-field" data-field="{name}"><label for="mem-{name}">{escape(label)}</label>
      <select id="mem-{name}" name="{name}" aria-describedby="mem-error-{name}">{items}</select>{small}
      <p class="mem-error" id="mem-error-{name}" aria-live="polite"></p></div>"""


def _form() -> str:
    presets = {name: label for name, (label, _, _) in PAIRS.items()}
    sources = {name: source for name, (_, _, source) in PAIRS.items()}
    boxes = lambda fields: "".join(_box(name, field) for name, field in fields.items())  # noqa: E731
    return f"""<form class="mem-form" aria-label="Settings of the projection" novalidate autocomplete="off">
      <div class="mem-preset">{_choice("preset", "Start from", presets)}
        <button type="button" id="mem-reset" class="mem-button">Reset to it</button></div>
      <p class="note" id="mem-source" data-sources="{escape(json.dumps(sources, ensure_ascii=False))}"></p>
      <fieldset><legend>Use</legend><div class="mem-grid">{boxes(USE)}
        {_choice("kv", "Cache type", KV_LABELS)}</div></fieldset>
      <fieldset><legend>Model</legend><div class="mem-grid">{boxes(ARCHITECTURE)}</div></fieldset>
      <fieldset><legend>Device</legend><div class="mem-grid">{_box("memory", MEMORY, "decimal")}
        {_choice("weights", "Weights", WEIGHT_LABELS, "subtracted from the memory")}</div>
        <details id="mem-more"><summary>What the weights are counted from</summary>
          <div class="mem-grid">{boxes(WEIGHTS)}{_choice("tied", "Tied embedding", {"yes": "yes", "no": "no"})}</div>
        </details></fieldset>
      <p class="mem-error" id="mem-error-form" role="alert"></p></form>"""


def _picture() -> str:
    return """<div class="mem-view" aria-busy="true">
      <h2 class="mem-title"><span id="mem-name"></span> <small id="mem-use"></small>
        <span class="tag" id="mem-stale" hidden>last settings that work</span></h2>
      <ul class="mem-headline" id="mem-headline"></ul>
      <ul class="mem-notes" id="mem-notes"></ul>
      <figure class="mem-card"><figcaption><h3>Over the context <small class="kind-tag">computed</small></h3>
          <ul class="legend">
            <li><i class="ln solid"></i><span data-series="sigma"></span></li>
            <li><i class="ln mem-k"></i><span data-series="k"></span></li>
            <li><i class="ln mem-v"></i><span data-series="v_read"></span></li>
            <li><i class="ln dash"></i><span data-series="gqa"></span></li></ul></figcaption>
        <div class="canvas-box"><canvas id="mem-chart" role="img" tabindex="0" aria-describedby="mem-read"
          aria-label="Bytes over the context, both axes logarithmic. Arrow keys read one context after the other; the table below says the same."
          ></canvas></div>
        <p class="read" id="mem-read" aria-live="polite"></p>
        <details><summary>The chart as a table</summary><div class="mem-scroll" tabindex="0" role="region"
          aria-label="The chart as a table"><table id="mem-points"></table></div></details></figure>
      <div class="mem-pair">
        <section class="mem-card"><h3>Three figures, kept apart <small class="kind-tag">computed</small></h3>
          <div class="mem-scroll"><table id="mem-rows"></table></div></section>
        <section class="mem-card"><h3>How many sequences fit <small class="kind-tag">computed</small></h3>
          <div id="mem-fit"></div></section>
      </div>
      <section class="mem-card"><h3>The formula, with the numbers put in</h3><dl id="mem-formulas"></dl></section>
      <section class="mem-card"><h3>Measured against computed <small class="kind-tag" id="mem-check-kind">measured</small></h3>
        <div id="mem-check"></div></section>
      <p class="sr-only" id="mem-summary" role="status" aria-live="polite"></p></div>"""


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

    start = {"first": FIRST, "contexts": figures.contexts(), "presets": {name: defaults(name) for name in PAIRS}}
    data = escape(json.dumps(start, separators=(",", ":"), ensure_ascii=False))
    return gr.HTML(
        value="",
        html_template=f'<div class="memory" data-start="{data}">{_form()}{_picture()}</div>',
        js_on_load="sigma.mount('memory', element, server);",
        server_functions=[project, check],
        elem_id="memory",
        padding=False,
        apply_default_css=False,
    )
