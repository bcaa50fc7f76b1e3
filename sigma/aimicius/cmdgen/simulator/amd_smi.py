"""amd-smi on the simulated node: indented text, JSON or CSV of each sub-command; watches repeat."""

from __future__ import annotations

import json
from typing import Any

from sigma.aimicius.cmdgen.grammar.meaning import Meaning
from sigma.aimicius.cmdgen.simulator import amd_whole
from sigma.aimicius.cmdgen.simulator.amd_records import BAD_PAGES, METRIC, STATIC, firmware, metric, static
from sigma.aimicius.cmdgen.simulator.state import Device, Execution, Node, closing, polls

Record = dict[str, Any]
MONITOR = {
    "power-usage": (("POWER", lambda n, d: f"{n.power:.0f} W"),),
    "temperature": (("GPU_T", lambda n, d: f"{n.temperature} °C"), ("MEM_T", lambda n, d: f"{n.memory_temperature} °C")),
    "gfx": (("GFX_CLK", lambda n, d: f"{n.graphics_mhz} MHz"), ("GFX%", lambda n, d: f"{n.utilization} %")),
    "mem": (("MEM%", lambda n, d: f"{n.memory_utilization} %"), ("MEM_CLOCK", lambda n, d: f"{n.memory_mhz} MHz")),
    "encoder": (("ENC%", lambda n, d: "N/A"), ("ENC_CLOCK", lambda n, d: "29 MHz")),
    "decoder": (("DEC%", lambda n, d: "0 %"), ("DEC_CLOCK", lambda n, d: "22 MHz")),
    "ecc": (("SINGLE_ECC", lambda n, d: str(d.corrected)), ("DOUBLE_ECC", lambda n, d: "0"), ("PCIE_REPLAY", lambda n, d: "0")),
    "vram-usage": (("VRAM_USED", lambda n, d: f"{n.used_mib} MB"), ("VRAM_TOTAL", lambda n, d: f"{d.model.memory_mib} MB")),
    "pcie": (("PCIE_BW", lambda n, d: f"{(n.rx_mb + n.tx_mb) * 8} Mb/s"),),
    "violation": (("PVIOL", lambda n, d: "0 %"), ("TVIOL", lambda n, d: "0 %")),
    "gpu-board-temps": (("GPUBOARD", lambda n, d: "N/A"),),
    "base-board-temps": (("BASEBOARD", lambda n, d: "N/A"),),
}  # fmt: skip
MONITOR_DEFAULT = ("power-usage", "temperature", "gfx", "mem", "encoder", "decoder", "vram-usage")
TOPOLOGY = {
    "access": ("ACCESS TABLE", "ENABLED", "ENABLED"),
    "weight": ("WEIGHT TABLE", "0", "15"),
    "hops": ("HOPS TABLE", "0", "1"),
    "link-type": ("LINK TYPE TABLE", "SELF", "XGMI"),
    "numa-bw": ("NUMA BW TABLE", "N/A", "50000-50000"),
    "coherent": ("CACHE COHERENCY TABLE", "SELF", "C"),
    "atomics": ("ATOMICS TABLE", "SELF", "64/32"),
    "dma": ("DMA TABLE", "SELF", "T"),
    "bi-dir": ("BI-DIRECTIONAL TABLE", "SELF", "T"),
}
TOOL = "AMDSMI Tool: 25.3.0+ede62f2 | AMDSMI Library version: 25.3.0 | ROCm version: 6.4.0 | amdgpu version: 6.12.12 | amd_hsmp version: N/A"  # fmt: skip


