"""The Efficiency tab: the paper's experiment on this machine, how many answers at once, the long document, and stored results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr
from gradio.components.plot import PlotData

from sigma.efficiency.settings import LABELS, SIZES, Settings, of_size
from sigma.limits.current import limits
from visualizers.efficiency import charts, stored, tables
from visualizers.efficiency.document import QUESTIONS, document
from visualizers.page.html import fragment

FIRST = "1.5b"
USE = ("prefixes", "output", "batch", "dtype", "top_k", "seconds")
SHAPE = tuple(of_size(FIRST))
HINTS = {
    "prefixes": "cached when the output begins, such as 2k 8k 32k",
    "output": "computed from the steps' times",
    "batch": "that decode together",
    "top_k": "rows per query head; 0: off",
    "augmented": "0: none",
    "key_dim": "half is “half K dim”",
    "layers": "one is timed",
}
ABOUT = (
    "The paper times the KV cache, attention and the augmented query of Sigma beside STD, the same model with 16 K heads "
    "and a plain query. Here one layer of both is timed on this machine, in turn, with random weights: only shapes count. "
    "The chat goes on meanwhile."
)


@dataclass(frozen=True, slots=True)
class EfficiencyTab:
    """The components, by the names that the handlers use. `fields`: by the settings' names."""

    state: gr.State
    preset: gr.Radio
    fields: dict[str, gr.Textbox | gr.Dropdown]
    run: gr.Button
    stop: gr.Button
    notice: gr.HTML
    progress: gr.HTML
    plots: list[gr.Plot]
    results: gr.HTML
    context: gr.Textbox
    top_k: gr.Textbox
    memory: gr.Textbox
    count: gr.Button
    count_stop: gr.Button
    count_notice: gr.HTML
    count_progress: gr.HTML
    count_plot: gr.Plot
    count_results: gr.HTML
    asked: gr.State
    question: gr.Dropdown
    read: gr.Button
    read_stop: gr.Button
    read_notice: gr.HTML
    read_progress: gr.HTML
    read_results: gr.HTML


def plot(figure: str | None) -> PlotData | None:
    """A figure as Gradio's Plot takes it."""
    return None if figure is None else PlotData(type="plotly", plot=figure)


def figures(result: dict[str, Any], label: str) -> list[str]:
    """The figures of a run, in the order of `EfficiencyTab.plots`."""
    return [charts.saved(result, label, result["settings"]["is_table_15"]), *charts.panels(result, label)]


def defaults(preset: str) -> dict[str, str]:
    """The texts of all boxes for a size."""
    s = Settings.asked({"preset": preset})
    values = s.model_dump() | {"prefixes": " ".join(charts.short(n) for n in s.prefixes)}
    values["seconds"] = min(values["seconds"], limits().measure_seconds)
    return {name: str(values[name]) for name in (*USE, *SHAPE)}


def _still(html: str = "", **more: Any) -> gr.HTML:
    """HTML that the server writes and no script changes."""
    return gr.HTML(html, padding=False, apply_default_css=False, js_on_load=None, **more)


def _live(part: str, elem_id: str, value: str = "") -> gr.HTML:
    """A fixed body, `assets/efficiency/PART.html`, whose value is a payload that its module draws."""
    return gr.HTML(
        value=value,
        html_template=fragment(f"efficiency/{part}"),
        js_on_load=f"sigma.mount('efficiency_{part}', element, props, watch);",
        elem_id=elem_id,
        padding=False,
        apply_default_css=False,
    )


def _box(name: str, value: str) -> gr.Textbox | gr.Dropdown:
    if name == "dtype":
        return gr.Dropdown(["bf16", "fp16", "fp32"], value=value, label=LABELS[name], elem_id="effic-dtype")
    wide = ["wide"] if name == "prefixes" else []
    hint = f"at most {limits().measure_seconds}" if name == "seconds" else HINTS.get(name)
    return gr.Textbox(value, label=LABELS[name], info=hint, elem_id=f"effic-{name}", max_lines=1, elem_classes=wide)


def efficiency_tab(on_leave: Callable[[str], None]) -> EfficiencyTab:
    """Lay the tab out; `on_leave(session)` ends what a visitor left."""
    with gr.Column(elem_id="efficiency"):
        state = gr.State(None, delete_callback=on_leave)
        paper = _experiment()
        together = _together()
        long_document = _long_document()
        with gr.Accordion("Stored results and predictions", open=False, elem_id="effic-stored"):
            _still(stored.stored_html())
    return EfficiencyTab(state=state, **paper, **together, **long_document)


