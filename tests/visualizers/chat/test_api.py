"""The named endpoint: through gradio_client, and as plain HTTP."""

import time
from contextlib import ExitStack

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from sigma.events import PromptError
from sigma.limits.current import limits
from visualizers.chat.arguments import check_arguments
from visualizers.shared.caller import UNHEARD_SECONDS, Caller, Place


@pytest.fixture(scope="module")
def client(site):
    return Client(site[1], verbose=False)


def until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    assert condition()


def test_only_these_endpoints_are_named(client):
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert set(endpoints) == {"/chat", "/compare", "/attention", "/selective_v", "/kv_memory", "/judge", "/efficiency"}
    names = [p["parameter_name"] for p in endpoints["/chat"]["parameters"]]
    assert names == [
        "prompt",
        "side",
        "max_new_tokens",
        "temperature",
        "selective_k",
        "selective_missing_mass",
        "selective_threshold",
        "tuned",
        "lookup",
    ]


def test_chat_answers_one_side(client, engine):
    answer = client.predict("hello there", "gqa", 12, 0.0, None, api_name="/chat")
    assert answer["text"].startswith("GQA 135M heard: hello there")
    told = answer["sides"]["gqa"]
    assert told["text"] == answer["text"] and told["finish"] == "length"
    assert (told["prompt_tokens"], told["new_tokens"]) == (3, 12)
    assert told["cache_bytes"] == 30 * (3 + 11) * (3 + 3) * 64 * 2
    assert list(engine.requests[-1].messages) == ["gqa"] and engine.sessions[-1] is None
    assert not engine.open_now()


def test_chat_has_defaults_and_both_sides(client, engine):
    answer = client.predict("    plain\n", api_name="/chat")
    assert answer["text"].startswith("Sigma 135M heard:") and answer["sides"]["sigma"]["finish"] == "stop"
    assert engine.requests[-1].messages["sigma"][0]["content"] == "    plain\n"
    both = client.predict("x", side="both", selective_k=4, api_name="/chat")["text"]
    assert both.startswith("[sigma]\nSigma") and "\n\n[gqa]\nGQA" in both
    assert engine.requests[-1].selective_k == 4
    how = dict(selective_missing_mass="mean", selective_threshold=0.01)
    assert client.predict("x", selective_k=4, **how, api_name="/chat")["text"]
    assert (engine.requests[-1].selective_missing_mass, engine.requests[-1].selective_threshold) == ("mean", 0.01)
    assert not engine.requests[-1].tuned
    assert client.predict("x", tuned=True, api_name="/chat")["text"] and engine.requests[-1].tuned
    assert not engine.requests[-1].lookup
    told = client.predict("x", lookup=True, api_name="/chat")["sides"]["sigma"]
    assert engine.requests[-1].lookup
    assert told["lookup"] == {"steps": 20, "drafted": 76, "accepted": 19, "off": ""} and told["new_tokens"] == 40
    assert "lookup" not in answer["sides"]["sigma"]
    assert client.predict("x", None, None, None, 16.0, api_name="/chat")["text"]
    assert engine.requests[-1].selective_k == 16 and engine.requests[-1].sampling.max_new_tokens == 128


@pytest.mark.parametrize(
    "arguments,message",
    [
        (dict(prompt=" "), "Write a prompt"),
        (dict(prompt="x", side="left"), "side must be sigma, gqa or both, not 'left'"),
        (dict(prompt="x", max_new_tokens=4096), "max_new_tokens must be between 1 and 2048"),
        (dict(prompt="x", selective_k=0), "selective_k must be at least 1"),
        (dict(prompt="x", selective_missing_mass="keep"), "selective_missing_mass must be"),
        (dict(prompt="x", selective_threshold=0.9), "selective_threshold must be between 0 and 0.5, not 0.9"),
        (dict(prompt="x", selective_k=9000), "selective_k must be at most the context"),
        (dict(prompt=["a"]), "prompt must be a text, not a list"),
    ],
)
def test_bad_arguments_are_explained(client, arguments, message):
    with pytest.raises(AppError, match=message):
        client.predict(**arguments, api_name="/chat")


