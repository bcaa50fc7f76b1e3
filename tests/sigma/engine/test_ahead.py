"""An answer is read while nobody asks: the next turn reads what is new, and answers as a fresh chat does."""

import threading
import time

import pytest

from sigma.engine import ahead
from sigma.events import ChatRequest, PrefillEvent, PromptEvent, Sampling, StepEvent
from tests.sigma.engine.test_same_answers import make_engine, user


@pytest.fixture
def engine(monkeypatch):
    monkeypatch.setattr(ahead, "QUIET_SECONDS", 0.01)
    monkeypatch.setattr(ahead, "PIECE", 8)
    engine = make_engine()
    if not engine.models["gqa"].runtime.cuts_freely:
        engine.close()
        pytest.skip("only whole chunks are used again here")
    yield engine
    engine.close()


def turn(engine, messages, session=None, tokens=40):
    """Side -> (text, token ids, prompt length, rows reused, rows read) of one greedy turn."""
    found = {}
    for event in engine.stream(ChatRequest(messages, Sampling(max_new_tokens=tokens)), session):
        if isinstance(event, PromptEvent):
            found[event.side] = dict(text="", ids=[], prompt=len(event.token_ids), reused=event.reused, read=0)
        mine = found[event.side]
        if isinstance(event, PrefillEvent):
            mine["read"] = event.total - mine["reused"]
        elif isinstance(event, StepEvent):
            mine["text"] += event.text
            mine["ids"].append(event.token_id)
    return found


def first_and_next(engine, tokens=40):
    first = {side: [user("Hello there, how are you?")] for side in engine.models}
    answered = turn(engine, first, "visitor", tokens)
    chat = {
        side: [*first[side], {"role": "assistant", "content": answered[side]["text"]}, user("And then?")]
        for side in first
    }
    return answered, chat


def wait_until_read(engine, seconds=20.0):
    end = time.monotonic() + seconds
    while not engine._ahead.idle() and time.monotonic() < end:
        time.sleep(0.01)
    assert engine._ahead.idle()


def test_the_next_turn_reads_only_what_is_new_and_answers_the_same(engine):
    answered, chat = first_and_next(engine)
    wait_until_read(engine)
    ahead_of = turn(engine, chat, "visitor")
    fresh = turn(engine, chat)
    for side, mine in ahead_of.items():
        assert answered[side]["text"] and mine["reused"] > answered[side]["prompt"] + 20
        assert fresh[side]["reused"] == 0 and mine["ids"] == fresh[side]["ids"]
        assert mine["read"] < fresh[side]["read"] / 2


def test_a_retry_after_it_answers_the_same(engine):
    answered, _ = first_and_next(engine)
    wait_until_read(engine)
    again = turn(engine, {side: [user("Hello there, how are you?")] for side in engine.models}, "visitor")
    assert {s: one["ids"] for s, one in again.items()} == {s: one["ids"] for s, one in answered.items()}


def test_a_request_waits_for_one_piece_at_most(engine, monkeypatch):
    """The first piece is held; a request comes; after that piece the request is served, and no other piece is read."""
    held, reached, pieces = threading.Event(), threading.Event(), []
    whole = ahead.Answered.piece

    def piece(self):
        pieces.append(self)
        reached.set()
        held.wait(20)
        return whole(self)

    monkeypatch.setattr(ahead.Answered, "piece", piece)
    first_and_next(engine)
    assert reached.wait(20)
    request = ChatRequest({"gqa": [user("Somebody else")]}, Sampling(max_new_tokens=12))
    stream = engine.stream(request, "other")
    next(stream)
    threading.Timer(0.1, held.set).start()
    for _ in stream:
        assert len(pieces) == 1
    wait_until_read(engine)
    assert len(pieces) > 1


def test_a_chat_that_is_left_is_not_read_and_nothing_stays(engine):
    first_and_next(engine)
    engine.release("visitor")
    wait_until_read(engine)
    assert engine.cached_bytes() == 0


def test_an_error_in_it_harms_no_turn(engine, monkeypatch):
    runtime = engine.models["gqa"].runtime
    whole, broken = runtime.prefill, []

    def prefill(ids, cache, **options):
        broken.append(1)
        cache.layers[0].keep_first(0)
        raise RuntimeError("in the middle")

    with monkeypatch.context() as patched:
        with engine._ahead.paused():
            _, chat = first_and_next(engine)
            patched.setattr(runtime, "prefill", prefill)
        wait_until_read(engine)
    assert broken and runtime.prefill == whole
    assert turn(engine, chat, "visitor")["gqa"]["ids"] == turn(engine, chat)["gqa"]["ids"]


def test_a_full_context_leaves_nothing_to_read(engine):
    full = {"gqa": [user("a" * 440)]}
    events = list(engine.stream(ChatRequest(full, Sampling(max_new_tokens=400, temperature=3.0, seed=0)), "visitor"))
    assert events[-1].finish_reason == "context"
    wait_until_read(engine)
