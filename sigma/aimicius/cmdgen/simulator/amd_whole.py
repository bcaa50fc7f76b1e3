"""amd-smi's views of the whole node: how its GPUs are partitioned, its power management, its error records."""

from __future__ import annotations

import json
from typing import Any

from sigma.aimicius.cmdgen.grammar.meaning import Meaning
from sigma.aimicius.cmdgen.simulator.state import Device

Rows = list[dict[str, Any]]
# An MI300X's modes: (name, memory modes that allow it, partitions, compute units each).
PROFILES = (("SPX", "NPS1", 1, 304), ("DPX", "NPS1", 2, 152), ("QPX", "NPS1", 4, 76), ("CPX", "NPS1,NPS4", 8, 38))
PARTITION = ("current", "memory", "accelerator")
NODE = {
    "power-management": {"POWER_MANAGEMENT": {"LIMIT": "7000 W", "STATUS": "ENABLED"}},
    "base-board-temps": {"BASEBOARD": {"TEMPERATURE": "N/A"}},
    "gtt": {"GTT": {"SIZE": "1031000 MB"}},
    "tray": {"TRAY": {"TYPE": "UBB", "ACCELERATORS": 8}},
}


def report(meaning: Meaning, devices: list[Device]) -> str:
    """What `partition`, `node` and `ras` print; without an option of their own, all that they have."""
    sub, options = meaning.sub[0], meaning.options
    if sub == "ras":
        return _errors(meaning, devices)
    if sub == "node":
        chosen = [name for name in NODE if name in options] or list(NODE)
        tables = {"NODE": [{key: value for name in chosen for key, value in NODE[name].items()}]}
    else:
        chosen = [name for name in PARTITION if name in options] or list(PARTITION)
        tables = {name: rows for part in chosen for name, rows in _partition(part, devices).items()}
    if "json" in options:
        return json.dumps({name.lower(): rows for name, rows in tables.items()}, indent=4) + "\n"
    return "".join(_table(name, rows, "csv" in options) for name, rows in tables.items())


def _partition(part: str, devices: list[Device]) -> dict[str, Rows]:
    if part == "current":
        return {
            "CURRENT_PARTITION": [
                {
                    "GPU_ID": d.index,
                    "MEMORY": "NPS1",
                    "ACCELERATOR_TYPE": "SPX",
                    "ACCELERATOR_PROFILE_INDEX": 0,
                    "PARTITION_ID": 0,
                }
                for d in devices
            ]
        }
    if part == "memory":
        return {
            "MEMORY_PARTITION": [
                {"GPU_ID": d.index, "MEMORY_PARTITION_CAPS": "NPS1,NPS4", "CURRENT_MEMORY_PARTITION": "NPS1"}
                for d in devices
            ]
        }
    return {
        "ACCELERATOR_PARTITION_PROFILES": [
            {
                "GPU_ID": d.index,
                "PROFILE_INDEX": index,
                "MEMORY_PARTITION_CAPS": caps,
                "ACCELERATOR_TYPE": name + "*" * (index == 0),
                "NUM_PARTITIONS": count,
                "COMPUTE_UNITS": units,
            }
            for d in devices
            for index, (name, caps, count, units) in enumerate(PROFILES)
        ]
    }


def _errors(meaning: Meaning, devices: list[Device]) -> str:
    options = meaning.options
    if "afid" in options:
        return f"no record can be read from {options.get('cper-file', '(no --cper-file)')}\n"
    names = ", ".join(str(device.index) for device in devices)
    kinds = ", ".join(options.get("severity", ["all"]))
    where = f" -> {options['folder']}" if "folder" in options else ""
    return f"CPER records of GPU {names} ({kinds}){where}: none\n" + ("^C\n" if "follow" in options else "")


def _table(name: str, rows: Rows, csv: bool) -> str:
    if csv:
        heads = [head.lower() for head in rows[0]]
        return (
            "\n".join(
                [
                    ",".join(heads),
                    *(",".join(json.dumps(v) if isinstance(v, dict) else str(v) for v in row.values()) for row in rows),
                ]
            )
            + "\n"
        )
    if len(rows) == 1 and any(isinstance(value, dict) for value in rows[0].values()):
        lines = [f"{name}:"]
        for key, value in rows[0].items():
            lines += [f"    {key}:", *(f"        {inner}: {shown}" for inner, shown in value.items())]
        return "\n".join(lines) + "\n"
    widths = {head: max(len(head), *(len(str(row[head])) for row in rows)) for head in rows[0]}
    lines = [f"{name}:", "  ".join(f"{head:<{width}}" for head, width in widths.items())]
    lines += ["  ".join(f"{row[head]!s:<{width}}" for head, width in widths.items()) for row in rows]
    return "\n".join(line.rstrip() for line in lines) + "\n\n"
