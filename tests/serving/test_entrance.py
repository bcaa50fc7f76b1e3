"""Bodies that are too large are refused on every route, with a length, a wrong one or none; what is read before stays read."""

import json

import pytest

from sigma.limits.current import using
from sigma.serving.entrance import Entrance
from tests.apart import awaited

MOST = 1 << 16


class Client:
    """One request to an application: what it sends, in pieces, and what comes back."""

    def __init__(self, pieces, path="/gradio_api/queue/join", headers=()):
        self.scope = {"type": "http", "path": path, "headers": [*headers], "client": ("203.0.113.7", 1)}
        self.pieces, self.taken, self.sent = list(pieces), 0, []

    async def receive(self):
        if self.taken == len(self.pieces):
            return {"type": "http.disconnect"}
        self.taken += 1
        body = self.pieces[self.taken - 1]
        return {"type": "http.request", "body": body, "more_body": self.taken < len(self.pieces)}

    async def send(self, message):
        self.sent.append(message)

    def ask(self, app):
        with using(body_size=MOST, v1_body_size=2000):
            awaited(Entrance(app)(self.scope, self.receive, self.send))
        return self

    @property
    def status(self):
        starts = [m["status"] for m in self.sent if m["type"] == "http.response.start"]
        assert len(starts) == 1
        return starts[0]

    @property
    def answer(self):
        return json.loads(b"".join(m.get("body", b"") for m in self.sent))


def reader(swallow=False, early=False):
    """An application that reads its body and tells its length; `read` afterwards is what it got."""
    got = bytearray()

    async def app(scope, receive, send):
        if early:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                if swallow:  # as a framework does, with an answer of its own
                    await send({"type": "http.response.start", "status": 400, "headers": []})
                    await send({"type": "http.response.body", "body": b"there was an error"})
                    return
                raise RuntimeError("the client has gone")
            got.extend(message.get("body", b""))
            if not message.get("more_body"):
                break
        if not early:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"%d" % len(got)})

    app.read = got
    return app


def test_what_fits_passes_whole():
    app = reader()
    client = Client([b"a" * 1000, b"b" * (MOST - 1000)]).ask(app)
    assert (client.status, client.answer) == (200, MOST) and len(app.read) == MOST


@pytest.mark.parametrize("swallow", [False, True])
def test_without_a_length_it_is_counted(swallow):
    app = reader(swallow)
    client = Client([b"a" * 1000] * 100).ask(app)
    assert client.status == 413 and len(app.read) <= MOST
    assert client.answer["error"] == client.answer["detail"]
    assert "larger than 65,536 bytes" in client.answer["error"] and "Send less" in client.answer["error"]


def test_a_wrong_length_is_no_way_around_it():
    client = Client([b"a" * 1000] * 100, headers=[(b"content-length", b"10")]).ask(reader())
    assert client.status == 413


@pytest.mark.parametrize("length", [b"65537", b"9" * 5000])
def test_with_a_length_nothing_is_handed_on(length):
    app = reader()
    client = Client([b"a" * 1000] * 66, headers=[(b"Content-Length", length)]).ask(app)
    assert client.status == 413 and not app.read
    assert client.taken == 66  # thrown away, so that the client comes to read the answer


def test_a_body_without_an_end_is_not_read_for_ever():
    client = Client([b"a" * MOST] * 10_000).ask(reader())
    assert client.status == 413 and client.taken < 10


def test_of_v1_the_limit_and_the_form_are_its_own():
    client = Client([b"a" * 2001], "/v1/completions").ask(reader())
    told = client.answer["error"]
    assert client.status == 413 and (told["type"], told["code"]) == ("invalid_request_error", "body_too_large")
    assert set(told) == {"message", "type", "param", "code"}
    assert Client([b"a" * 2001]).ask(reader()).status == 200


def test_an_answer_that_has_begun_is_not_begun_twice():
    with pytest.raises(RuntimeError, match="has gone"):
        Client([b"a" * MOST] * 3).ask(reader(early=True))


def test_an_applications_own_failure_stays_one():
    async def broken(scope, receive, send):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Client([b""]).ask(broken)
    seen = []

    async def other(scope, receive, send):
        seen.append(scope["type"])

    awaited(Entrance(other)({"type": "lifespan"}, None, None))
    assert seen == ["lifespan"]
