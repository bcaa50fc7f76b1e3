"""All fuzz targets by name."""

from __future__ import annotations

from tests.fuzz import asked, browser, commands, facts, judges, packing, plans, queries, tokens
from tests.fuzz.target import Target

TARGETS: dict[str, Target] = {
    target.name: target
    for room in (commands, queries, plans, facts, tokens, packing, browser, asked, judges)
    for target in room.TARGETS
}
