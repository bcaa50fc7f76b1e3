"""nvidia-smi's sub-commands: dmon and pmon columns, the topology matrix, NVLink and MIG."""

from __future__ import annotations

from sigma.aimicius.cmdgen.grammar.meaning import Meaning
from sigma.aimicius.cmdgen.simulator.state import Device, Execution, Node, closing, polls
from sigma.aimicius.cmdgen.tools.nvidia_fields import MIG_PROFILES

GROUPS = {
    "p": (("pwr", "W"), ("gtemp", "C"), ("mtemp", "C")),
    "u": (("sm", "%"), ("mem", "%"), ("enc", "%"), ("dec", "%"), ("jpg", "%"), ("ofa", "%")),
    "c": (("mclk", "MHz"), ("pclk", "MHz")),
    "v": (("pviol", "%"), ("tviol", "bool")),
    "m": (("fb", "MB"), ("bar1", "MB"), ("ccpm", "MB")),
    "e": (("sbecc", "errs"), ("dbecc", "errs"), ("pci", "errs")),
    "t": (("rxpci", "MB/s"), ("txpci", "MB/s")),
}
LEGEND = """
Legend:

  X    = Self
  SYS  = Connection traversing PCIe as well as the SMP interconnect between NUMA nodes
  NODE = Connection traversing PCIe as well as the interconnect between PCIe host bridges within a NUMA node
  PHB  = Connection traversing PCIe as well as a PCIe host bridge
  PXB  = Connection traversing multiple PCIe bridges
  PIX  = Connection traversing at most a single PCIe bridge
  NV#  = Connection traversing a bonded set of # NVLinks
"""
LEVELS = ("PSB", "PIX", "PXB", "PHB", "NODE", "SYS")


def run(meaning: Meaning, node: Node) -> Execution:
    """Run one sub-command."""
    devices = node.pick(meaning.get("id"))
    if devices is None:
        return Execution("No devices were found\n", 6, query=True)
    name = meaning.sub[0]
    if name in ("dmon", "pmon"):
        return _monitor(meaning, devices, node)
    if name == "topo":
        return _topo(meaning, devices, node)
    return _nvlink(meaning, devices) if name == "nvlink" else _mig(meaning, devices)


def _monitor(meaning: Meaning, devices: list[Device], node: Node) -> Execution:
    count, delay = meaning.get("count"), meaning.get("delay")
    table = _dmon if meaning.sub[0] == "dmon" else _pmon
    if table is _pmon:
        devices = devices[:4]  # pmon watches four devices at most
    parts = [table(meaning, devices, node, tick, tick * delay) for tick in polls(count)]
    output = "".join(parts) + closing(count)
    rhythm = (delay * 1000, count)
    if path := meaning.get("filename"):
        return Execution("", files={path: output}, rhythm=rhythm, query=True)
    return Execution(output, rhythm=rhythm, query=True)


def _stamps(meaning: Meaning, node: Node, seconds: float) -> tuple[list[tuple[str, str]], list[str]]:
    shown, now = meaning.get("options", ""), node.now(seconds)
    columns = [
        (name, unit) for letter, name, unit in (("D", "Date", "YYYYMMDD"), ("T", "Time", "HH:MM:SS")) if letter in shown
    ]
    values = {"Date": now.strftime("%Y%m%d"), "Time": now.strftime("%H:%M:%S")}
    return columns, [values[name] for name, _ in columns]


def _columns(columns: list[tuple[str, str]], rows: list[list[str]], tick: int, csv: list[str]) -> str:
    lines = []
    if csv:
        if tick == 0 and "noheader" not in csv:
            lines.append("#" + ", ".join(name for name, _ in columns))
            if "nounits" not in csv:
                lines.append("#" + ", ".join(unit for _, unit in columns))
        return "".join(line + "\n" for line in lines + [", ".join(row) for row in rows])
    widths = [max(len(name), len(unit), 5) + 1 for name, unit in columns]
    if tick == 0:
        lines.append("#" + " ".join(f"{name:>{w}}" for (name, _), w in zip(columns, widths, strict=True))[1:])
        lines.append("#" + " ".join(f"{unit:>{w}}" for (_, unit), w in zip(columns, widths, strict=True))[1:])
    lines += [" ".join(f"{cell:>{w}}" for cell, w in zip(row, widths, strict=True)) for row in rows]
    return "".join(line + "\n" for line in lines)


