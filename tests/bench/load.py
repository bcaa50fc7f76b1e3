"""Many visitors at once: when their answers begin and how they go on, who is refused, and what the server needs meanwhile.

    python -m tests.bench.load [--engine fake|default] [--visitors 50] [--minutes 1] [--tokens 32] [--leave 0] [--json]

Starts `python app.py` on this machine (with `--engine fake` the same application over an engine that needs no processor) and
drives it as browsers do: each visitor opens the page, asks in Chat, hears the stream to its end, and leaves. `--visitors` arrive
in each minute, evenly. `--leave` of them close their tab in mid-answer. Everything stays on this machine, whose processor the
visitors need, too. The limits are the server's own: whoever is refused with a message is counted apart.

Exit status 1 where a stream failed, one visitor heard another's text, or an answer is still held when all have left.
"""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from typing import Any

import httpx

from sigma.cli import parser_for, run, table
from tests.bench.page import free_port, wait_for
from tests.bench.visitor import Answered, Page, Visitor

PROMPT = "Describe a lighthouse in a few sentences."
MOST_SECONDS = 600.0
"""How long anybody waits for the last answers, once all have arrived."""

SAMPLE_SECONDS = 1.0


def server(engine: str, port: int, more: list[str]) -> subprocess.Popen:
    """The application as a child process, quiet."""
    program = ["app.py"] if engine == "default" else ["-m", "tests.bench.fake_app"]
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    return subprocess.Popen(
        [sys.executable, *program, "--port", str(port), *more],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**environment, "SIGMA_LOG_LEVEL": "error"},
    )


