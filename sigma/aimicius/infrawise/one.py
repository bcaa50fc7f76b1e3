"""One record at a time: what is asked about a record alone, what is answered, and whether it fits by that.

A small model cannot compare ten records with a DCW in one answer: where a machine stands in five of them, it does not find the
one place to compare with. Of a record alone it says of each name whether it is on the list of what is wanted.
"""

from __future__ import annotations

import re
from typing import Any

from sigma.aimicius.infrawise import names
from sigma.aimicius.infrawise.dcw import DCW
from sigma.aimicius.infrawise.records import figures

RULES = (
    "Which names of a published result are wanted? Say yes or no behind each: its hardware, its machine, its benchmark, "
    "its precision, and its time if there is a limit."
)
TOKENS = 64  # of an answer: its names are copied from the question
ANY, NO_PRECISION, NO_TIME = "any precision", "no precision", "no time"
_LINE = re.compile(r"(.{1,120}): (yes|no)\W*", re.IGNORECASE)


def asked(dcw: DCW, row: dict[str, Any]) -> str:
    """The text that asks about one record; what all records of a case have in common stands first."""
    benchmark, precision = parted(dcw.workload)
    designs = [names.design(name) or name for name in (dcw.target, dcw.baseline)]
    wanted = [f"{name}: yes" for name in (*designs, benchmark, precision or ANY) if name]
    if names.seconds(dcw.criterion) is not None:
        wanted.append(f"time: {dcw.criterion}")
    machine = ", ".join(filter(None, (row["hardware"], row["sku"])))
    results = ", ".join(f"{name} {value}" for name, value in row["results"].items())
    return "\n".join(
        (RULES, "", "Wanted:", *wanted, "all else: no", "", f"Result: {machine}, {row['workload']}, {results}")
    )


def answer(row: dict[str, Any], dcw: DCW) -> str:
    """The right answer: a line for each name of the record, "NDv4: yes", and for its time if there is a limit."""
    return "\n".join(f"{name}: {'yes' if right else 'no'}" for name, right in zip(named(row, dcw), _right(row, dcw)))


def named(row: dict[str, Any], dcw: DCW) -> list[str]:
    """The names that an answer has to take up, in order."""
    benchmark, precision = parted(row["workload"])
    found = [row["hardware"], row["sku"], benchmark, precision or NO_PRECISION]
    if names.seconds(dcw.criterion) is not None:
        _, shown = longest(row["results"])
        found.append(f"time {shown}" if shown else NO_TIME)
    return [name for name in found if name]


def _right(row: dict[str, Any], dcw: DCW) -> list[bool]:
    """Whether each of the names is wanted."""
    designs = {names.design(name) for name in (dcw.target, dcw.baseline)} - {""}
    wanted, precision = names.workload_key(dcw.workload)
    benchmark, of = names.workload_key(row["workload"])
    right = [names.design(name) in designs for name in (row["hardware"], row["sku"]) if name]
    right += [benchmark == wanted, precision in ("", of)]
    limit = names.seconds(dcw.criterion)
    if limit is not None:
        value, shown = longest(row["results"])
        right.append(bool(shown) and value <= limit)
    return right


def says_fit(text: str, row: dict[str, Any], dcw: DCW) -> bool | None:
    """Whether an answer says that the record fits; None for one that names something else or is in another form."""
    lines = [_LINE.fullmatch(line.strip()) for line in text.strip().splitlines()]
    if [line and line[1] for line in lines] != named(row, dcw):
        return None
    said = [line[2].casefold() == "yes" for line in lines]
    machines = len([name for name in (row["hardware"], row["sku"]) if name])
    return any(said[:machines]) and all(said[machines:])


def parted(workload: str) -> tuple[str, str]:
    """The benchmark and its precision, "" if it names none."""
    head, _, last = workload.rpartition(" ")
    return (head, last) if last in names.PRECISIONS else (workload, "")


def longest(results: dict[str, Any]) -> tuple[Any, str]:
    """The longest time of a record in seconds and as it stands there, such as "206.81 ms"; "" if it has none."""
    timed = [(value, unit, names.unit_seconds(unit)) for _, unit, value in figures(results)]
    found = [(value * scale, f"{value} {unit}") for value, unit, scale in timed if scale is not None]
    return max(found) if found else (0, "")
