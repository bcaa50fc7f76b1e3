"""AIMicius-style system tasks (paper section 4, App. C and D): prompts, data, engines, scores. Knows text, not tensors."""

from __future__ import annotations

from importlib import import_module

from sigma.aimicius.contract import Task

NAMES = ("cmdgen", "infrawise", "optiflow", "nl2kql")


def load_task(name: str) -> Task:
    """The task of that name; its engine's libraries are imported only now. Raises ValueError for another name."""
    if name not in NAMES:
        raise ValueError(f"there is no task {name!r}; there are {', '.join(NAMES)}")
    return import_module(f"sigma.aimicius.{name}").TASK
