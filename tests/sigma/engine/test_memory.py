"""Admission by bytes: what does not fit is told so in a sentence, what is kept makes room, and nothing is charged twice."""

import pytest
import torch

from kernels import device
from sigma.engine import memory
from sigma.engine.engine import SigmaEngine
from sigma.events import PromptError
from tests.sigma.engine.test_batch import ask
from tests.sigma.engine.test_same_answers import make_engine


@pytest.fixture
def engine():
    engine = make_engine("fp32")
    yield engine
    engine.close()


def needed(engine, request) -> int:
    stream = engine.stream(request)
    next(stream)
    need = engine._memory.claimed
    stream.close()
    return need


def with_bytes(engine, limit) -> SigmaEngine:
    engine._memory.limit = limit
    return engine


def test_a_claim_covers_what_the_buffers_come_to(engine):
    request = ask("a" * 300, tokens=150)
    for events in (engine.stream(request), engine.stream(request, "kept")):
        claimed = 0
        last = {}
        for event in events:
            claimed = engine._memory.claimed
            if hasattr(event, "cache"):
                last[event.side] = event.cache.allocated
        assert 0 < sum(last.values()) <= claimed
    assert engine._memory.claimed == 0


def test_what_can_never_fit_is_refused_with_the_numbers(engine):
    request = ask(tokens=400)
    need = needed(engine, request)
    small = with_bytes(engine, need - 1)
    with pytest.raises(PromptError, match=r"may come to \d+ tokens, whose K and V need up to .*fewer new tokens"):
        list(small.stream(request, "visitor"))
    assert engine.past_run("visitor") is None and engine._memory.claimed == 0
    assert list(with_bytes(engine, need).stream(request))


def test_what_does_not_fit_now_is_told_so_and_fits_later(engine):
    request = ask(tokens=100)
    with_bytes(engine, needed(engine, request) * 3 // 2)
    first = engine.stream(request)
    next(first)
    with pytest.raises(PromptError, match=r"taken by other answers: .* are free.*Try again in a minute"):
        next(engine.stream(request))
    assert list(first)
    assert list(engine.stream(request))


def test_kept_sessions_make_room_the_oldest_first(engine):
    request = ask(tokens=20)
    for name in ("old", "new"):
        list(engine.stream(request, name))
    each = engine.cached_bytes() // 2
    with_bytes(engine, needed(engine, request) + each)
    assert list(engine.stream(request))
    assert engine.cached_bytes() == each and set(engine._sessions._caches) == {"new"}


def test_a_kept_cache_of_a_turn_that_is_refused_is_freed(engine):
    list(engine.stream(ask(tokens=20), "visitor"))
    with_bytes(engine, 1)
    with pytest.raises(PromptError):
        list(engine.stream(ask(tokens=20), "visitor"))
    assert engine.cached_bytes() == 0


def test_a_stream_that_nobody_began_claims_nothing(engine):
    stream = engine.stream(ask())
    stream.close()
    assert engine._memory.claimed == 0


def test_the_share_is_of_what_is_free(engine, monkeypatch):
    free = device.free_bytes(torch.device("cpu"))
    assert free is None or 2**20 < free < 2**50
    monkeypatch.setattr("sigma.engine.engine.free_bytes", lambda device: 1000)
    assert SigmaEngine(engine.models)._memory.limit == 1000 * memory.FREE_SHARE
    assert SigmaEngine(engine.models, kv_bytes=77)._memory.limit == 77
    monkeypatch.setattr("sigma.engine.engine.free_bytes", lambda device: None)
    assert SigmaEngine(engine.models)._memory.limit is None
