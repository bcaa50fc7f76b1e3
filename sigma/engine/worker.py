"""The one thread that works on the device, and another in its place should it ever end by itself.

A pool's thread that is gone is not replaced, and whoever waits for it waits for ever.
"""

from __future__ import annotations

import atexit
import logging
import threading
import weakref
from collections.abc import Callable
from queue import SimpleQueue

log = logging.getLogger(__name__)

Work = Callable[[], None]


class Worker:
    """Does what is submitted, in the order it came, in one thread.

    Work that raises an Exception is logged and the thread goes on. Anything else ends the thread: then `lost` is called
    and a new thread goes on with what waits, and if none can be started, `stranded`. prepare: called in each new thread
    first. None of them is called with a lock of this object held. The thread ends with this object.
    """

    def __init__(self, name: str, prepare: Work, lost: Work, stranded: Work):
        self._name, self._prepare, self._lost, self._stranded = name, prepare, lost, stranded
        self._work: SimpleQueue[Work | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self.thread: threading.Thread | None = None
        _all.add(self)

    def submit(self, work: Work) -> None:
        """Do this, too. RuntimeError once it is closed, or where no thread can be started."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the engine is closed")
            if self.thread is None:
                self._start()
            self._work.put(work)

    def close(self) -> None:
        """Finish what was submitted, and stop."""
        with self._lock:
            self._closed = True
            self._work.put(None)
        while (thread := self.thread) is not None:
            thread.join()
            if thread is self.thread:  # else it was lost, and another followed it
                return

    def __del__(self):
        self._work.put(None)

    def _start(self) -> None:
        given = self._work, self._prepare, weakref.ref(self)  # the thread does not keep its own worker alive
        thread = threading.Thread(target=_serve, args=given, name=self._name, daemon=True)
        thread.start()
        self.thread = thread

    def _replace(self) -> None:
        self._lost()
        try:
            with self._lock:
                self._start()
        except RuntimeError as error:  # no more threads on this system
            with self._lock:
                self.thread = None
            log.error("the engine's thread cannot be started: %s", error)
            self._stranded()


def _serve(queue: SimpleQueue[Work | None], prepare: Work, worker: weakref.ref[Worker]) -> None:
    stopped = False
    try:
        _quietly(prepare)
        while (work := queue.get()) is not None:
            _quietly(work)
            del work  # or what it belongs to would live until the next one
        stopped = True
    except BaseException as error:  # not Exception: those are survived
        log.error("the engine's thread was ended by %s", type(error).__name__)
    finally:
        if not stopped and (mine := worker()) is not None:
            mine._replace()


def _quietly(work: Work) -> None:
    try:
        work()
    except Exception:
        log.exception("a piece of the engine's work failed")


_all: weakref.WeakSet[Worker] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """No thread is within the device's code when the interpreter is taken down."""
    for worker in list(_all):
        worker.close()
