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
