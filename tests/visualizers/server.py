"""Serve the page over the fake engine, for a person to look at: `python -m tests.visualizers.server [--port 7861]`."""

from __future__ import annotations

import argparse
import os
import time

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

from tests.fake_engine import FakeEngine
from visualizers.page.page import build_page, launch_options
from visualizers.shared.loader import EngineLoader


def launch(
    engine: FakeEngine, load_seconds: float = 0.0, port: int | None = None, fail: Exception | None = None, mcp=False
):
    """The page in this process; returns (blocks, url, loader)."""

    def load(progress):
        for step in range(10):
            progress("reading weights", step / 10)
            time.sleep(load_seconds / 10)
        if fail is not None:
            raise fail
        return loader.meter.watched(engine)

    loader = EngineLoader(load)
    page = build_page(loader, together=2)  # few places, so that a test fills them with few browsers
    _, url, _ = page.launch(
        prevent_thread_lock=True,
        quiet=True,
        server_name="127.0.0.1",
        server_port=port,
        **launch_options(loader, mcp=mcp),
    )
    loader.start()
    return page, url.rstrip("/"), loader


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=7861)
    parser.add_argument("--load", type=float, default=3.0)
    parser.add_argument("--delay", type=float, default=0.02)
    parser.add_argument("--words", type=int, default=80)
    options = parser.parse_args()
    blocks, address, _ = launch(FakeEngine(options.delay, 0.05, options.words), options.load, options.port)
    print(address, flush=True)
    blocks.block_thread()