def figures_of(pid: int) -> dict[str, float]:
    """Memory in MB, threads and open files of a process, as Linux counts them."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        fields = dict(line.split(":", 1) for line in status)
    return {
        "memory_mb": int(fields["VmRSS"].split()[0]) * 1024 / 1e6,
        "threads": int(fields["Threads"]),
        "files": len(os.listdir(f"/proc/{pid}/fd")),
    }


def percentiles(values: list[float]) -> dict[str, float | None]:
    """p50, p95, p99 and the largest."""
    ordered = sorted(values)
    if not ordered:
        return dict.fromkeys(("p50", "p95", "p99", "max"))
    at = lambda share: ordered[min(len(ordered) - 1, int(share * len(ordered)))]  # noqa: E731
    return {"p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "max": ordered[-1]}


def growth(samples: list[dict[str, float]], name: str) -> float | None:
    """Percent from the second sixth of the time to the last: the first is the start. None where there are too few."""
    sixth = len(samples) // 6
    if sixth < 5:
        return None
    early, late = (
        statistics.median(one[name] for one in part) for part in (samples[sixth : 2 * sixth], samples[-sixth:])
    )
    return 100 * (late / early - 1)


def held(url: str) -> dict[str, float]:
    """What /metrics says is left: answers being written, visitors in the line, bytes of answers."""
    text = urllib.request.urlopen(f"{url}/metrics", timeout=30).read().decode()
    names = {
        "answering": r'sigma_answering\{line="page"\} (\S+)',
        "waiting": r'sigma_queue_length\{line="page"\} (\S+)',
        "bytes": r'sigma_cache_bytes\{kind="answers"\} (\S+)',
    }
    return {name: float(found[1]) for name, pattern in names.items() if (found := re.search(pattern, text))}


async def all_left(url: str, seconds: float = 60) -> dict[str, float]:
    """What is held once nobody is there any more; a closed tab is noticed at the latest by its heartbeat, every 15 s."""
    end = time.monotonic() + seconds
    while any((left := await asyncio.to_thread(held, url)).values()) and time.monotonic() < end:
        await asyncio.sleep(1)
    return left


async def crowd(url: str, pid: int, args: Any) -> tuple[list[Answered], list[dict[str, float]], dict[str, float]]:
    """All visits, samples of the server's figures over the time, and what it holds at the end."""
    count = max(1, round(args.visitors * args.minutes))
    leaving = set(range(0, count, max(1, count // args.leave))) if args.leave else set()
    leaving = set(sorted(leaving)[: args.leave])
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=url, timeout=MOST_SECONDS, limits=limits) as http:
        page = Page.read((await http.get("/config")).json())
        samples: list[dict[str, float]] = []
        watching = asyncio.create_task(_watch(pid, samples))
        visits = []
        begun = time.monotonic()
        for i in range(count):
            await asyncio.sleep(max(0.0, begun + i * 60 / args.visitors - time.monotonic()))
            visitor = Visitor(http, page, stay=1 if i in leaving else None)
            visits.append(asyncio.create_task(visitor.visit(PROMPT, args.tokens)))
        done, late = await asyncio.wait(visits, timeout=MOST_SECONDS)
        for one in late:
            one.cancel()
        watching.cancel()
        answered = [one.result() for one in done] + [Answered(message="still waiting at the end") for _ in late]
        return answered, samples, await all_left(url)


async def _watch(pid: int, samples: list[dict[str, float]]) -> None:
    while True:
        samples.append(figures_of(pid))
        await asyncio.sleep(SAMPLE_SECONDS)


def ready(url: str, limit_s: float = 300) -> None:
    """Wait until questions are answered. Raises ValueError if that takes too long."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(f"{url}/healthz", timeout=5).read()
            return
        except OSError:
            time.sleep(0.2)
    raise ValueError(f"no model was loaded in {limit_s:.0f} s")


def told(answered: list[Answered], samples: list[dict[str, float]], left: dict[str, float]) -> dict[str, Any]:
    """The result as one object."""
    counts = Counter(one.outcome for one in answered)
    finished = [one for one in answered if one.outcome == "finished"]
    begun = [one for one in answered if one.first is not None]
    return {
        "visitors": len(answered),
        **{name: counts[name] for name in ("finished", "refused", "left", "failed")},
        "refusals": dict(Counter(one.message for one in answered if one.outcome == "refused")),
        "failures": dict(Counter(one.message for one in answered if one.outcome == "failed")),
        "heard_others": sum(bool(one.others) for one in answered),
        "first_token_s": percentiles([one.first for one in begun]),
        "update_gap_s": percentiles([gap for one in begun for gap in one.gaps]),
        "token_gap_s": percentiles(
            [one.gaps and sum(one.gaps) / max(1, one.tokens / 2 - 1) for one in finished if one.gaps]
        ),
        "tokens": sum(one.tokens for one in finished),
        "server": {
            name: {
                "start": samples[0][name],
                "most": max(one[name] for one in samples),
                "end": samples[-1][name],
                "growth_percent": growth(samples, name),
            }
            for name in ("memory_mb", "threads", "files")
        },
        "seconds": len(samples) * SAMPLE_SECONDS,
        "held_at_the_end": left,
    }


def measure(args: Any) -> dict[str, Any]:
    """Start the server, let the visitors come, stop it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    more = ["--delay", str(args.delay), "--words", str(args.tokens)] if args.engine == "fake" else ["--offline"]
    process = server(args.engine, port, more)
    try:
        wait_for(url, process)
        ready(url)
        found = told(*asyncio.run(crowd(url, process.pid, args)))
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
    return {"engine": args.engine, "arriving_per_minute": args.visitors, "answer_tokens": args.tokens, **found}


def shown(found: dict[str, Any]) -> str:
    """Two tables, and the messages."""
    who = [[found[name] for name in ("visitors", "finished", "refused", "left", "failed", "heard_others")]]
    times = [[name, *found[name].values()] for name in ("first_token_s", "update_gap_s", "token_gap_s")]
    needs = [[name, *of.values()] for name, of in found["server"].items()]
    said = [f"{count} x {words}" for kind in ("refusals", "failures") for words, count in found[kind].items()]
    return "\n\n".join(
        (
            table(who, ["visitors", "finished", "refused", "left", "failed", "heard others"]),
            table(times, ["", "p50", "p95", "p99", "max"]),
            table(needs, ["server", "start", "most", "end", "growth %"]),
            "\n".join([*said, f"held at the end: {found['held_at_the_end']}"]),
        )
    )


def main(argv: list[str] | None = None) -> int:
    """Measure and print. Returns 1 where something was lost, mixed up or left behind."""
    parser = parser_for(__doc__)
    parser.add_argument("--engine", choices=("fake", "default"), default="fake")
    parser.add_argument("--visitors", type=float, default=50, help="that arrive in a minute")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--tokens", type=int, default=32, help="of each answer")
    parser.add_argument("--leave", type=int, default=0, help="visitors who close their tab in mid-answer")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds of a step of the fake engine")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    args = parser.parse_args(argv)
    if not (args.visitors > 0 and args.minutes > 0 and args.tokens > 0 and args.leave >= 0 and args.delay >= 0):
        parser.error("visitors, minutes and tokens must be above 0, leave and delay at least 0")
    results: list[dict[str, Any]] = []

    def work() -> dict[str, Any]:
        results.append(measure(args))
        if not args.json:
            print(shown(results[0]))
        return results[0]

    run(work, args.json)
    found = results[0]
    return int(bool(found["failed"] or found["heard_others"] or any(found["held_at_the_end"].values())))


if __name__ == "__main__":
    sys.exit(main())
