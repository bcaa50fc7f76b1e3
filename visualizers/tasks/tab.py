"""The Tasks tab: a task's fields, both models' answers side by side with their verdicts, an answer of one's own, and the
evaluation on the test set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from sigma.engine.options import new_tokens
from sigma.events import SIDE_NAMES, SIDES, SideInfo
from sigma.limits.current import limits
from visualizers.page.html import fragment
from visualizers.tasks.fields import BOXES
from visualizers.tasks.loader import TaskLoader

MOST_EXAMPLES = 6
MOST_TOKENS = 1024
WHO_ANSWERS = (
    "Here both models answer with minima tuned on training questions of these tasks, where they have them (the columns' titles say so; in Chat "
    "it is a setting). The default models' measured scores stand with each task; the judges are real, and take your own answers too."
)


@dataclass(frozen=True, slots=True)
class TasksTab:
    """The components of the tab, by the names that the handlers use."""

    tab: gr.Tab
    state: gr.State
    task: gr.Radio
    about: gr.HTML
    examples: list[gr.Button]
    boxes: list[gr.Textbox]
    truth: gr.Textbox
    sent: gr.HTML
    budget: gr.Slider
    held: gr.Checkbox
    worked: gr.Checkbox
    run: gr.Button
    stop: gr.Button
    notice: gr.HTML
    answers: dict[str, gr.HTML]
    verdicts: dict[str, gr.HTML]
    follow: gr.Button
    own: gr.Textbox
    judge: gr.Button
    own_verdict: gr.HTML
    trial_side: gr.Radio
    trial_cases: gr.Slider
    evaluate: gr.Button
    trial_stop: gr.Button
    trial_notice: gr.HTML
    results: gr.HTML


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


def tasks_tab(tab: gr.Tab, task_loader: TaskLoader, infos: dict[str, SideInfo], on_leave: Any) -> TasksTab:
    """Lay the tab out; `infos` names the sides before a model is loaded, `on_leave(visit)` ends what a visitor left."""
    state = gr.State(None, delete_callback=on_leave)
    choices = task_loader.choices()
    with gr.Column(elem_id="tasks"):
        still(f'<p class="who-answers">{WHO_ANSWERS}</p>')
        task = gr.Radio(
            choices, value=choices[0][1], label="Task", show_label=False, container=False, elem_id="task-pick"
        )
        about = still("<p>Opening the task …</p>", elem_id="task-about")
        with gr.Row(elem_id="task-examples"):
            examples = [
                gr.Button("", size="sm", variant="secondary", visible=False, elem_id=f"task-example-{i}")
                for i in range(MOST_EXAMPLES)
            ]
        with gr.Column(elem_id="task-form"):
            boxes = [
                gr.Textbox(visible=False, label="field", elem_id=f"task-field-{i}", max_lines=14) for i in range(BOXES)
            ]
        with gr.Accordion("The truth, and the prompt that is really sent", open=False, elem_id="task-sent-box"):
            truth = gr.Textbox(
                label="Truth",
                info="the answer to compare with; left empty, the scores that need it are left out",
                elem_id="task-truth",
                max_lines=14,
            )
            sent = still(elem_id="task-sent")
        rest = {**_run_row(), **_columns(infos), **_own(), **_evaluation()}
    return TasksTab(
        tab=tab, state=state, task=task, about=about, examples=examples, boxes=boxes, truth=truth, sent=sent, **rest
    )


def _run_row() -> dict[str, Any]:
    with gr.Row(elem_id="task-run-row"):
        run = gr.Button("Ask both models", variant="primary", elem_id="task-run", scale=0, min_width=150)
        stop = gr.Button("Stop", variant="stop", elem_id="task-stop", scale=0, min_width=150, visible=False)
        most = new_tokens(MOST_TOKENS)
        budget = gr.Slider(
            min(8, most),
            most,
            value=min(256, most),
            step=8,
            label="Token budget",
            info="of each answer",
            elem_id="task-budget",
        )
        held = gr.Checkbox(
            False,
            label="Hold answers to the task's form",
            info="constrained decoding, both sides alike: known options, the prompt's tables and indexes",
            elem_id="task-held",
        )
        worked = gr.Checkbox(
            True,
            label="Worked examples before the question",
            info="the nearest in words from the training questions, both sides alike; the prompt above shows them",
            elem_id="task-worked",
        )
        notice = still(elem_id="task-notice")
    return dict(run=run, stop=stop, budget=budget, held=held, worked=worked, notice=notice)


def _columns(infos: dict[str, SideInfo]) -> dict[str, Any]:
    answers, verdicts = {}, {}
    with gr.Row(elem_id="task-columns", equal_height=False):
        for side in SIDES:
            name = infos[side].name if side in infos else SIDE_NAMES[side]
            with gr.Column(min_width=300, elem_classes=["side", f"side-{side}"]):
                answers[side] = live("answer", name, f"task-answer-{side}")
                verdicts[side] = live("verdict", name, f"task-verdict-{side}")
    follow = gr.Button(
        "Second turn: tell each model its verdict and ask again", elem_id="task-follow", visible=False, size="sm"
    )
    return dict(answers=answers, verdicts=verdicts, follow=follow)


def _own() -> dict[str, Any]:
    with gr.Accordion("Judge an answer of your own (needs no model)", open=False, elem_id="task-own-box"):
        own = gr.Textbox(
            label="Answer",
            info="to the question above, as a model would write it",
            lines=4,
            max_lines=14,
            elem_id="task-own",
        )
        judge = gr.Button("Judge it", elem_id="task-judge", scale=0, min_width=110)
        with gr.Column(elem_classes=["side"]):
            own_verdict = live("verdict", "Your answer", "task-verdict-own")
    return dict(own=own, judge=judge, own_verdict=own_verdict)


def _evaluation() -> dict[str, Any]:
    with gr.Accordion("Evaluate on the test set", open=False, elem_id="trial-box"):
        with gr.Row(elem_id="trial-row"):
            trial_side = gr.Radio(
                [
                    *((name, side) for side, name in SIDE_NAMES.items()),
                    ("the truths (checks the judge, no model)", "truth"),
                ],
                value="sigma",
                label="Whose answers",
                elem_id="trial-side",
            )
            trial_cases = gr.Slider(
                1,
                limits().trial_cases,
                value=10,
                step=1,
                label="Cases",
                info="a fixed sample of the test split, each group in its share; the command line takes all",
                elem_id="trial-cases",
            )
        with gr.Row():
            evaluate = gr.Button("Evaluate", elem_id="trial-run", scale=0, min_width=110)
            trial_stop = gr.Button("Stop", variant="stop", elem_id="trial-stop", scale=0, min_width=110, visible=False)
            trial_notice = still(elem_id="trial-notice")
        results = live("results", "", "trial-results")
    return dict(
        trial_side=trial_side,
        trial_cases=trial_cases,
        evaluate=evaluate,
        trial_stop=trial_stop,
        trial_notice=trial_notice,
        results=results,
    )
