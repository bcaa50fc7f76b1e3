"""What the page costs: start time, first token, memory, and the speed with its live pictures on and off.

    python -m tests.bench.page [--repeats 5] [--json]

Starts `python app.py` with the default models, opens it in Chromium on the same machine (so the browser's own work
counts too), and lets both sides answer the same prompt with the page's setting "Live pictures" alternately on and off.
"""

from __future__ import annotations

import os
import re
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request

from sigma.cli import parser_for, run, table
from tests import browser as chromium

PROMPT = "Write a long story about a lighthouse keeper, with many chapters."
TOKENS = 256  # the page's own setting for the longest answer


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(url: str, process: subprocess.Popen, limit_s: float = 120) -> None:
    """Until the address answers. Raises ValueError if the server ends first or takes too long."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if process.poll() is not None:
            raise ValueError(f"python app.py ended with {process.returncode}")
        try:
            urllib.request.urlopen(url, timeout=2).read()
            return
        except (OSError, urllib.error.URLError):
            time.sleep(0.05)
    raise ValueError(f"{url} did not answer in {limit_s:.0f} s")


def memory_mb(process: subprocess.Popen) -> dict[str, float]:
    """Resident memory now and at its peak, MB, as Linux counts it."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        fields = dict(line.split(":", 1) for line in status)
    return {key: int(fields[name].split()[0]) * 1024 / 1e6 for key, name in (("now", "VmRSS"), ("peak", "VmHWM"))}


def decoded(visitor) -> tuple[int, float]:
    """(tokens after each side's first, seconds from the first tokens to the last), as the page's figures say."""
    tokens, seconds = 0, 0.0
    for side in ("left", "right"):
        titles = {
            name: visitor.page.locator(f'#head-{side} [data-figure="{name}"]').get_attribute("title")
            for name in ("rate", "context")
        }
        prompt = int(re.search(r"prompt's ([\d,]+)", titles["context"])[1].replace(",", ""))
        steps = int(visitor.figure(side, "context")) - prompt  # the last token is never fed back into the cache
        tokens += steps
        seconds = max(seconds, steps / float(re.search(r"([\d.]+) tok/s on the wall", titles["rate"])[1]))
    return tokens, seconds


def one_answer(visitor, pictures: bool) -> tuple[int, float]:
    """What `decoded` says of one answer, which is taken back afterwards: every answer begins at an empty chat."""
    settings = visitor.page.locator("#settings button").first
    settings.click()
    visitor.page.locator("#live-pictures input").set_checked(pictures)
    settings.click()  # closed, so that the pictures are where they always are
    time.sleep(0.5)
    visitor.send(PROMPT)
    visitor.wait_run("running", timeout=60_000)
    visitor.wait_run("over", timeout=120_000)
    visitor.page.wait_for_selector("#send:visible")
    figures = decoded(visitor)
    visitor.page.locator("#undo").click()
    visitor.page.wait_for_function("document.querySelector('#prompt textarea').value")
    return figures


def measure(repeats: int) -> dict:
    """Every figure, in one run."""
    from playwright.sync_api import sync_playwright

    from tests.visualizers.visitor import Visitor

    executable = chromium.find()
    if executable is None:
        raise ValueError("no Chromium: set CHROMIUM=path, or run python -m tests.browser")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    begun = time.monotonic()
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    process = subprocess.Popen(
        [sys.executable, "app.py", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    try:
        wait_for(url, process)
        answers_s = time.monotonic() - begun
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=executable, args=chromium.FLAGS)
            visitor = Visitor(browser, url)
            visitor.page.wait_for_selector("#status-chip[data-phase=ready]", timeout=120_000)
            ready_s = time.monotonic() - begun
            sent = time.monotonic()
            visitor.send("What is a GPU?")
            visitor.page.wait_for_function(
                "document.querySelector('#head-left [data-figure=\"first\"]').dataset.value", polling=20
            )
            first_token_s = time.monotonic() - sent
            visitor.wait_run("over", timeout=120_000)
            visitor.page.locator("#undo").click()
            rates: dict[bool, list[float]] = {True: [], False: []}
            tokens = 0
            for repeat in range(repeats + 1):  # the first round warms up
                for on in (True, False) if repeat % 2 else (False, True):
                    tokens, seconds = one_answer(visitor, on)
                    if repeat:
                        rates[on].append(tokens / seconds)
            memory = memory_mb(process)
            browser.close()
    finally:
        process.terminate()
        process.wait(20)
    on, off = statistics.median(rates[True]), statistics.median(rates[False])
    kept = statistics.median(a / b for a, b in zip(rates[True], rates[False]))
    return {
        "page_answers_s": answers_s,
        "model_ready_s": ready_s,
        "first_token_s": first_token_s,
        "tokens": tokens,
        "pictures_on_tok_s": on,
        "pictures_off_tok_s": off,
        "pictures_cost_percent": (1 - kept) * 100,
        "memory_mb": memory["now"],
        "memory_peak_mb": memory["peak"],
    }


def printed(result: dict, as_json: bool) -> dict:
    """The figures of a measurement, printed as a table unless they are to be printed as JSON."""
    if not as_json:
        print(table([[name, value] for name, value in result.items()], ["figure", "value"]))
    return result


def main(argv: list[str] | None = None) -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)

    def work() -> dict:
        if args.repeats < 1:
            raise ValueError(f"--repeats must be at least 1, got {args.repeats}")
        result = measure(args.repeats)
        return printed(result, args.json)

    run(work, args.json)


if __name__ == "__main__":
    main()
