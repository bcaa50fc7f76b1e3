"""The tasks that the page offers, loaded when a visitor first picks them: their engines take seconds to import."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

from sigma.aimicius import NAMES, load_task
from sigma.aimicius.contract import CaseError, Task
from sigma.aimicius.recognise import Known
from sigma.aimicius.worked import collection
from sigma.events import PromptError

log = logging.getLogger(__name__)

TITLES = {"cmdgen": "CMDGen", "infrawise": "Infrawise", "optiflow": "Optiflow", "nl2kql": "NL2KQL"}
Draw = Callable[[dict[str, Any]], str]


class TaskLoader:
    """Tasks by name, each with its title for the radio button."""

    def __init__(self, names: tuple[str, ...] = NAMES, load: Callable[[str], Task] = load_task):
        self.names, self._load = names, load
        self._tasks: dict[str, Task] = {}
        self._draws: dict[str, Draw | None] = {}
        self._known: dict[str, list[Known]] = {}
        self._locks = {name: threading.Lock() for name in names}
        self._warmed = threading.Event()

    def choices(self) -> list[tuple[str, str]]:
        """(title, name) for the radio button; no task is loaded for it."""
        return [(TITLES.get(name, name), name) for name in self.names]

    def task(self, name: Any) -> Task:
        """The task; PromptError, with the reason, for an unknown one or one whose engine cannot be loaded here."""
        if name not in self.names:
            raise PromptError(f"There is no task {str(name)[:40]!r}; there are {', '.join(self.names)}.")
        with self._locks[name]:
            if name not in self._tasks:
                try:
                    self._tasks[name] = self._load(name)
                except ImportError as error:
                    log.exception("the task %s could not be loaded", name)
                    raise PromptError(
                        f"{TITLES.get(name, name)} cannot be judged here: {error.name or 'a module'} is missing. "
                        "Install requirements.txt anew."
                    ) from error
                except Exception as error:
                    log.exception("the task %s could not be loaded", name)
                    raise PromptError(
                        f"{TITLES.get(name, name)} could not be loaded; the server's log says why."
                    ) from error
            return self._tasks[name]

    def known(self) -> list[Known]:
        """The examples of the tasks that are loaded, with their answers: questions that a chat may ask, too."""
        found = []
        for name, task in list(self._tasks.items()):
            if name not in self._known:
                rows = ({"id": case.id, **case.fields, "truth": case.truth} for case in task.examples())
                self._known[name] = [Known(name, row, "of the Tasks tab's examples") for row in rows]
            found += self._known[name]
        return found

    def warm(self) -> None:
        """Load the other tasks and their examples in the background: whoever has opened one will look at the next."""
        if self._warmed.is_set():
            return
        self._warmed.set()

        def work() -> None:
            for name in self.names:
                with contextlib.suppress(PromptError, CaseError):  # the reason is told to whoever picks it
                    if self.task(name).worked:
                        collection(name)

        threading.Thread(target=work, name="tasks", daemon=True).start()

    def draw(self, name: str) -> Draw | None:
        """The task's own drawing of its parts; None where it has none."""
        with self._locks[name]:
            if name not in self._draws:
                try:
                    self._draws[name] = import_module(f"visualizers.tasks.{name}").draw
                except (ImportError, AttributeError):
                    log.warning("parts of %s are shown as text: visualizers.tasks.%s cannot be used", name, name)
                    self._draws[name] = None
            return self._draws[name]
