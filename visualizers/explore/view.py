"""What is looked at: one layer and one token of a run on both sides, the question that says so, and its checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigma.engine.fields import number
from sigma.events import Inspection, PromptError
from visualizers.explore.runs import Text


class Gone(Exception):
    """The visitor left while an answer was being computed."""


def whole(question: dict[str, Any], name: str, low: int, high: int) -> int:
    """A whole number of the question, low .. high; PromptError with both otherwise."""
    return int(number(question.get(name), name, low, high, whole=True))


@dataclass(frozen=True, slots=True)
class View:
    """One place in a run.

    found: what either side's attention did; `text` is what both sides read. `layer` and
    `query` (a position) say where, `question` what else was asked, `piece(id)` gives a token's text, `gone()` says
    whether the visitor has left.
    """

    found: dict[str, Inspection]
    text: Text
    question: dict[str, Any]
    layer: int
    query: int
    first_query: int
    piece: Callable[[int], str]
    gone: Callable[[], bool]

    def still_wanted(self) -> None:
        """Raises Gone when the visitor has left."""
        if self.gone():
            raise Gone

    def whole(self, name: str, low: int, high: int) -> int:
        """A whole number of the question (see `whole`)."""
        return whole(self.question, name, low, high)

    def side(self) -> str:
        """The side that the question is about; PromptError for one that is not there."""
        side = self.question.get("side")
        if side not in self.found:
            raise PromptError(f"side must be one of {', '.join(self.found)}.")
        return side

    def row(self, side: str) -> tuple[np.ndarray, np.ndarray]:
        """The query's weights in every head of a side [n_q, query + 1], and the log-sum-exp of each head's scores [n_q]."""
        weights, sums = self.found[side].attend(self.layer, self.query, self.query + 1)
        return weights[:, 0], sums[:, 0]

    def weights(self, side: str) -> np.ndarray:
        """The query's weights alone, [n_q, query + 1]."""
        return self.found[side].weights(self.layer, self.query, self.query + 1)[:, 0]


def view_of(
    found: dict[str, Inspection],
    text: Text,
    question: dict[str, Any],
    piece: Callable[[int], str],
    gone: Callable[[], bool] = lambda: False,
) -> View:
    """The place that a question names, checked; PromptError for a layer or a query that does not exist."""
    layer = whole(question, "layer", 0, min(side.layers for side in found.values()) - 1)
    first = max(side.first_query for side in found.values())
    query = whole(question, "query", first, len(text.ids) - 1)
    return View(found, text, question, layer, query, first, piece, gone)
