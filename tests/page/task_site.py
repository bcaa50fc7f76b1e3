"""The page over the fake engine and a small task, for the browser tests of the Tasks tab and for a person to look at.

python -m tests.page.task_site [--port 7862] [--real]      (--real: the four tasks instead of the small one)
"""

from __future__ import annotations

import argparse
import time

from tests.aimicius.small_task import TASK, SmallTask
from tests.fake_engine import FakeEngine
from visualizers.pages import build_page, launch_options
from visualizers.source import EngineSource
from visualizers.tasks.shelf import Shelf


class OtherTask(SmallTask):
    """A second task, so that there is something to change to; its judge takes a while."""

    name, title, about = "other", "Other sums", "The same again, judged slowly."
    seconds = 0.0

    def judge(self, case, answer):
        for found in super().judge(case, answer):
            time.sleep(self.seconds)
            yield found


def small_shelf() -> Shelf:
    """The small task, another one, and one that cannot be loaded."""
    tasks = {"small": TASK, "other": OtherTask()}

    def load(name):
        if name == "broken":
            raise ModuleNotFoundError("No module named 'wasmtime'", name="wasmtime")
        return tasks[name]

    return Shelf(("small", "other", "broken"), load)


def launch_tasks(engine, shelf: Shelf | None, load_seconds: float = 0.0, port: int | None = None):
    """The page in this process; returns (blocks, url, source)."""

    def load(progress):
        for step in range(10):
            progress("reading weights", step / 10)
            time.sleep(load_seconds / 10)
        return engine

    source = EngineSource(load)
    page = build_page(source, shelf=shelf)
    _, url, _ = page.launch(
        prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", server_port=port, **launch_options()
    )
    source.start()
    return page, url.rstrip("/"), source


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=7862)
    parser.add_argument("--real", action="store_true")
    options = parser.parse_args()
    blocks, address, _ = launch_tasks(
        FakeEngine(0.02, 0.05, 60), None if options.real else small_shelf(), port=options.port
    )
    print(address, flush=True)
    blocks.block_thread()
