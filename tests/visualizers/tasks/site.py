"""The page over the fake engine and a small task, for the browser tests of the Tasks tab and for a person to look at.

python -m tests.visualizers.tasks.site [--port 7862] [--real]      (--real: the four tasks, Sigma gives the truth)
"""

from __future__ import annotations

import argparse
import threading
import time

from sigma.aimicius.worked import asked
from tests.aimicius.small_task import TASK, SmallTask
from tests.fake_engine import FakeEngine
from visualizers.page.page import build_page, launch_options
from visualizers.shared.loader import EngineLoader
from visualizers.tasks.loader import TaskLoader


class OtherTask(SmallTask):
    """A second task, so that there is something to change to; its judge takes a while."""

    name, title, about = "other", "Other sums", "The same again, judged slowly."
    seconds = 0.0

    def judge(self, case, answer):
        for found in super().judge(case, answer):
            time.sleep(self.seconds)
            yield found


class TruthEngine(FakeEngine):
    """Sigma's side answers every prompt of the tasks' examples rightly; the other side as the fake always does."""

    def __init__(self, tasks, **timing):
        super().__init__(**timing)
        self.truths = {}
        for task in tasks:
            for case in task.examples():
                (_, first), *later = task.lessons(case)
                self.truths[self._key(asked(task, case))] = first
                self.truths |= {self._key(messages): answer for messages, answer in later}

    @staticmethod
    def _key(messages):
        return tuple(message["content"] for message in messages)

    def _answer(self, side, messages):
        truth = self.truths.get(self._key(messages)) if side == "sigma" else None
        return super()._answer(side, messages) if truth is None else truth.split(" ")


def small_tasks() -> TaskLoader:
    """The small task, another one, and one that cannot be loaded."""
    tasks = {"small": TASK, "other": OtherTask()}

    def load(name):
        if name == "broken":
            raise ModuleNotFoundError("No module named 'wasmtime'", name="wasmtime")
        return tasks[name]

    return TaskLoader(("small", "other", "broken"), load)


def launch_tasks(engine, task_loader: TaskLoader | None, gate: threading.Event | None = None, port: int | None = None):
    """The page in this process; the model is loaded when `gate` is set. Returns (blocks, url, loader)."""

    def load(progress):
        progress("reading weights", 0.5)
        if gate is not None:
            gate.wait(120)
        return engine

    loader = EngineLoader(load)
    page = build_page(loader, task_loader=task_loader)
    _, url, _ = page.launch(
        prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", server_port=port, **launch_options(loader)
    )
    loader.start()
    return page, url.rstrip("/"), loader


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=7862)
    parser.add_argument("--real", action="store_true")
    options = parser.parse_args()
    if options.real:
        whole = TaskLoader()
        engine = TruthEngine([whole.task(name) for name in whole.names], delay=0.02, words=60)
    else:
        whole, engine = small_tasks(), FakeEngine(0.02, 0.05, 60)
    blocks, address, _ = launch_tasks(engine, whole, port=options.port)
    print(address, flush=True)
    blocks.block_thread()
