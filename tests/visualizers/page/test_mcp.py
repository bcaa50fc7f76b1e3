"""The endpoints as an agent's tools, by an MCP client; and the examples of the other clients."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fake_engine import FakeEngine
from tests.visualizers.server import launch

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TOOLS = {"chat", "compare", "attention", "selective_v", "kv_memory", "judge", "efficiency"}


@pytest.fixture(scope="module")
def agents_site():
    """A page of its own, with tools."""
    pytest.importorskip("mcp", reason="gradio[mcp] is not installed")
    page, url, loader = launch(FakeEngine(words=20), mcp=True)
    assert loader.wait(10)
    yield url
    page.close()


def run(name: str, address: str) -> str:
    done = subprocess.run([sys.executable, str(EXAMPLES / name), address], capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_agent_sees_the_named_endpoints_with_words_and_calls_them(agents_site):
    lines = run("mcp_tools.py", f"{agents_site}/gradio_api/mcp/").splitlines()
    listed = dict(line.split(": ", 1) for line in lines[: len(TOOLS)])
    assert set(listed) == TOOLS and all(len(words) > 40 for words in listed.values())
    memory, compared = (ast.literal_eval(line) for line in lines[len(TOOLS) :])
    assert memory["batch"] == 8 and memory["bytes"]["resident"] < memory["gqa"]["resident"]
    assert compared["sides"]["sigma"]["text"].startswith("Sigma 135M heard: What is a GPU?")


def test_without_the_option_there_are_no_tools(site):
    import httpx

    assert httpx.post(f"{site[1]}/gradio_api/mcp/", json={}).status_code in (404, 405)


def test_gradios_client_runs_its_example(site, engine):
    lines = run("gradio_calls.py", site[1]).splitlines()
    assert lines[0].startswith("sigma 50.0 tokens/s, 15360 bytes") and "bytes instead of" in lines[-1]
