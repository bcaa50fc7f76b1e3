"""What is said of a chat turn that a task can judge: why it is taken for one, and what was judged in the end. No Gradio."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from sigma.aimicius.contract import Task, Verdict
from sigma.aimicius.recognise import Recognised
from visualizers.tasks.loader import TITLES

ASKED_IN_CHAT = (
    "Asked in Chat: without the task's own instructions and worked examples, so it is harder than on the Tasks tab."
)
NO_TRUTH = "no right answer is known, so what is judged is what needs none"
SHOWN = 400  # characters of a truth


def offer_html(found: Recognised, stopped: str = "") -> str:
    """Before the click: which task, why, with what; `stopped` says that an answer is not whole."""
    truth = "its right answer is known" if found.has_truth else NO_TRUTH
    title = TITLES.get(found.task, found.task)
    more = [*(f"Taken: {each}." for each in found.assumed), *([stopped] if stopped else [])]
    return f"<p><b>{escape(title)}</b>: {escape(found.how)}; {truth}. {escape(' '.join(more))}</p>"


def judged_html(found: Recognised, task: Task, verdicts: Iterable[Verdict | None], stopped: str = "") -> str:
    """After it: the truth, which scores were given, which were not and why, beside the offer's own words."""
    truth = str(found.row.get("truth", "")).strip()
    shown = truth if len(truth) <= SHOWN else truth[: SHOWN - 1] + "…"
    known = f'<p class="note">Right answer: <code translate="no">{escape(shown)}</code></p>' if truth else ""
    said = f'<p class="note">{escape(scored(task, [v for v in verdicts if v is not None]))} {escape(ASKED_IN_CHAT)}</p>'
    return offer_html(found, stopped) + known + said


def scored(task: Task, verdicts: list[Verdict]) -> str:
    """Which metrics have a score in any verdict, and which have none, by reason."""
    if not verdicts:
        return "No verdict came to its end; below is how far it got."
    given = [m.name for m in task.metrics if any(_value(v, m.name) is not None for v in verdicts)]
    reasons: dict[str, list[str]] = {}
    for metric in task.metrics:
        if metric.name not in given:
            why = next((v.scores[metric.name].reason for v in verdicts if metric.name in v.scores), "not asked for")
            reasons.setdefault(why, []).append(metric.name)
    parts = [f"Scored: {', '.join(given)}." if given else "No score was given: the parts below are what was checked."]
    parts += [f"Not scored ({why}): {', '.join(names)}." for why, names in reasons.items()]
    return " ".join(parts)


def _value(verdict: Verdict, name: str) -> float | None:
    score = verdict.scores.get(name)
    return None if score is None else score.value
