"""The engine, loaded in the background so that the page answers at once."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from sigma.events import Engine, SideInfo
from sigma.observe.meter import Meter

log = logging.getLogger(__name__)

Progress = Callable[[str, float], None]

AGAIN_SECONDS = 2.0
"""Between the end of an attempt that failed and the next."""


@dataclass(frozen=True, slots=True)
class Status:
    """Where loading stands: `phase` is loading, ready or failed; `text` is for the visitor."""

    phase: str
    text: str
    fraction: float = 0.0


def running_on(info: SideInfo) -> str:
    """What a loaded side runs on, for the status chip and for a recording."""
    return f"{info.device}, {info.kernels} kernels, {info.weights} weights"


class EngineLoader:
    """Calls `load(progress)` in a thread, and again where that failed and somebody asks (`retry`); `known` are the exceptions whose message may be shown as it is.

    meter: what counts the answers, where `load` gives an engine that it watches; the page's lines are told to it, too.
    """

    def __init__(
        self,
        load: Callable[[Progress], Engine],
        known: tuple[type[Exception], ...] = (ValueError,),
        meter: Meter | None = None,
    ):
        self._load, self._known = load, known
        self.meter = meter or Meter()
        self._status = Status("loading", "starting")
        self._settled = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._once = False
        self._ended = 0.0
        self.engine: Engine | None = None

    def start(self) -> EngineLoader:
        """Begin loading; a second call does nothing."""
        with self._lock:
            if self._thread is None:
                self._begin()
        return self

    def load(self) -> EngineLoader:
        """Load in this thread and no other, before anything is served; `start` and `retry` do nothing after it."""
        self._thread, self._once = threading.current_thread(), True
        self._run()
        return self

    def retry(self) -> None:
        """Begin once more, where the last attempt has failed and is some seconds past: a network may be back, a disk free."""
        with self._lock:
            if self._once or self._status.phase != "failed":
                return
            if time.monotonic() - self._ended >= AGAIN_SECONDS:
                self._status = Status("loading", "trying again")
                self._settled.clear()
                self._begin()

    def _begin(self) -> None:
        self._thread = threading.Thread(target=self._run, name="engine-loader", daemon=True)
        self._thread.start()

    @property
    def status(self) -> Status:
        """The newest status; a new object whenever it changes."""
        return self._status

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until loading has ended, well or not; False when the time ran out."""
        return self._settled.wait(timeout)

    def release(self, session: str | None) -> None:
        """Free what the engine keeps of a session, if there is an engine yet."""
        if self.engine is not None and session is not None:
            self.engine.release(session)

    def _progress(self, step: str, fraction: float) -> None:
        self._status = Status("loading", step, min(max(fraction, 0.0), 1.0))

    def _run(self) -> None:
        try:
            self.engine = self._load(self._progress)
            info = self.engine.info("sigma")
            self._status = Status("ready", running_on(info), 1.0)
        except self._known as error:
            log.error("the model could not be loaded: %s", error)
            self._status = Status("failed", str(error))
        except Exception:
            log.exception("the model could not be loaded")
            self._status = Status("failed", "The model could not be loaded; the server's log says why.")
        finally:
            self._ended = time.monotonic()
            self._settled.set()