def run(meaning: Meaning, node: Node) -> Execution:
    """Run one parsed amd-smi command."""
    options = meaning.options
    if options.get("help") or not meaning.sub:
        return Execution(
            f"{' '.join(('amd-smi', *meaning.sub))} -- the usage text is AMD's and is not reprinted here\n", query=True
        )
    sub = meaning.sub[0]
    if "cpu" in options or "core" in options or any(name.startswith(("cpu-", "core-", "soc-")) for name in options):
        return Execution(
            "AMDSMI_STATUS_NO_HSMP_DRV: the amd_hsmp driver is not loaded on this node\n",
            255,
            changes={"run": {"meaning": meaning.facts()}},
        )
    devices = node.pick(options.get("gpu"))
    if devices is None:
        wrong = [name for name in options["gpu"] if node.pick([name]) is None]
        return Execution(f"Can not find a device: GPU '{wrong[0]}' Error code: -3\n", 253, query=True)
    if sub in ("set", "reset"):
        return _change(meaning, devices)
    every = options.get("watch")
    seconds = options.get("watch_time")
    count = options.get("iterations") or (max(1, seconds // every) if seconds and every else None)
    ticks = polls(count) if every else range(1)
    parts = [_report(meaning, devices, node, tick, tick * (every or 0)) for tick in ticks]
    if "json" not in options and "csv" not in options and sub == "monitor":
        parts = [parts[0], *(part.split("\n", 1)[1] for part in parts[1:])]
    output = "".join(parts) + (closing(count) if every else "")
    rhythm = (every * 1000, count) if every else None
    if path := options.get("file"):
        return Execution("", files={path: output}, rhythm=rhythm, query=True)
    return Execution(output, rhythm=rhythm, query=True)


def _report(meaning: Meaning, devices: list[Device], node: Node, tick: int, seconds: float) -> str:
    sub, options = meaning.sub[0], meaning.options
    if sub == "version":
        pairs = [part.split(": ") for part in TOOL.split(" | ")]
        return json.dumps([dict(pairs)], indent=4) + "\n" if "json" in options else TOOL + "\n"
    if sub == "topology":
        return _topology(meaning, devices)
    if sub in ("partition", "node", "ras"):
        return amd_whole.report(meaning, devices)
    if sub == "monitor":
        return _monitor(meaning, devices, node, tick, seconds)
    if sub == "process":
        records = _processes(meaning, devices, tick)
    elif sub == "event":
        names = ", ".join(str(device.index) for device in devices)
        return f"EVENT LISTENING on GPU {names}:\n\nPress q and hit ENTER when you want to stop.\n^C\n"
    else:
        records = [{"GPU": device.index, **_record(sub, meaning, device, tick)} for device in devices]
    if "watch" in options:
        records = [{"TIMESTAMP": int(node.now(seconds).timestamp()), **record} for record in records]
    if "json" in options:
        return json.dumps([_lowered(record) for record in records], indent=4) + "\n"
    if "csv" in options:
        return _csv([_flat(record) for record in records])
    return "".join(_text(record) + "\n" for record in records)


def _record(sub: str, meaning: Meaning, device: Device, tick: int) -> Record:
    options = meaning.options
    if sub == "list":
        extra: Record = {
            "CARD": f"card{device.index}",
            "RENDER": f"renderD{128 + device.index}",
            "HIP_ID": device.index,
        }
        return (extra if "enumeration" in options else {}) | {
            "BDF": device.bus_id,
            "UUID": f"{device.uuid[2:]}-74a1-1000-80{device.index}0-{device.serial[:12]}",
            "KFD_ID": int(device.uuid, 16) % 60000,
            "NODE_ID": device.index + 2,
            "PARTITION_ID": 0,
        }
    if sub == "static":
        chosen = [name for name in STATIC if name in options] or list(STATIC)
        return {name: value for part in chosen for name, value in static(part, device).items()}
    if sub == "metric":
        shown = [name for name in METRIC if name not in ("gpuboard", "baseboard")]  # hidden where there are no sensors
        chosen = [name for name in METRIC if name in options] or shown
        return {name: value for part in chosen for name, value in metric(part, device, tick).items()}
    if sub == "firmware":
        return {"FW_LIST": firmware(device)}
    if sub == "bad-pages":
        chosen = [name for name in BAD_PAGES if name in options] or list(BAD_PAGES)
        return {BAD_PAGES[name]: "No bad pages found." for name in chosen}
    link = {
        f"LINK_{other}": {
            "BIT_RATE": "32 Gb/s",
            "MAX_BANDWIDTH": "512 Gb/s",
            "LINK_TYPE": "XGMI",
            "READ": f"{device.index * 31 + other * 7} KB",
            "WRITE": f"{device.index * 17 + other * 5} KB",
        }
        for other in range(8)
        if other != device.index
    }
    status = {"LINK_STATUS": " ".join("X" if other == device.index else "U" for other in range(8))}
    if "link-status" in options and "metric" not in options:
        return {"BDF": device.bus_id, **status}
    return {"BDF": device.bus_id, "LINK_METRICS": link} | (status if "metric" not in options else {})  # fmt: skip


def _processes(meaning: Meaning, devices: list[Device], tick: int) -> list[Record]:
    options, records = meaning.options, []
    for device in devices:
        shown = 0
        for process in device.processes:
            if options.get("pid") not in (None, process.pid) or options.get("name") not in (None, process.name):
                continue
            general = {
                "NAME": process.name,
                "PID": process.pid,
                "MEMORY_USAGE": {"VRAM_MEM": f"{process.used_mib} MB"},
                "MEM_USAGE": f"{process.used_mib} MB",
            }
            engine = {"USAGE": {"GFX": f"{device.at(tick).utilization} %", "ENC": "0 ns"}}
            both = "general" in options or "engine" not in options, "engine" in options or "general" not in options
            records.append(
                {"GPU": device.index, "PROCESS_INFO": (general if both[0] else {}) | (engine if both[1] else {})}
            )
            shown += 1
        if not shown:
            records.append({"GPU": device.index, "PROCESS_INFO": "No running processes detected"})
    return records  # fmt: skip


def _monitor(meaning: Meaning, devices: list[Device], node: Node, tick: int, seconds: float) -> str:
    options = meaning.options
    chosen = [name for name in MONITOR if name in options]
    chosen = chosen or ([] if "process" in options else list(MONITOR_DEFAULT))
    records = []
    for device in devices:
        now = device.at(tick)
        record: Record = {"TIMESTAMP": int(node.now(seconds).timestamp())} if "watch" in options else {}
        record |= {"GPU": device.index}
        record |= {label: value(now, device) for name in chosen for label, value in MONITOR[name]}
        if "process" in options:
            first = device.processes[0] if device.processes else None
            record |= {"NAME": first.name if first else "N/A", "PID": first.pid if first else "N/A"}
        records.append(record)
    if "json" in options:
        return json.dumps([_lowered(record) for record in records], indent=4) + "\n"
    if "csv" in options:
        return _csv(records)
    heads = list(records[0])
    widths = {name: max(len(name), *(len(str(record[name])) for record in records)) for name in heads}
    lines = ["  ".join(f"{name:>{widths[name]}}" for name in heads)]
    lines += ["  ".join(f"{record[name]!s:>{widths[name]}}" for name in heads) for record in records]
    return "\n".join(lines) + "\n"


def _topology(meaning: Meaning, devices: list[Device]) -> str:
    options = meaning.options
    chosen = [name for name in TOPOLOGY if name in options] or list(TOPOLOGY)
    if "json" in options or "csv" in options:
        records = []
        for one in devices:
            links = [
                {"gpu": o.index, **{name.replace("-", "_"): TOPOLOGY[name][1 if o is one else 2] for name in chosen}}
                for o in devices
            ]
            records.append({"gpu": one.index, "bdf": one.bus_id, "links": links})
        if "json" in options:
            return json.dumps(records, indent=4) + "\n"
        return _csv(
            [
                {
                    "gpu": r["gpu"],
                    "bdf": r["bdf"],
                    **{f"link_{link['gpu']}_{k}": v for link in r["links"] for k, v in link.items() if k != "gpu"},
                }
                for r in records
            ]
        )
    lines = []
    for name in chosen:
        title, own, other = TOPOLOGY[name]
        lines += [f"{title}:", " " * 13 + "".join(f"{d.bus_id:<13}" for d in devices)]
        lines += [
            f"{one.bus_id:<13}" + "".join(f"{own if one is two else other:<13}" for two in devices) for one in devices
        ]
        lines.append("")
    return "\n".join(lines) + "\n"  # fmt: skip


def _change(meaning: Meaning, devices: list[Device]) -> Execution:
    options = {
        name: value for name, value in meaning.options.items() if name not in ("gpu", "json", "csv", "file", "loglevel")
    }
    if not options:
        return Execution(
            f"Command 'amd-smi {meaning.sub[0]}' requires a target argument. Error code: -9\n", 247, query=True
        )
    records: list[Record] = []
    changes: dict[str, dict[str, object]] = {}
    code = 0
    for device in devices:
        record: Record = {"GPU": device.index}
        for name, value in options.items():
            label = name.replace("-", "_").upper()
            if name == "power-cap" and value is not True and value > device.model.power[2]:
                record[label] = f"Power cap must be between 0 and {device.model.power[2]} W"
                code = 250
                continue
            if name in ("fan", "fans", "dpm-policy"):
                record[label] = "N/A (not supported)"
                code = 2
            else:
                record[label] = "Successfully reset" if value is True else f"Successfully set to {value}"
            changes.setdefault(str(device.index), {})[f"{meaning.sub[0]} {name}"] = value
        records.append(record)
    output = (
        json.dumps([_lowered(r) for r in records], indent=4) + "\n"
        if "json" in meaning.options
        else _csv(records)
        if "csv" in meaning.options
        else "".join(_text(record) + "\n" for record in records)
    )
    if path := meaning.options.get("file"):
        return Execution("", code, changes=changes, files={path: output})
    return Execution(output, code, changes=changes)  # fmt: skip


def _lowered(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key).lower(): _lowered(part) for key, part in value.items()}
    return value


def _flat(record: Record, start: str = "") -> Record:
    flat: Record = {}
    for name, value in record.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{start}{name}_")
        else:
            flat[start + name] = value
    return flat


def _csv(records: list[Record]) -> str:
    heads = list(dict.fromkeys(name for record in records for name in record))
    lines = [",".join(name.lower() for name in heads)]
    lines += [",".join(str(record.get(name, "N/A")) for name in heads) for record in records]
    return "\n".join(lines) + "\n"


def _text(record: Record, indent: int = 0) -> str:
    lines = []
    for place, (name, value) in enumerate(record.items()):
        pad = " " * (indent + (4 if place and not indent and name != "GPU" else 0))
        if isinstance(value, dict):
            lines += [f"{pad}{name}:", _text(value, len(pad) + 4).rstrip("\n")]
        else:
            lines.append(f"{pad}{name}: {value}")
    return "\n".join(lines) + "\n"