@pytest.mark.parametrize(
    "given,message",
    [
        (dict(prompt={"text": "a"}), "prompt must be a text, not an object"),
        (dict(prompt=True), "prompt must be a text, not true or false"),
        (dict(prompt="x", tuned="yes"), "tuned must be true or false, not a text"),
        (dict(prompt="x", lookup=1), "lookup must be true or false, not a number"),
        (dict(prompt=5), "prompt must be a text, not a number"),
        (dict(prompt=None), "prompt is missing"),
        (dict(side=["sigma"]), "side must be sigma, gqa or both, not a list"),
        (dict(side={"a": 1}), "side must be sigma, gqa or both, not an object"),
        (dict(side=True), "side must be"),
        (dict(max_new_tokens=True), "max_new_tokens must be a number, not true or false"),
        (dict(max_new_tokens="16"), "max_new_tokens must be a number, not a text"),
        (dict(max_new_tokens=1.5), "max_new_tokens must be a whole number"),
        (dict(max_new_tokens=10**400), "max_new_tokens must be between 1 and 2048, not a number of 401 digits"),
        (dict(temperature=float("nan")), "temperature must be between 0 and 5"),
        (dict(temperature=[0]), "temperature must be a number, not a list"),
        (dict(selective_k=False), "selective_k must be a number"),
        (dict(selective_k=2.5), "selective_k must be a whole number"),
        (dict(selective_k=-(10**400)), "selective_k must be at least 1, not a number of 401 digits"),
    ],
)
def test_a_field_of_a_wrong_type_is_named(given, message):
    fields = dict(prompt="x", side=None, max_new_tokens=None, temperature=None, selective_k=None)
    assert check_arguments(**fields).max_new_tokens == 128
    with pytest.raises(PromptError, match=message):
        check_arguments(**{**fields, **given})


def test_an_unknown_or_missing_field_is_a_sentence(site, engine):
    call = f"{site[1]}/gradio_api/call/v2"
    answer = httpx.post(f"{call}/chat", json={"prompt": "x", "tokens": 3})
    assert (answer.status_code, answer.json()) == (422, {"error": "There is no field 'tokens'."})
    assert httpx.post(f"{call}/nothing", json={}).status_code == 404
    answer = httpx.post(f"{call}/judge", json={"task": "cmdgen"})
    assert (answer.status_code, answer.json()) == (422, {"error": "The field 'case' is missing."})
    event = httpx.post(f"{call}/chat", json={}).json()["event_id"]
    told = httpx.get(f"{site[1]}/gradio_api/call/chat/{event}", timeout=20).text
    assert "prompt is missing" in told


def test_an_engine_error_is_not_leaked(client, engine):
    engine.fail_next = RuntimeError("secret path")
    with pytest.raises(AppError) as caught:
        client.predict("x", api_name="/chat")
    assert "secret" not in str(caught.value)


def test_a_call_whose_stream_is_closed_ends(site, engine):
    engine.words, engine.delay = 2000, 0.05
    body = {"data": ["x", "both", 2048, 0, None, None, None, None, None]}
    event = httpx.post(f"{site[1]}/gradio_api/call/chat", json=body).json()["event_id"]
    with httpx.stream("GET", f"{site[1]}/gradio_api/call/chat/{event}", timeout=20):
        until(engine.open_now)
    until(lambda: not engine.open_now(), 20)
    assert engine.closed[-1] not in engine.completed


def test_a_direct_call_whose_client_hangs_up_ends(site, engine):
    engine.words, engine.delay = 2000, 0.05
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(
            f"{site[1]}/gradio_api/run/chat",
            json={"data": ["x", "both", 2048, 0, None, None, None, None, None]},
            timeout=1,
        )
    until(lambda: not engine.open_now(), 20)
    assert engine.closed[-1] not in engine.completed


def test_direct_calls_wait_for_each_other_and_only_some_may():
    place, caller, left = Place(2, 1), Caller(None), Caller(None)
    left.gone = lambda: True
    with place.taken(caller), place.taken(caller):
        with pytest.raises(PromptError, match="Nobody waited"), place.taken(left):
            pass
        with place._line, pytest.raises(PromptError, match="Too many programs"), place.taken(caller):
            pass
    with place.taken(caller):
        pass


