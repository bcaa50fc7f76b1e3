"""Running queries on the generated fleet, from the page's side: one child process, questions one after another."""

from __future__ import annotations

from collections import OrderedDict
from functools import lru_cache
from threading import Lock
from typing import Any

from sigma.aimicius.nl2kql.engine.child import Child, ChildError
from sigma.limits.current import limits

GRACE_S = 2.0  # after a query's limit, which DuckDB keeps itself where it can; then the process is killed
CACHE = 256

_results: OrderedDict[str, dict[str, Any]] = OrderedDict()
_lock = Lock()


def run(query: str) -> dict[str, Any]:
    """{"columns", "rows", "more", "ms"} or {"error"}; never raises. Results are kept: a truth is asked for often."""
    with _lock:
        if query in _results:
            _results.move_to_end(query)
            return _results[query]
    try:
        result = _child().ask({"query": query}, limits().query_seconds + GRACE_S)
    except ChildError as error:
        return {"error": str(error)}  # not kept: a busy machine may do better next time
    with _lock:
        _results[query] = result
        while len(_results) > CACHE:
            _results.popitem(last=False)
    return result


def same_rows(one: dict[str, Any], other: dict[str, Any]) -> bool | None:
    """Whether two results hold the same rows, in any order, whatever the columns are called; None if unknown."""
    if "error" in one or "error" in other or one["more"] or other["more"]:
        return None
    return sorted(map(repr, one["rows"])) == sorted(map(repr, other["rows"]))


@lru_cache(maxsize=1)
def _child() -> Child:
    return Child("sigma.aimicius.nl2kql.engine.duck")
