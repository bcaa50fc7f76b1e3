"""One page over the fake engine for the tests of this folder, its log kept, secrets in its environment."""

import io
import logging

import pytest

from sigma.observe import logs
from tests.fake_engine import FakeEngine
from tests.trust.raw import PRIVATE, Raw
from tests.visualizers.conftest import engine, site, visit  # noqa: F401 (fixtures of the browser tests)
from tests.visualizers.server import launch


@pytest.fixture(scope="module")
def served():
    """(engine, url, the log as text so far, page) of a page whose model is loaded."""
    patch = pytest.MonkeyPatch()
    for name, value in zip(("SIGMA_TEST_SECRET", "HF_TOKEN"), PRIVATE):
        patch.setenv(name, value)
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(logs.formatter("text"))
    root = logging.getLogger()
    root.addHandler(handler)
    level = root.level
    root.setLevel(logging.DEBUG)
    for noisy in ("httpx", "httpcore", "asyncio", "matplotlib"):  # the test's own client
        patch.setattr(logging.getLogger(noisy), "level", logging.WARNING)
    fake = FakeEngine(words=30)
    page, url, loader = launch(fake)
    assert loader.wait(30)
    logs.adopt_server()
    yield fake, url, out.getvalue, page
    page.close()
    root.removeHandler(handler)
    root.setLevel(level)
    patch.undo()


@pytest.fixture
def visitors(served):
    """Make a visitor by raw HTTP."""
    made = []

    def make(session=None, **options) -> Raw:
        made.append(Raw(served[1], session, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(autouse=True)
def quick(served):
    """The engine as it was made, whatever a test did to it."""
    fake = served[0]
    fake.delay, fake.prefill_delay, fake.words, fake.fail_next = 0.0, 0.0, 30, None
    yield
