"""An engine that is watched: counted as it answers, one line a request, and nothing of what was asked."""

import json

import pytest

from sigma.events import ChatRequest, Column, DamagedStep, PromptError, Sampling
from sigma.observe.meter import FIRST_TOKEN_SECONDS, RECENT_SECONDS, Meter, Times
from sigma.observe.numbers import numbered
from tests.fake_engine import FakeEngine
from tests.sigma.observe.test_logs import told  # noqa: F401 (fixture)

SECRET = "the treasure lies under the third palm"


class Clock:
    """A clock that a test moves."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def meter(clock):
    return Meter(clock)


def ask(*sides, tokens=6):
    return ChatRequest({side: [{"role": "user", "content": SECRET}] for side in sides}, Sampling(max_new_tokens=tokens))


def test_an_answer_is_counted_side_by_side(meter, clock):
    engine = meter.watched(FakeEngine(words=9))
    for event in engine.stream(ask("sigma", "gqa")):
        clock.now += 0.01
        del event
    counts = meter.counts()
    assert counts.requests == {"finished": 1}
    for side in ("sigma", "gqa"):
        assert counts.tokens[side, "new"] == 6 and counts.tokens[side, "prompt"] == 8
        assert counts.tokens.get((side, "reused"), 0) == 0
    # Two prompts and two chunks of them came before the first token.
    assert counts.first_token["sigma"].total == pytest.approx(0.04)
    assert counts.first_token["sigma"].counts[0] == 1 and sum(counts.first_token["gqa"].counts) == 1


def test_columns_are_counted_for_the_model_that_answers(meter):
    messages = {name: [{"role": "user", "content": SECRET}] for name in ("left", "right")}
    columns = {
        "left": Column("sigma", Sampling(max_new_tokens=4), 2),
        "right": Column("sigma", Sampling(max_new_tokens=6)),
    }
    list(meter.watched(FakeEngine(words=9)).stream(ChatRequest(messages, columns=columns)))
    counts = meter.counts()
    assert counts.requests == {"finished": 1} and set(counts.first_token) == {"sigma"}
    assert counts.tokens["sigma", "new"] == 10 and counts.tokens["sigma", "prompt"] == 16


def test_how_a_request_ends(meter, monkeypatch):
    fake = FakeEngine(words=9)
    engine = meter.watched(fake)
    events = engine.stream(ask("sigma"))
    next(events)
    events.close()
    assert meter.counts().requests == {"stopped": 1} and not fake.open_now()

    with pytest.raises(PromptError):
        engine.stream(ChatRequest({"sigma": [{"role": "user", "content": "w " * 9000}]}))
    fake.fail_next = RuntimeError("broken")
    with pytest.raises(RuntimeError):
        engine.stream(ask("sigma"))
    assert meter.counts().requests == {"stopped": 1, "refused": 1, "failed": 1}

    real = fake._stream

    def breaks(error, after):
        def stream(*arguments):
            for n, event in enumerate(real(*arguments)):
                if n == after:
                    raise error
                yield event

        monkeypatch.setattr(fake, "_stream", stream)
        with pytest.raises(type(error)):
            list(engine.stream(ask("sigma")))
        return meter.counts().requests

    assert breaks(PromptError("no memory"), 0)["refused"] == 2
    assert breaks(DamagedStep("not numbers"), 4)["failed"] == 2
    assert not fake.open_now()


def test_a_line_per_request_says_how_it_went_and_not_what_was_asked(meter, told):  # noqa: F811
    lines = told(meter, SIGMA_LOG="json")
    fake = FakeEngine(words=9)
    engine = meter.watched(fake)
    with numbered("req_1"):
        events = engine.stream(ask("sigma"))
    list(events)  # elsewhere: the number was taken when the request came
    (line,) = lines()
    found = json.loads(line)
    assert found["event"] == "answer finished" and found["request"] == "req_1" and found["sides"] == "sigma"
    assert found["sigma_new_tokens"] == 6 and found["sigma_first_token_seconds"] >= 0
    assert "palm" not in line

    fake.fail_next = RuntimeError(f"cannot parse {SECRET!r}")
    try:
        engine.stream(ask("sigma"))
    except RuntimeError:
        from logging import getLogger

        getLogger("page").exception("a turn failed")
    assert "palm" not in "\n".join(lines()) and "cannot parse" in lines()[-1]

    lines = told(meter, SIGMA_LOG="json", SIGMA_LOG_TEXT="1")
    list(engine.stream(ask("sigma")))
    assert json.loads(lines()[-1])["text"] == SECRET


def test_errors_are_recent_for_a_while(meter, clock):
    meter.count_error("a")
    clock.now += RECENT_SECONDS - 1
    meter.count_error("a")
    assert meter.recent_errors() == 2
    clock.now += 2
    assert meter.recent_errors() == 1 and meter.counts().errors == {"a": 2}


def test_times_fall_into_classes_with_their_upper_ends():
    times = Times()
    for seconds in (0.0, FIRST_TOKEN_SECONDS[0], 0.06, FIRST_TOKEN_SECONDS[-1], 1e6):
        times.add(seconds)
    assert times.counts[:2] == [2, 1] and times.counts[-2:] == [1, 1] and times.total > 1e6


def test_everything_else_is_the_engines_own(meter):
    fake = FakeEngine(words=9)
    engine = meter.watched(fake)
    list(engine.stream(ask("sigma"), "me"))
    ids = engine.past_run("me").sides["sigma"].ids
    assert engine.info("gqa") == fake.info("gqa") and engine.text("sigma", ids) == fake.text("sigma", ids)
    assert engine.piece("sigma", ids[0]) == fake.piece("sigma", ids[0])
    assert engine.inspect("sigma", ids, 3).tokens == len(ids)
    engine.release("me")
    assert fake.released == ["me"] and engine.figures() == fake.figures()
    engine.close()
    assert not engine.figures().working
