"""How long every fault lasts until whoever comes next is answered.

    python -m tests.bench.faults [--repeats 1] [--json]

Runs the tests of faults (`tests/trust/test_faults_*.py`), one after the other, and reads the times that they note
(`tests.trust.recovery`): engines are tiny real models, pages are real ones in Chromium.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from sigma.cli import parser_for, run, table
from tests.trust.recovery import FILE

ROOT = Path(__file__).parents[2]


def measure(repeats: int) -> list[dict]:
    """Fault, times, median and most seconds, the longest first. RuntimeError where a test fails."""
    times: dict[str, list[float]] = {}
    tests = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests/trust").glob("test_faults_*.py"))
    with tempfile.TemporaryDirectory() as folder:
        noted = Path(folder) / "recoveries.jsonl"
        for _ in range(repeats):
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
            environment = {**os.environ, FILE: str(noted), "HF_HUB_OFFLINE": "1"}
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"the tests of faults failed:\n{done.stdout[-2000:]}")
        for line in noted.read_text("utf-8").splitlines():
            one = json.loads(line)
            times.setdefault(one["fault"], []).append(one["seconds"])
    rows = [
        {"fault": fault, "times": len(own), "median_s": statistics.median(own), "most_s": max(own)}
        for fault, own in times.items()
    ]
    return sorted(rows, key=lambda row: -row["most_s"])


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = parser_for(__doc__)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)

    def work() -> dict:
        if args.repeats < 1:
            raise ValueError(f"--repeats must be at least 1, got {args.repeats}")
        rows = measure(args.repeats)
        if not args.json:
            print(table([list(row.values()) for row in rows], ("fault", "times", "median, s", "most")))
        return {"faults": rows}

    run(work, args.json)


if __name__ == "__main__":
    main()
