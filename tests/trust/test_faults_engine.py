"""What goes wrong in the engine ends one answer with a sentence: the next is answered, and nobody else notices.

On tiny real models, on the C++ path and on torch's.
"""

import ctypes
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

import sigma.runtime.native as native_path
import sigma.runtime.torch_path as torch_path
from sigma.engine.engine import SigmaEngine
from sigma.events import ChatRequest, DamagedStep, Interrupted, OverLimit, Sampling, StepEvent
from tests.sigma.engine.test_same_answers import _no_native, answers, make_engine, tokens_of, user
from tests.trust.recovery import recovery


@pytest.fixture(autouse=True)
def quick():
    """Instead of the folder's: no page is needed here."""


@pytest.fixture(params=["native", "torch"])
def engine(request, monkeypatch):
    if request.param == "torch":
        monkeypatch.setattr("sigma.runtime.runtime.NativePath", _no_native)
    made = make_engine("fp32")
    monkeypatch.undo()
    yield made
    made.close()


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert condition()


def end(thread):
    """Raise SystemExit in a thread, wherever it is in Python: as near as one comes to killing it from outside."""
    assert ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit)) == 1


def ask(text="Hello there", sides=("sigma", "gqa"), tokens=24, **options):
    return ChatRequest({side: [user(text)] for side in sides}, Sampling(max_new_tokens=tokens), **options)


def is_clean(engine):
    figures = engine.figures()
    return (figures.answering, figures.answer_bytes, figures.working) == (0, 0, True)


def test_a_worker_that_is_killed_at_work_ends_that_answer_and_another_goes_on(engine, monkeypatch):
    """Of three who are answered, two are in the step that it is killed in; the third waits, and is answered as alone."""
    alone = tokens_of(answers(engine, [user("the third")]))
    entered, go = threading.Event(), threading.Event()
    runtime = engine.models["gqa"].runtime
    whole = runtime.decode_many

    def slow(steps):
        entered.set()
        while not go.is_set():  # in Python, where it can be killed
            time.sleep(0.002)
        return whole(steps)

    first = engine._device._worker
    list(engine.stream(ask("warm", tokens=2)))
    old = first.thread
    monkeypatch.setattr(runtime, "decode_many", slow)
    outcome = {}

    def answer(name, sides):
        outcome[name] = []
        try:
            for event in engine.stream(ask(f"the {name}", sides)):
                outcome[name].append(event)
        except Exception as error:
            outcome[name].append(error)

    threads = [threading.Thread(target=answer, args=("first", ("gqa",)))]
    threads[0].start()
    assert entered.wait(60)
    threads += [threading.Thread(target=answer, args=("third", ("sigma", "gqa")))]
    threads[1].start()
    until(lambda: engine._device._pieces)
    with recovery("the engine's thread is killed at work"):
        end(old)
        until(lambda: first.thread is not old)
        go.set()
        threads[1].join(60)
    for thread in threads:
        thread.join(60)
    assert isinstance(outcome["first"][-1], Interrupted) and "ask again" in str(outcome["first"][-1])
    assert any(isinstance(event, StepEvent) for event in outcome["first"]), "what was written before was told"
    third = [event for event in outcome["third"] if isinstance(event, StepEvent)]
    assert {side: [e.token_id for e in third if e.side == side] for side in alone} == alone
    assert is_clean(engine)
    assert tokens_of(answers(engine, [user("the third")])) == alone


def test_an_idle_worker_that_is_killed_is_not_missed(engine):
    alone = tokens_of(answers(engine, [user("hello")], "chat"))
    for _ in range(3):
        old = engine._device._worker.thread
        with recovery("the engine's thread is killed while idle"):
            end(old)
            assert tokens_of(answers(engine, [user("hello")], "chat")) == alone
        old.join(60)
    assert is_clean(engine)


