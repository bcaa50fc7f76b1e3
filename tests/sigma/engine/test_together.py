"""Work beside answers: pieces on the device, and the timing of answers that step together on the engine's own models."""

import threading

import pytest

from sigma.events import PromptError
from tests.sigma.engine.test_batch import ask, told
from tests.sigma.engine.test_same_answers import make_engine


@pytest.fixture
def engine():
    engine = make_engine("fp32")
    yield engine
    engine.close()


def drained(going):
    parts = []
    while True:
        try:
            parts.append(next(going))
        except StopIteration as end:
            return parts, end.value


def test_a_piece_runs_on_the_devices_thread_and_its_error_comes_back(engine):
    names = [engine.aside(lambda: threading.current_thread().name) for _ in range(2)]
    assert names[0] == names[1] != threading.current_thread().name
    with pytest.raises(ZeroDivisionError):
        engine.aside(lambda: 1 / 0)
    assert engine.aside(lambda: 5) == 5


def test_both_sides_and_selective_v_are_timed(engine):
    parts, rows = drained(engine.together(40, [4, 1], 5, rounds=2))
    assert parts == sorted(parts) and parts[-1] == pytest.approx(1)
    assert [(r.side, r.selective_k, r.answers) for r in rows] == [
        (side, k, n) for n in (1, 4) for side, k in (("gqa", None), ("sigma", None), ("sigma", 5))
    ]
    for r in rows:
        config, itemsize = engine.models[r.side].side.config, engine.models[r.side].runtime.kv_itemsize
        k, v = config.kv_bytes(41, itemsize, r.answers)
        assert r.kv_resident_bytes == k + v and r.tok_s * r.step_ms == pytest.approx(1e3 * r.answers)
        assert r.kv_read_bytes == k + (v if r.selective_k is None else config.v_read_bytes(41, 5, itemsize, r.answers))
    assert engine._memory.claimed == 0


def test_an_answer_is_the_same_while_others_are_timed(engine):
    request = ask("What is a cache?", tokens=12)
    alone = told(engine.stream(request))
    going, found = engine.together(30, [1, 3], None, rounds=3), []
    for _ in range(4):
        next(going)
    for event in engine.stream(request):
        found.append(event)
        next(going, None)
    assert told(found) == alone
    going.close()
    assert engine._memory.claimed == 0


def test_closing_frees_the_caches(engine, monkeypatch):
    freed = []
    kind = type(engine.models["sigma"].runtime.new_cache())
    monkeypatch.setattr(kind, "free", lambda self: freed.append(self))
    going = engine.together(30, [2], None)
    for _ in range(4):
        next(going)
    assert engine._memory.claimed > 0 and not freed
    going.close()
    assert freed and engine._memory.claimed == 0


@pytest.mark.parametrize(
    "given, words",
    [
        ((1, [1]), "from 2 to"),
        ((10**6, [1]), "not 1,000,000"),
        ((30, []), "From 1 to 32"),
        ((30, [0, 2]), "From 1 to 32"),
        ((30, [33]), "From 1 to 32"),
        ((30, [1], 0), "at least 1"),
    ],
)
def test_what_cannot_be_timed_is_said(engine, given, words):
    with pytest.raises(PromptError, match=words):
        engine.together(*given)


def test_what_has_no_room_is_said(engine):
    engine._memory.limit = 1000
    with pytest.raises(
        PromptError, match=r"Timing 4 answers of 30 tokens on both sides needs K and V of .*Choose a shorter context"
    ):
        next(engine.together(30, [4]))
