"""What the page's server hands out of `assets/`, by raw HTTP: the modules under one short address, and nothing else."""

import http.client
import re
from urllib.parse import urlsplit

import pytest

from tests.fake_engine import FakeEngine
from tests.visualizers.server import launch
from visualizers.page import assets


@pytest.fixture(scope="module")
def get():
    """A function: the answer to a GET of exactly this path, as (status, headers, body)."""
    page, url, _ = launch(FakeEngine())
    where = urlsplit(url)

    def ask(path):
        connection = http.client.HTTPConnection(where.hostname, where.port, timeout=20)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, answer.headers, body

    yield ask
    page.close()


def test_every_module_is_served_to_be_kept(get):
    assert len(assets.modules()) > 30
    for name, code in assets.modules().items():
        status, headers, body = get(f"/{assets.address()}/{name}")
        assert (status, body) == (200, code), name
        assert headers["content-type"].startswith("text/javascript")
        assert "immutable" in headers["cache-control"] and "max-age=31536000" in headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "chat",
        "chat/",
        "../app.py",
        "..%2fapp.py",
        "%2e%2e/README.md",
        "chat/../../app.py",
        "chat/%2e%2e%5c..%5capp.py",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "package.json",
        "shared/page.css",
        "examples/recorded.json",
        "sigma-135m/config.json",
        "main.js%00",
        "MAIN.JS",
    ],
)
def test_nothing_else_of_the_folder_is_served(get, path):
    status, _, body = get(f"/{assets.address()}/{path}")
    assert status == 404 and body in (b"Not found", b'{"detail":"Not Found"}')


def test_another_contents_address_is_not_this_ones(get):
    old = assets.address()[:-1] + ("0" if assets.address()[-1] != "0" else "1")
    assert get(f"/{old}/main.js")[0] == 404


def test_the_head_names_every_module_once_and_no_folder_of_this_machine():
    head = assets.scripts()
    named = re.findall(r'<link rel="modulepreload" href="([^"]*)">', head)
    assert named == [f"./{assets.address()}/{name}" for name in assets.modules()]
    assert f'<script type="module" src="./{assets.address()}/main.js"></script>' in head
    assert str(assets.ASSETS) not in head and "http" not in head


def test_the_address_changes_with_the_content(monkeypatch):
    old = assets.address()
    changed = {**assets.modules(), "main.js": assets.modules()["main.js"] + b"\n"}
    monkeypatch.setattr(assets, "modules", lambda: changed)
    assert assets.address.__wrapped__() != old
