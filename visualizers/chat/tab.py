"""The Chat tab: two columns that answer one prompt, the prompt dock, and the live pictures below."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from kernels.selective.missing_mass import DEFAULT_MISSING_MASS
from sigma.engine.options import new_tokens
from sigma.events import SideInfo
from sigma.limits.current import limits
from visualizers.chat.column import column_heads
from visualizers.chat.columns.tab import column_settings
from visualizers.chat.examples import LEGEND, labels, read_examples, recorded_signs
from visualizers.page.html import fragment
from visualizers.shared.column_settings import ColumnSettings
from visualizers.shared.columns import COLUMNS

MENU_JS = """() => {
  const open = document.getElementById('clear-menu').classList.toggle('open');
  document.querySelector('#more-button, #more-button button').setAttribute('aria-expanded', open);
}"""


@dataclass(frozen=True, slots=True)
class ChatTab:
    """The components of the tab, by the names that the handlers use."""

    state: gr.State
    columns: dict[str, gr.HTML]
    heads: dict[str, gr.HTML]
    planned: dict[str, gr.HTML]
    live: gr.HTML
    link: gr.HTML
    notice: gr.HTML
    examples: gr.Dataset
    box: gr.Textbox
    send: gr.Button
    stop: gr.Button
    retry: gr.Button
    undo: gr.Button
    clear: gr.Button
    restore: gr.Button
    system: gr.Textbox
    tuned: gr.Checkbox
    lookup: gr.Checkbox
    selective: gr.Dropdown
    missing_mass: gr.Dropdown
    threshold: gr.Dropdown
    layer: gr.Slider
    pictures: gr.Checkbox
    sampling: list[gr.components.Component]
    own: dict[str, ColumnSettings]

    @property
    def settings(self) -> list[gr.components.Component]:
        """Inputs of a turn after the prompt and the state, in the order that the handlers take them."""
        rows = [self.selective, self.missing_mass, self.threshold]
        own = [part for column in COLUMNS for part in self.own[column].values()]
        return [self.system, self.tuned, self.lookup, *rows, self.layer, self.pictures, *self.sampling, *own]


def chat_tab(infos: dict[str, SideInfo], on_leave: Any, below: Callable[[], None] = lambda: None) -> ChatTab:
    """Lay the tab out; `infos` describes the sides before a model is loaded, `on_leave(conversation)` frees a session."""
    state = gr.State(None, delete_callback=on_leave)
    with gr.Row(elem_id="columns", equal_height=False):
        parts = _columns(infos)
    below()  # what stands between the answers and the prompt
    with gr.Column(elem_id="dock"):
        dock = _dock()
    settings = _settings(infos)
    return ChatTab(state=state, **parts, live=_pictures(), **dock, **settings)


def _columns(infos: dict[str, SideInfo]) -> dict[str, Any]:
    plain = {"padding": False, "apply_default_css": False}
    heads, planned, columns = column_heads({}, infos), {}, {}
    for column in COLUMNS:
        with gr.Column(min_width=300, elem_classes=["side", f"side-{column}"]):
            heads[column] = gr.HTML(heads[column], **plain, js_on_load=None)
            planned[column] = gr.HTML("", **plain, js_on_load=None, elem_id=f"planned-{column}")
            columns[column] = gr.HTML(
                value="",
                html_template=fragment("chat/messages", name=f"{column.capitalize()} column"),
                js_on_load="sigma.mount('messages', element, props, watch);",
                elem_id=f"chat-{column}",
                **plain,
            )
    return dict(heads=heads, planned=planned, columns=columns)


def _dock() -> dict[str, Any]:
    known = read_examples()
    # Made first so that the examples can name it; shown after them.
    box = gr.Textbox(
        show_label=False,
        label="Prompt",
        placeholder="Ask both models…",
        lines=1,
        max_lines=6,
        elem_id="prompt",
        container=False,
        scale=8,
        render=False,
        autofocus=False,
    )
    examples = gr.Dataset(
        components=[box],
        samples=[[e["prompt"]] for e in known],
        sample_labels=labels(),
        type="index",
        show_label=False,
        label="Examples",
        layout="gallery",
        elem_id="examples",
        container=False,
    )
    if recorded_signs():
        gr.HTML(f"<p>{LEGEND}</p>", elem_id="examples-legend", padding=False, apply_default_css=False, js_on_load=None)
    with gr.Row(elem_id="prompt-row", equal_height=True):
        box.render()
        send = gr.Button("Send", variant="primary", elem_id="send", scale=0, min_width=92)
        stop = gr.Button("Stop", variant="stop", elem_id="stop", scale=0, min_width=92, visible=False)
    with gr.Row(elem_id="tools"):
        retry = gr.Button("Retry", size="sm", variant="secondary", elem_id="retry", scale=0, min_width=64)
        undo = gr.Button("Undo", size="sm", variant="secondary", elem_id="undo", scale=0, min_width=64)
        more = gr.Button("More…", size="sm", variant="secondary", elem_id="more-button", scale=0, min_width=64)
        with gr.Row(elem_id="clear-menu"):
            clear = gr.Button("Clear the chat", size="sm", elem_id="clear", scale=0, min_width=110)
            link = _link()
        restore = gr.Button(
            "Bring the cleared chat back", size="sm", elem_id="restore", visible=False, scale=0, min_width=190
        )
        notice = gr.HTML("", elem_id="notice", padding=False, apply_default_css=False, js_on_load=None)
    more.click(None, None, None, js=MENU_JS, api_visibility="private")
    return dict(
        box=box,
        examples=examples,
        send=send,
        stop=stop,
        retry=retry,
        undo=undo,
        clear=clear,
        restore=restore,
        notice=notice,
        link=link,
    )


def _link() -> gr.HTML:
    """The tab's address: its value is written by the server and shown by the browser, or the other way round."""
    return gr.HTML(
        value="",
        html_template=fragment("chat/link"),
        js_on_load="sigma.mount('chat_link', element, props, watch, trigger);",
        elem_id="chat-link",
        padding=False,
        apply_default_css=False,
    )


