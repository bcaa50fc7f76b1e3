import json
import time

import pytest

from sigma.events import SIDES, ChatRequest, Column, PromptError
from tests.fake_engine import FakeEngine
from visualizers.chat import recording
from visualizers.shared.columns import FIRST_MODELS
from visualizers.shared.compact_json import compact_json
from visualizers.shared.loader import EngineLoader
from visualizers.shared.runs import Runs
from visualizers.shared.stream import Run, stream_turn
from visualizers.shared.turn_view import TurnView


def request(prompt="What is a GPU?"):
    columns = {column: Column(model) for column, model in FIRST_MODELS.items()}
    return ChatRequest(
        {name: [{"role": "user", "content": prompt}] for name in columns}, probe_layer=3, columns=columns
    )


def by_side(prompt="What is a GPU?"):
    return ChatRequest({side: [{"role": "user", "content": prompt}] for side in SIDES}, probe_layer=3)


class Clock:
    """Seconds that advance by `step` at every reading."""

    def __init__(self, step):
        self.now, self.step = 0.0, step

    def __call__(self):
        self.now += self.step
        return self.now


def test_text_at_most_13_and_pictures_under_5_a_second():
    clock, run = Clock(0.01), Run(TurnView(0.0))
    updates = list(stream_turn(FakeEngine(words=200).stream(request()), request(), run, clock))
    assert len(updates) <= clock.now * 13 + 2
    assert sum(u.payload is not None for u in updates) <= clock.now * 5 + 2
    assert updates[-1].payload and updates[-1].texts["left"].endswith("word1.192")
    assert run.ended.is_set() and not run.view.stopped


def test_where_many_are_answered_each_has_fewer_updates_and_the_whole_answer():
    counts = {}
    for answered in (1, 2, 8):
        updates = list(
            stream_turn(
                FakeEngine(words=200).stream(request()),
                request(),
                Run(TurnView(0.0)),
                Clock(0.01),
                answered=lambda answered=answered: answered,
            )
        )
        counts[answered] = len(updates)
        assert updates[-1].payload and updates[-1].texts["right"].endswith("word1.192")
    assert counts[1] == counts[2] > 3 * counts[8] > 9


def test_closing_the_stream_frees_the_cache():
    engine, run = FakeEngine(), Run(TurnView(0.0))
    stream = stream_turn(engine.stream(request()), request(), run)
    next(stream)
    assert engine.open_now()
    stream.close()
    assert not engine.open_now() and not engine.completed and run.ended.is_set() and run.view.stopped


def test_stop_ends_the_stream_and_the_last_update_says_so():
    engine, run = FakeEngine(), Run(TurnView(0.0))
    stream = stream_turn(engine.stream(request()), request(), run)
    next(stream)
    run.stop.set()
    last = list(stream)[-1]
    assert not engine.open_now() and json.loads(last.payload)["stopped"]


def test_an_engine_error_still_ends_the_run():
    engine, run = FakeEngine(), Run(TurnView(0.0))
    with pytest.raises(PromptError, match="context holds"):
        list(stream_turn(engine.stream(request("w " * 9000)), request(), run))
    engine.fail_next = RuntimeError("broken")
    with pytest.raises(RuntimeError):
        list(stream_turn(engine.stream(request()), request(), run))


def test_one_run_per_visitor():
    runs = Runs(EngineLoader(lambda progress: FakeEngine()))
    first = Run(TurnView(0.0))
    runs.open("a", first, "page-a")
    runs.open("b", Run(TurnView(0.0)))
    with pytest.raises(PromptError, match="still being written"):
        runs.open("a", Run(TurnView(0.0)))
    first.ended.set()
    runs.open("a", Run(TurnView(0.0)))
    assert runs.busy("a") and runs.stop("nobody") is None


def test_a_closed_page_stops_its_run_and_releases_its_session():
    engine = FakeEngine()
    loader = EngineLoader(lambda progress: engine).start()
    assert loader.wait(5)
    runs, run = Runs(loader), Run(TurnView(0.0))
    runs.open("a", run, "page-a")
    run.ended.set()
    runs.close_page("page-b")
    assert not engine.released
    runs.close_page("page-a")
    assert engine.released == ["a"] and run.stop.is_set() and not runs.busy("a")


@pytest.mark.parametrize(
    "error,text",
    [
        (ValueError("no such checkpoint: x"), "no such checkpoint"),
        (RuntimeError("secret"), "could not be loaded"),
    ],
)
def test_loading_errors_are_told(error, text):
    def load(progress):
        progress("reading", 0.5)
        raise error

    loader = EngineLoader(load).start()
    assert loader.wait(5) and loader.status.phase == "failed" and text in loader.status.text
    assert "secret" not in loader.status.text


def test_a_recording_is_small_and_complete():
    clock = Clock(0.02)
    made = recording.build(FakeEngine(words=120), by_side(), "a test", clock)
    assert len(compact_json(made)) <= recording.MAX_BYTES
    assert made["end"]["sigma"]["text"].endswith("word1.112")
    assert made["frames"][-1]["sides"]["gqa"]["figures"]["phase"] == "done"
    assert [f["t"] for f in made["frames"]] == sorted(f["t"] for f in made["frames"])
    assert recording.recorded_info(made)["sigma"].key_heads == 1


def test_a_slow_recording_is_thinned_and_played_faster():
    made = recording.build(FakeEngine(words=600), by_side("w " * 100), "a test", Clock(0.25))
    assert len(compact_json(made)) <= recording.MAX_BYTES and made["speed"] > 1
    assert made["frames"][-1]["t"] <= recording.MAX_SECONDS * 1000


def test_read_refuses_another_file(tmp_path):
    assert recording.read(tmp_path / "none.json") is None
    (tmp_path / "other.json").write_text('{"version": 2}')
    with pytest.raises(ValueError, match="not a recorded run"):
        recording.read(tmp_path / "other.json")


def test_loading_waits_without_blocking_the_caller():
    begun = time.monotonic()
    loader = EngineLoader(lambda progress: time.sleep(0.3) or FakeEngine()).start()
    assert time.monotonic() - begun < 0.2 and loader.status.phase == "loading"
    assert loader.wait(5) and loader.status.phase == "ready"
