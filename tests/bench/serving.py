"""What programs wait for: `/v1` beside the page, many clients at once, and a start on a bare machine.

    python -m tests.bench.serving [--rounds 15] [--clients 20] [--bare] [--json]

Starts `python app.py` with the default models and asks both columns of the page, `/v1` for both models at the same time, and
`/v1` for Sigma alone, in turn: milliseconds until the first words have come over HTTP. Then `--clients` streams of `/v1` at
once. With `--bare` the server starts with empty caches, so it fetches the base and compiles its code; a visitor asks as soon as
the page answers.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from sigma.cli import parser_for, run
from tests.bench.page import free_port, printed, wait_for
from tests.trust.raw import Raw

SIDES = ("sigma", "gqa")
LIMIT_S = 600


class Server:
    """`python app.py` in a session of its own; `peak` is the most resident memory of all its processes so far, bytes."""

    def __init__(self, environment: dict[str, str], options: tuple[str, ...] = ()):
        port = free_port()
        self.url, self.begun, self.peak = f"http://127.0.0.1:{port}", time.monotonic(), 0
        self.process = subprocess.Popen(
            [sys.executable, "app.py", "--port", str(port), *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while self.process.poll() is None:
            self.peak = max(self.peak, resident(self.process.pid))
            time.sleep(0.2)

    def since(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.begun

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(30)


def resident(session: int) -> int:
    """Resident bytes of all processes of a session, as Linux counts them."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # ended meanwhile
            continue
        if int(fields[3]) == session:
            total += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    return total


@contextmanager
def served(environment: dict[str, str], options: tuple[str, ...] = ()) -> Iterator[Server]:
    """A server whose page answers. ValueError if it does not."""
    server = Server(environment, options)
    try:
        wait_for(server.url, server.process, LIMIT_S)
        yield server
    finally:
        server.end()


def page_first(url: str, prompt: str) -> list[float]:
    """Milliseconds until each column of the page shows its first words, as a browser gets them."""
    visitor = Raw(url, timeout=LIMIT_S)
    sent = next(one for one in visitor.config["dependencies"] if one["api_name"] == "send")
    data = visitor.data_of(sent, prompt=prompt)
    begun, first, columns = time.monotonic(), {}, [None, None]
    assert visitor.join(sent["id"], data).status_code == 200
    params = {"session_hash": visitor.session}
    with visitor.http.stream("GET", "/gradio_api/queue/data", params=params) as stream:
        for line in stream.iter_lines():
            message = json.loads(line[5:]) if line.startswith("data:") else {}
            if message.get("msg") == "process_completed":
                break
            for i, given in enumerate((message.get("output") or {}).get("data", [])[:2]):
                columns[i] = applied(columns[i], given)
                if i not in first and answered(columns[i]):
                    first[i] = 1e3 * (time.monotonic() - begun)
    visitor.close()
    if len(first) < 2:
        raise ValueError("the page's columns did not answer both")
    return sorted(first.values())


def applied(shown: object, given: object) -> object:
    """What Gradio shows in a part after a message of its: a new value, or a list of changes of the last one.

    A part that a message leaves alone is there as an object, which the next change replaces.
    """
    if not isinstance(given, list):
        return given
    for kind, path, value in given:
        if not path:
            shown = shown + value if kind == "append" else value
    return shown


def answered(shown: object) -> bool:
    """Whether a column's last message is an answer (`visualizers.chat.messages`)."""
    return isinstance(shown, str) and shown.rpartition("\n")[2][:1] == "a"


def v1_first(url: str, model: str, prompt: str, tokens: int = 256) -> tuple[float, int, str]:
    """(milliseconds until the first words of a stream, its events, why it ended)."""
    asked = {"model": model, "messages": [{"role": "user", "content": prompt}], "stream": True, "max_tokens": tokens}
    first, events, finish = None, 0, ""
    client = httpx.Client(timeout=LIMIT_S, verify=False)  # made before the clock starts, as the page's visitor is
    begun = time.monotonic()
    with client, client.stream("POST", f"{url}/v1/chat/completions", json=asked) as stream:
        if stream.status_code != 200:
            raise ValueError(f"/v1 answered {stream.status_code}: {stream.read()[:200]!r}")
        for line in stream.iter_lines():
            if not line.startswith("data: {"):
                continue
            choice, events = json.loads(line[6:])["choices"][0], events + 1
            finish = choice["finish_reason"] or finish
            if first is None and choice["delta"].get("content"):
                first = 1e3 * (time.monotonic() - begun)
    if first is None:
        raise ValueError("/v1 sent no words")
    return first, events, finish


