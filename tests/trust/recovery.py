"""How long a fault lasts: from the moment it happens, or its cause is gone, until whoever comes next is answered.

Tests hold that it ends; `python -m tests.bench.faults` runs them and prints how long each took.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

FILE = "SIGMA_RECOVERIES"
"""Environment variable: a file that gets a line of JSON, {"fault", "seconds"}, for every fault that ended."""


@contextmanager
def recovery(fault: str) -> Iterator[None]:
    """Around what happens between a fault and the next good answer; nothing is noted where that fails."""
    begun = time.monotonic()
    yield
    if path := os.environ.get(FILE):
        line = json.dumps({"fault": fault, "seconds": round(time.monotonic() - begun, 3)})
        with open(path, "a", encoding="utf-8") as file:  # one write: tests run beside each other
            file.write(line + "\n")
