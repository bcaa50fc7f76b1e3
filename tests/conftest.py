"""Offline and quiet; one thread, because tiny models only wait for a second one. One Chromium for all browser tests."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch

from tests import browser as chromium
from tests import newest

# Read once, when Triton is imported, and transformers imports it: without a GPU its kernels run in the interpreter.
if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")


def pytest_terminal_summary(terminalreporter, exitstatus):
    """In CI every version that the run tested; elsewhere, where something failed, what is not as in the requirements."""
    in_ci = bool(os.environ.get("CI"))
    for line in newest.resolved(every=in_ci) if in_ci or exitstatus else []:
        if in_ci or not line.startswith("versions"):
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def browser():
    path = chromium.find()
    if path is None:
        pytest.skip("no Chromium: set CHROMIUM=path, or run python -m tests.browser")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path, args=chromium.FLAGS)
        yield opened
        opened.close()
