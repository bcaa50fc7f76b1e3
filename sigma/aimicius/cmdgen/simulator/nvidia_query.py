"""nvidia-smi's CSV queries: a value for every field of `tools.nvidia_fields`, and the tables made of them.

`gpu_value` has over 60 lines: a table, one line for each field.
"""

from __future__ import annotations

from collections.abc import Callable

from sigma.aimicius.cmdgen.grammar.meaning import Meaning
from sigma.aimicius.cmdgen.simulator.state import Device, Node, Readings
from sigma.aimicius.cmdgen.tools.nvidia_smi import QUERIES

UNITS = {
    "utilization": "%",
    "memory.": "MiB",
    "power.": "W",
    "enforced.power": "W",
    "module.power": "W",
    "clocks.": "MHz",
    "fan": "%",
    "used_gpu_memory": "MiB",
    "protected_memory": "MiB",
    "max_memory_usage": "MiB",
    "gpu_utilization": "%",
    "mem_utilization": "%",
    "time": "ms",
    "graphics": "MHz",
    "memory": "MHz",
}
_ABSENT = "[N/A]"


def _unit(name: str) -> str:
    if name in ("timestamp", "power.management") or name.startswith("clocks_"):
        return ""
    return next((unit for start, unit in UNITS.items() if name.startswith(start)), "")


def gpu_value(name: str, device: Device, node: Node, tick: int, seconds: float) -> str:
    """One field of --query-gpu as nvidia-smi prints it, without its unit."""
    now, model = device.at(tick), device.model
    least, default, most = model.power
    plain: dict[str, Callable[[], object]] = {
        "timestamp": lambda: stamp(node, seconds),
        "driver_version": lambda: node.driver,
        "count": lambda: len(node.devices),
        "name": lambda: model.name,
        "serial": lambda: device.serial,
        "uuid": lambda: device.uuid,
        "index": lambda: device.index,
        "pci.bus_id": lambda: device.bus_id,
        "pci.domain": lambda: "0x" + device.bus_id[4:8],
        "pci.bus": lambda: "0x00",
        "pci.device": lambda: "0x00",
        "pci.device_id": lambda: model.device_id,
        "pci.sub_device_id": lambda: "0x16C110DE",
        "pci.baseClass": lambda: "0x3",
        "pci.subClass": lambda: "0x2",
        "vbios_version": lambda: model.vbios,
        "compute_cap": lambda: model.capability,
        "compute_mode": lambda: "Default",
        "persistence_mode": lambda: "Enabled",
        "accounting.mode": lambda: "Disabled",
        "accounting.buffer_size": lambda: "4000",
        "display_mode": lambda: "Disabled",
        "display_active": lambda: "Disabled",
        "pstate": lambda: "P0",
        "power.management": lambda: "Enabled",
        "temperature.gpu": lambda: now.temperature,
        "temperature.memory": lambda: now.memory_temperature,
        "temperature.gpu.tlimit": lambda: 87 - now.temperature,
        "memory.total": lambda: model.memory_mib,
        "memory.reserved": lambda: 551,
        "memory.used": lambda: now.used_mib,
        "memory.free": lambda: model.memory_mib - 551 - now.used_mib,
        "utilization.gpu": lambda: now.utilization,
        "utilization.memory": lambda: now.memory_utilization,
        "power.limit": lambda: f"{default:.2f}",
        "enforced.power.limit": lambda: f"{default:.2f}",
        "power.default_limit": lambda: f"{default:.2f}",
        "power.min_limit": lambda: f"{least:.2f}",
        "power.max_limit": lambda: f"{most:.2f}",
        "pcie.link.width.current": lambda: 16,
        "pcie.link.width.max": lambda: 16,
        "mig.mode.current": lambda: "Disabled",
        "mig.mode.pending": lambda: "Disabled",
        "ecc.mode.current": lambda: "Enabled",
        "ecc.mode.pending": lambda: "Enabled",
        "gsp.mode.current": lambda: "Enabled",
        "gsp.mode.default": lambda: "Enabled",
        "retired_pages.pending": lambda: "No",
        "inforom.img": lambda: "G520.0200.00.05",
        "inforom.oem": lambda: "2.1",
        "inforom.ecc": lambda: "7.16",
    }
    if name in plain:
        return str(plain[name]())
    if name.startswith("power.draw"):
        return f"{now.power:.2f}"
    if name.startswith("pcie.link.gen"):
        return "5" if model.capability == "9.0" else "4"
    if name.startswith(("utilization", "encoder.stats")):
        return "0"
    if name.startswith("clocks."):
        return str(_clock(name, now, device))
    if name.startswith("clocks_event_reasons."):
        if name.endswith(("active", "supported")):
            return "0x0000000000000001" if not device.load else "0x0000000000000000"
        return "Active" if name.endswith("gpu_idle") and not device.load else "Not Active"
    if name.startswith("ecc.errors.corrected.") and name.endswith(("total", "sram", "dram", "device_memory")):
        return str(device.corrected if not name.endswith("sram") else 0)
    if name.startswith("ecc.errors."):
        return "0"
    return _ABSENT


