"""The routes over a real server: by OpenAI's own client and by raw HTTP."""

import http.client
import json
import threading
import time

import openai
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from sigma.events import DamagedStep, PromptError
from sigma.limits.current import limits
from sigma.serving.routes import routes
from visualizers.shared.line import Line
from visualizers.shared.loader import EngineLoader

HELLO = [{"role": "user", "content": "Hello there"}]


def post(site, path, body, method="POST"):
    """(status, headers, JSON) by raw HTTP."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection.request(method, path, data, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders()), json.loads(text)


def settled(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_models_are_listed_with_what_they_cost(client):
    models = client.models.list().data
    assert [model.id for model in models] == ["sigma", "gqa"]
    assert models[0].kv_cache_bytes_per_token == 30 * (64 + 3 * 64) * 2
    assert client.models.retrieve("gqa").context_length == 8192
    with pytest.raises(openai.NotFoundError, match="no model 'gpt'"):
        client.models.retrieve("gpt")


def test_an_answer_and_its_counts(client, engine):
    answer = client.chat.completions.create(model="sigma", messages=HELLO)
    text = answer.choices[0].message.content
    assert text.startswith("Sigma 135M heard: Hello there") and len(text.split()) == 12
    assert answer.choices[0].finish_reason == "stop" and answer.choices[0].logprobs is None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (3, 12, 15)
    assert answer.usage.kv_cache["k_resident"] > 0 and answer.object == "chat.completion"
    settled(lambda: not engine.open_now())


def test_prompt_lookup_is_a_field_and_its_account_is_in_the_usage(client, engine):
    answer = client.chat.completions.create(model="sigma", messages=HELLO, extra_body={"lookup": True})
    assert engine.requests[-1].lookup
    assert answer.usage.lookup == {"steps": 6, "drafted": 20, "accepted": 5, "off": ""}
    text = client.completions.create(model="gqa", prompt="Hello", temperature=1, extra_body={"lookup": True})
    assert text.usage.lookup["off"] == "sampled" and text.usage.lookup["drafted"] == 0
    assert not hasattr(client.chat.completions.create(model="sigma", messages=HELLO).usage, "lookup")
    with pytest.raises(openai.BadRequestError, match="lookup must be true or false, not a text"):
        client.chat.completions.create(model="sigma", messages=HELLO, extra_body={"lookup": "yes"})


def test_a_stream_is_the_same_answer_with_the_counts_last(client, engine):
    whole = client.chat.completions.create(model="gqa", messages=HELLO, max_tokens=5)
    chunks = list(
        client.chat.completions.create(
            model="gqa", messages=HELLO, max_tokens=5, stream=True, stream_options={"include_usage": True}
        )
    )
    assert chunks[0].choices[0].delta.role == "assistant" and {chunk.id for chunk in chunks} == {chunks[0].id}
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None] * 6 + ["length"]
    assert chunks[-1].usage.completion_tokens == 5 and not chunks[-1].choices
    assert all(chunk.usage is None for chunk in chunks[:-1])
    settled(lambda: not engine.open_now())


@pytest.mark.parametrize("stream", [False, True])
def test_a_stop_string_ends_the_answer_before_it(client, engine, stream):
    answer = client.chat.completions.create(model="sigma", messages=HELLO, stop=["there word1.0"], stream=stream)
    if stream:
        choices = [chunk.choices[0] for chunk in answer]
        text, reason = "".join(choice.delta.content or "" for choice in choices), choices[-1].finish_reason
    else:
        text, reason = answer.choices[0].message.content, answer.choices[0].finish_reason
    assert text == "Sigma 135M heard: Hello " and reason == "stop"
    settled(lambda: not engine.open_now() and not engine.completed)


def test_likelihoods_come_with_every_token(client):
    answer = client.chat.completions.create(model="sigma", messages=HELLO, max_tokens=3, logprobs=True, top_logprobs=2)
    content = answer.choices[0].logprobs.content
    assert "".join(bytes(one.bytes).decode() for one in content) == answer.choices[0].message.content
    assert [one.logprob for one in content] == pytest.approx([-0.6931] * 3, abs=1e-3)
    assert all(one.top_logprobs[0].token == one.token and len(one.top_logprobs) == 2 for one in content)
    chunks = client.chat.completions.create(
        model="sigma", messages=HELLO, max_tokens=3, logprobs=True, stream=True, stop=["heard:"]
    )
    told = [one for chunk in chunks if chunk.choices[0].logprobs for one in chunk.choices[0].logprobs.content]
    assert [one.token for one in told] == ["Sigma", " 135M", " heard:"]


def test_a_text_is_continued_with_echo_and_offsets(client, engine):
    answer = client.completions.create(model="gqa", prompt="Once upon", echo=True, logprobs=1, max_tokens=4)
    choice = answer.choices[0]
    assert choice.text == "Once uponGQA 135M heard: Once" and engine.requests[-1].plain
    starts = choice.logprobs.text_offset
    assert [choice.text[start:].startswith(token) for start, token in zip(starts, choice.logprobs.tokens)] == [True] * 4
    streamed = client.completions.create(model="gqa", prompt="Once upon", echo=True, max_tokens=4, stream=True)
    assert "".join(chunk.choices[0].text for chunk in streamed) == choice.text


def test_this_projects_own_fields_pass_through_the_client(client, engine):
    client.chat.completions.create(model="sigma", messages=HELLO, extra_body={"selective_k": 4, "top_k": 3})
    assert engine.requests[-1].selective_k == 4 and engine.requests[-1].sampling.top_k == 3


@pytest.mark.parametrize(
    ("path", "body", "status", "param", "words"),
    [
        ("/v1/chat/completions", b"{", 400, None, "no JSON"),
        ("/v1/chat/completions", b"[" * 100_000, 400, None, "no JSON"),
        ("/v1/chat/completions", b"\xff\xfe", 400, None, "no JSON"),
        ("/v1/chat/completions", [], 400, None, "JSON object"),
        ("/v1/chat/completions", {}, 400, "model", "missing"),
        ("/v1/chat/completions", {"model": "gpt", "messages": HELLO}, 404, None, "no model 'gpt'"),
        ("/v1/chat/completions", {"model": "sigma", "messages": []}, 400, "messages", "at least one"),
        ("/v1/completions", {"model": "sigma", "prompt": [1]}, 400, "prompt", "one text"),
        ("/v1/embeddings", {}, 404, None, "no POST /v1/embeddings"),
        ("/v1/completions", b" " * (limits().v1_body_size + 1), 413, None, "larger than"),
    ],
)
def test_a_request_that_cannot_be_answered_gets_an_error_of_openais_form(
    site, engine, path, body, status, param, words
):
    got, headers, answer = post(site, path, body)
    assert got == status and words in answer["error"]["message"] and answer["error"]["param"] == param
    assert set(answer["error"]) == {"message", "type", "param", "code"} and headers["x-request-id"].startswith("req_")
    assert not engine.opened


def test_the_engines_refusal_an_engine_that_loads_and_a_failure(site, engine, client):
    engine.fail_next = PromptError("The prompt has too many tokens.")
    with pytest.raises(openai.BadRequestError, match="too many tokens"):
        client.chat.completions.create(model="sigma", messages=HELLO)
    engine.fail_next = RuntimeError("a secret path")
    with pytest.raises(openai.InternalServerError) as error:
        client.chat.completions.create(model="sigma", messages=HELLO)
    assert "secret" not in str(error.value)
    site.loader.engine = None
    assert post(site, "/v1/models", b"", "GET")[0] == 503
    with pytest.raises(openai.InternalServerError, match="reading weights"):
        client.chat.completions.create(model="sigma", messages=HELLO)
    site.loader.engine = engine
    assert client.chat.completions.create(model="sigma", messages=HELLO).choices


def test_who_asks_a_server_whose_load_has_failed_makes_it_try_again(engine, monkeypatch):
    monkeypatch.setattr("visualizers.shared.loader.AGAIN_SECONDS", 0.0)
    attempts = []

    def load(progress):
        attempts.append(1)
        if len(attempts) == 1:
            raise ValueError("The network is down.")
        return engine

    loader = EngineLoader(load).start()
    assert loader.wait(10)
    with TestClient(Starlette(routes=routes(loader, Line(1, 20)))) as one:
        first = one.get("/v1/models")
        assert first.status_code == 503 and "The network is down." in first.json()["error"]["message"]
        assert loader.wait(10) and one.get("/v1/models").status_code == 200 and len(attempts) == 2


def test_a_refusal_at_the_streams_beginning_is_an_http_status_when_streaming_too(client, engine, monkeypatch):
    def full(*arguments):
        raise PromptError("The memory for K and V is taken by other answers.")
        yield

    monkeypatch.setattr(engine, "_stream", full)
    with pytest.raises(openai.BadRequestError, match="memory for K and V"):
        client.chat.completions.create(model="sigma", messages=HELLO, stream=True)


def test_an_error_on_the_way_ends_a_stream_with_its_words(client, engine, monkeypatch):
    real = engine._stream

    def damaged(*arguments):
        for n, event in enumerate(real(*arguments)):
            if n == 4:
                raise DamagedStep("The side computed values that are not numbers.")
            yield event

    monkeypatch.setattr(engine, "_stream", damaged)
    with pytest.raises(openai.APIError, match="not numbers"):
        list(client.chat.completions.create(model="sigma", messages=HELLO, stream=True))
    with pytest.raises(openai.BadRequestError, match="not numbers"):
        client.chat.completions.create(model="sigma", messages=HELLO)
    settled(lambda: not engine.open_now())


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_hangs_up_frees_its_sequence_and_its_place(site, engine, client, stream):
    engine.delay, engine.words = 0.05, 2000
    body = json.dumps({"model": "sigma", "messages": HELLO, "max_tokens": 2000, "stream": stream}).encode()
    connection = http.client.HTTPConnection("127.0.0.1", site.port)
    connection.request("POST", "/v1/chat/completions", body)
    settled(lambda: engine.open_now())
    if stream:
        answer = connection.getresponse()
        while b"assistant" not in answer.readline():
            pass
        answer.close()
    connection.close()
    settled(lambda: not engine.open_now())
    engine.delay, engine.words = 0, 12
    assert client.chat.completions.create(model="sigma", messages=HELLO).choices[0].finish_reason == "stop"


def test_twenty_clients_at_once_are_all_answered_and_more_are_told(site, engine, client):
    engine.delay = 0.005
    answers = []

    def ask(n):
        made = client.chat.completions.create(model="sigma", messages=[{"role": "user", "content": f"number {n}"}])
        answers.append((n, made.choices[0].message.content))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(n for n, _ in answers) == list(range(20)) and all(f"number {n} " in text for n, text in answers)

    engine.delay, engine.words = 0.02, 400
    replies = []
    body = {"model": "sigma", "messages": HELLO, "max_tokens": 3}
    first = threading.Thread(target=lambda: post(site, "/v1/chat/completions", {**body, "max_tokens": 100}))
    first.start()
    settled(lambda: engine.open_now())
    threads = [
        threading.Thread(
            target=lambda: replies.append(post(site, "/v1/completions", {**body, "messages": None, "prompt": "x"})[:2])
        )
        for _ in range(23)
    ]
    for thread in threads:
        thread.start()
    for thread in [first, *threads]:
        thread.join(30)
    statuses = [status for status, _ in replies]
    assert statuses.count(429) == 3 and statuses.count(200) == 20
    assert [headers.get("retry-after") for status, headers in replies if status == 429] == ["60"] * 3
    assert not any("retry-after" in headers for status, headers in replies if status == 200)


def test_a_streams_first_chunk_comes_before_the_answer_is_made(site, engine):
    engine.delay = 0.1
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
    body = json.dumps({"model": "sigma", "messages": HELLO, "stream": True}).encode()
    connection.request("POST", "/v1/chat/completions", body)
    answer, begun = connection.getresponse(), time.monotonic()
    assert answer.getheader("content-type").startswith("text/event-stream")
    times = [time.monotonic() - begun for line in answer if line.startswith(b"data:")]
    assert len(times) > 10 and times[0] < 0.2 * times[-1]
    connection.close()
