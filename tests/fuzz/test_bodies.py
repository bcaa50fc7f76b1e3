"""A few calls of every endpoint, made from the server's own description; afterwards the server is as before."""

from __future__ import annotations

import threading

import httpx
import pytest

from sigma.efficiency import measure
from tests.fake_engine import FakeEngine
from tests.fuzz import bodies
from tests.visualizers.server import launch


@pytest.fixture(scope="module")
def server():
    engine = FakeEngine(words=12)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "measure", bodies.unmeasured)
        page, url, loader = launch(engine)
        assert loader.wait(20)
        yield engine, url
        page.close()


@pytest.mark.parametrize("field", ["", "x" * 300, "a\nb", "`"], ids=["empty", "long", "two lines", "mark"])
def test_a_field_of_any_name_is_refused_in_words(server, field):
    """What the first campaign found: a name of no letters, or of more than a hundred, was HTTP 500."""
    answer = httpx.post(f"{server[1]}/gradio_api/call/v2/chat", json={"prompt": "x", field: 1})
    assert answer.status_code == 422 and answer.json()["error"].startswith("There is no field")


def test_bodies_from_the_servers_own_description(server):
    engine, url = server
    found = bodies.check_all(url, 12)
    assert {"/chat", "/compare", "/attention", "/selective_v", "/kv_memory", "/judge", "/efficiency"} <= set(found)
    assert all(sum(endpoint.statuses.values()) >= 12 for endpoint in found.values())
    assert any(endpoint.statuses["complete"] for endpoint in found.values())
    statuses = bodies.check_routes(url, 60)
    assert sum(statuses.values()) >= 60
    assert not engine.open_now()
    assert httpx.get(f"{url}/healthz").json()["status"] in ("ready", "degraded")
    answer = httpx.post(f"{url}/gradio_api/call/v2/chat", json={"prompt": "still there?"})
    stream = httpx.get(f"{url}/gradio_api/call/chat/{answer.json()['event_id']}").text
    assert "event: complete" in stream and "still there?" in stream
    assert threading.active_count() < 200
