"""Published benchmark results as records, and which of them fit a DCW.

`figures.json` holds them with their sources; nothing in it is measured or invented by this project.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from sigma.aimicius.infrawise import names
from sigma.aimicius.infrawise.dcw import DCW

FIGURES = Path(__file__).with_name("figures.json")
_UNIT = re.compile(r"(.*\S)\s*\(([^()]+)\)")


@dataclass(frozen=True, slots=True)
class Record:
    """One published result. `results` maps "figure (unit)" to a number, and what was set ("batch", "message") to its value."""

    hardware: str
    sku: str
    workload: str
    results: dict[str, Any]
    source: str = ""

    def row(self, index: int) -> dict[str, Any]:
        """As it stands in a prompt."""
        return {
            "index": index,
            "hardware": self.hardware,
            "sku": self.sku,
            "workload": self.workload,
            "results": self.results,
        }


@cache
def published() -> tuple[Record, ...]:
    """Every record of figures.json, in the file's order."""
    return tuple(Record(*row) for row in json.loads(FIGURES.read_text(encoding="utf-8"))["records"])


@cache
def sources() -> dict[str, dict[str, str]]:
    """title, where, licence by the short name that records carry."""
    return json.loads(FIGURES.read_text(encoding="utf-8"))["sources"]


def figures(results: dict[str, Any]) -> list[tuple[str, str, float]]:
    """(name, unit, value) of the numbers that carry a unit."""
    found = []
    for key, value in results.items():
        match = _UNIT.fullmatch(key)
        if match and isinstance(value, (int, float)) and not isinstance(value, bool):
            found.append((match[1], match[2], value))
    return found


def times(results: dict[str, Any]) -> list[Fraction]:
    """The figures that are times, in seconds."""
    found = []
    for _, unit, value in figures(results):
        scale = names.unit_seconds(unit)
        if scale is not None:
            found.append(Fraction(str(value)) * scale)
    return found


def same_workload(wanted: str, workload: str) -> bool:
    """True if the benchmark is the same and the precision too; a wanted workload without a precision takes every one."""
    name, precision = names.workload_key(wanted)
    other, of = names.workload_key(workload)
    return name == other and precision in ("", of)


def fits(record: dict[str, Any], dcw: DCW) -> bool:
    """Whether a record answers a DCW: it is of the target or the baseline (as GPU or as SKU), of the workload, and, where
    the criterion is a duration, has a time and none longer than that. The other criteria say how the chosen results are
    to be compared and exclude none."""
    if not same_workload(dcw.workload, record["workload"]):
        return False
    designs = {names.design(name) for name in (dcw.target, dcw.baseline)} - {""}
    if not designs & {names.design(record["hardware"]), names.design(record["sku"])}:
        return False
    limit = names.seconds(dcw.criterion)
    if limit is None:
        return True
    measured = times(record["results"])
    return bool(measured) and max(measured) <= limit
