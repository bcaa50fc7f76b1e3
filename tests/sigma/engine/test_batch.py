"""Who steps next: answers share steps without noticing each other, prompts are read in between, and nobody waits long."""

import threading
import time
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from sigma.engine import batch
from sigma.events import ChatRequest, DamagedStep, PrefillEvent, Sampling, StepEvent
from sigma.observe.numbers import current, numbered
from tests.sigma.engine.test_same_answers import make_engine, user


@pytest.fixture
def engine():
    engine = make_engine("fp32")
    yield engine
    engine.close()


def ask(text="Hello there", sides=("sigma", "gqa"), tokens=10, **options):
    sampling = Sampling(**{"max_new_tokens": tokens, **options.pop("sampling", {})})
    return ChatRequest({side: [user(text)] for side in sides}, sampling, **options)


REQUESTS = [
    ask("First question"),
    ask("A longer one, about the sea and the moon. " * 3, selective_k=5),
    ask("Only one side", sides=("sigma",), selective_k=3, probe_layer=1),
    ask("In its own way", selective_k=4, selective_missing_mass="mean", selective_threshold=0.02),
    ask("Sampled", sampling=dict(temperature=1.0, top_p=0.9, seed=4)),
    ask("x", sides=("gqa",), probe_layer=0),
    ask("Held to a form", grammar='start: "a" | /[0-9]+/', sampling=dict(temperature=1.0, seed=1)),
]


def told(events):
    """What a request was told, side by side, without the clock."""
    found = {}
    for event in events:
        if isinstance(event, StepEvent):
            probe = None if event.probe is None else (event.probe.scores.tolist(), event.probe.captured.tolist())
            found.setdefault(event.side, []).append(
                (event.token_id, event.text, event.cache, probe, event.finish_reason)
            )
    return found


@contextmanager
def held(engine):
    """The device is at work meanwhile, so that everything waits; gives a function that waits for so many to wait."""
    free, device = threading.Event(), engine._device
    engine._device.submit(lambda: free.wait(60))

    def until(steps, pieces=0):
        end = time.monotonic() + 60
        while (len(device._steps), len(device._pieces)) != (steps, pieces) and time.monotonic() < end:
            time.sleep(0.002)
        assert (len(device._steps), len(device._pieces)) == (steps, pieces)

    try:
        yield until
    finally:
        free.set()


def in_threads(works):
    """The results of functions that run at once; an exception is a result."""
    results = [None] * len(works)

    def one(i):
        try:
            results[i] = works[i]()
        except Exception as error:
            results[i] = error

    threads = [threading.Thread(target=one, args=(i,)) for i in range(len(works))]
    [thread.start() for thread in threads]
    return lambda: [thread.join(120) for thread in threads] and results


def sizes_of_steps(engine, monkeypatch):
    """Side -> how many sequences each of its steps had."""
    sizes = {side: [] for side in engine.models}
    for side, model in engine.models.items():
        whole = model.runtime.decode_many
        monkeypatch.setattr(
            model.runtime, "decode_many", lambda steps, w=whole, s=side: sizes[s].append(len(steps)) or w(steps)
        )
    return sizes


def test_each_answers_as_alone_and_steps_are_shared(engine, monkeypatch):
    alone = [told(engine.stream(request)) for request in REQUESTS]
    sizes = sizes_of_steps(engine, monkeypatch)
    monkeypatch.setattr(batch, "LINGER_SECONDS", 0.2)  # a busy machine
    join = in_threads([lambda r=request: told(engine.stream(r, f"visitor {r.messages}")) for request in REQUESTS])
    assert join() == alone
    assert max(max(each) for each in sizes.values()) > 2


def opened(engine, request):
    """A stream of which everything but the steps, and the first of each side, has been taken."""
    stream, sides = engine.stream(request), set(request.messages)
    for event in stream:
        if isinstance(event, StepEvent):
            sides.discard(event.side)
        if not sides:
            return stream
    raise AssertionError


