"""The table of an evaluation: our figures beside the paper's Table 6, and the same as CSV and JSON for the browser to save."""

from __future__ import annotations

import csv
import io
import json
from html import escape
from typing import Any

from sigma.aimicius.contract import MetricInfo, Task
from sigma.aimicius.paper import MODELS as PAPER_MODELS
from visualizers.tasks.common import packed, percent
from visualizers.tasks.evaluate.trial import Trial

SHORT = {
    "DeepSeek-Coder-7B": "DeepSeek",
    "Qwen2.5-Coder-7B": "Qwen",
    "LLaMA3-8B": "LLaMA3",
    "Sigma-System-10B": "Sigma-10B",
}
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def paper_models(task: Task) -> list[str]:
    """Which of the paper's models the task has figures of, in the paper's order."""
    keys = {key for metric in task.metrics for key in metric.paper}
    return [name for name in PAPER_MODELS if any(key.startswith(name) for key in keys)]


def paper_figure(metric: MetricInfo, model: str, group: str) -> float | None:
    """The paper's percentage; where it reports groups apart the key is "MODEL GROUP"."""
    return metric.paper.get(f"{model} {group}" if group else model)


def label(n: int) -> str:
    """What has to stand beside every score of ours."""
    return f"our AIMicius-style test set, n = {n}; other data, other size of model"


def table_html(task: Task, trials: list[Trial]) -> str:
    """The table of a visitor's own runs."""
    columns = [(trial.name, trial.report.to_dict()) for trial in trials]
    return figures_table(task, columns, label(max((report["n"] for _, report in columns), default=0)))


def figures_table(task: Task, columns: list[tuple[str, dict[str, Any]]], ours: str) -> str:
    """Metrics down, our figures and the paper's models across; a block for each group that the paper reports apart.

    `columns`: a name and a report ({"n", "metrics", "groups"}, percent); `ours` says what they were measured on.
    """
    groups = sorted({group for _, report in columns for group in report.get("groups", {})})
    models = paper_models(task)
    mine = "".join(
        f'<th scope="col" class="number">{escape(name)}<small>n = {report["n"]}</small></th>'
        for name, report in columns
    )
    theirs = "".join(
        f'<th scope="col" class="number paper" title="{escape(m)}">{escape(SHORT.get(m, m))}</th>' for m in models
    )
    over = f'<th colspan="{len(models)}" scope="colgroup" class="paper">the paper, Table 6</th>' if models else ""
    body = "".join(_block(task, columns, models, group) for group in ["", *groups])
    return (
        f'<div class="table-box" tabindex="0" role="region" aria-label="Results of {escape(task.title)}">'
        f'<table class="results"><caption>{escape(task.title)}, percent. Ours: {escape(ours)}. The paper\'s figures are copied from '
        f"arXiv 2501.13629, Table 6; a dash is none.{' ' * bool(task.note)}{escape(task.note)}</caption><thead>"
        f'<tr><td></td><th colspan="{len(columns)}" scope="colgroup">ours</th>{over}</tr>'
        f'<tr><th scope="col">metric</th>{mine}{theirs}</tr></thead>{body}</table></div>'
    )


def _block(task: Task, reports: list[tuple[str, dict[str, Any]]], models: list[str], group: str) -> str:
    rows = []
    if group:
        counts = ", ".join(f"n = {report.get('groups', {}).get(group, {}).get('n', 0)}" for _, report in reports)
        width = 1 + len(reports) + len(models)
        rows.append(
            f'<tr class="group"><th colspan="{width}" scope="rowgroup">{escape(group)} <small>{counts}</small></th></tr>'
        )
    for metric in task.metrics:
        cells = []
        for _, report in reports:
            part = report.get("groups", {}).get(group, {}) if group else report
            cells.append(f'<td class="number ours">{percent(part.get("metrics", {}).get(metric.name))}</td>')
        cells += [f'<td class="number paper">{percent(paper_figure(metric, m, group))}</td>' for m in models]
        kind = ' class="primary"' if metric.primary else ""
        rows.append(
            f'<tr{kind}><th scope="row" title="{escape(metric.meaning)}">{escape(metric.name)}</th>{"".join(cells)}</tr>'
        )
    return f"<tbody>{''.join(rows)}</tbody>"


def csv_text(trials: list[Trial]) -> str:
    """One line a case. A cell that a spreadsheet would take for a formula gets an apostrophe before it."""
    out = io.StringIO()
    writer = csv.writer(out)
    names = [metric.name for metric in trials[0].task.metrics] if trials else []
    writer.writerow(["task", "side", "id", *names, "finish", "answer", "truth", "problem"])
    for trial in trials:
        for row in trial.rows:
            texts = [row["finish"] or "", row["answer"], row["truth"], row["problem"]]
            scores = ["" if row["scores"].get(n) is None else row["scores"][n] for n in names]
            writer.writerow([row["task"], row["side"], plain_cell(row["id"]), *scores, *map(plain_cell, texts)])
    return out.getvalue()


def plain_cell(text: str) -> str:
    """The text as a spreadsheet may open it."""
    return "'" + text if text.startswith(FORMULA) else text


def json_text(trials: list[Trial]) -> str:
    """The reports and every case."""
    reports = [
        {**trial.report.to_dict(), "model": trial.name, "label": label(trial.report.whole.n)} for trial in trials
    ]
    return json.dumps(
        {"reports": reports, "cases": [row for trial in trials for row in trial.rows]}, ensure_ascii=False
    )


def progress_html(trial: Trial) -> str:
    """How far the newest run is."""
    done = len(trial.rows)
    problems = sum(bool(row["problem"]) for row in trial.rows)
    failed = f", {problems} could not be judged" if problems else ""
    state = "finished" if trial.ended else trial.note or "judging"
    return (
        f'<p class="trial-line"><progress max="{trial.total}" value="{done}" aria-label="cases judged"></progress> '
        f"<span>{escape(trial.name)}: {done} of {trial.total} cases{failed}; {escape(state)}; {trial.seconds:,.0f} s</span></p>"
    )


def results_payload(task: Task, trials: list[Trial], newest: Trial | None, running: bool, note: str = "") -> str:
    """Everything that the evaluation shows; the files to save come with the end only."""
    shown = [trial for trial in trials if trial.report.whole.n]
    progress = progress_html(newest) if newest is not None else ""
    if note:
        progress += f'<p class="note">{escape(note)}</p>'
    summary = ""
    if newest is not None and not running:
        done = len(newest.rows)
        primary = [m.name for m in task.metrics if m.primary]
        figures = newest.report.whole.metrics()
        said = ", ".join(f"{name} {percent(figures[name])} %" for name in primary)
        summary = f"{'Finished' if newest.ended else 'Stopped'}: {done} of {newest.total} cases. {newest.name}: {said}."
    whole = not running and bool(shown)
    return packed(
        task=task.name,
        running=running,
        progress=progress,
        table=table_html(task, shown) if shown else "",
        summary=summary,
        csv=csv_text(shown) if whole else "",
        json=json_text(shown) if whole else "",
        file=f"aimicius-style-{task.name}",
    )