def test_a_direct_call_is_answered(site, engine):
    answer = httpx.post(
        f"{site[1]}/gradio_api/run/chat", json={"data": ["x", "sigma", 4, 0, None, None, None, None, None]}, timeout=20
    )
    assert answer.json()["data"][0]["sides"]["sigma"]["new_tokens"] == 4


def test_a_cancelled_call_ends(client, engine):
    engine.words, engine.delay = 2000, 0.05
    job = client.submit("x", "both", 2048, api_name="/chat")
    until(engine.open_now)
    job.cancel()
    until(lambda: not engine.open_now(), 20)


def test_a_call_that_nobody_fetches_ends(site, engine, monkeypatch):
    monkeypatch.setattr("visualizers.shared.caller.UNHEARD_SECONDS", 1.0)
    engine.words, engine.delay = 2000, 0.05
    started = time.monotonic()
    event = httpx.post(
        f"{site[1]}/gradio_api/call/chat", json={"data": ["x", "both", 2048, 0, None, None, None, None, None]}
    ).json()["event_id"]
    until(engine.open_now)
    until(lambda: not engine.open_now(), 20)
    assert time.monotonic() - started > 0.9 and UNHEARD_SECONDS > 5
    with httpx.stream("GET", f"{site[1]}/gradio_api/call/chat/{event}", timeout=20) as stream:
        assert any("ended" in line for line in stream.iter_lines())


def test_calls_that_nobody_fetches_do_not_add_up(site, engine, monkeypatch):
    """What waits in the queue unfetched has used up its time before its turn comes."""
    monkeypatch.setattr("visualizers.shared.caller.UNHEARD_SECONDS", 4.0)
    monkeypatch.setattr("visualizers.shared.caller.FIRST_SECONDS", 0.5)
    engine.words, engine.delay = 2000, 0.05
    body, opened = {"data": ["x", "both", 2048, 0, None, None, None, None, None]}, len(engine.opened)
    for _ in range(4):
        httpx.post(f"{site[1]}/gradio_api/call/chat", json=body)
    until(lambda: len(engine.opened) == opened + 2, 15)
    started = time.monotonic()
    until(lambda: len(engine.opened) == opened + 4 and not engine.open_now(), 20)
    assert time.monotonic() - started < 8  # three times 0.5 s; 12 s if each had its whole time


def test_a_call_that_is_fetched_late_is_answered(site, engine, monkeypatch):
    """In the queue, behind those that take all places, longer than a call may be unheard, and listened to all the time."""
    monkeypatch.setattr("visualizers.shared.caller.UNHEARD_SECONDS", 4.0)
    monkeypatch.setattr("visualizers.shared.caller.FIRST_SECONDS", 0.5)
    engine.words, engine.delay, began = 60, 0.05, time.monotonic()
    call, body = f"{site[1]}/gradio_api/call/chat", {"data": ["x", "both", 2048, 0, None, None, None, None, None]}
    calls = [httpx.post(call, json=body).json()["event_id"] for _ in range(limits().calls_together + 1)]
    with ExitStack() as stack:
        streams = [stack.enter_context(httpx.stream("GET", f"{call}/{one}", timeout=60)) for one in calls]
        for i, stream in enumerate(streams):
            assert any("complete" in line for line in stream.iter_lines())
            assert i < limits().calls_together - 1 or time.monotonic() - began > 4.0


def test_outside_a_server_the_caller_waits():
    assert not Caller(None).gone()


@pytest.mark.browser
def test_programs_do_not_keep_a_visitor_waiting(visit, site, engine):
    engine.words, engine.delay = 2000, 0.02
    body = {"data": ["x", "both", 2048, 0, None, None, None, None, None]}
    events = [httpx.post(f"{site[1]}/gradio_api/call/chat", json=body).json()["event_id"] for _ in range(4)]
    visitor = visit()
    visitor.send("a visitor")
    visitor.page.wait_for_selector("#stop:visible", timeout=5000)
    visitor.wait_answer("left", "heard: a visitor")
    visitor.page.locator("#stop").click()
    visitor.wait_over()
    for event in events:  # nobody wants them: their streams are opened and closed
        with httpx.stream("GET", f"{site[1]}/gradio_api/call/chat/{event}", timeout=20):
            pass
    until(lambda: not engine.open_now())
