"""/healthz and /metrics over the fake engine: states, figures, and a format that Prometheus reads."""

import sys
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from sigma.events import ChatRequest, PromptError, Sampling
from sigma.observe.meter import Meter
from sigma.serving.operators import operator_routes
from tests.fake_engine import FakeEngine
from visualizers.shared.line import Line
from visualizers.shared.loader import Status


@pytest.fixture
def loader():
    meter = Meter()
    return SimpleNamespace(engine=meter.watched(FakeEngine(words=9)), status=Status("ready", "cpu", 1.0), meter=meter)


@pytest.fixture
def client(loader):
    return TestClient(Starlette(routes=operator_routes(loader)))


def _side_first(label):
    return label[0] != "side", label[0]


@pytest.fixture
def read(client):
    """{(name, the side if there is one, other labels): value} as Prometheus reads the page."""
    parser = pytest.importorskip("prometheus_client.parser", reason="prometheus-client is not installed")

    def read():
        answer = client.get("/metrics")
        assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain")
        assert answer.headers["cache-control"] == "no-store"
        return {
            (sample.name, *(value for _, value in sorted(sample.labels.items(), key=_side_first))): sample.value
            for family in parser.text_string_to_metric_families(answer.text)
            for sample in family.samples
        }

    return read


def test_health_while_loading_when_ready_and_after_an_error(loader, client):
    engine, loader.engine = loader.engine, None
    loader.status = Status("loading", "reading weights", 0.4)
    answer = client.get("/healthz")
    assert answer.status_code == 503 and answer.headers["cache-control"] == "no-store"
    assert answer.json() == {"status": "loading", "text": "reading weights", "fraction": 0.4, "reasons": []}
    loader.engine, loader.status = engine, Status("ready", "cpu", 1.0)
    assert client.get("/healthz").status_code == 200 and client.get("/healthz").json()["status"] == "ready"
    assert client.head("/healthz").status_code == 200 and client.post("/healthz").status_code == 405
    loader.meter.count_error("a")
    answer = client.get("/healthz")
    assert answer.status_code == 200 and answer.json()["status"] == "degraded" and answer.json()["reasons"]
    loader.engine, loader.status = None, Status("failed", "no such folder")
    answer = client.get("/healthz")
    assert answer.status_code == 503 and answer.json()["reasons"] == ["no such folder"]


def test_metrics_of_an_idle_service_have_their_zeros(read):
    found = read()
    assert found["sigma_state", "ready"] == 1 and found["sigma_state", "loading"] == 0
    assert found["sigma_requests_total", "failed"] == 0 and found["sigma_tokens_total", "gqa", "new"] == 0
    assert found["sigma_first_token_seconds_bucket", "sigma", "+Inf"] == 0
    assert found["sigma_cache_bytes", "answers"] == 0 and ("sigma_cache_bytes", "limit") not in found
    assert found["sigma_decode_steps_total",] == 0 and found["sigma_batch_size",] == 0


def test_metrics_count_answers_lines_and_errors(loader, read):
    line = loader.meter.lines["page"] = Line(places=1, waiting=1)
    places = [line.join(), line.join()]
    with pytest.raises(PromptError):
        line.join()
    messages = {side: [{"role": "user", "content": "a secret question"}] for side in ("sigma", "gqa")}
    events = loader.engine.stream(ChatRequest(messages, Sampling(max_new_tokens=5)))
    next(events)
    held = read()
    assert held["sigma_cache_bytes", "answers"] > 0 and held["sigma_batch_size",] == 1
    list(events)
    loader.meter.count_error("visualizers.shared.turn_handlers")
    found = read()
    assert found["sigma_requests_total", "finished"] == 1
    assert (
        found["sigma_tokens_total", "sigma", "new"]
        == 5
        == found["sigma_first_token_seconds_bucket", "sigma", "+Inf"] * 5
    )
    assert found["sigma_first_token_seconds_count", "gqa"] == 1 and found["sigma_first_token_seconds_sum", "gqa"] >= 0
    assert found["sigma_answering", "page"] == 1 == found["sigma_queue_length", "page"]
    assert found["sigma_queue_refused_total", "page"] == 1
    assert found["sigma_errors_total", "visualizers.shared.turn_handlers"] == 1
    assert found["sigma_decode_steps_total",] == 10 and found["sigma_cache_bytes", "answers"] == 0
    buckets = [value for key, value in found.items() if key[:2] == ("sigma_first_token_seconds_bucket", "sigma")]
    assert buckets == sorted(buckets)
    for place in places:
        place.leave()


def test_metrics_say_nothing_of_an_engine_that_is_not_there(loader, read):
    loader.engine, loader.status = None, Status("loading", "starting")
    found = read()
    assert found["sigma_state", "loading"] == 1 and not [name for name, *_ in found if name.startswith("sigma_cache")]


def test_without_the_client_library_the_route_says_so(client, monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.delitem(sys.modules, "sigma.serving.metrics", raising=False)
    answer = client.get("/metrics")
    assert answer.status_code == 501 and "prometheus-client" in answer.text
