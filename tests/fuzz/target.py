"""What a fuzz target is: a strategy that makes cases, and a check that raises when a case is treated wrongly."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

SLOW_S = 2.0  # processor time of one case, unless a target says otherwise


class Slow(AssertionError):
    """A case took longer than anything a visitor sends may take."""


@dataclass(frozen=True, slots=True)
class Target:
    """One entry point.

    cases: makes what `check` is called with, plain data that JSON can hold. most_s: processor time a case may take.
    needs: raises LookupError with a sentence where the machine lacks what the target runs on.
    """

    name: str
    about: str
    cases: st.SearchStrategy
    check: Callable[[Any], None]
    most_s: float = SLOW_S
    needs: Callable[[], None] = lambda: None

    def run(self, case: Any) -> None:
        """Check one case, and the time that it took."""
        begun = time.thread_time()
        self.check(case)
        took = time.thread_time() - begun
        if took > self.most_s:
            raise Slow(f"{took:.2f} s of processor time; at most {self.most_s:g} s")
