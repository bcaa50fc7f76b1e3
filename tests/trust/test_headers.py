"""What every answer of the page's server tells a browser, and what of the machine it hands out."""

from __future__ import annotations

import httpx
import pytest

from visualizers.page import assets, policy

PATHS = (
    "/",
    "/config",
    "/v1/models",
    "/healthz",
    "/nothing/here",
    "/gradio_api/info",
    f"/{assets.address()}/main.js",
    "/theme.css",
)


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_carries_the_headers(site, path):
    answer = httpx.get(site[1] + path)
    for name, value in policy.headers():
        assert name.decode() in answer.headers
        if name == b"content-security-policy":
            assert answer.headers[name.decode()] == value.decode()
    found = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert found["object-src"] == "'none'" and found["default-src"] == "'self'"
    assert not any(word in sources.split() for sources in found.values() for word in ("*", "http:", "https:"))
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_stream_stays_a_stream(site, engine):
    engine.delay = 0.05
    body = {"model": "sigma", "messages": [{"role": "user", "content": "hello"}], "stream": True}
    with httpx.stream("POST", f"{site[1]}/v1/chat/completions", json=body) as answer:
        assert "content-security-policy" in answer.headers
        first = next(answer.iter_raw())
        assert b"[DONE]" not in first


def test_a_proxys_address_is_one_of_the_sources():
    plain, other = policy.content_policy(), policy.content_policy("https://demo.example.org/sigma")
    assert policy.content_policy("/sigma") == policy.content_policy("nonsense") == plain
    assert "connect-src 'self' data: blob: https://demo.example.org;" in other and "object-src 'none'" in other
    assert "\n" not in policy.content_policy("https://a.b\r\nx: y/")


@pytest.mark.parametrize("path", ["upload", "upload/", "upload?upload_id=x", "process_recording", "vibe-edit"])
def test_files_are_not_taken(site, path):
    answer = httpx.post(f"{site[1]}/gradio_api/{path}", files={"files": ("x.html", b"<script>1</script>", "text/html")})
    assert answer.status_code == 404 and "content-security-policy" in answer.headers


def test_a_sessions_state_is_not_saved_for_a_link(site):
    for path in (
        "gradio_api/deep_link?session_hash=x",
        "gradio_api/proxy=https://x.hf.space/",
        "monitoring",
        "monitoring/summary",
    ):
        assert httpx.get(f"{site[1]}/{path}").status_code == 404
    assert httpx.get(f"{site[1]}/gradio_api/info").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd", "/proc/self/environ", "README.md", "app.py", "sigma/events.py", "assets/sigma-135m/config.json", "../app.py",
        "/gradio_api/file=app.py", "%2e%2e/app.py", "....//app.py",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "route", ["/gradio_api/file=", "/file=", f"/{assets.address()}/", "/static/", "/assets/", "/gradio_api/"]
)
def test_no_file_of_the_machine_is_handed_out(site, route, path):
    answer = httpx.get(site[1] + route + path)
    assert answer.status_code >= 400 or answer.headers["content-type"].startswith("text/html"), answer.text[:200]
    for secret in ("root:x:", "import argparse", "PATH=", "hidden_size", "What the engine tells its callers"):
        assert secret not in answer.text
