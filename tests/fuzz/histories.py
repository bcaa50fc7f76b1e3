"""Random histories of what keeps state, by name."""

from __future__ import annotations

from tests.fuzz.batch_history import BatchHistory
from tests.fuzz.cache_history import CacheHistory

HISTORIES = {"histories.cache": CacheHistory, "histories.batch": BatchHistory}
ABOUT = {
    "histories.cache": "the KV cache: append, crop, reorder, join, leave, free, beside lists of rows",
    "histories.batch": "visitors of the engine: join, be answered together, leave, return, be released, beside each alone",
}
