"""Who waits for the engine: a line of visitors, first come, first served, of whom a few are answered together. No Gradio.

Gradio's own queue would do the same, but a visitor in it is shown a number and nothing else: the handler has not begun,
so there is no message on the page and nothing that Stop could end.
"""

from __future__ import annotations

import threading

from sigma.events import OverLimit
from sigma.limits.current import limits


class Line:
    """Visitors in the order they came; the first `places` of them are being answered, the others wait.

    By default as many as this server's limits say; those that are answered share each reading of the weights.
    """

    def __init__(self, places: int | None = None, waiting: int | None = None):
        self.places = limits().together if places is None else places
        self.waiting = limits().max_waiting if waiting is None else waiting
        self._changed = threading.Condition()
        self._order: list[Place] = []
        self._refused = 0

    def join(self) -> Place:
        """A place at the end of the line, to be left in any case; OverLimit when too many wait already."""
        with self._changed:
            if len(self._order) >= self.places + self.waiting:
                self._refused += 1
                raise OverLimit("Too many visitors are waiting for an answer; try again in a minute.", "max_waiting")
            self._order.append(place := Place(self))
            return place

    def standing(self) -> tuple[int, int, int]:
        """(being answered, waiting, refused since the start because too many waited)."""
        with self._changed:
            answered = min(len(self._order), self.places)
            return answered, len(self._order) - answered, self._refused


class Place:
    """One visitor's place; a context manager that leaves the line at its end."""

    def __init__(self, line: Line):
        self._line = line

    @property
    def before(self) -> int:
        """How many came earlier and are not done, those being answered included; 0 for a place that was left."""
        with self._line._changed:
            return self._ahead()

    def wait(self, seconds: float) -> bool:
        """Wait for this visitor's turn; whether it has come. Returns early whenever the line has moved."""
        line = self._line
        with line._changed:
            if self._ahead() >= line.places:
                line._changed.wait(seconds)
            return self._ahead() < line.places

    def leave(self) -> None:
        """Make room for the next one; leaving twice does nothing."""
        with self._line._changed:
            if self in self._line._order:
                self._line._order.remove(self)
                self._line._changed.notify_all()

    def _ahead(self) -> int:
        order = self._line._order
        return order.index(self) if self in order else 0

    def __enter__(self) -> Place:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()
