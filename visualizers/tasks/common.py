"""Verdicts as HTML and as the compact payload that the browser draws. Every text is escaped here or by the task's `draw`."""

from __future__ import annotations

import json
import logging
from html import escape
from typing import Any

from sigma.aimicius.contract import MetricInfo, Part, Score, Task, Verdict
from visualizers.shared.compact_json import compact_json
from visualizers.tasks.judging import Judgement
from visualizers.tasks.loader import Draw

log = logging.getLogger(__name__)

STATES = {"good": ("✓", "good"), "bad": ("✗", "bad"), "neutral": ("•", "note"), "skipped": ("–", "skipped")}
MAX_VIEW = 400_000  # characters of HTML that one part may bring to the browser
MAX_TEXT = 4_000


def percent(value: float | None) -> str:
    """A score or mean of 0 to 100 with one decimal; a dash where there is none."""
    return "–" if value is None else f"{value:.1f}"


def part_html(part: Part, draw: Draw | None) -> str:
    """One step of judging: its state in sign and word, what came of it, and the task's drawing below."""
    sign, word = STATES.get(part.state, STATES["neutral"])
    state = part.state if part.state in STATES else "neutral"
    text = part.text if len(part.text) <= MAX_TEXT else part.text[:MAX_TEXT] + "…"
    return (
        f'<div class="part" data-state="{state}"><p class="part-line"><span class="sign" aria-hidden="true">{sign}</span>'
        f'<b>{escape(part.name)}</b> <span class="word">{word}</span></p>'
        f'<p class="part-text">{escape(text)}</p>{view_html(part.view, draw)}</div>'
    )


def view_html(view: dict[str, Any] | None, draw: Draw | None) -> str:
    """The task's drawing of a part; its plain data where the task has none, or where it fails."""
    if not view:
        return ""
    if draw is not None:
        try:
            drawn = draw(view)
            if isinstance(drawn, str) and len(drawn) <= MAX_VIEW:
                return f'<div class="part-view">{drawn}</div>'
            log.warning("a drawing of a %r part is no text or too long", view.get("kind"))
        except Exception:
            log.exception("a %r part could not be drawn", view.get("kind"))
    plain = json.dumps(view, indent=1, ensure_ascii=False, default=str)
    cut = plain if len(plain) <= MAX_TEXT else plain[:MAX_TEXT] + "\n…"
    return f'<pre class="part-plain">{escape(cut)}</pre>'


def scores_html(metrics: tuple[MetricInfo, ...], scores: dict[str, Score]) -> str:
    """The table of one verdict: metric, percent, why."""
    rows = []
    for metric in metrics:
        score = scores.get(metric.name)
        if score is None:
            continue
        value = None if score.value is None else 100 * score.value
        kind = ' class="primary"' if metric.primary else ""
        mark = ' <small title="the paper\'s primary metric of this task">primary</small>' if metric.primary else ""
        rows.append(
            f'<tr{kind}><th scope="row" title="{escape(metric.meaning)}">{escape(metric.name)}{mark}</th>'
            f'<td class="number">{percent(value)}{"" if value is None else " %"}</td><td>{escape(score.reason[:MAX_TEXT])}</td></tr>'
        )
    return (
        '<table class="scores"><thead><tr><th scope="col">metric</th><th scope="col" class="number">score</th>'
        f'<th scope="col">why</th></tr></thead><tbody>{"".join(rows)}</tbody></table>'
    )


def spoken(who: str, task: Task, verdict: Verdict) -> str:
    """One sentence for a screen reader: the primary metrics first."""
    order = sorted(task.metrics, key=lambda metric: not metric.primary)
    said = [
        f"{metric.name} {percent(100 * score.value)} %"
        for metric in order
        if (score := verdict.scores.get(metric.name)) is not None and score.value is not None
    ]
    return f"{who}: {', '.join(said) or 'judged; no score applies without a truth'}."


class VerdictView:
    """The payload of one verdict as it grows; parts are drawn once."""

    def __init__(self, key: str, who: str, task: Task, draw: Draw | None):
        self.key, self.who, self.task, self.draw = key, who, task, draw
        self._parts: list[str] = []
        self._last = ""

    def payload(self, judgement: Judgement) -> str | None:
        """The newest payload; None when nothing has changed since the last."""
        ended = judgement.finished()
        verdict = judgement.verdict if ended else None
        parts = list(judgement.parts)
        self._parts += [part_html(part, self.draw) for part in parts[len(self._parts) :]]
        problem = judgement.problem if ended else ""
        state = "judging" if not ended else "done" if verdict is not None else "failed"
        note = {"judging": "judging …", "done": "", "failed": problem}[state]
        text = packed(
            key=self.key,
            task=self.task.name,
            state=state,
            note=note,
            parts=self._parts,
            scores=scores_html(self.task.metrics, verdict.scores) if verdict is not None else "",
            summary=spoken(self.who, self.task, verdict)
            if verdict is not None
            else problem and f"{self.who}: {problem}",
        )
        if text == self._last:
            return None
        self._last = text
        return text


def packed(**fields: Any) -> str:
    """One compact JSON string for the browser."""
    return compact_json(fields)


def messages_html(messages: dict[str, list[dict[str, str]]]) -> str:
    """The chats that are sent, by side; sides that get the same are shown once."""
    shown: dict[str, list[str]] = {}
    for side, chat in messages.items():
        shown.setdefault(json.dumps(chat), []).append(side)
    blocks = []
    for text, sides in shown.items():
        chat = json.loads(text)
        head = "" if len(shown) == 1 else f"<h4>{escape(', '.join(sides))}</h4>"
        rows = "".join(
            # The line end after <pre> is none of the text: a parser drops the first.
            f'<div class="said"><b>{escape(message["role"])}</b>'
            f'<pre tabindex="0" translate="no">\n{escape(message["content"])}</pre></div>'
            for message in chat
        )
        blocks.append(f"{head}{rows}")
    count = sum(len(message["content"]) for chat in messages.values() for message in chat) // max(1, len(messages))
    return f'<div class="sent"><p class="note">{count:,} characters, through the model\'s own chat template.</p>{"".join(blocks)}</div>'
