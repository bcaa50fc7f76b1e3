"""One page over the small tasks for the tests of the tab and of the endpoint."""

import pytest

from sigma.aimicius import data
from tests.fake_engine import FakeEngine
from tests.visualizers.tasks.site import launch_tasks, small_tasks


@pytest.fixture(scope="module")
def tasks_site(tmp_path_factory):
    """(engine, url) of a page over the small tasks; their test set goes to a folder of its own."""
    folder = tmp_path_factory.mktemp("data")
    engine = FakeEngine(delay=0.01, words=20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "default_folder", lambda: folder)
        page, url, loader = launch_tasks(engine, small_tasks())
        assert loader.wait(10)
        yield engine, url
        page.close()


@pytest.fixture
def tasks_engine(tasks_site):
    engine = tasks_site[0]
    engine.delay, engine.words, engine.fail_next = 0.01, 20, None
    return engine
