"""OpenAI's routes on the page's own server, and the examples that the README shows."""

import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
BODY = {"model": "sigma", "messages": [{"role": "user", "content": "hello"}]}


def test_the_pages_server_has_the_routes_and_streams_as_tokens_come(site, engine):
    engine.delay, times = 0.05, []
    assert [model["id"] for model in httpx.get(f"{site[1]}/v1/models").json()["data"]] == ["sigma", "gqa"]
    headers = {"Accept-Encoding": "gzip, br"}  # a compressed stream would come in one piece
    with httpx.stream(
        "POST", f"{site[1]}/v1/chat/completions", json={**BODY, "stream": True}, headers=headers
    ) as answer:
        begun = time.monotonic()
        for line in answer.iter_lines():
            if line.startswith("data:"):
                times.append(time.monotonic() - begun)
    assert line is not None and len(times) > 20 and times[1] < 0.3 * times[-1]


def test_a_client_that_hangs_up_ends_its_answer(site, engine):
    engine.delay, engine.words = 0.05, 2000
    with httpx.stream("POST", f"{site[1]}/v1/chat/completions", json={**BODY, "stream": True}) as answer:
        next(line for line in answer.iter_lines() if "heard" in line)
        assert engine.open_now()
    end = time.monotonic() + 10
    while engine.open_now() and time.monotonic() < end:
        time.sleep(0.02)
    assert not engine.open_now()


@pytest.mark.parametrize("program", [[sys.executable, "openai_chat.py"], ["sh", "openai_chat.sh"]])
def test_the_examples_run(site, engine, program):
    command = [program[0], str(EXAMPLES / program[1]), f"{site[1]}/v1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Sigma 135M heard:" in done.stdout and engine.requests[-1].selective_k == 16


def test_an_operator_sees_what_the_pages_server_does(site, engine):
    pytest.importorskip("prometheus_client", reason="prometheus-client is not installed")
    assert httpx.get(f"{site[1]}/healthz").json()["status"] in ("ready", "degraded")

    def finished():
        text = httpx.get(f"{site[1]}/metrics").text
        assert 'sigma_queue_length{line="page"} 0.0' in text and 'sigma_queue_length{line="v1"} 0.0' in text
        (line,) = (line for line in text.splitlines() if line.startswith('sigma_requests_total{outcome="finished"}'))
        return float(line.split()[1])

    before = finished()
    answer = httpx.post(f"{site[1]}/v1/chat/completions", json=BODY)
    assert answer.status_code == 200 and answer.headers["x-request-id"].startswith("req_")
    assert finished() == before + 1


def test_a_failed_request_is_logged_under_the_number_that_its_client_gets(site, engine, caplog):
    engine.fail_next = RuntimeError("broken inside")
    answer = httpx.post(f"{site[1]}/v1/chat/completions", json=BODY)
    number = answer.headers["x-request-id"]
    assert answer.status_code == 500 and number in answer.json()["error"]["message"]
    assert "broken" not in answer.text and [
        r for r in caplog.records if r.exc_info and r.name == "sigma.serving.routes"
    ]
