"""Calls of a running server made from its own description: `/gradio_api/info`, `/gradio_api/openapi.json` and `/config`.

`python -m tests.fuzz.bodies [--cases 2000]` starts the page over the fake engine and calls every endpoint that often.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from sigma.aimicius import NAMES
from tests.fuzz.asked import JSON, NUMBER, WORDS

PATIENCE = 60.0
COMMON = dict(
    database=None, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.generate, Phase.shrink)
)
LEAKS = ("Traceback (most recent", "site-packages", str(Path(__file__).parents[2]), str(Path.home() / "."), 'File "/')
LIKELY: dict[str, tuple[Any, ...]] = {
    "prompt": ("Hello", "a b c d"), "side": ("sigma", "gqa", "both"), "task": NAMES, "preset": ("sigma-10b", "sigma-1.5b", "10b"),
    "fields": ({}, {"context": 64}, {"n_k": 3}), "ks": ([1, 8], [64]), "answer": ("nvidia-smi", "T | take 5"), "case": ({"prompt": "List the GPUs"},),
}  # fmt: skip


def from_schema(schema: dict[str, Any], name: str = "") -> st.SearchStrategy:
    """Values of a JSON schema as it stands, likely ones by the parameter's name, and now and then anything else."""
    kind = schema.get("type")
    if "enum" in schema:
        fitting: st.SearchStrategy = st.sampled_from(schema["enum"])
    elif kind == "string":
        fitting = WORDS
    elif kind in ("number", "integer"):
        fitting = st.one_of(st.integers(0, 40), NUMBER)
    elif kind == "boolean":
        fitting = st.booleans()
    elif kind == "array":
        fitting = st.lists(from_schema(schema.get("items", {})), max_size=4)
    elif kind == "object":
        fitting = st.dictionaries(WORDS, JSON, max_size=4)
    else:
        fitting = JSON
    return st.one_of(fitting, fitting, st.sampled_from(LIKELY.get(name, (None,))), JSON)


@dataclass
class Endpoint:
    """One named endpoint as the server describes it: its address, its parameters in order, and a strategy for each."""

    name: str
    parameters: list[str]
    values: dict[str, st.SearchStrategy]
    statuses: Counter = field(default_factory=Counter)

    def listed(self) -> st.SearchStrategy[list]:
        """Arguments by place, perhaps too few or too many."""
        whole = st.tuples(*(self.values[name] for name in self.parameters)).map(list)
        return st.one_of(whole, whole, st.lists(JSON, max_size=len(self.parameters) + 2))

    def named(self) -> st.SearchStrategy[dict]:
        """Arguments by name, perhaps some left out, perhaps one that there is not."""
        some = st.fixed_dictionaries({}, optional=self.values)
        return st.one_of(some, some, st.builds(lambda a, b: {**a, **b}, some, st.dictionaries(WORDS, JSON, max_size=1)))


