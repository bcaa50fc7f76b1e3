"""Who is being answered now: one run per visitor, and nothing left behind when a visitor goes. No Gradio."""

from __future__ import annotations

import threading

from sigma.events import PromptError
from sigma.limits.current import limits
from visualizers.shared.line import Line
from visualizers.shared.loader import EngineLoader
from visualizers.shared.stream import Run

STOP_SECONDS = 30.0
BUSY = "An answer is still being written. Press Stop first."


class Runs:
    """Runs by session, and which session belongs to which open page; `line` is where they all wait for the engine."""

    def __init__(self, loader: EngineLoader, line: Line | None = None):
        self.loader, self.line = loader, line or Line()
        self._lock = threading.Lock()
        self._runs: dict[str, Run] = {}
        self._pages: dict[str, str] = {}

    def open(self, session: str, run: Run, page: str | None = None) -> None:
        """Register a run; PromptError when this visitor's last answer is still being written."""
        with self._lock:
            old = self._runs.get(session)
            if old is not None and not old.ended.is_set():
                raise PromptError(BUSY)
            self._runs.pop(session, None)
            self._runs[session] = run
            if page:
                self._pages.pop(page, None)
                self._pages[page] = session
            self._forget()

    def _forget(self) -> None:
        """Of visitors who never said that they left, the oldest beyond the limit; nobody's answer is ended by that."""
        most = limits().pages
        for session in [one for one, run in self._runs.items() if run.ended.is_set()]:
            if len(self._runs) <= most:
                break
            del self._runs[session]
        while len(self._pages) > most:
            del self._pages[next(iter(self._pages))]

    def run(self, session: str) -> Run | None:
        """The newest run of a session, in progress or ended."""
        return self._runs.get(session)

    def busy(self, session: str) -> bool:
        """Whether an answer is being written for this session."""
        run = self._runs.get(session)
        return run is not None and not run.ended.is_set()

    def stop(self, session: str) -> Run | None:
        """Ask the run to end and wait until the engine has closed it; the run, or None if there was none."""
        run = self._runs.get(session)
        if run is not None:
            run.stop.set()
            run.ended.wait(STOP_SECONDS)
        return run

    def leave(self, session: str) -> None:
        """The visitor is gone: stop what runs and free what the engine keeps."""
        with self._lock:
            run = self._runs.pop(session, None)
            for page in [page for page, owner in self._pages.items() if owner == session]:
                del self._pages[page]
        # Released only after the run has ended: a turn that finishes in between would be kept for the session again.
        if run is not None:
            run.stop.set()
            run.ended.wait(STOP_SECONDS)
        self.loader.release(session)

    def close_page(self, page: str | None) -> None:
        """A browser page was closed: its session leaves."""
        session = self._pages.get(page or "")
        if session is not None:
            self.leave(session)
