"""Caches are freed however a visitor goes: a closed page, a cancelled event, a hung-up stream, an error, a time-out.

On tiny real models behind the page, by raw HTTP: what counts is the bytes that the engine holds.
"""

import json
import threading
import time

import httpx
import pytest

from sigma.engine.engine import Model, SigmaEngine
from sigma.events import DamagedStep
from sigma.limits.current import using
from sigma.runtime import Runtime
from tests.tiny import side_of, tiny_model
from tests.trust.raw import Raw
from tests.visualizers.server import launch


def until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert condition()


@pytest.fixture(scope="module")
def served():
    """(engine, url, page) over tiny models that take all of 2,048 tokens."""
    shapes = {"sigma": dict(num_key_heads=1, augmented_query_dim=108), "gqa": dict(num_key_heads=3)}
    models = {}
    for name, changes in shapes.items():
        side = side_of(tiny_model(max_position_embeddings=4096, **changes), f"tiny {name}")
        models[name] = Model(side, Runtime(side.config, side.tensors, weights="fp32"))
    engine = SigmaEngine(models)
    page, url, loader = launch(engine)
    assert loader.wait(30)
    yield engine, url, page
    page.close()
    engine.close()


@pytest.fixture
def visitor(served):
    one = Raw(served[1])
    yield one
    one.close()


def held(engine):
    """(answers being written, bytes given to them, bytes kept between turns)."""
    figures = engine.figures()
    return figures.answering, figures.answer_bytes, figures.kept_bytes


def ask(visitor, tokens=2048):
    """Begin a long answer in Chat; the event's id."""
    send = next(d for d in visitor.config["dependencies"] if d["api_name"] == "send")
    parts = {part["id"]: part for part in visitor.config["components"]}
    data = visitor.data_of(send, prompt=visitor.mark)
    data[0] = visitor.mark
    ids = [parts[number]["props"].get("elem_id") for number in send["inputs"]]
    data[ids.index("max-tokens")] = tokens
    for i, number in enumerate(send["inputs"]):
        if parts[number]["props"].get("label") == "System prompt":
            data[i] = ""
    return send["id"], visitor.join(send["id"], data).json()["event_id"]


def writing(engine):
    until(lambda: engine.figures().steps > 3 and engine.figures().answer_bytes > 0)


def test_a_finished_answer_leaves_its_prompts_rows_and_the_closed_page_nothing(served, visitor):
    engine = served[0]
    closed = threading.Event()

    def stay():
        with httpx.stream("GET", f"{served[1]}/gradio_api/heartbeat/{visitor.session}", timeout=60) as stream:
            for _ in stream.iter_lines():
                if closed.is_set():
                    return

    page = threading.Thread(target=stay)
    page.start()
    ask(visitor, 8)
    visitor.listen()
    until(lambda: held(engine)[:2] == (0, 0))
    assert held(engine)[2] > 0
    closed.set()
    page.join(60)  # the heartbeat is heard every fifteen seconds
    until(lambda: held(engine) == (0, 0, 0))


def test_a_cancelled_event_frees_all(served, visitor):
    engine = served[0]
    number, event = ask(visitor)
    listening = threading.Thread(target=visitor.listen)
    listening.start()
    writing(engine)
    visitor.post("/gradio_api/cancel", {"session_hash": visitor.session, "fn_index": number, "event_id": event})
    until(lambda: held(engine) == (0, 0, 0))
    listening.join(30)


def test_a_stream_that_is_hung_up_frees_all(served, visitor):
    engine = served[0]
    ask(visitor)
    url, params = f"{served[1]}/gradio_api/queue/data", {"session_hash": visitor.session}
    with httpx.stream("GET", url, params=params, timeout=30) as stream:
        for i, _ in enumerate(stream.iter_lines()):
            if i > 6:
                break
    until(lambda: held(engine) == (0, 0, 0), 60)


@pytest.mark.parametrize("error", [DamagedStep("values that are no numbers"), RuntimeError("broken"), MemoryError()])
def test_an_error_on_the_way_frees_all(served, visitor, error, monkeypatch):
    engine = served[0]
    real, steps = Runtime.decode_many, []

    def failing(self, asked):
        steps.append(1)
        if len(steps) > 5:
            raise error
        return real(self, asked)

    monkeypatch.setattr(Runtime, "decode_many", failing)
    ask(visitor)
    visitor.listen()
    until(lambda: held(engine) == (0, 0, 0))
    words = {DamagedStep: "no numbers", RuntimeError: "Something went wrong", MemoryError: "no memory left"}
    assert words[type(error)] in visitor.said()


def test_an_answer_that_takes_too_long_frees_all_and_says_what_to_do(served, visitor, monkeypatch):
    engine, real = served[0], Runtime.decode_many

    def slow(self, asked):
        time.sleep(0.05)
        return real(self, asked)

    monkeypatch.setattr(Runtime, "decode_many", slow)
    with using(answer_seconds=1):
        ask(visitor)
        visitor.listen()
    until(lambda: held(engine) == (0, 0, 0))
    assert "longer than 1 s" in visitor.said() and "fewer new tokens" in visitor.said()


def test_an_openai_client_that_hangs_up_frees_all(served, visitor):
    engine = served[0]
    body = {"model": "sigma", "prompt": visitor.mark, "max_tokens": 2048, "stream": True}
    with visitor.http.stream("POST", "/v1/completions", json=body) as stream:
        for line in stream.iter_lines():
            if line.startswith("data:") and json.loads(line[5:])["choices"]:
                break
    until(lambda: held(engine) == (0, 0, 0))


def test_visitors_who_never_say_that_they_left_are_forgotten(served):
    """Without a heartbeat nothing tells that a page was closed: what is kept for it is bounded."""
    engine, made = served[0], []
    with using(pages=3, sessions=2):
        for _ in range(6):
            made.append(Raw(served[1]))
            ask(made[-1], 4)
            made[-1].listen()
        until(lambda: held(engine)[:2] == (0, 0))
        kept = len(engine._sessions._caches)
        assert kept <= 2
    for one in made:
        one.close()
    for session in list(engine._sessions._caches):
        engine.release(session)
    assert held(engine) == (0, 0, 0)
