"""One word for how the service stands, and why."""

from types import SimpleNamespace

import pytest

from sigma.observe.health import health
from sigma.observe.meter import Meter
from tests.fake_engine import FakeEngine


def loaded(phase, engine=None, text="cpu", fraction=1.0):
    return SimpleNamespace(
        engine=engine, status=SimpleNamespace(phase=phase, text=text, fraction=fraction), meter=Meter()
    )


def test_loading_and_ready():
    found = health(loaded("loading", None, "reading weights", 0.4))
    assert (found.state, found.answers, found.fraction, found.text) == ("loading", False, 0.4, "reading weights")
    found = health(loaded("ready", FakeEngine()))
    assert (found.state, found.answers, found.reasons) == ("ready", True, ())


def test_without_a_model_nothing_is_answered():
    found = health(loaded("failed", None, "no such folder: x"))
    assert (found.state, found.answers, found.reasons) == ("degraded", False, ("no such folder: x",))


@pytest.mark.parametrize("count, words", [(1, "1 error in the last 5 minutes"), (2, "2 errors in the last 5 minutes")])
def test_errors_are_a_reason(count, words):
    loader = loaded("ready", FakeEngine())
    for _ in range(count):
        loader.meter.count_error("a")
    found = health(loader)
    assert found.state == "degraded" and found.answers and found.reasons[0].startswith(words)


def test_a_stopped_engine_answers_nothing():
    loader = loaded("ready", FakeEngine())
    loader.engine.close()
    found = health(loader)
    assert (found.state, found.answers, found.reasons) == ("degraded", False, ("The engine has stopped.",))
