"""Something that is done a while later, unless it is called off: by one thread for all times, not one for each.

A thread that is started where memory runs out may die before Python knows of it, and whoever started it waits for ever
(CPython 3.11 to 3.13). So it is started once, before there is anything to be short of memory for.
"""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Callable

log = logging.getLogger(__name__)


class _State:
    """What an alarm and its thread share."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.due: float | None = None
        self.closed = False


class Alarm:
    """Calls `ring`, a bound method, in a thread of its own, `seconds` after the newest `set`; `clear` calls it off.

    The thread keeps neither this object nor the method's alive, and ends with either.
    """

    def __init__(self, seconds: float, ring: Callable[[], None], name: str):
        self._seconds, self._state = seconds, _State()
        given = self._state, weakref.WeakMethod(ring)
        threading.Thread(target=_watch, args=given, name=name, daemon=True).start()

    def set(self) -> None:
        """Ring later, and not at the time that was set before."""
        with self._state.changed:
            self._state.due = time.monotonic() + self._seconds
            self._state.changed.notify()

    def clear(self) -> None:
        """Do not ring."""
        with self._state.changed:
            self._state.due = None

    def close(self) -> None:
        """Never ring again."""
        with self._state.changed:
            self._state.closed = True
            self._state.changed.notify()

    def __del__(self):
        self.close()


def _watch(state: _State, ring: weakref.WeakMethod[Callable[[], None]]) -> None:
    while _waited(state) and (call := ring()) is not None:
        try:
            call()
        except Exception:
            log.exception("what was to be done later failed")
        del call  # or its object would live until the next time


def _waited(state: _State) -> bool:
    """Wait for the time that is set; False once it is closed."""
    with state.changed:
        while not state.closed:
            left = None if state.due is None else state.due - time.monotonic()
            if left is not None and left <= 0:
                state.due = None
                return True
            state.changed.wait(left)
        return False
