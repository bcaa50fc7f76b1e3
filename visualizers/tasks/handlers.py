"""The Tasks tab put into the page: layout, handlers, the endpoint, and what happens when a visitor leaves."""

from __future__ import annotations

import gradio as gr

from sigma.events import SideInfo
from sigma.limits.current import limits
from visualizers.shared.line import Line
from visualizers.shared.loader import EngineLoader
from visualizers.shared.runs import Runs
from visualizers.shared.turn_handlers import TurnParts
from visualizers.tasks.api import make_judge
from visualizers.tasks.ask.handlers import AskHandlers
from visualizers.tasks.choose.handlers import ChooseHandlers
from visualizers.tasks.evaluate.handlers import TrialHandlers
from visualizers.tasks.judging import Judges
from visualizers.tasks.loader import TaskLoader
from visualizers.tasks.tab import tasks_tab


def add_tasks(
    page: gr.Blocks,
    loader: EngineLoader,
    infos: dict[str, SideInfo],
    task_loader: TaskLoader | None = None,
    line: Line | None = None,
    judges: Judges | None = None,
) -> None:
    """Add the tab to the page's Tabs; call it inside them. `task_loader` holds the tasks (default: the four).

    line: where turns wait for the engine, together with those of other tabs. `judges`: shared with other tabs, too.
    """
    task_loader, judges = task_loader or TaskLoader(), judges or Judges()
    # Runs of its own: a visitor may chat and have a task answered, and leaving the page must end both.
    runs = Runs(loader, line)
    with gr.Tab("Tasks", id="tasks") as gradio_tab:
        tab = tasks_tab(gradio_tab, task_loader, infos, lambda visit: visit and runs.leave(visit.session))
        parts = TurnParts(tab.run, tab.stop, tab.notice, "Your own answer can be judged")
        asked = AskHandlers(tab, parts, runs, task_loader, judges).wire()
        ChooseHandlers(tab, parts, runs, task_loader).wire(asked)
        TrialHandlers(tab, runs, task_loader, judges).wire()
        # Inside the tab: Tabs takes nothing but tabs.
        shared = {"concurrency_limit": limits().judges, "concurrency_id": "judge"}
        gr.api(make_judge(task_loader, judges, loader.meter.visitors), api_name="judge", **shared)

    def leave(request: gr.Request) -> None:
        runs.close_page(request.session_hash)

    page.unload(leave)