def _experiment() -> dict[str, Any]:
    texts = defaults(FIRST)
    _still(f"<h2>The paper's experiment on this machine</h2><p>{ABOUT}</p>", elem_classes="effic-about")
    preset = gr.Radio(
        [(name, key) for key, (name, *_) in SIZES.items()], value=FIRST, label="Layer shapes", elem_id="effic-preset"
    )
    with gr.Row(elem_classes="effic-form"):
        fields = {name: _box(name, texts[name]) for name in USE}
    with (
        gr.Accordion("Heads and widths", open=False, elem_id="effic-heads"),
        gr.Row(elem_classes="effic-form"),
    ):
        fields |= {name: _box(name, texts[name]) for name in SHAPE}
    parts = _buttons("Run", "effic")
    first = stored.first_run()
    label = stored.label(first) if first else ""
    shown = figures(first, label) if first else [None] * (1 + len(charts.PANELS))
    with gr.Row(elem_classes="effic-plots"):
        plots = [
            gr.Plot(plot(one), show_label=False, visible=one is not None, elem_id=f"effic-plot-{i}", min_width=330)
            for i, one in enumerate(shown)
        ]
    results = _live("results", "effic-results", tables.payload(tables.result_html(first, label)) if first else "")
    with gr.Accordion("The paper's own figures", open=False, elem_id="effic-paper"):
        _still(tables.paper_html())
    return dict(preset=preset, fields=fields, plots=plots, results=results, **parts)


def _together() -> dict[str, Any]:
    _still(
        "<h2>How many at once</h2><p>The loaded pair with 1 to 16 answers that step together: the weights are read once for "
        "all, every answer's K and V for itself.</p>",
        elem_classes="effic-about",
    )
    with gr.Row(elem_classes="effic-form"):
        context = gr.Textbox("2k", label="Context", info="tokens of each answer", elem_id="effic-context", max_lines=1)
        top_k = gr.Textbox(
            "100", label="Selective V, k", info="the third line; 0: off", elem_id="effic-many-k", max_lines=1
        )
        memory = gr.Textbox("8", label="Memory budget, GiB", info="how many fit", elem_id="effic-memory", max_lines=1)
    parts = _buttons("Measure", "effic-many")
    count_plot = gr.Plot(show_label=False, visible=False, elem_id="effic-many-plot")
    count_results = _live("results", "effic-many-results")
    return dict(
        context=context,
        top_k=top_k,
        memory=memory,
        count_plot=count_plot,
        count_results=count_results,
        **{f"count{'' if name == 'run' else '_' + name}": part for name, part in parts.items()},
    )


def _long_document() -> dict[str, Any]:
    _still(
        "<h2>Long document</h2><p>One click: both sides read a text of about 6,000 tokens that comes with the page, a guide to "
        "this demo, and answer a question about it. The session keeps the rows of the text, so the next question reads only "
        "itself. So small a model often misses what the text says; beside its answer stands the sentence that it should have found.</p>",
        elem_classes="effic-about",
    )
    asked = gr.State([])
    with gr.Row(elem_classes="effic-form"):
        question = gr.Dropdown(
            list(QUESTIONS),
            value=next(iter(QUESTIONS)),
            allow_custom_value=True,
            label="Question",
            info="one of these, or your own",
            elem_id="effic-question",
            elem_classes=["whole"],
        )
    parts = _buttons("Read and ask", "effic-read")
    results = _live("results", "effic-read-results")
    with gr.Accordion("The document", open=False, elem_id="effic-document"):
        _still(f'<pre class="effic-text" tabindex="0">{escape(document())}</pre>')
    own = {"read" if name == "run" else f"read_{name}": part for name, part in parts.items()}
    return dict(asked=asked, question=question, read_results=results, **own)


def _buttons(name: str, elem_id: str) -> dict[str, Any]:
    with gr.Row(elem_classes="effic-run"):
        run = gr.Button(name, variant="primary", elem_id=f"{elem_id}-run", scale=0, min_width=150)
        stop = gr.Button("Cancel", variant="stop", elem_id=f"{elem_id}-stop", scale=0, min_width=150, visible=False)
        notice = _still(elem_id=f"{elem_id}-notice", elem_classes="effic-notice")
    progress = _live("progress", f"{elem_id}-progress")
    return dict(run=run, stop=stop, notice=notice, progress=progress)
