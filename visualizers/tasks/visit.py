"""What one visitor has before them in the Tasks tab. No Gradio."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from sigma.aimicius.contract import Case, Task
from sigma.events import SIDES
from visualizers.tasks.evaluate.trial import Trial
from visualizers.tasks.fields import from_boxes, to_boxes
from visualizers.tasks.turn import Asked

log = logging.getLogger(__name__)


@dataclass
class Visit:
    """The task and the case that are shown, the turn that was asked last, and the evaluations by task."""

    session: str = field(default_factory=lambda: uuid.uuid4().hex)
    task: Task | None = None
    example: Case | None = None
    fields: list[str] = field(default_factory=list)
    asked: Asked | None = None
    trials: dict[str, list[Trial]] = field(default_factory=dict)

    def show(self, case: Case) -> dict[str, str]:
        """Put a case into the boxes; their texts by field name, in order."""
        texts = to_boxes(case)
        self.example, self.fields = case, list(texts)
        return texts

    def case(self, truth: str, texts: Sequence[str]) -> Case:
        """What the boxes hold now; PromptError for what cannot be read."""
        return from_boxes(self.task, self.example, dict(zip(self.fields, texts)), truth)

    def second_turn(self) -> dict[str, Case]:
        """By side, the case that tells a model its verdict, where the task has one for that verdict."""
        cases = {}
        for side in SIDES if self.asked is not None else ():
            judged = self.asked.judgements.get(side)
            if judged is None or judged.verdict is None:
                continue
            try:
                case = self.asked.task.follow_up(self.asked.cases[side], judged.verdict)
            except Exception:
                log.exception("%s could not make a second turn", self.asked.task.name)
                continue
            if case is not None:
                cases[side] = case
        return cases
