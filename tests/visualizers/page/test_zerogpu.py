"""`python app.py` on an emulated ZeroGPU (tests/fake_spaces): tiny models, a fork for each answer, no GPU in the server."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from sigma.events import GpuLost, OverLimit, PromptError
from tests.tiny import byte_tokenizer, tiny_model
from tests.visualizers.visitor import Visitor
from visualizers.page import zerogpu
from visualizers.shared.loader import EngineLoader

ROOT = Path(__file__).parents[3]
BODY = {"model": "sigma", "messages": [{"role": "user", "content": "hello"}]}


class Space:
    """A running page: its address, its log, and the folder by which the emulated ZeroGPU is told and tells."""

    def __init__(self, folder: Path):
        self.folder, self.url, self.log = folder, "", folder / "log"

    def calls(self, wanted: int = 0) -> list[dict]:
        """What was lent, once it is as many as wanted."""
        path, end = self.folder / "calls.jsonl", time.monotonic() + 60
        while True:
            found = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
            if len(found) >= wanted:
                return found
            assert time.monotonic() < end, found
            time.sleep(0.1)

    def refuse(self, title: str, message: str) -> None:
        (self.folder / "refuse").write_text(json.dumps({"title": title, "message": message}))

    def chat(self, **options) -> httpx.Response:
        return httpx.post(f"{self.url}/v1/chat/completions", timeout=120, **options)


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    folder = tmp_path_factory.mktemp("space")
    shapes = {"sigma": dict(seed=1, num_key_heads=1, augmented_query_dim=108), "gqa": dict(num_key_heads=3)}
    for name, changes in shapes.items():
        tiny_model(max_position_embeddings=8192, **changes).save_pretrained(folder / name)
        byte_tokenizer().save_pretrained(folder / name)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    models = ["--checkpoint", str(folder / "sigma"), "--base", str(folder / "gqa"), "--weights", "fp32"]
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'tests' / 'fake_spaces'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        "FAKE_SPACES": str(folder),
        "SPACES_ZERO_GPU": "true",
        "SIGMA_NATIVE": "0",
    }
    made = Space(folder)
    made.url = f"http://127.0.0.1:{port}"
    with open(made.log, "w") as log:
        process = subprocess.Popen(
            [sys.executable, "app.py", "--port", port, "--device", "cpu", "--offline", *models],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            end = time.monotonic() + 180
            while True:
                try:
                    httpx.get(f"{made.url}/v1/models", timeout=5).raise_for_status()
                    break
                except httpx.HTTPError:
                    assert process.poll() is None and time.monotonic() < end, made.log.read_text()
                    time.sleep(0.2)
            yield made
        finally:
            process.terminate()
            process.wait(20)


def test_a_program_s_answer_is_made_in_a_fork_for_its_visitor(space):
    before = len(space.calls())
    answers = [space.chat(json={**BODY, "max_tokens": 20}, headers={"X-IP-Token": "mine"}).json() for _ in range(2)]
    assert answers[0]["usage"]["completion_tokens"] > 0
    assert answers[0]["choices"] == answers[1]["choices"]  # the kernels' check, in the first, changes nothing
    first, second = space.calls(before + 2)[before:]
    assert first["end"] == second["end"] == "done" and not second["alive"]
    assert second["token"] == "mine" and second["seconds"] < 10


def test_together_each_has_a_fork_of_its_own(space):
    before, texts = len(space.calls()), {}

    def ask(number: int) -> None:
        body = {**BODY, "messages": [{"role": "user", "content": f"number {number % 2}"}], "max_tokens": 60}
        texts[number] = space.chat(json=body).json()["choices"][0]["message"]["content"]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert texts[0] == texts[2] != texts[1] == texts[3]
    assert {call["end"] for call in space.calls(before + 4)[before:]} == {"done"}


def test_a_program_is_told_of_its_quota_and_of_a_gpu_taken_back(space):
    space.refuse("ZeroGPU quota exceeded", "You have exceeded your free ZeroGPU quota. Try again in 1:02:03.")
    refused = space.chat(json=BODY)
    assert refused.status_code == 429 and refused.json()["error"]["code"] == "gpu_quota"
    assert "Try again in 1:02:03." in refused.json()["error"]["message"]
    assert refused.headers["retry-after"] == str(3600 + 2 * 60 + 3)
    (space.folder / "die").write_text("8")
    died = space.chat(json={**BODY, "max_tokens": 500})
    assert died.status_code == 400 and "taken back" in died.json()["error"]["message"]
    assert space.chat(json={**BODY, "max_tokens": 5}).status_code == 200


@pytest.mark.browser
def test_the_chat_answers_stops_and_says_why_there_is_no_gpu(space, browser):
    visitor = Visitor(browser, space.url, extra_http_headers={"X-IP-Token": "visitor"})
    visitor.page.wait_for_selector("#status-chip[data-phase=ready]", timeout=60_000)
    assert "lent for each answer" in visitor.page.locator("#status").inner_text()
    before = len(space.calls())
    visitor.send("What is a GPU?")
    visitor.page.wait_for_function("document.body.dataset.run === 'over'", timeout=120_000)
    call = space.calls(before + 1)[before]
    assert call["end"] == "done" and call["token"] == "visitor"
    for side, heads in (("left", 1), ("right", 3)):
        tokens = visitor.figure(side, "context")
        assert tokens > 20 and visitor.figure(side, "k") == 2 * tokens * heads * 8 * 4

    # Stop in mid-stream: an answer of thousands of tokens is ended, and its fork with it.
    visitor.page.evaluate(
        "() => { const timer = setInterval(() => { const stop = document.querySelector('#stop');"
        "if (stop && document.body.dataset.run === 'running') { clearInterval(timer); stop.click(); } }, 20); }"
    )
    visitor.page.evaluate("document.body.dataset.run = ''")
    visitor.send("And a TPU?")
    visitor.wait_run("over", timeout=120_000)
    call = space.calls(before + 2)[before + 1]
    assert call["end"] == "closed" and not call["alive"] and call["items"] > 0

    space.refuse("ZeroGPU quota exceeded", "You have exceeded your free ZeroGPU quota (11s requested vs. 3s left).")
    visitor.send("Once more?")
    visitor.wait_text("#notice", "quota (11s requested vs. 3s left). An answer of fewer new tokens asks for less.")
    assert visitor.page.locator("#prompt textarea").input_value() == "Once more?"  # and the prompt is not lost

    (space.folder / "die").write_text("30")
    visitor.page.locator("#send").click()
    visitor.wait_text("#notice", "was taken back before this one was done", timeout=60_000)
    assert not visitor.errors and visitor.hosts == {space.url.removeprefix("http://")}


def test_the_server_itself_never_touches_the_gpu(space):
    assert "CUDA is initialised" not in space.log.read_text()
    assert "Traceback" not in space.log.read_text()


@pytest.mark.parametrize(
    "title, message, kind, words",
    [
        ("ZeroGPU quota exceeded", "You have exceeded your quota.", OverLimit, "by the second"),
        ("ZeroGPU pending credits exceeded", "Too many credits are allocated.", OverLimit, "by the second"),
        ("ZeroGPU queue timeout", "No GPU was available after 60s", OverLimit, "after 60s. Try again"),
        ("ZeroGPU client error", "No GPU was available", OverLimit, "available. Try again"),
        ("ZeroGPU illegal duration", "The requested GPU duration (300s) is larger", PromptError, "fewer new tokens"),
        ("ZeroGPU worker error", "GPU task aborted", GpuLost, "taken back"),
    ],
)
def test_whatever_spaces_says_is_a_sentence(title, message, kind, words):
    import gradio as gr

    said = zerogpu.in_words(gr.Error(message, title=title))
    assert type(said) is kind and words in str(said)
    assert kind is not OverLimit or said.limit in ("gpu_quota", "gpu")


def test_what_was_loaded_before_the_page_is_tried_once(monkeypatch):
    monkeypatch.setattr("visualizers.shared.loader.AGAIN_SECONDS", 0.0)
    tried = []

    def fail(progress):
        tried.append(threading.current_thread())
        raise ValueError("no network")

    loader = EngineLoader(fail).load()
    loader.start()
    loader.retry()  # another thread could not put weights on the GPU
    assert tried == [threading.current_thread()] and loader.status.text == "no network" and loader.wait(0)


def test_elsewhere_nothing_is_lent(monkeypatch):
    monkeypatch.delenv("SPACES_ZERO_GPU", raising=False)
    assert zerogpu.lender() is None
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    monkeypatch.setitem(sys.modules, "spaces", None)
    with pytest.raises(RuntimeError, match="package spaces"):
        zerogpu.lender()