def test_all_that_wait_go_in_one_step_those_of_one_side_too(engine, monkeypatch):
    streams = [
        opened(engine, ask(f"question {i}", sides)) for i, sides in enumerate([("gqa",), ("sigma", "gqa"), ("gqa",)])
    ]
    sizes = sizes_of_steps(engine, monkeypatch)
    with held(engine) as until:
        first = in_threads([lambda: next(streams[0])])
        until(1)
        others = in_threads([lambda s=stream: next(s) for stream in streams[1:]])
        until(3)
    assert all(event.side == "gqa" for event in [*first(), *others()])
    assert sizes == {"sigma": [], "gqa": [3]}
    [stream.close() for stream in streams]


def test_a_side_that_is_far_ahead_does_not_ride_along():
    def run(runtime, spent, reading=False):
        return SimpleNamespace(model=SimpleNamespace(runtime=runtime), spent=spent, reading=reading)

    behind, ahead = run("sigma", 100.0), run("gqa", 100.0 + batch.LEAD_MS)
    assert batch._Waiting([behind, ahead], 0).run_on("sigma") is behind
    assert batch._Waiting([behind, ahead], 0).run_on("gqa") is ahead
    assert batch._Waiting([behind, run("gqa", 101.0 + batch.LEAD_MS)], 0).run_on("gqa") is None
    assert batch._Waiting([behind, run("gqa", 100.0, reading=True)], 0).run_on("gqa") is None
    assert batch._Waiting([behind], 0).run_on("tuned sigma") is None


def test_a_step_waits_for_one_piece_of_a_prompt_at_most_and_the_piece_is_small(engine, monkeypatch):
    monkeypatch.setattr(batch, "SHARED_CHUNK", 16)
    small = engine.models["gqa"].runtime.cuts_freely  # elsewhere only whole chunks give the same rows
    order = []
    writing = opened(engine, ask("short", ("gqa",), tokens=60))
    reading = [engine.stream(ask(f"{i}" + "z" * 300, ("gqa",), tokens=1)) for i in range(2)]
    with held(engine) as until:
        joins = [in_threads([lambda r=r: [order.append(e) for e in r if isinstance(e, PrefillEvent)]]) for r in reading]
        until(0, 2)
        joins.append(in_threads([lambda: [order.append(e) for _, e in zip(range(30), writing)]]))
        until(1, 2)
    [join() for join in joins]
    kinds = "".join("p" if isinstance(event, PrefillEvent) else "s" for event in order)
    busy = kinds[: kinds.rindex("s")]
    assert busy.count("p") > 2
    # The order in which callers are told may differ by one from the order of the work.
    assert "pppp" not in busy
    if small:
        assert [event.done for event in order if isinstance(event, PrefillEvent)][0] <= 32
    writing.close()


def test_what_breaks_one_answer_breaks_no_other(engine, monkeypatch):
    runtime = engine.models["gqa"].runtime
    alone = told(engine.stream(ask("the good one", ("gqa",))))
    caches, make, whole = [], runtime.new_cache, runtime.decode_many
    monkeypatch.setattr(runtime, "new_cache", lambda: caches.append(make()) or caches[-1])
    bad, good = (opened(engine, ask(text, ("gqa",))) for text in ("the bad one", "the good one"))

    def broken(steps):
        results = whole(steps)  # the others have advanced when it shows
        if any(step.cache is caches[0] for step in steps):
            raise RuntimeError("this one is broken")
        return results

    monkeypatch.setattr(runtime, "decode_many", broken)
    with held(engine) as until:
        join = in_threads([lambda: list(bad), lambda: list(good)])
        until(2)
    error, events = join()
    assert isinstance(error, RuntimeError) and "broken" in str(error)
    assert told(events)["gqa"] == alone["gqa"][1:]
    assert all(cache.bytes().allocated == 0 for cache in caches)