def _clock(name: str, now: Readings, device: Device) -> int:
    memory = "mem" in name
    if name.startswith("clocks.current"):
        if memory:
            return now.memory_mhz
        return round(now.graphics_mhz * 0.86) if "video" in name else now.graphics_mhz
    return device.model.memory_mhz if memory else device.model.graphics_mhz[1]


def stamp(node: Node, seconds: float) -> str:
    """The time as the CSV shows it."""
    return node.now(seconds).strftime("%Y/%m/%d %H:%M:%S.%f")[:-3]


def table(kind: str, meaning: Meaning, devices: list[Device], node: Node, tick: int, seconds: float) -> str:
    """One poll of a query; the header is printed with the first one only."""
    names, layout = meaning.options[kind], meaning.options["format"]
    bare = "nounits" in layout
    lines = []
    if tick == 0 and "noheader" not in layout:
        lines.append(", ".join(f"{name} [{_unit(name)}]" if _unit(name) else name for name in _printed(kind, meaning)))
    for row in _rows(kind, names, devices, node, tick, seconds):
        cells = []
        for name, value in zip(names, row, strict=True):
            unit = "" if bare or value == _ABSENT else _unit(name)
            cells.append(f"{value} {unit}".strip())
        lines.append(", ".join(cells))
    return "".join(line + "\n" for line in lines)


def _printed(kind: str, meaning: Meaning) -> list[str]:
    """The header shows the names that nvidia-smi itself keeps, not those that were typed."""
    known = set(QUERIES[kind].values())
    return [name for name in meaning.options[kind] if name in known]


def _rows(kind: str, names: list[str], devices: list[Device], node: Node, tick: int, seconds: float) -> list[list[str]]:
    def common(device: Device, name: str) -> str:
        keys = {"gpu_name": "name", "gpu_bus_id": "pci.bus_id", "gpu_serial": "serial", "gpu_uuid": "uuid"}
        return gpu_value(keys.get(name, name), device, node, tick, seconds)

    rows = []
    for device in devices:
        if kind == "query-gpu":
            rows.append([common(device, name) for name in names])
        elif kind in ("query-compute-apps", "query-accounted-apps"):
            for process in device.processes:
                own = {
                    "pid": str(process.pid),
                    "process_name": process.name,
                    "used_gpu_memory": str(process.used_mib),
                    "max_memory_usage": str(process.used_mib),
                    "gpu_utilization": str(device.at(tick).utilization),
                    "mem_utilization": str(device.at(tick).memory_utilization),
                    "time": "0",
                    "vgpu_instance": "N/A",
                }
                rows.append([own[name] if name in own else common(device, name) for name in names])
        elif kind == "query-supported-clocks":
            top = device.model.graphics_mhz[1]
            for step in range(top, top - 15 * 8, -15):
                own = {"memory": str(device.model.memory_mhz), "graphics": str(step)}
                rows.append([own[name] if name in own else common(device, name) for name in names])
        elif kind == "query-remapped-rows":
            own = {"remapped_rows.pending": "0", "remapped_rows.failure": "0", "remapped_rows.histogram.max": "640"}
            rows.append([own.get(name, "0") if name.startswith("remapped") else common(device, name) for name in names])
    return rows  # no page is retired on these nodes: --query-retired-pages has a header alone