def v1_both(url: str, prompt: str) -> list[float]:
    """As `page_first`, of two streams at once."""
    found: list[float] = []
    threads = [
        threading.Thread(target=lambda side=side: found.append(v1_first(url, side, prompt, 64)[0])) for side in SIDES
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(found) < 2:
        raise ValueError("/v1 did not answer both")
    return sorted(found)


def v1_alone(url: str, prompt: str) -> list[float]:
    """As `v1_both`, of Sigma alone."""
    return [v1_first(url, "sigma", prompt, 64)[0]]


def first_tokens(url: str, rounds: int) -> dict[str, float]:
    """Medians over the rounds, in which each asks what nobody has asked before; the first round warms up."""
    ways: dict[str, Callable[[str, str], list[float]]] = {"page": page_first, "both": v1_both, "alone": v1_alone}
    found: dict[str, list[list[float]]] = {way: [] for way in ways}
    for i in range(rounds + 1):
        prompt = f"In one sentence, what is the number {1000 + 7 * i} good for?"
        for way in list(ways)[i % 3 :] + list(ways)[: i % 3]:
            took = ways[way](url, prompt)
            if i:
                found[way].append(took)
    page, both = found["page"], found["both"]
    middle = statistics.median
    return {
        "page_first_ms": middle(one[0] for one in page),
        "page_second_ms": middle(one[1] for one in page),
        "v1_both_first_ms": middle(one[0] for one in both),
        "v1_both_second_ms": middle(one[1] for one in both),
        "v1_alone_ms": middle(one[0] for one in found["alone"]),
        "v1_later_ms": middle(b[0] - a[0] for a, b in zip(page, both)),
        "v1_later_second_ms": middle(b[1] - a[1] for a, b in zip(page, both)),
    }


def together(url: str, clients: int) -> dict[str, float]:
    """So many streams at once: how many ended as they should, and when their first words came, of the first and the last."""
    ended: list[tuple[float, str]] = []

    def ask(number: int) -> None:
        first, _, finish = v1_first(url, SIDES[number % 2], f"Name {number + 2} animals.", 48)
        ended.append((first, finish))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - begun
    whole = [first for first, finish in ended if finish in ("stop", "length")]
    return {
        "clients": clients,
        "clients_lost": clients - len(whole),
        "clients_first_s": min(whole) / 1e3,
        "clients_last_first_s": max(whole) / 1e3,
        "clients_all_s": took,
    }


def bare() -> dict[str, float]:
    """A start with empty caches, and the first answer, asked for as soon as the page answers."""
    with tempfile.TemporaryDirectory() as empty:
        own = {"XDG_CACHE_HOME": f"{empty}/cache", "HF_HOME": f"{empty}/hf", "TRITON_CACHE_DIR": f"{empty}/triton"}
        unset = ("OMP_NUM_THREADS", "SIGMA_CACHE", "SIGMA_OFFLINE", "HF_HUB_OFFLINE")
        environment = {name: value for name, value in os.environ.items() if name not in unset}
        with served({**environment, **own}) as server:
            page_s = server.since()
            first = page_first(server.url, "What is a GPU?")
            found = {"page_s": page_s, "chat_s": page_s + first[0] / 1e3, "both_s": page_s + first[1] / 1e3}
            fetched = sum(path.stat().st_size for path in Path(empty).rglob("*") if path.is_file())
            return {**found, "peak_gb": server.peak / 1e9, "caches_mb": fetched / 1e6}


def measure(rounds: int, clients: int) -> dict[str, float]:
    """Figures of a server that has its caches."""
    with served(dict(os.environ)) as server:
        while httpx.get(f"{server.url}/healthz").status_code != 200:
            time.sleep(0.2)
        return {**first_tokens(server.url, rounds), **together(server.url, clients), "peak_gb": server.peak / 1e9}


def main(argv: list[str] | None = None) -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--bare", action="store_true", help="only a start with empty caches")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)

    def work() -> dict:
        if args.rounds < 1 or args.clients < 1:
            raise ValueError("--rounds and --clients must be at least 1")
        result = bare() if args.bare else measure(args.rounds, args.clients)
        return printed(result, args.json)

    run(work, args.json)


if __name__ == "__main__":
    main()
