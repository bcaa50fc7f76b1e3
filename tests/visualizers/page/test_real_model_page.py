"""The product's own page on the real default pair, in Chromium."""

import os
import subprocess
import sys
import time
import urllib.request

import pytest

from tests.real import need_default_pair
from tests.visualizers.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.base]


@pytest.fixture(scope="module")
def app():
    """`python app.py` as a user starts it; yields its address."""
    need_default_pair()
    port = 7971
    process = subprocess.Popen(
        [sys.executable, "app.py", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "2"},
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(url, timeout=2).read()
                break
            except OSError:
                time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def test_both_columns_answer_and_the_bytes_are_the_formulas(app, browser):
    visitor = Visitor(browser, app)
    visitor.page.wait_for_selector("#status-chip[data-phase=ready]", timeout=90_000)
    visitor.send("What is a GPU?")
    visitor.page.wait_for_function("document.body.dataset.run === 'over'", timeout=90_000)
    for side, per_token in (("left", ((26 * 1 + 4 * 3) * 64, 90 * 64)), ("right", (90 * 64, 90 * 64))):
        tokens = visitor.figure(side, "context")
        assert tokens > 30
        assert visitor.figure(side, "k") == tokens * per_token[0] * 2
        assert visitor.figure(side, "v") == tokens * per_token[1] * 2
        assert len(visitor.answer(side).split()) > 15
    assert not visitor.errors
    assert visitor.hosts == {app.removeprefix("http://")}


# While both cores decode, a browser on the same machine has few calm moments: the page itself presses the button.
PRESS_STOP = """() => {
  const timer = setInterval(() => {
    const stop = document.querySelector('#stop');
    if (!stop) return;
    clearInterval(timer);
    stop.click();
  }, 20);
}"""


def test_stop_ends_both(app, browser):
    visitor = Visitor(browser, app)
    visitor.page.wait_for_selector("#status-chip[data-phase=ready]", timeout=90_000)
    visitor.page.evaluate(PRESS_STOP)
    visitor.send("Write a long story about a lighthouse, with many chapters.")
    visitor.page.wait_for_selector("#send:visible", timeout=60_000)
    visitor.wait_run("over", timeout=60_000)
    time.sleep(0.5)
    before = visitor.figure("left", "context")
    time.sleep(1.0)
    # A fast engine may have ended before a starved browser pressed; test_chat.py stops a slow one for certain.
    assert {visitor.phase("left"), visitor.phase("right")} <= {"stopped", "done"}
    assert visitor.figure("left", "context") == before
