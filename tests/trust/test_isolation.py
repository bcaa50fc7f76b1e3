"""No visitor's text reaches another: all events at once by raw HTTP, every route, guessed names of sessions; and no
secret or folder of the machine in what is answered, shown or logged."""

import json
import random
import threading
import time
import uuid

import httpx
import pytest

from sigma.events import ChatRequest, Sampling
from tests.trust.raw import LONG, leaks

MANY = 4


def until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert condition()


def is_long(dependency):
    return any(word in (dependency["api_name"] or "") for word in LONG)


@pytest.fixture(autouse=True)
def known(served):
    """The fake engine's first words, which it tells everybody as candidates, are nobody's."""
    engine = served[0]
    words = [{"role": "user", "content": "zero one two three four five six seven"}]
    list(engine.stream(ChatRequest({"sigma": words, "gqa": words}, Sampling(max_new_tokens=2))))


def test_every_event_of_every_visitor_at_once_and_nobody_hears_another(served, visitors):
    """Private events are asked like the others: the server's description lists them all."""
    many = [visitors() for _ in range(MANY)]
    problems = []

    def visit(one, order):
        try:
            for dependency in order:
                one.call(dependency, one.data_of(dependency))
        except Exception as error:
            problems.append(error)

    threads = []
    for i, one in enumerate(many):
        order = [d for d in one.config["dependencies"] if not is_long(d) and d["backend_fn"]]
        random.Random(i).shuffle(order)
        threads.append(threading.Thread(target=visit, args=(one, order)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert not problems and not any(thread.is_alive() for thread in threads)
    for one in many:
        said = one.said()
        assert one.mark in said, "its own text came back"
        assert not [other.mark for other in many if other is not one and other.mark in said]
        assert not leaks(said)
    assert not [one.mark for one in many if one.mark in served[2]()], "a visitor's text is in the log"
    assert not leaks(served[2]())


def test_the_chat_of_each_visitor_grows_alone(served, visitors):
    """Three turns each, in between each other; what the engine was asked for one session has one visitor's text alone."""
    engine = served[0]
    many, asked = [visitors() for _ in range(MANY)], len(engine.requests)
    for turn in range(3):
        threads = []
        for one in many:
            send = next(d for d in one.config["dependencies"] if d["api_name"] == "send")
            data = one.data_of(send)
            data[0] = f"{one.mark} turn {turn}"
            threads.append(threading.Thread(target=one.call, args=(send, data)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    by_session = {}
    for session, request in zip(engine.sessions[asked:], engine.requests[asked:]):
        words = " ".join(m["content"] for messages in request.messages.values() for m in messages)
        by_session.setdefault(session, set()).update(one.mark for one in many if one.mark in words)
    assert all(len(marks) == 1 for marks in by_session.values()) and len(by_session) == MANY
    for one in many:
        assert f"{one.mark} turn 2" in one.said()
        assert not [other.mark for other in many if other is not one and other.mark in one.said()]


GUESSES = ["", "*", "%", "null", "None", "undefined", "0", "1", "../", "' OR 1=1", "a" * 10_000, "\x00", "sigma", "gqa"]


def test_guessed_sessions_hear_nothing_and_disturb_nobody(served, visitors):
    """While a visitor is being answered, somebody tries names of sessions: near misses of theirs, and usual ones."""
    engine = served[0]
    engine.words, engine.delay = 60, 0.02
    victim, thief = visitors(), visitors()
    send = next(d for d in victim.config["dependencies"] if d["api_name"] == "send")
    answered = threading.Thread(target=lambda: victim.call(send, victim.data_of(send)))
    begun = len(engine.opened)
    answered.start()
    until(lambda: len(engine.opened) > begun)
    near = [victim.session[:-1], victim.session + "0", victim.session.upper(), victim.session[::-1], uuid.uuid4().hex]
    for guess in [*near, *GUESSES]:
        thief.listen(guess, seconds=1)
        thief.post("/gradio_api/cancel", {"session_hash": guess, "fn_index": send["id"], "event_id": guess})
        thief.post("/gradio_api/reset", {"event_id": guess})
        for path in ("heartbeat/{}", "call/chat/{}", "call/send/{}", "stream/{}/0/0/playlist.m3u8"):
            try:
                with thief.http.stream(
                    "GET", "/gradio_api/" + path.format(httpx.URL(path=f"/{guess}").raw_path[1:].decode()), timeout=0.5
                ) as stream:
                    for line in stream.iter_lines():
                        thief.heard.append(line)
            except (httpx.HTTPError, httpx.InvalidURL):
                pass
        if not answered.is_alive():
            break
    answered.join(60)
    assert "word1.5" in victim.said() and victim.mark in victim.said()
    assert engine.completed[-1] == engine.closed[-1]
    assert victim.mark not in thief.said() and not leaks(thief.said())


def test_a_page_of_explore_is_its_own_and_sessionless_callers_share_none(served, visitors):
    """The private events of Explore: a page's token and runs are known to whoever opened it, and there is none for nobody."""
    served[0].delay = 0.02
    one, other = visitors(), visitors()
    opened = next(d for d in one.config["dependencies"] if d["api_name"] == "opened")
    tokens = []
    for who in (one, other):
        for session in (who.session, None, ""):
            body = {"data": [], "fn_index": opened["id"], "session_hash": session}
            answer = who.post(f"/gradio_api/run/{opened['api_name']}", body)
            tokens.append(json.loads(answer.json()["data"][0])["page"])
    assert len(set(tokens)) == len(tokens), "two callers got one page"
    explorer = next(c for c in one.config["components"] if c["props"].get("elem_id") == "explorer")

    def ask(who, **question):
        body = {"data": json.dumps(question), "component_id": explorer["id"], "session_hash": who.session}
        names = explorer["props"].get("server_fns", ["ask_explorer"])
        answer = who.post("/gradio_api/component_server", {**body, "fn_name": names[0]})
        return json.loads(answer.json())

    started = ask(one, page=tokens[0], op="run", question={"prompt": f"{one.mark} what is this"})
    assert "job" in started, started
    for token in (tokens[3], tokens[1], "", None, "0", tokens[0][:-1]):
        told = ask(other, page=token, op="run", job=started["job"])
        assert "error" in told or ("job" in told and told["job"] != started["job"])
        assert one.mark not in json.dumps(told)
    until(lambda: "run" in ask(one, page=tokens[0], op="run", job=started["job"]))
    run = ask(one, page=tokens[0], op="run", job=started["job"])["run"]
    assert one.mark in json.dumps(ask(one, page=tokens[0], op="open", run=run))
    for token in (tokens[3], tokens[1], tokens[4]):
        assert "error" in ask(other, page=token, op="open", run=run)
    assert one.mark not in other.said()