def test_a_damaged_answer_ends_alone(engine, monkeypatch):
    runtime = engine.models["gqa"].runtime
    alone = told(engine.stream(ask("the good one", ("gqa",))))
    bad, good = (opened(engine, ask(text, ("gqa",))) for text in ("the bad one", "the good one"))
    whole = runtime.decode_many

    def damaged(steps):
        (logits, probe), *others = whole(steps)
        return [(logits * float("nan") if others else logits, probe), *others]

    monkeypatch.setattr(runtime, "decode_many", damaged)
    with held(engine) as until:
        first = in_threads([lambda: list(bad)])
        until(1)
        second = in_threads([lambda: list(good)])
        until(2)
    assert isinstance(first()[0], DamagedStep)
    assert told(second()[0])["gqa"] == alone["gqa"][1:]


def test_stop_in_the_middle_leaves_the_others_as_they_are(engine):
    alone = told(engine.stream(ask("stays", tokens=20)))
    leaving, staying = engine.stream(ask("leaves", tokens=200), "leaver"), engine.stream(ask("stays", tokens=20))

    def leave():
        for i, _ in enumerate(leaving):
            if i == 12:
                leaving.close()

    _, events = in_threads([leave, lambda: list(staying)])()
    assert told(events) == alone
    assert engine._device._requests == 0 and engine.cached_bytes() == 0


def test_whoever_is_interrupted_takes_back_what_has_not_begun(engine, monkeypatch):
    stream = opened(engine, ask("interrupted", ("gqa",)))
    sizes = sizes_of_steps(engine, monkeypatch)

    class Interrupted(batch.Future):
        def result(self, timeout=None):
            raise KeyboardInterrupt

    plain = batch._Waiting
    monkeypatch.setattr(batch, "_Waiting", lambda runs, pieces: plain(runs, pieces, Interrupted()))
    with held(engine), pytest.raises(KeyboardInterrupt):
        next(stream)
    monkeypatch.undo()
    list(engine.stream(ask("goes on", ("gqa",))))
    assert sizes["gqa"] == [] and not engine._device._steps


def test_an_engine_that_was_started_with_less_priority_keeps_that(engine, monkeypatch):
    """Nobody but root may raise it again; a thread that cannot start would leave everybody waiting."""
    set_to = []
    monkeypatch.setattr("os.getpriority", lambda *_: 19)
    monkeypatch.setattr("os.setpriority", lambda *arguments: set_to.append(arguments))
    assert list(engine.stream(ask(tokens=2))) and not set_to


def test_a_closed_engine_says_so(engine):
    stream = opened(engine, ask("too late"))
    engine.close()
    with pytest.raises(RuntimeError, match="closed"):
        next(stream)


def test_the_engine_tells_what_it_does_and_holds(engine):
    idle = engine.figures()
    assert idle.working and (idle.answering, idle.steps, idle.answer_bytes, idle.kept_bytes) == (0, 0, 0, 0)
    assert idle.limit_bytes > 0
    events = engine.stream(ask(tokens=4), "me")
    next(events)
    held = engine.figures()
    assert held.answering == 1 and 0 < held.answer_bytes <= held.limit_bytes
    made = sum(isinstance(event, StepEvent) for event in events)
    after = engine.figures()
    assert after.stepped == made > 0 and 0 < after.steps <= made and after.batch == 1
    assert (after.answering, after.answer_bytes) == (0, 0) and after.kept_bytes > 0
    engine.release("me")
    assert engine.figures().kept_bytes == 0
    engine.close()
    assert not engine.figures().working


def test_what_the_devices_thread_logs_has_the_requests_number(engine, monkeypatch):
    seen = []
    monkeypatch.setattr(batch.Run, "_check", lambda run: seen.append(current()))
    with numbered("req_a"):
        list(engine.stream(ask(tokens=3)))
        assert engine._device.submit(current).result() == "req_a"
    assert set(seen) == {"req_a"} and len(seen) == 6
    assert engine._device.submit(current).result() is None
