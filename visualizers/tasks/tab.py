"""The Tasks tab: a task's fields, both models' answers side by side with their verdicts, an answer of one's own, and the
evaluation on the test set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from sigma.events import SIDE_NAMES, SIDES, SideInfo
from visualizers.page.html import fragment
from visualizers.tasks.evaluate.trial import MOST_CASES
from visualizers.tasks.fields import BOXES
from visualizers.tasks.shelf import Shelf

MOST_EXAMPLES = 6
MOST_TOKENS = 1024
UNTRAINED = (
    "The default 135M model is not trained for these tasks: its scores will be near zero. A Sigma that can do the tasks is "
    "trained separately; the judges are real, and take your own answers too."
)


@dataclass
class TasksTab:
    """The components of the tab, by the names that the handlers use."""

    tab: gr.Tab
    state: gr.State
    task: gr.Radio | None = None
    about: gr.HTML | None = None
    examples: list[gr.Button] = field(default_factory=list)
    boxes: list[gr.Textbox] = field(default_factory=list)
    truth: gr.Textbox | None = None
    sent: gr.HTML | None = None
    budget: gr.Slider | None = None
    run: gr.Button | None = None
    stop: gr.Button | None = None
    notice: gr.HTML | None = None
    answers: dict[str, gr.HTML] = field(default_factory=dict)
    verdicts: dict[str, gr.HTML] = field(default_factory=dict)
    follow: gr.Button | None = None
    own: gr.Textbox | None = None
    judge: gr.Button | None = None
    own_verdict: gr.HTML | None = None
    trial_side: gr.Radio | None = None
    trial_cases: gr.Slider | None = None
    evaluate: gr.Button | None = None
    trial_stop: gr.Button | None = None
    trial_notice: gr.HTML | None = None
    results: gr.HTML | None = None


def still(html: str = "", **more: Any) -> gr.HTML:
    """HTML that the server writes and no script changes."""
    return gr.HTML(html, padding=False, apply_default_css=False, js_on_load=None, **more)


def live(part: str, name: str, elem_id: str) -> gr.HTML:
    """A fixed body, `assets/tasks/PART.html`, whose value is a payload that the module of the same name draws."""
    return gr.HTML(
        value="",
        html_template=fragment(f"tasks/{part}", name=name),
        js_on_load=f"sigma.mount('{part}', element, props, watch);",
        elem_id=elem_id,
        padding=False,
        apply_default_css=False,
    )


def tasks_tab(tab: gr.Tab, shelf: Shelf, infos: dict[str, SideInfo], on_leave: Any) -> TasksTab:
    """Lay the tab out; `infos` names the sides before a model is loaded, `on_leave(visit)` ends what a visitor left."""
    parts = TasksTab(tab, gr.State(None, delete_callback=on_leave))
    choices = shelf.choices()
    with gr.Column(elem_id="tasks"):
        still(f'<p class="untrained">{UNTRAINED}</p>')
        parts.task = gr.Radio(
            choices, value=choices[0][1], label="Task", show_label=False, container=False, elem_id="task-pick"
        )
        parts.about = still("<p>Opening the task …</p>", elem_id="task-about")
        with gr.Row(elem_id="task-examples"):
            for i in range(MOST_EXAMPLES):
                parts.examples.append(
                    gr.Button("", size="sm", variant="secondary", visible=False, elem_id=f"task-example-{i}")
                )
        with gr.Column(elem_id="task-form"):
            for i in range(BOXES):
                parts.boxes.append(gr.Textbox(visible=False, label="field", elem_id=f"task-field-{i}", max_lines=14))
        with gr.Accordion("The truth, and the prompt that is really sent", open=False, elem_id="task-sent-box"):
            parts.truth = gr.Textbox(
                label="Truth",
                info="the answer to compare with; left empty, the scores that need it are left out",
                elem_id="task-truth",
                max_lines=14,
            )
            parts.sent = still(elem_id="task-sent")
        _run_row(parts)
        _columns(parts, infos)
        _own(parts)
        _evaluation(parts)
    return parts


def _run_row(parts: TasksTab) -> None:
    with gr.Row(elem_id="task-run-row"):
        parts.run = gr.Button("Ask both models", variant="primary", elem_id="task-run", scale=0, min_width=150)
        parts.stop = gr.Button("Stop", variant="stop", elem_id="task-stop", scale=0, min_width=150, visible=False)
        parts.budget = gr.Slider(
            8, MOST_TOKENS, value=256, step=8, label="Token budget", info="of each answer", elem_id="task-budget"
        )
        parts.notice = still(elem_id="task-notice")


def _columns(parts: TasksTab, infos: dict[str, SideInfo]) -> None:
    with gr.Row(elem_id="task-columns", equal_height=False):
        for side in SIDES:
            name = infos[side].name if side in infos else SIDE_NAMES[side]
            with gr.Column(min_width=300, elem_classes=["side", f"side-{side}"]):
                parts.answers[side] = live("answer", name, f"task-answer-{side}")
                parts.verdicts[side] = live("verdict", name, f"task-verdict-{side}")
    parts.follow = gr.Button(
        "Second turn: tell each model its verdict and ask again", elem_id="task-follow", visible=False, size="sm"
    )


def _own(parts: TasksTab) -> None:
    with gr.Accordion("Judge an answer of your own (needs no model)", open=False, elem_id="task-own-box"):
        parts.own = gr.Textbox(
            label="Answer",
            info="to the question above, as a model would write it",
            lines=4,
            max_lines=14,
            elem_id="task-own",
        )
        parts.judge = gr.Button("Judge it", elem_id="task-judge", scale=0, min_width=110)
        with gr.Column(elem_classes=["side"]):
            parts.own_verdict = live("verdict", "Your answer", "task-verdict-own")


def _evaluation(parts: TasksTab) -> None:
    with gr.Accordion("Evaluate on the test set", open=False, elem_id="trial-box"):
        with gr.Row(elem_id="trial-row"):
            parts.trial_side = gr.Radio(
                [
                    *((name, side) for side, name in SIDE_NAMES.items()),
                    ("the truths (checks the judge, no model)", "truth"),
                ],
                value="sigma",
                label="Whose answers",
                elem_id="trial-side",
            )
            parts.trial_cases = gr.Slider(
                1,
                MOST_CASES,
                value=10,
                step=1,
                label="Cases",
                info="spread evenly over the test split; the command line takes all",
                elem_id="trial-cases",
            )
        with gr.Row():
            parts.evaluate = gr.Button("Evaluate", elem_id="trial-run", scale=0, min_width=110)
            parts.trial_stop = gr.Button(
                "Stop", variant="stop", elem_id="trial-stop", scale=0, min_width=110, visible=False
            )
            parts.trial_notice = still(elem_id="trial-notice")
        parts.results = live("results", "", "trial-results")
