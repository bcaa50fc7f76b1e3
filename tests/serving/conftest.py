"""A server with the routes of OpenAI's API over a fake engine."""

import socket
import threading
import time
from types import SimpleNamespace

import openai
import pytest
import uvicorn
from starlette.applications import Starlette

from sigma.serving.routes import routes
from tests.fake_engine import FakeEngine
from visualizers.shared.line import Line


@pytest.fixture(scope="module")
def site():
    """A server over a fake engine; `loader.engine` may be another one for a test."""
    loader = SimpleNamespace(
        engine=FakeEngine(words=12), status=SimpleNamespace(text="reading weights"), retry=lambda: None
    )
    app = Starlette(routes=routes(loader, Line(1, 20)))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield SimpleNamespace(loader=loader, port=port, url=f"http://127.0.0.1:{port}/v1")
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def engine(site):
    """A fresh engine behind the server: 12 words an answer."""
    site.loader.engine = FakeEngine(words=12)
    return site.loader.engine


@pytest.fixture
def client(site, engine):
    with openai.OpenAI(base_url=site.url, api_key="unused", max_retries=0, timeout=30) as client:
        yield client
