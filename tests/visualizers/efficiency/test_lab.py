"""One run at a time, on the engine's device between its answers, and the endpoint over it."""

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from sigma.efficiency.settings import Settings
from sigma.events import PromptError
from tests.fake_engine import FakeEngine
from visualizers.efficiency.api import asked
from visualizers.efficiency.lab import ANSWERS, Lab
from visualizers.shared.loader import EngineLoader

SHAPE = dict(n_q=4, std_k=2, std_v=2, sigma_k=1, sigma_v=2, head_dim=16, key_dim=16, augmented=32)


def loaded(engine=None, error=None):
    def load(progress):
        if error:
            raise error
        return engine

    loader = EngineLoader(load).start()
    assert loader.wait(10)
    return loader


def drained(going):
    said = []
    while True:
        try:
            said.append(next(going))
        except StopIteration as end:
            return said, end.value


@pytest.fixture
def quick(monkeypatch):
    from sigma.efficiency import estimate, measure

    monkeypatch.setattr(estimate, "COLD_BYTES", {"cpu": 1 << 16, "cuda": 1 << 16})
    monkeypatch.setattr(measure, "copy_rate", lambda device: 1e12)
    monkeypatch.setattr(measure, "LENGTH_SECONDS", 0.0)


@pytest.mark.parametrize("error", [None, ValueError("no weights")])
def test_it_measures_with_a_model_and_without(quick, error):
    engine = FakeEngine()
    calls = []
    engine.aside = lambda work: (calls.append(1), work())[1]
    said, told = drained(
        Lab(loaded(engine, error)).measure(Settings.asked({**SHAPE, "prefixes": [64], "seconds": 120}))
    )
    assert told["points"][0]["tokens"] == 64 and told["csv"].startswith("tokens,side") and said[-1][1] == 1
    assert bool(calls) is (error is None)


def test_a_visitors_budget_is_shorter():
    with pytest.raises(PromptError, match=r"at most 120 s; python -m sigma\.efficiency"):
        next(Lab(loaded(FakeEngine())).measure(Settings.asked({"seconds": 121})))


def test_answers_together_come_from_the_engine():
    engine = FakeEngine()
    said, rows = drained(Lab(loaded(engine)).together(2048, 100))
    assert [part for _, part in said][-1] == 1 and len(rows) == 3 * len(ANSWERS) and not engine.open_now()
    with pytest.raises(PromptError, match="No model is loaded: no weights"):
        next(Lab(loaded(None, ValueError("no weights"))).together(2048, None))
    going = Lab(loaded(engine)).together(2048, None)
    next(going)
    assert engine.open_now()
    going.close()
    assert not engine.open_now()


def test_a_programs_fields_are_checked():
    s = asked("10b", [2048], None, None, 0, {"sigma_k": 8, "seconds": 5})
    assert (s.preset, s.prefixes, s.top_k, s.sigma_k, s.seconds, s.output) == ("10b", (2048,), 0, 8, 5, 10)
    for given, words in (
        ((None, None, None, None, None, [1]), "fields must be an object"),
        ((None, None, None, None, None, {"batch": 1}), "batch is no entry of fields"),
        ((None, None, None, None, "x", None), "selective_k must be a number, not a text"),
        ((None, None, None, None, None, {"evil": 1}), "There is no field 'evil'"),
    ):
        with pytest.raises(PromptError, match=words):
            asked(*given)


def test_the_endpoint_measures_and_explains(site, quick):
    client = Client(site[1], verbose=False)
    told = client.predict("1.5b", [64], 2, 1, 8, {**SHAPE, "seconds": 120}, api_name="/efficiency")
    assert told["points"][0]["tokens"] == 64 and told["settings"]["name"] == "your own, from Sigma-1.5B"
    assert told["paper"]["table_15_ns"] and "csv" not in told
    with pytest.raises(AppError, match="Prefix lengths are whole numbers"):
        client.predict("1.5b", ["many"], api_name="/efficiency")
    with pytest.raises(AppError, match="at most 120 s"):
        client.predict("1.5b", [64], fields={**SHAPE, "seconds": 600}, api_name="/efficiency")