def _settings(infos: dict[str, SideInfo]) -> dict[str, Any]:
    layers = infos["sigma"].layers if "sigma" in infos else 30
    with gr.Accordion("Settings: columns, sampling, selective V", open=False, elem_id="settings"):
        columns = column_settings()
        system, tuned, lookup = _answering()
        with gr.Row():
            selective = gr.Dropdown(
                ["off", "16", "32", "64", "128", "256"],
                value="off",
                allow_custom_value=True,
                elem_id="selective",
                label="Selective V",
                info="V rows fetched per query head, Sigma only; off reads all",
            )
            missing_mass = gr.Dropdown(
                [("renormalize", "renormalize"), ("mean of the others", "mean"), ("drop", "drop")],
                value=DEFAULT_MISSING_MASS,
                elem_id="missing-mass",
                label="Missing mass",
                info="the weight of V rows that are not fetched: scales up the fetched, goes to the others' mean, or is lost",
            )
            threshold = gr.Dropdown(
                ["0", "0.0001", "0.001", "0.01"],
                value="0",
                allow_custom_value=True,
                elem_id="threshold",
                label="Threshold",
                info="of the k rows, those that weigh less are not fetched either",
            )
        with gr.Row():
            layer = gr.Slider(
                0,
                layers - 1,
                value=min(12, layers - 1),
                step=1,
                label="Probe layer",
                info="whose attention is drawn",
                elem_id="layer",
            )
            most = {"maximum": limits().new_tokens, "value": new_tokens(256)}
            tokens = gr.Slider(1, **most, step=1, label="Max tokens", info="of the answer", elem_id="max-tokens")
        sampling = _sampling(tokens)
        shown = gr.Checkbox(
            True,
            label="Live pictures",
            info="draw attention and memory while the answer is written; off, they come once at the end, without attention",
            elem_id="live-pictures",
        )
    rows = dict(selective=selective, missing_mass=missing_mass, threshold=threshold)
    return dict(
        system=system, tuned=tuned, lookup=lookup, **rows, layer=layer, pictures=shown, sampling=sampling, own=columns
    )


def _answering() -> tuple[gr.Textbox, gr.Checkbox, gr.Checkbox]:
    """What the models are told first, which weights answer, and whether what repeats is guessed."""
    system = gr.Textbox(label="System prompt", lines=2, elem_id="system", placeholder="none")
    tuned = gr.Checkbox(
        False,
        label="Tuned base",
        info="both sides with the weights that answer the system tasks; off, the base as it was published",
        elem_id="tuned",
    )
    lookup = gr.Checkbox(
        False,
        label="Prompt lookup",
        info="guesses what repeats the prompt or the answer and checks several tokens in one step: the same answer, in fewer "
        "steps where it repeats; greedy answers only, and it stops where its guesses are wrong",
        elem_id="lookup",
    )
    return system, tuned, lookup


def _sampling(tokens: gr.Slider) -> list[Any]:
    """A row of sampling options; with the longest answer they are the last of a turn's settings, in this order."""
    with gr.Row():
        temperature = gr.Slider(
            0, 2, value=0, step=0.05, label="Temperature", info="0 is greedy", elem_id="temperature"
        )
        top_p = gr.Slider(0.05, 1, value=1, step=0.01, label="Top-p", info="1 keeps all", elem_id="top-p")
        top_k = gr.Slider(0, 200, value=0, step=1, label="Top-k", info="0 keeps all", elem_id="top-k")
        penalty = gr.Slider(0.8, 2, value=1, step=0.05, label="Repetition penalty", info="1 is none", elem_id="penalty")
        seed = gr.Number(value=0, label="Seed", info="for temperatures above 0", precision=0, elem_id="seed")
    return [temperature, top_p, top_k, penalty, tokens, seed]


def _pictures() -> gr.HTML:
    """The live pictures; the value is a `TurnView.payload()`, drawn by `assets/chat/`.

    The template has no `${value}`: with one, every update would write the body anew and wipe the canvases.
    """
    return gr.HTML(
        value="",
        html_template=fragment("chat/pictures"),
        js_on_load="sigma.mount('chat', element, props, watch);",
        elem_id="live",
        padding=False,
        apply_default_css=False,
    )
