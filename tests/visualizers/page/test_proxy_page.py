"""The page below a path of nginx in Debian's default settings: one `proxy_pass` and GRADIO_ROOT_PATH are all it needs."""

import os
import shutil
import socket
import subprocess
import time

import openai
import pytest
from gradio_client import Client

from tests.fake_engine import FakeEngine
from tests.visualizers.server import launch
from tests.visualizers.visitor import Visitor

WORDS, DELAY = 40, 0.05
# Debian's nginx.conf without its comments, TLS and logs; `location` is what whoever hosts the page adds.
CONFIGURATION = """
daemon off;
worker_processes auto;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
{user}
events {{ worker_connections 768; }}
http {{
    sendfile on;
    tcp_nopush on;
    types_hash_max_size 2048;
    default_type application/octet-stream;
    access_log {folder}/access.log;
    gzip on;
    {temporary}
    server {{
        listen 127.0.0.1:{port};
        location = /favicon.ico {{ return 204; }}  # a browser asks the site for it, not the page
        location /sigma/ {{
            proxy_pass http://127.0.0.1:{upstream}/;
        }}
    }}
}}
"""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def proxied(tmp_path_factory):
    """The page's address behind nginx."""
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if nginx is None:
        pytest.skip("no nginx (apt-get install nginx-light)")
    folder, port, upstream = tmp_path_factory.mktemp("nginx"), free_port(), free_port()
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    configuration = CONFIGURATION.format(
        folder=folder,
        port=port,
        upstream=upstream,
        user="user root;" if os.geteuid() == 0 else "",
        temporary=" ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds),
    )
    (folder / "nginx.conf").write_text(configuration)
    server = subprocess.Popen([nginx, "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log"])
    address = f"http://127.0.0.1:{port}/sigma"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_ROOT_PATH", address)
        page, _, loader = launch(FakeEngine(DELAY, words=WORDS), port=upstream)
    try:
        assert loader.wait(10)
        yield address
    finally:
        page.close()
        server.terminate()
        server.wait(10)


def spread(times: list[float]) -> float:
    """Seconds from the first to the last of what arrived."""
    return times[-1] - times[0]


def test_openai_clients_stream_through_it(proxied):
    with openai.OpenAI(base_url=f"{proxied}/v1", api_key="unused", max_retries=0, timeout=60) as client:
        asked = dict(model="sigma", messages=[{"role": "user", "content": "Hello"}], stream=True)
        times = [time.monotonic() for _ in client.chat.completions.create(**asked)]
    assert len(times) > WORDS and spread(times) > WORDS * DELAY / 2


def test_gradios_clients_are_answered_through_it(proxied):
    told = Client(f"{proxied}/", verbose=False).predict("Hello", max_new_tokens=5, api_name="/chat")
    assert told["sides"]["sigma"]["new_tokens"] == 5


@pytest.mark.browser
def test_a_visitor_sees_the_answer_grow(browser, proxied):
    visitor = Visitor(browser, f"{proxied}/")
    try:
        visitor.send("What is a GPU?")
        visitor.wait_run("running")
        lengths = set()
        while visitor.page.locator("body[data-run=running]").count():
            lengths.add(len(visitor.answer("left")))
            time.sleep(0.1)
        visitor.wait_over()
        assert len(lengths) > 4
        assert not visitor.errors
        assert visitor.hosts == {proxied.split("/")[2]}
    finally:
        visitor.context.close()