def described(url: str) -> dict[str, Endpoint]:
    """The endpoints of both descriptions, which must name the same ones and the same parameters."""
    info = httpx.get(f"{url}/gradio_api/info", timeout=PATIENCE).json()["named_endpoints"]
    paths = httpx.get(f"{url}/gradio_api/openapi.json", timeout=PATIENCE).json()["paths"]
    found = {}
    for name, one in info.items():
        schema = paths[f"/gradio_api/call/v2{name}"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        parameters = [parameter["parameter_name"] for parameter in one["parameters"]]
        assert set(schema["properties"]) == set(parameters), name
        values = {key: from_schema(kind, key) for key, kind in schema["properties"].items()}
        found[name] = Endpoint(name, parameters, values)
    return found


def encoded(body: Any) -> bytes:
    """JSON as a client may send it: NaN and lone surrogates too, which no standard forbids a client to write."""
    return json.dumps(body).encode("utf-8", "surrogatepass")


def no_leak(text: str) -> None:
    """Nothing of the machine stands in an answer."""
    for leak in LEAKS:
        assert leak not in text, f"{leak!r} stands in an answer: {text[:300]}"


def post(client: httpx.Client, path: str, body: Any) -> httpx.Response:
    """The answer, in which nothing of the machine stands."""
    answer = client.post(path, content=encoded(body), headers={"Content-Type": "application/json"}, timeout=PATIENCE)
    no_leak(answer.text)
    return answer


def call(client: httpx.Client, endpoint: Endpoint, body: Any, version: str) -> None:
    """A call ends with a result or a sentence, in time; no 5xx, no trace, and its stream says how it ended."""
    answer = post(client, f"/gradio_api/call/{version}{endpoint.name.lstrip('/')}", body)
    endpoint.statuses[answer.status_code] += 1
    assert answer.status_code < 500, (answer.status_code, answer.text[:300])
    if answer.status_code != 200:
        return
    event = answer.json()["event_id"]
    stream = client.get(f"/gradio_api/call{endpoint.name}/{event}", timeout=PATIENCE).text
    no_leak(stream)
    kinds = [line.removeprefix("event: ") for line in stream.splitlines() if line.startswith("event: ")]
    endpoint.statuses[kinds[-1] if kinds else "none"] += 1
    assert kinds and kinds[-1] in ("complete", "error"), stream[:300]


def private(client: httpx.Client, number: int, data: Any) -> None:
    """Any of the page's own handlers, by number: whatever it makes of the data, nothing of the machine comes back."""
    hash_ = f"fuzz{number}"
    answer = post(client, "/gradio_api/queue/join", {"fn_index": number, "data": data, "session_hash": hash_})
    if answer.status_code != 200:
        return
    with client.stream("GET", f"/gradio_api/queue/data?session_hash={hash_}", timeout=PATIENCE) as stream:
        for line in stream.iter_lines():
            no_leak(line)
            if "process_completed" in line or "close_stream" in line:
                break


def routes(url: str) -> list[tuple[str, str]]:
    """(method, path) of everything in the server's `/openapi.json`, Gradio's own routes among them."""
    paths = httpx.get(f"{url}/openapi.json", timeout=PATIENCE).json()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


def visit(client: httpx.Client, method: str, path: str, words: list[str], query: dict[str, Any], body: Any) -> int:
    """Any route with anything in it: nothing of the machine comes back. The status; of a stream only the begin is read."""
    for word in words:
        path = re.sub(r"\{[^}]*\}", lambda _, word=word: quote(word, safe="", errors="replace"), path, count=1)
    path = re.sub(r"\{[^}]*\}", "x", path)
    named = {
        key.encode("utf-8", "replace").decode(): str(value).encode("utf-8", "replace").decode()
        for key, value in query.items()
    }
    with client.stream(
        method, path, params=named, content=encoded(body), headers={"Content-Type": "application/json"}, timeout=5.0
    ) as answer:
        if "event-stream" not in answer.headers.get("content-type", ""):
            no_leak(
                answer.read().decode("utf-8", "replace") if len(answer.headers.get("content-length", "")) < 6 else ""
            )
        return answer.status_code


def check_routes(url: str, cases: int, start: int = 0) -> Counter:
    """`cases` visits of routes chosen at random; how many ended in which status."""
    found, statuses = routes(url), Counter()
    query = st.dictionaries(
        st.one_of(WORDS, st.sampled_from(("session_hash", "upload_id", "deep_link", "page"))), WORDS, max_size=2
    )
    with httpx.Client(base_url=url) as client:

        @seed(start)
        @settings(max_examples=cases, **COMMON)
        @given(st.sampled_from(found), st.lists(WORDS, max_size=3), query, JSON)
        def check(route: tuple[str, str], words: list[str], query: dict[str, Any], body: Any) -> None:
            statuses[visit(client, *route, words, query, body)] += 1

        check()
    return statuses


def check_endpoint(client: httpx.Client, endpoint: Endpoint, cases: int, start: int) -> None:
    """`cases` calls of one endpoint, in both forms."""
    listed = endpoint.listed().map(lambda data: ("", {"data": data}))
    named = endpoint.named().map(lambda body: ("v2/", body))

    @seed(start)
    @settings(max_examples=cases, **COMMON)
    @given(st.one_of(listed, named))
    def check(asked: tuple[str, Any]) -> None:
        call(client, endpoint, asked[1], asked[0])

    check()


def check_private(client: httpx.Client, cases: int, start: int) -> None:
    """`cases` calls of the page's own handlers."""
    numbers = [one["id"] for one in client.get("/config", timeout=PATIENCE).json()["dependencies"]]

    @seed(start)
    @settings(max_examples=cases, **COMMON)
    @given(st.sampled_from(numbers), st.one_of(st.lists(JSON, max_size=6), JSON))
    def check(number: int, data: Any) -> None:
        private(client, number, data)

    check()


def check_all(url: str, cases: int, start: int = 0) -> dict[str, Endpoint]:
    """`cases` calls of every endpoint, and of private handlers."""
    found = described(url)
    with httpx.Client(base_url=url) as client:
        for place, endpoint in enumerate(found.values()):
            check_endpoint(client, endpoint, cases, start + place)
        check_private(client, cases, start)
    return found


def unmeasured(*given: Any, **named: Any) -> Any:
    """In place of the efficiency experiment, which takes a minute a call."""
    from sigma.events import PromptError

    raise PromptError("Nothing is measured in this test.")
    yield


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.bodies", description=__doc__.split("\n\n")[0])
    parser.add_argument("--cases", type=int, default=2000, help="calls of every endpoint")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    from sigma.efficiency import measure
    from tests.fake_engine import FakeEngine
    from tests.visualizers.server import launch

    measure.measure = unmeasured
    page, url, loader = launch(FakeEngine(words=12))
    loader.wait(20)
    try:
        for name, endpoint in check_all(url, options.cases, options.seed).items():
            print(f"{name:14} {dict(endpoint.statuses)}", flush=True)
        print(f"{'routes':14} {dict(check_routes(url, options.cases, options.seed))}", flush=True)
        return int(httpx.get(f"{url}/healthz", timeout=PATIENCE).status_code != 200)
    finally:
        page.close()


if __name__ == "__main__":
    sys.exit(main())
