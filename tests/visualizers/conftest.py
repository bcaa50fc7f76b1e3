"""One page over the fake engine for all browser tests."""

import pytest

from tests.fake_engine import FakeEngine
from tests.visualizers.explore.pages import explore_page, explored, tiny_site  # noqa: F401 (fixtures)
from tests.visualizers.server import launch
from tests.visualizers.visitor import Visitor


@pytest.fixture(scope="session")
def site():
    """(engine, url) of a page whose model is loaded."""
    engine = FakeEngine(delay=0.01, words=40)
    page, url, loader = launch(engine)
    assert loader.wait(10)
    yield engine, url
    page.close()


@pytest.fixture
def engine(site):
    engine = site[0]
    engine.delay, engine.prefill_delay, engine.words, engine.fail_next = 0.01, 0.0, 40, None
    return engine


@pytest.fixture
def visit(browser, site, engine):
    """Open a visitor's page; errors on the console fail the test when it ends."""
    opened = []

    def open_page(url=site[1], **view):
        opened.append(Visitor(browser, url, **view))
        return opened[-1]

    yield open_page
    for visitor in opened:
        visitor.context.close()
    for visitor in opened:
        assert not visitor.errors
        assert visitor.hosts <= {visitor.page.url.split("/")[2]}, "a request went to another host"
