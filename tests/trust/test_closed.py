"""What nobody is given, by raw HTTP: files, routes that the page has no use for, folders and secrets of the machine, and in
the log no text of a visitor, whatever sense a call makes."""

import contextlib
import json

import httpx
import pytest
from starlette.routing import Mount, Route

from tests.trust.raw import LONG, ROOT, leaks, machine_paths
from visualizers.page.assets import address


def is_long(dependency):
    return any(word in (dependency["api_name"] or "") for word in LONG)


FILES = [
    "/etc/passwd",
    "etc/passwd",
    "../../../../etc/passwd",
    "..%2f..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "....//....//etc/passwd",
    "file:///etc/passwd",
    "/proc/self/environ",
    "/proc/self/cwd/app.py",
    "app.py",
    "./app.py",
    "requirements.txt",
    "assets/main.js/../../app.py",
    "sigma/events.py",
    ".git/config",
    "\\..\\..\\app.py",
    "app.py%00.js",
    "http://127.0.0.1:1/",
    "https://example.org/",
]


@pytest.mark.parametrize("name", FILES)
def test_no_file_is_handed_out(served, visitors, name):
    """Through every route that takes a path, with the page's own module folder among them."""
    thief = visitors()
    routes = [
        f"/{address()}/{{}}",
        "/gradio_api/file={}",
        "/gradio_api/file/{}",
        "/file={}",
        "/static/{}",
        "/assets/{}",
    ]
    routes += ["/gradio_api/proxy={}", "/gradio_api/custom_component/{}", "/svelte/{}", "/{}", "/gradio_api/{}"]
    for route in routes:
        for path in (route.format(name), route.format(f"{ROOT}/{name}")):
            try:
                answer = thief.get(path)
            except (httpx.HTTPError, httpx.InvalidURL):
                continue
            assert answer.status_code >= 400 or "Start the page" not in answer.text
            assert "root:" not in answer.text and "def main" not in answer.text and "structlog>=" not in answer.text
            assert "PATH=" not in answer.text and "GRADIO_ANALYTICS" not in answer.text
            if str(ROOT) not in path:  # else an answer may repeat what was asked
                assert not leaks(answer.text)


@pytest.mark.parametrize(
    "path",
    [
        "upload",
        "upload/",
        "deep_link?session_hash=a",
        "file=/etc/passwd",
        "proxy=https://example.org",
        "vibe-code",
        "process_recording",
        "runs",
        "run-history/buckets",
        "stream/a/0/0/playlist.m3u8",
        "custom_component/a/server/b/c.js",
    ],
)
def test_what_the_page_has_no_use_for_is_not_there(served, visitors, path):
    one = visitors()
    for answer in (one.get(f"/gradio_api/{path}"), one.post(f"/gradio_api/{path}", {"a": 1})):
        assert answer.status_code == 404 and answer.json() == {"error": "There is nothing here.", "detail": "Not Found"}
    assert one.http.post("/gradio_api/upload", files={"files": ("a.txt", b"text")}).status_code == 404
    for top in ("/monitoring", "/monitoring/summary", "/login", "/logout"):
        assert one.get(top).status_code == 404


def test_every_get_route_tells_no_secret_and_no_folder(served, visitors):
    """All routes that the server has, also those of Gradio; parameters are guessed."""
    one, seen = visitors(), 0
    before = visitors()
    send = next(d for d in before.config["dependencies"] if d["api_name"] == "send")
    before.call(send, before.data_of(send))

    def walk(routes, prefix=""):
        for route in routes:
            if isinstance(route, Mount):
                yield from walk(route.routes, prefix + route.path)
            elif isinstance(route, Route):
                yield prefix + route.path, route.methods or set()

    for path, methods in walk(served[3].app.routes):
        if "GET" not in methods or "heartbeat" in path or "startup" in path or "reload" in path or "/mcp" in path:
            continue
        filled = path
        for guess in ("0", before.session[:-1]):
            while "{" in filled:
                start, stop = filled.index("{"), filled.index("}")
                filled = filled[:start] + guess + filled[stop + 1 :]
            seen += 1
            with contextlib.suppress(httpx.HTTPError):  # a stream goes on
                one.get(filled, timeout=5)
    assert seen > 30
    said = one.said()
    assert before.mark not in said and before.session not in said
    assert not leaks(said)


BAD = [
    {"data": [{"a": "MARK"}] * 3},
    {"data": None},
    {"data": "MARK"},
    {"data": ["MARK"] * 40},
    {"data": [["MARK"] * 3] * 12},
    {"data": [10**30] * 13},
    {},
    [],
    "MARK",
]


def test_calls_that_make_no_sense_are_answered_and_logged_without_texts_or_folders(served, visitors, capfd):
    """To every event and every way of calling it; also on the standard streams nothing of it is printed."""
    one = visitors()
    for dependency in one.config["dependencies"]:
        if is_long(dependency) or not dependency["backend_fn"]:
            continue
        for body in BAD:
            bad = json.loads(json.dumps(body).replace("MARK", one.mark))
            number = dependency["id"]
            full = {"fn_index": number, "session_hash": one.session, **bad} if isinstance(bad, dict) else bad
            name = dependency["api_name"] or "x"
            if one.post("/gradio_api/queue/join", full).status_code == 200:
                one.listen(seconds=3)
        one.post(f"/gradio_api/call/{name}", bad)
        one.post(f"/gradio_api/run/{name}", {"data": [one.mark] * 3})
        one.post(f"/gradio_api/call/v2/{name}", {one.mark: one.mark})
    for body in (
        {},
        {"data": one.mark},
        {"data": 1, "component_id": one.mark, "session_hash": "a", "fn_name": one.mark},
    ):
        one.post("/gradio_api/component_server", body)
    for path in (
        "/v1/completions",
        "/v1/chat/completions",
        f"/v1/{one.mark}",
        f"/{one.mark}",
        f"/gradio_api/{one.mark}",
    ):
        one.post(path, {"model": one.mark, "prompt": [one.mark], "messages": one.mark})
    printed = capfd.readouterr()
    assert not leaks(one.said())
    for text in (served[2](), printed.out, printed.err):
        assert one.mark not in text and not leaks(text), text[-3000:]
    assert "Traceback" not in one.said() and "Traceback" not in printed.err


def test_the_paths_that_are_looked_for_are_this_machines():
    """The tests above mean something only if they look for the right strings."""
    assert str(ROOT) in machine_paths() and any("site-packages" in one or "lib" in one for one in machine_paths())
    assert leaks(f"File {ROOT}/sigma/events.py") and not leaks("File sigma/events.py")
    assert leaks("token hf_aSecretToken51505150515051505150")
