"""Answers that look at one record after another before they choose.

A small model cannot compare ten records with a DCW in the one step in which it would write the first index. So each record has
a line: its index and machine, and "no", or its workload, and "no", or (where the criterion is a limit) its time, and the
verdict. What is compared is copied first and judged then. The last line is the choice, the one that the task's judge reads.
"""

from __future__ import annotations

import json
from typing import Any

from sigma.aimicius.infrawise import names
from sigma.aimicius.infrawise.dcw import DCW
from sigma.aimicius.infrawise.records import figures, fits, same_workload


def worked(rows: list[dict[str, Any]], dcw: DCW) -> str:
    """A line for each record, then "Results: " and the indexes that fit, or None."""
    chosen = [row["index"] for row in rows if fits(row, dcw)]
    return "\n".join((*(line(row, dcw) for row in rows), f"Results: {json.dumps(chosen) if chosen else 'None'}"))


def line(row: dict[str, Any], dcw: DCW) -> str:
    """What decides about one record: "3 A100 NDv4 no", "3 A100 NDv4: NCCL allreduce yes", "... : 63870 us no"."""
    seen = " ".join(filter(None, (str(row["index"]), row["hardware"], row["sku"])))
    designs = {names.design(name) for name in (dcw.target, dcw.baseline)} - {""}
    if not designs & {names.design(row["hardware"]), names.design(row["sku"])}:
        return f"{seen} no"
    seen += f": {row['workload']}"
    if same_workload(dcw.workload, row["workload"]) and names.seconds(dcw.criterion) is not None:
        seen += f": {slowest(row['results'])}"
    return f"{seen} {'yes' if fits(row, dcw) else 'no'}"


def slowest(results: dict[str, Any]) -> str:
    """The longest time of a record as it stands there, such as "206.81 ms"; "no time" if it has none."""
    found = [(value * names.unit_seconds(unit), f"{value} {unit}") for value, unit in timed(results)]
    return max(found)[1] if found else "no time"


def timed(results: dict[str, Any]) -> list[tuple[float, str]]:
    """(value, unit) of a record's figures that are times."""
    return [(value, unit) for _, unit, value in figures(results) if names.unit_seconds(unit) is not None]
