"""Answers from a lent GPU, without one: whoever lends takes and gives pickled values, as a fork would."""

import pickle
from types import SimpleNamespace

import pytest

from sigma.engine.engine import Model, SigmaEngine
from sigma.engine.lent import FIRST_SECONDS, LentEngine
from sigma.events import GpuLost, OverLimit, PromptError, PromptEvent, StepEvent
from sigma.runtime import Runtime
from tests.sigma.engine.test_engine import ask
from tests.tiny import side_of, tiny_model

SHAPES = {"sigma": dict(seed=1, num_key_heads=1, augmented_query_dim=108), "gqa": dict(num_key_heads=3)}


class Lender:
    """A `Lend`; `items`: after how many the GPU is taken back. asked: the seconds of every call."""

    def __init__(self):
        self.asked, self.open, self.items, self.refusal = [], 0, None, None

    def __call__(self, task, seconds):
        def call(*arguments):
            self.asked.append(seconds(*arguments))
            if self.refusal is not None:
                raise self.refusal
            self.open += 1
            given = task(*pickle.loads(pickle.dumps(arguments)))
            try:
                for number, item in enumerate(given):
                    if number == self.items:
                        return
                    yield pickle.loads(pickle.dumps(item))
            finally:
                given.close()
                self.open -= 1

        return call


def models():
    sides = {name: side_of(tiny_model(**changes), f"tiny {name}") for name, changes in SHAPES.items()}
    return {
        name: Model(side, Runtime(side.config, side.tensors, weights="fp32", careful=True))
        for name, side in sides.items()
    }


@pytest.fixture
def lender():
    return Lender()


@pytest.fixture
def lent(lender):
    engine = LentEngine((models(), {}), (models(), {}), lender)
    yield engine
    engine.close()


@pytest.fixture
def plain():
    engine = SigmaEngine(models())
    yield engine
    engine.close()


def told(events):
    return [(e.side, e.step, e.token_id, e.text, e.finish_reason, e.cache) for e in events if isinstance(e, StepEvent)]


def test_answers_are_those_of_an_engine_that_has_its_device(lent, plain):
    request = ask(probe_layer=1, selective_k=3, likeliest=2)
    events = list(lent.stream(request, "a"))
    assert sorted(told(events)) == sorted(told(plain.stream(request)))
    probes = [e.probe for e in events if isinstance(e, StepEvent) and e.step == 3]
    assert all(probe.scores.shape[0] == 9 for probe in probes)


def test_nothing_outlives_a_call_but_the_tokens(lent, lender, plain):
    request = ask()
    first = list(lent.stream(request, "a"))
    assert lent.cached_bytes() == 0 and lender.open == 0
    again = [e for e in lent.stream(request, "a") if isinstance(e, PromptEvent)]
    assert [e.reused for e in again] == [0, 0]  # read afresh, whatever was asked before
    past = lent.past_run("a")
    list(plain.stream(request, "a"))
    assert past == plain.past_run("a")
    run = past.sides["gqa"]
    found = lent.inspect("gqa", run.ids, run.prompt_length)  # by what is here
    assert found.weights(0, 0, 5).shape == (9, 5, 5) and len(lender.asked) == 2 and first
    found.free()
    lent.release("a")
    assert lent.past_run("a") is None


def test_the_gpu_is_asked_for_as_long_as_the_answer_needs(lent, lender):
    list(lent.stream(ask()))
    assert lender.asked == [FIRST_SECONDS]  # kernels are compiled and checked by the first
    for new, sides in ((1, ("gqa",)), (100, ("gqa",)), (100, ("gqa", "sigma")), (2000, ("gqa", "sigma"))):
        lent.stream(ask(sides=sides, sampling=dict(max_new_tokens=new))).close()
        list(zip(range(1), lent.stream(ask(sides=sides, sampling=dict(max_new_tokens=new)))))
    short, long, both, capped = lender.asked[1:]
    assert short < long < both < capped < 16  # a context of 512 tokens ends before 2,000 are written


def test_what_cannot_be_answered_asks_for_no_gpu(lent, lender):
    for request in (ask(tuned=True), ask("x" * 600), ask(" "), ask(probe_layer=7)):
        with pytest.raises(PromptError):
            lent.stream(request)
    assert lender.asked == []


def test_no_gpu_is_said_as_it_was_said(lent, lender):
    lender.refusal = OverLimit("No more today.", "gpu_quota")
    with pytest.raises(OverLimit, match="No more today"):
        next(lent.stream(ask(), "a"))
    assert lent.figures().answering == 0 and lent.past_run("a") is None
    lender.refusal = None
    assert list(lent.stream(ask()))


def test_a_gpu_taken_back_ends_the_answer_and_keeps_what_was_told(lent, lender):
    lender.items = 12
    events = []
    with pytest.raises(GpuLost, match="taken back"):
        for event in lent.stream(ask(), "a"):
            events.append(event)
    sides = lent.past_run("a").sides
    told = sum(len(run.ids) - run.prompt_length for run in sides.values())
    assert set(sides) == {"sigma", "gqa"} and told == sum(isinstance(event, StepEvent) for event in events) > 0
    lender.items = None
    list(lent.stream(ask()))
    assert lender.asked[1] == FIRST_SECONDS  # it may have been the compiler that took too long


def test_an_answer_that_outstays_its_seconds_says_so(lent, monkeypatch):
    clock = iter(range(0, 100_000, 20))
    monkeypatch.setattr("sigma.engine.lent.time", SimpleNamespace(monotonic=lambda: next(clock)))
    with pytest.raises(OverLimit, match="lent for 60 s") as caught:
        list(lent.stream(ask()))
    assert caught.value.limit == "answer_seconds"


def test_an_error_there_is_in_the_log_without_the_question(lent, lender, monkeypatch, caplog):
    def broken(*_):
        raise ValueError("no answer to: a secret question")

    monkeypatch.setattr("sigma.engine.lent.SigmaEngine.stream", broken)
    with pytest.raises(RuntimeError, match=r"req_[0-9a-f]{12}") as caught:
        list(lent.stream(ask("a secret question")))
    assert "secret" not in str(caught.value)
    (line,) = [one for one in caplog.records if one.levelname == "ERROR"]
    assert line.exc_info[1].private_texts == ("a secret question",) * 2


def test_closing_ends_the_call_and_it_is_counted(lent, lender):
    events = lent.stream(ask(sampling=dict(max_new_tokens=400)))
    while not isinstance(next(events), StepEvent):
        pass
    assert lender.open == 1 and lent.figures().answering == 1
    events.close()
    assert lender.open == 0 and lent.figures().answering == 0 and lent.figures().steps == 1


def test_a_wrong_kernel_there_is_told_and_looked_for_again(lent, monkeypatch):
    seen = []
    monkeypatch.setattr("sigma.engine.lent.checked", lambda *far: seen.append(far) or "silu_mul is off by 3 %")
    for _ in range(2):
        list(lent.stream(ask()))
        assert lent.info("gqa").warning == "silu_mul is off by 3 %"
    assert len(seen) == 2


def test_a_side_says_where_it_answers_and_what_is_here(lent):
    info = lent.info("sigma")
    assert info.device == "cpu (lent for each answer)" and info.near == "cpu"
