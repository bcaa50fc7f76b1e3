"""An engine of two tiny models, and an explorer over it."""

import pytest

from tests.visualizers.explore.asking import RECORDING
from tests.visualizers.explore.site import tiny_engine
from visualizers.explore.recorded import read
from visualizers.explore.service import Explorer
from visualizers.shared.loader import EngineLoader


@pytest.fixture(scope="module")
def tiny():
    engine = tiny_engine()
    yield engine
    engine.close()


@pytest.fixture
def explorer(tiny):
    loader = EngineLoader(lambda progress: tiny).start()
    assert loader.wait(10)
    return Explorer(loader, read(RECORDING))
