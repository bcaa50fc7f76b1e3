"""From verdicts to percentages: the mean of every metric over the cases where it applies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sigma.aimicius.contract import Case, Task, Verdict


@dataclass
class Tally:
    """Running means. A score of None (the metric does not apply to that case) is left out of its metric's mean."""

    names: tuple[str, ...]
    n: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)

    def add(self, verdict: Verdict) -> None:
        """Count one verdict. A metric that the verdict lacks does not apply."""
        self.n += 1
        for name in self.names:
            score = verdict.scores.get(name)
            if score is not None and score.value is not None:
                self.sums[name] = self.sums.get(name, 0.0) + score.value
                self.counted[name] = self.counted.get(name, 0) + 1

    def metrics(self) -> dict[str, float | None]:
        """Percent by metric; None where it applied to no case."""
        return {name: self._percent(name) for name in self.names}

    def _percent(self, name: str) -> float | None:
        count = self.counted.get(name, 0)
        return round(100 * self.sums[name] / count, 2) if count else None


class Report:
    """What one side did on one set of cases: all of them together, and by the groups that the paper reports apart."""

    def __init__(self, task: Task, side: str, data: str = "test"):
        """`data` says which cases these are: one of our splits, heldout, heldout-final, or a file's name."""
        self.task, self.side, self.data = task, side, data
        self.names = tuple(metric.name for metric in task.metrics)
        self.whole = Tally(self.names)
        self.groups: dict[str, Tally] = {}
        self.unanswered = 0  # prompts that the model could not take; they score as empty answers
        self.stopped: dict[str, int] = {}  # how many answers ended by what: stop, length, context

    def add(self, case: Case, verdict: Verdict, finish: str | None = None) -> None:
        """Count the verdict on one case; `finish` is how the model's answer ended."""
        self.whole.add(verdict)
        if group := self.task.group(case):
            self.groups.setdefault(group, Tally(self.names)).add(verdict)
        if finish is not None:
            self.stopped[finish] = self.stopped.get(finish, 0) + 1
            self.unanswered += finish == "refused"

    def to_dict(self) -> dict[str, Any]:
        """{task, side, data, n, metrics: {name: percent}} and what explains them."""
        result: dict[str, Any] = {
            "task": self.task.name,
            "side": self.side,
            "data": self.data,
            "n": self.whole.n,
            "metrics": self.whole.metrics(),
            "counted": {name: self.whole.counted.get(name, 0) for name in self.names},
        }
        if self.groups:
            result["groups"] = {
                name: {"n": tally.n, "metrics": tally.metrics()} for name, tally in sorted(self.groups.items())
            }
        if self.stopped:
            result |= {"finished_by": dict(sorted(self.stopped.items())), "unanswered": self.unanswered}
        return result


def combined(reports: list[Report], side: str) -> dict[str, Any]:
    """One object for several tasks: their own objects under "tasks", their metrics under "TASK: METRIC"."""
    rows = [report.to_dict() for report in reports]
    return {
        "task": "all",
        "side": side,
        "data": reports[0].data,
        "n": sum(row["n"] for row in rows),
        "metrics": {f"{row['task']}: {name}": value for row in rows for name, value in row["metrics"].items()},
        "tasks": rows,
    }
