"""An engine for `Child` that is opened as DuckDB is, and answers with the names of the modules in its process."""

import sys
from typing import Any

from sigma.aimicius.nl2kql.engine import duck


def open_engine() -> None:
    duck.open_engine()


def answer(request: dict[str, Any]) -> dict[str, Any]:
    return {"loaded": sorted(sys.modules)}
