"""What a client of OpenAI's API is told when it meets a limit: in its form, with what to do."""

import json
import socket
import time
from types import SimpleNamespace

import openai
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from sigma.events import OverLimit
from sigma.limits.current import using
from sigma.limits.visitors import Visitors
from sigma.serving.routes import routes
from tests.fake_engine import FakeEngine
from tests.serving.test_routes import HELLO, post
from visualizers.shared.line import Line


def test_who_asks_too_often_is_told_when_to_come_again():
    """In OpenAI's form, with a status that its clients know; behind a proxy each visitor counts alone."""
    visitors = Visitors()
    loader = SimpleNamespace(engine=FakeEngine(words=3), status=SimpleNamespace(text=""))
    ask = {"model": "sigma", "prompt": "Hello", "max_tokens": 2}
    with (
        using(requests_per_minute=1),
        TestClient(Starlette(routes=routes(loader, Line(1, 20), "/v1", visitors))) as one,
    ):
        assert one.post("/v1/completions", json=ask).status_code == 200
        refused = one.post("/v1/completions", json=ask)
        assert one.post("/v1/completions", json={}).status_code == 400  # what is wrong is not counted
        assert one.get("/v1/models").status_code == 200
    told = refused.json()["error"]
    assert refused.status_code == 429
    wait = int(refused.headers["retry-after"])  # OpenAI's clients obey it
    assert 50 < wait <= 60 and f"Try again in {wait} seconds." in told["message"]
    assert (told["type"], told["code"]) == ("rate_limit_error", "requests_per_minute")


def test_who_has_used_up_the_hours_tokens_is_told_in_seconds_too():
    now = [0.0]
    visitors = Visitors(lambda: now[0])
    loader = SimpleNamespace(engine=FakeEngine(words=3), status=SimpleNamespace(text=""))
    ask = {"model": "sigma", "prompt": "Hello", "max_tokens": 2}
    with using(tokens_per_hour=100), TestClient(Starlette(routes=routes(loader, Line(1, 20), "/v1", visitors))) as one:
        visitors.admit("testclient", "first")
        visitors.charge("first", 110)
        refused = one.post("/v1/completions", json=ask)
        assert refused.status_code == 429 and "Try again in 9 minutes." in refused.json()["error"]["message"]
        now[0] = float(refused.headers["retry-after"])
        assert now[0] == 9 * 60 and one.post("/v1/completions", json=ask).status_code == 200


def test_an_answer_that_takes_too_long_ends_with_a_sentence(site, engine, client, monkeypatch):
    real = engine._stream

    def slow(*arguments):
        for i, event in enumerate(real(*arguments)):
            if i == 5:
                raise OverLimit("The answer took longer than 1 s. Ask for fewer new tokens.", "answer_seconds")
            yield event

    monkeypatch.setattr(engine, "_stream", slow)
    status, headers, answer = post(site, "/v1/chat/completions", {"model": "sigma", "messages": HELLO})
    assert (status, answer["error"]["code"], headers["x-should-retry"]) == (503, "time_limit", "false")
    with pytest.raises(openai.APIError, match="fewer new tokens"):
        list(client.chat.completions.create(model="sigma", messages=HELLO, stream=True))


def test_a_client_that_does_not_read_holds_its_place_no_longer_than_an_answer_may_take(site, engine, monkeypatch):
    monkeypatch.setattr("sigma.serving.routes.READ_SECONDS", 0.5)
    engine.words, engine.delay = 2000, 0.005
    with using(answer_seconds=1), socket.create_connection(("127.0.0.1", site.port)) as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        body = json.dumps({"model": "sigma", "messages": HELLO, "stream": True, "max_tokens": 2000}).encode()
        raw.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert raw.recv(100).startswith(b"HTTP/1.1 200")
        deadline = time.monotonic() + 20
        while engine.open_now() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not engine.open_now() and engine.closed
