"""Fuzz what reads text and what keeps state: `python -m tests.fuzz [--cases 100000] [--target "queries*"] [--minutes 30]`.

It goes on where the last call stopped (`--state`). A failing case is made small and kept in `tests/fuzz/corpus`, where it is
a test from then on; the exit status says whether there was one.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from fnmatch import fnmatch
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from tests.fuzz.browser import NODE
from tests.fuzz.campaign import NAMES, ROOT, Campaign, Progress
from tests.fuzz.histories import ABOUT
from tests.fuzz.targets import TARGETS

HISTORY_SHARE = 100  # a history is some 40 steps on tensors: of them a hundredth of the cases


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--cases", type=int, default=100_000, help="per target, those of former calls counted (histories: a hundredth)"
    )
    parser.add_argument(
        "--target", action="append", default=[], help="name or pattern; may be repeated; all by default"
    )
    parser.add_argument("--minutes", type=float, default=None, help="stop after so many, to go on with the next call")
    parser.add_argument("--chunk", type=int, default=2000, help="cases from one seed")
    parser.add_argument("--seed", type=int, default=0, help="of the campaign; another one makes other cases")
    parser.add_argument("--state", type=Path, default=ROOT / "runs" / "fuzz.json", help="where the progress is kept")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    return parser.parse_args()


def chosen(patterns: list[str]) -> list[str]:
    """The names that a pattern names; exits for a pattern without any."""
    for pattern in patterns:
        if not any(fnmatch(name, pattern) for name in NAMES):
            sys.exit(f"no target is called {pattern}; there are {', '.join(NAMES)}")
    return [name for name in NAMES if not patterns or any(fnmatch(name, pattern) for pattern in patterns)]


def line(name: str, progress: Progress) -> str:
    rate = progress.cases / progress.seconds if progress.seconds else 0.0
    return f"{name:20} {progress.cases:>9,} {progress.seconds:>8.0f} {rate:>8.0f} {progress.slowest:>8.3f} {len(progress.findings):>9}"


def main() -> int:
    given, begun = options(), time.monotonic()
    campaign, names, skipped = Campaign(given.state, given.seed), chosen(given.target), {}
    if not given.json:
        print(f"{'target':20} {'cases':>9} {'seconds':>8} {'a second':>8} {'slowest':>8} {'findings':>9}", flush=True)
    for name in names:
        wanted = given.cases if name in TARGETS else max(1, given.cases // HISTORY_SHARE)
        try:
            if name in TARGETS:
                TARGETS[name].needs()
        except LookupError as error:
            skipped[name] = str(error)
            continue
        while campaign.progress.get(name, Progress()).cases < wanted:
            if given.minutes is not None and time.monotonic() - begun > 60 * given.minutes:
                break
            left = wanted - campaign.progress.get(name, Progress()).cases
            campaign.advance(name, min(left, given.chunk if name in TARGETS else max(1, given.chunk // HISTORY_SHARE)))
        if name in campaign.progress and not given.json:
            print(line(name, campaign.progress[name]), flush=True)
            for place, words in campaign.progress[name].findings.items():
                print(f"    {place}: {words}", flush=True)
    NODE.close()
    done = {name: campaign.progress[name] for name in names if name in campaign.progress}
    if given.json:
        about = {**{name: target.about for name, target in TARGETS.items()}, **ABOUT}
        print(
            json.dumps(
                {
                    "targets": {name: {"about": about[name], **vars(one)} for name, one in done.items()},
                    "skipped": skipped,
                }
            )
        )
    for name, reason in skipped.items():
        print(f"{name}: {reason}", file=sys.stderr)
    return int(any(one.findings for one in done.values()))


if __name__ == "__main__":
    sys.exit(main())