def _dmon(meaning: Meaning, devices: list[Device], node: Node, tick: int, seconds: float) -> str:
    chosen = meaning.get("select")
    stamps, stamped = _stamps(meaning, node, seconds)
    columns = [*stamps, ("gpu", "Idx"), *(column for letter in chosen for column in GROUPS[letter])]
    gpm = [f"gpm:{number}{meaning.get('gpm-options', '')}" for number in meaning.get("gpm-metrics", [])]
    columns += [(name, "GPM") for name in gpm]
    rows = []
    for device in devices:
        now = device.at(tick)
        values = {
            "p": (f"{now.power:.0f}", now.temperature, now.memory_temperature),
            "u": (now.utilization, now.memory_utilization, 0, 0, 0, 0),
            "c": (now.memory_mhz, now.graphics_mhz),
            "v": (0, 0),
            "m": (now.used_mib, 1, 0),
            "e": (device.corrected, 0, 0),
            "t": (now.rx_mb, now.tx_mb),
        }
        cells = [str(value) for letter in chosen for value in values[letter]]
        rows.append([*stamped, str(device.index), *cells, *("-" for _ in gpm)])
    return _columns(columns, rows, tick, meaning.get("format", []))


def _pmon(meaning: Meaning, devices: list[Device], node: Node, tick: int, seconds: float) -> str:
    chosen = meaning.get("select")
    stamps, stamped = _stamps(meaning, node, seconds)
    columns = [*stamps, ("gpu", "Idx"), ("pid", "#"), ("type", "C/G")]
    if "u" in chosen:
        columns += [("sm", "%"), ("mem", "%"), ("enc", "%"), ("dec", "%"), ("jpg", "%"), ("ofa", "%")]
    if "m" in chosen:
        columns += [("fb", "MB"), ("ccpm", "MB")]
    columns.append(("command", "name"))
    rows = []
    for device in devices:
        now = device.at(tick)
        process = device.processes[0] if device.processes else None
        row = [*stamped, str(device.index), str(process.pid) if process else "-", "C" if process else "-"]
        if "u" in chosen:
            row += [str(now.utilization), str(now.memory_utilization), "-", "-", "-", "-"] if process else ["-"] * 6
        if "m" in chosen:
            row += [str(process.used_mib), "0"] if process else ["-", "-"]
        rows.append([*row, process.name.rsplit("/", 1)[-1] if process else "-"])
    return _columns(columns, rows, tick, [])


def _topo(meaning: Meaning, devices: list[Device], node: Node) -> Execution:
    options = meaning.options
    if "cpu" in options:
        near = [str(d.index) for d in devices if (d.index < 4) == (options["cpu"] < 48)]
        return Execution(f"CPU {options['cpu']} is affine to GPU(s): {' '.join(near)}\n", query=True)
    if "nearest_gpus" in options:
        level = options["nearest_gpus"]
        first = devices[0] if "id" in options else None
        if first is None:
            return Execution("Invalid combination of input arguments. Please run 'nvidia-smi topo -h' for help.\n", 6)
        reach = [d for d in node.devices if d.index != first.index and _level(first.index, d.index) == LEVELS[level]]
        names = ", ".join(str(d.index) for d in reach) or "none"
        return Execution(f"The GPUs connected to GPU {first.index} at level {LEVELS[level]} are: {names}\n", query=True)
    if options.get("path"):
        if len(devices) != 2 or "id" not in options:
            return Execution("Invalid combination of input arguments. Please run 'nvidia-smi topo -h' for help.\n", 6)
        one, other = devices
        return Execution(
            f"Device {one.index} is connected to device {other.index} by way of {_level(one.index, other.index)}.\n",
            query=True,
        )
    if "p2pstatus" in options:
        return Execution(
            _matrix(devices, lambda a, b: "OK")
            + f"\nLegend:\n\n  X    = Self\n  OK   = Status Ok\n  (capability: {options['p2pstatus']})\n",
            query=True,
        )
    if options.get("get_numa_id") or options.get("numa-of-cpu") or options.get("numa-of-memory"):
        which = next(name for name in ("get_numa_id", "numa-of-cpu", "numa-of-memory") if options.get(name))
        lines = [f"NUMA ID ({which}) of GPU {d.index}: {0 if d.index < 4 else 1}" for d in devices]
        return Execution("\n".join(lines) + "\n", query=True)
    if options.get("matrix_pci"):
        return Execution(
            _matrix(devices, _level, affinity=True)
            + LEGEND.replace("  NV#  = Connection traversing a bonded set of # NVLinks\n", ""),
            query=True,
        )
    if options.get("matrix"):
        return Execution(_matrix(devices, lambda a, b: f"NV{node.model.links}", affinity=True) + LEGEND, query=True)
    return Execution("Invalid combination of input arguments. Please run 'nvidia-smi topo -h' for help.\n", 6, query=True)  # fmt: skip


def _level(one: int, other: int) -> str:
    return "NODE" if (one < 4) == (other < 4) else "SYS"


def _matrix(devices: list[Device], link: object, affinity: bool = False) -> str:
    head = "\t" + "\t".join(f"GPU{d.index}" for d in devices)
    lines = [head + ("\tCPU Affinity\tNUMA Affinity\tGPU NUMA ID" if affinity else "")]
    for one in devices:
        cells = ["X" if one is other else link(one.index, other.index) for other in devices]
        tail = (f"\t{'0-47' if one.index < 4 else '48-95'}\t{int(one.index > 3)}\t\tN/A") if affinity else ""
        lines.append(f"GPU{one.index}\t" + "\t".join(f" {cell} " for cell in cells) + tail)
    return "\n".join(lines) + "\n"