def test_an_error_in_the_bookkeeping_leaves_nobody_waiting(engine, monkeypatch):
    """What no answer's own work raises: it would be swallowed, and whoever waits would wait for ever."""
    stream = engine.stream(ask())
    next(stream)
    monkeypatch.setattr("sigma.engine.batch.limits", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        list(stream)
    monkeypatch.undo()
    with recovery("an error in the engine's bookkeeping"):
        assert is_clean(engine) and answers(engine, [user("next")])


@pytest.mark.parametrize("phase", ["prefill", "decode"])
def test_a_kernel_that_raises_in_the_second_layer_fails_one_answer(phase, monkeypatch):
    """The first layer's rows are written then; whoever steps along is answered with the same bits."""
    monkeypatch.setattr("sigma.runtime.runtime.NativePath", _no_native)
    engine = make_engine("fp32")
    monkeypatch.undo()
    alone = {text: tokens_of(answers(engine, [user(text)])) for text in ("the good one", "the bad one")}
    bad = engine.models["gqa"].runtime
    caches, make = [], bad.new_cache
    monkeypatch.setattr(bad, "new_cache", lambda: caches.append(make()) or caches[-1])
    name = "decode_attention" if phase == "decode" else "prefill_attention"
    whole = getattr(torch_path, name)

    def broken(q, keys, values, **how):
        cache = caches[0]
        if cache.layers[1].k_buffer is not None and keys.data_ptr() == cache.layers[1].k_buffer.data_ptr():
            raise RuntimeError("an illegal address was met")
        return whole(q, keys, values, **how)

    monkeypatch.setattr(torch_path, name, broken)
    streams = {text: engine.stream(ask(text)) for text in ("the bad one", "the good one")}
    outcome = {}

    def answer(text):
        try:
            outcome[text] = list(streams[text])
        except Exception as error:
            outcome[text] = error

    threads = [threading.Thread(target=answer, args=(text,)) for text in streams]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert isinstance(outcome["the bad one"], RuntimeError) and "illegal address" in str(outcome["the bad one"])
    told = [event for event in outcome["the good one"] if isinstance(event, StepEvent)]
    assert {s: [e.token_id for e in told if e.side == s] for s in alone["the good one"]} == alone["the good one"]
    assert all(cache.bytes().allocated == 0 for cache in caches) and is_clean(engine)
    monkeypatch.undo()
    with recovery(f"a kernel raises ({phase})"):
        assert tokens_of(answers(engine, [user("the bad one")])) == alone["the bad one"]
    engine.close()


def test_the_prefill_kernel_of_the_native_path_too(monkeypatch):
    engine, layers = make_engine("fp32"), []
    if "native" not in engine.models["gqa"].runtime.kernels:
        pytest.skip("no C++ compiler")
    alone = tokens_of(answers(engine, [user("Hello there")]))
    whole = native_path.prefill_attention

    def broken(*given, **how):
        layers.append(1)
        if len(layers) == 2:
            raise RuntimeError("a kernel broke")
        return whole(*given, **how)

    monkeypatch.setattr(native_path, "prefill_attention", broken)
    with pytest.raises(RuntimeError, match="a kernel broke"):
        list(engine.stream(ask(), "chat"))
    assert is_clean(engine) and engine.cached_bytes() == 0
    with recovery("a kernel raises (prefill, C++)"):
        assert tokens_of(answers(engine, [user("Hello there")], "chat")) == alone
    engine.close()


@pytest.mark.parametrize("selective, mass", [(None, None), (3, "renormalize"), (3, "mean"), (3, "drop")])
@pytest.mark.parametrize("rows", ["keys", "values"])
def test_nan_in_a_cache_row_is_an_error_and_no_stream_of_tokens(engine, rows, mass, selective, monkeypatch):
    """One K row, which every query scores; all V rows of a layer, as selective V may leave out a single one."""
    runtime = engine.models["sigma"].runtime
    caches, make = [], runtime.new_cache
    monkeypatch.setattr(runtime, "new_cache", lambda: caches.append(make()) or caches[-1])
    request = ask("A text of some length", ("sigma",), selective_k=selective, selective_missing_mass=mass)
    stream = engine.stream(request)
    before = []
    while sum(isinstance(event, StepEvent) for event in before) < 3:
        before.append(next(stream))
    layer = caches[0].layers[1]
    with torch.inference_mode():
        if rows == "keys":
            layer.k_buffer[:, :, 2] = float("nan")
        else:
            layer.v_buffer[:, :, : layer.length] = float("nan")
    with pytest.raises(DamagedStep, match="not numbers"):
        next(stream)
    assert caches[0].bytes().allocated == 0 and is_clean(engine)
    monkeypatch.undo()
    with recovery("NaN in a cache row"):
        assert answers(engine, [user("next")])["sigma"][0]


def test_nan_in_a_row_that_a_chat_keeps_ends_one_turn_and_the_next_reads_afresh(engine):
    chat = [user("first question " * 20), {"role": "assistant", "content": "an answer"}, user("second question")]
    fresh = tokens_of(answers(engine, chat))
    answers(engine, chat[:1], "chat")
    until(engine._ahead.idle)
    with torch.inference_mode():
        for kept in engine._sessions._caches["chat"].values():
            kept.cache.layers[0].k_buffer[:, :, 1] = float("nan")
    with pytest.raises(DamagedStep):
        answers(engine, chat, "chat")
    assert is_clean(engine) and engine.cached_bytes() == 0
    with recovery("NaN in a row that a chat keeps"):
        assert tokens_of(answers(engine, chat, "chat")) == fresh


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes")]
)
def test_memory_that_runs_out_in_a_prompt_is_told_and_other_chats_make_room(engine, error, monkeypatch):
    runtime = engine.models["sigma"].runtime
    list(engine.stream(ask("kept"), "another chat"))
    until(engine._ahead.idle)
    assert engine.cached_bytes() > 0
    whole = type(runtime.path).run

    def broken(self, ids, cache, *given):
        if ids.shape[1] > 64:
            raise error
        return whole(self, ids, cache, *given)

    monkeypatch.setattr(type(runtime.path), "run", broken)
    with pytest.raises(OverLimit, match="no memory left") as told:
        list(engine.stream(ask("a long prompt " * 10), "chat"))
    assert told.value.limit == "kv_memory" and is_clean(engine) and engine.cached_bytes() == 0
    with recovery("memory runs out in a prompt"):
        assert list(engine.stream(ask("short"), "chat"))


def test_an_error_that_only_sounds_like_memory_stays_itself(engine, monkeypatch):
    monkeypatch.setattr(
        SigmaEngine, "_started", lambda *_: (_ for _ in ()).throw(RuntimeError("shapes cannot be multiplied"))
    )
    with pytest.raises(RuntimeError, match="multiplied"):
        list(engine.stream(ask()))


def test_real_memory_that_runs_out_in_a_prompt_ends_that_answer_alone():
    """A process whose address space is nearly used up: the allocators' own errors, on the default path of this machine."""
    if sys.platform != "linux":
        pytest.skip("the limit is Linux's")
    script = Path(__file__).with_name("scarce_memory.py")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    first, *middle, last = done.stdout.split("\n")[:-1]
    assert (first, last) == ("answered", "answered") and set(middle) == {"no memory left"}, done.stdout