def _nvlink(meaning: Meaning, devices: list[Device]) -> Execution:
    options = meaning.options
    kinds = [name for name in options if name not in ("id", "link", "help")]
    if not kinds:
        return Execution(
            "Invalid combination of input arguments. Please run 'nvidia-smi nvlink -h' for help.\n", 6, query=True
        )
    lines = []
    for device in devices:
        lines.append(f"GPU {device.index}: {device.model.name} (UUID: {device.uuid})")
        for link in [options["link"]] if "link" in options else range(device.model.links):
            if link >= device.model.links:
                lines.append(f"\t Link {link}: <inactive>")
                continue
            for kind in kinds:
                lines += [f"\t {text}" for text in _link(kind, options[kind], device, link)]
    changes = {}
    writes = [name for name in kinds if name.startswith(("reset", "set"))]
    if writes:
        changes = {
            str(d.index): {name: [options[name], options.get("link", "all")] for name in writes} for d in devices
        }
    return Execution("\n".join(lines) + "\n", changes=changes, query=not writes)


def _link(kind: str, value: object, device: Device, link: int) -> list[str]:
    load = device.at(0)
    rx, tx = (load.rx_mb * 1024 * (link + 3), load.tx_mb * 1024 * (link + 3))
    if kind == "status":
        return [f"Link {link}: {device.model.link_gb_s:g} GB/s"]
    if kind == "capabilities":
        what = ("P2P is supported", "Access to system memory supported", "P2P atomics supported")
        return [
            f"Link {link}, {name}: true" for name in (*what, "System memory atomics supported", "Link is supported")
        ]
    if kind in ("errorcounters", "crcerrorcounters"):
        names = (
            ("Replay Errors", "Recovery Errors", "CRC Errors")
            if kind == "errorcounters"
            else ("Lane 0 CRC Errors", "Lane 1 CRC Errors")
        )
        return [f"Link {link}: {name}: 0" for name in names]
    if kind == "getthroughput":
        unit = "Data" if value == "d" else "Raw"
        extra = 0 if value == "d" else 7
        return [
            f"Link {link}: {unit} Tx: {tx + tx * extra // 100} KiB",
            f"Link {link}: {unit} Rx: {rx + rx * extra // 100} KiB",
        ]
    if kind == "remotelinkinfo":
        return [f"Link {link}: Remote Device: Switch, link {device.index * 2 + link // 4}"]
    if kind == "pcibusid":
        return [f"Link {link}: Remote Device 00000000:0{link % 4}:00.0: Link {device.index * 2 + link // 4}"]
    return [f"Link {link}: {kind}: ok"]  # fmt: skip


def _mig(meaning: Meaning, devices: list[Device]) -> Execution:
    """MIG is disabled on the node: profiles can be listed, instances can not be made until -mig 1."""
    options = meaning.options
    if options.get("list-gpu-instance-profiles"):
        bar = "+" + "-" * 77 + "+"
        lines = [
            bar,
            f"| {'GPU instance profiles:':<75} |",
            f"| {'GPU   Name                ID    Instances   Memory     P2P    SM':<75} |",
        ]
        lines += [f"| {'                                Free/Total   GiB':<75} |", "|" + "=" * 77 + "|"]
        for device in devices:
            for name, number, most, memory, cores in MIG_PROFILES[device.model.capability]:
                row = f"{device.index:>3}  MIG {name:<14} {number:>4}     0/{most}       {memory:>6.2f}      No    {cores:>4}"
                lines += [f"| {row:<75} |", bar]
        return Execution("\n".join(lines) + "\n", query=True)
    if options.get("list-gpu-instance-possible-placements"):
        rows = [
            f"GPU {d.index} Profile ID {number:>2} Placements: {{0}}:{most}"
            for d in devices
            for _, number, most, _, _ in MIG_PROFILES[d.model.capability]
        ]
        return Execution("\n".join(rows) + "\n", query=True)
    wants = [
        name
        for name in options
        if name not in ("id", "gpu-instance-id", "compute-instance-id", "default-compute-instance", "help")
    ]
    if not wants:
        return Execution(
            "Invalid combination of input arguments. Please run 'nvidia-smi mig -h' for help.\n", 6, query=True
        )
    if wants[0].startswith("list"):
        return Execution(
            f"No {'compute' if 'compute' in wants[0] else 'GPU'} instances found: Not Found\n", 6, query=True
        )
    lines = [
        f"Unable to carry out {wants[0]} on GPU {d.index}: MIG mode is not enabled (run nvidia-smi -i {d.index} -mig 1)"
        for d in devices
    ]
    # What was asked for is kept as the change, so that two different requests are never taken for the same result.
    asked = {str(d.index): {name: value for name, value in options.items() if name != "id"} for d in devices}
    return Execution("\n".join(lines) + "\n", 3, changes=asked)  # fmt: skip
