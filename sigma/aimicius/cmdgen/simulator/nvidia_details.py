"""nvidia-smi -q: the long report as nested tables, its -d sections, and the same as XML.

`sections` has over 60 lines: one literal, a section after the other as the tool prints them.
"""

from __future__ import annotations

import re
from typing import Any
from xml.sax.saxutils import escape

from sigma.aimicius.cmdgen.grammar.meaning import Meaning
from sigma.aimicius.cmdgen.simulator.state import Device, Node

Table = dict[str, Any]


def sections(device: Device, node: Node, tick: int) -> list[tuple[str, str, Table]]:
    """(label of -d, title, rows) in the report's order; a label of "" shows only without -d, a title of "" is flat."""
    now, model = device.at(tick), device.model
    least, default, most = model.power
    top = model.graphics_mhz[1]
    zero = {"SRAM Correctable": "0", "SRAM Uncorrectable": "0", "DRAM Correctable": str(device.corrected)}
    zero |= {"DRAM Uncorrectable": "0"}
    active = "Active" if not device.load else "Not Active"
    width = {"Max": "16x", "Current": "16x"}
    generation = "5" if model.capability == "9.0" else "4"
    apps: Table = {}
    for process in device.processes:
        apps[f"Process ID {process.pid}"] = {
            "Process ID": str(process.pid),
            "Type": "C",
            "Name": process.name,
            "Used GPU Memory": f"{process.used_mib} MiB",
        }
    return [
        ("", "", {"Product Name": model.name, "Product Brand": "NVIDIA", "Display Mode": "Disabled"}),
        ("", "", {"Persistence Mode": "Enabled"}),
        ("", "MIG Mode", {"Current": "Disabled", "Pending": "Disabled"}),
        ("ACCOUNTING", "", {"Accounting Mode": "Disabled", "Accounting Mode Buffer Size": "4000"}),
        ("", "", {"Serial Number": device.serial, "GPU UUID": device.uuid, "Minor Number": str(device.index)}),
        ("", "", {"VBIOS Version": model.vbios, "MultiGPU Board": "No"}),
        ("GSP_FIRMWARE_VERSION", "", {"GSP Firmware Version": node.driver}),
        ("RESET_STATUS", "GPU Reset Status", {"Reset Required": "No", "Drain and Reset Recommended": "No"}),
        (
            "",
            "PCI",
            {
                "Bus": "0x00",
                "Device": "0x00",
                "Domain": "0x" + device.bus_id[4:8],
                "Device Id": model.device_id,
                "Bus Id": device.bus_id,
                "GPU Link Info": {"PCIe Generation": {"Max": generation, "Current": generation}, "Link Width": width},
                "Tx Throughput": f"{now.tx_mb * 1000} KB/s",
                "Rx Throughput": f"{now.rx_mb * 1000} KB/s",
            },
        ),
        ("PERFORMANCE", "", {"Fan Speed": "N/A", "Performance State": "P0"}),
        (
            "PERFORMANCE",
            "Clocks Event Reasons",
            {
                "Idle": active,
                "Applications Clocks Setting": "Not Active",
                "SW Power Cap": "Not Active",
                "HW Slowdown": "Not Active",
                "SW Thermal Slowdown": "Not Active",
            },
        ),
        (
            "MEMORY",
            "FB Memory Usage",
            {
                "Total": f"{model.memory_mib} MiB",
                "Reserved": "551 MiB",
                "Used": f"{now.used_mib} MiB",
                "Free": f"{model.memory_mib - 551 - now.used_mib} MiB",
            },
        ),
        ("MEMORY", "BAR1 Memory Usage", {"Total": "131072 MiB", "Used": "1 MiB", "Free": "131071 MiB"}),
        ("COMPUTE", "", {"Compute Mode": "Default"}),
        (
            "UTILIZATION",
            "Utilization",
            {
                "Gpu": f"{now.utilization} %",
                "Memory": f"{now.memory_utilization} %",
                "Encoder": "0 %",
                "Decoder": "0 %",
                "JPEG": "0 %",
                "OFA": "0 %",
            },
        ),
        ("ENCODER_STATS", "Encoder Stats", {"Active Sessions": "0", "Average FPS": "0", "Average Latency": "0"}),
        ("FBC_STATS", "FBC Stats", {"Active Sessions": "0", "Average FPS": "0", "Average Latency": "0"}),
        ("ECC", "ECC Mode", {"Current": "Enabled", "Pending": "Enabled"}),
        ("ECC", "ECC Errors", {"Volatile": zero, "Aggregate": zero}),
        ("PAGE_RETIREMENT", "Retired Pages", {"Single Bit ECC": "N/A", "Double Bit ECC": "N/A", "Pending": "N/A"}),
        (
            "ROW_REMAPPER",
            "Remapped Rows",
            {"Correctable Error": "0", "Uncorrectable Error": "0", "Pending": "No", "Remapping Failure Occurred": "No"},
        ),
        (
            "TEMPERATURE",
            "Temperature",
            {
                "GPU Current Temp": f"{now.temperature} C",
                "GPU T.Limit Temp": f"{87 - now.temperature} C",
                "GPU Shutdown T.Limit Temp": "-8 C",
                "GPU Slowdown T.Limit Temp": "-2 C",
                "Memory Current Temp": f"{now.memory_temperature} C",
            },
        ),
        ("SUPPORTED_GPU_TARGET_TEMP", "Supported GPU Target Temp", {"Min": "N/A", "Max": "N/A"}),
        (
            "POWER",
            "GPU Power Readings",
            {
                "Average Power Draw": f"{now.power:.2f} W",
                "Instantaneous Power Draw": f"{now.power:.2f} W",
                "Current Power Limit": f"{default:.2f} W",
                "Requested Power Limit": f"{default:.2f} W",
                "Default Power Limit": f"{default:.2f} W",
                "Min Power Limit": f"{least:.2f} W",
                "Max Power Limit": f"{most:.2f} W",
            },
        ),
        ("POWER_SMOOTHING", "Power Smoothing", {"Status": "N/A"}),
        ("POWER_PROFILES", "Workload Power Profiles", {"Requested Profiles": "N/A", "Enforced Profiles": "N/A"}),
        (
            "CLOCK",
            "Clocks",
            {
                "Graphics": f"{now.graphics_mhz} MHz",
                "SM": f"{now.graphics_mhz} MHz",
                "Memory": f"{now.memory_mhz} MHz",
                "Video": f"{round(now.graphics_mhz * 0.86)} MHz",
            },
        ),
        ("CLOCK", "Applications Clocks", {"Graphics": f"{top} MHz", "Memory": f"{model.memory_mhz} MHz"}),
        ("CLOCK", "Max Clocks", {"Graphics": f"{top} MHz", "SM": f"{top} MHz", "Memory": f"{model.memory_mhz} MHz"}),
        ("VOLTAGE", "Voltage", {"Graphics": "N/A"}),
        (
            "SUPPORTED_CLOCKS",
            "Supported Clocks",
            {"Memory": f"{model.memory_mhz} MHz"} | {f"Graphics {mhz}": f"{mhz} MHz" for mhz in range(top, top - 120, -15)},
        ),
        ("PIDS", "Processes", apps or {"": "None"}),
    ]  # fmt: skip


def report(meaning: Meaning, devices: list[Device], node: Node, tick: int, seconds: float) -> str:
    """The report of one poll: text, or XML with -x."""
    chosen = meaning.get("display")
    blocks = {}
    for device in devices:
        kept = [part for part in sections(device, node, tick) if not chosen or part[0] in chosen]
        if not chosen:  # -q alone leaves the long list of supported clocks out
            kept = [part for part in kept if part[0] != "SUPPORTED_CLOCKS"]
        blocks[device.bus_id] = kept
    head = {
        "Timestamp": node.now(seconds).strftime("%a %b %d %H:%M:%S %Y"),
        "Driver Version": node.driver,
        "CUDA Version": node.runtime,
    }
    if meaning.get("xml-format"):
        return _xml(head, blocks, len(node.devices))
    lines = ["", "==============NVSMI LOG==============", ""]
    lines += [_row(name, value, 0) for name, value in head.items()]
    lines += ["", _row("Attached GPUs", str(len(node.devices)), 0)]
    for bus_id, parts in blocks.items():
        lines.append(f"GPU {bus_id}")
        for _, title, rows in parts:
            if title:
                lines.append(f"    {title}")
            lines += _rows(rows, 8 if title else 4)
        lines.append("")
    return "\n".join(lines) + "\n"


def _row(name: str, value: str, indent: int) -> str:
    return f"{' ' * indent}{name:<{max(1, 42 - indent)}}: {value}"


def _rows(rows: Table, indent: int) -> list[str]:
    lines = []
    for name, value in rows.items():
        if isinstance(value, dict):
            lines += [f"{' ' * indent}{name}", *_rows(value, indent + 4)]
        elif name.startswith("Graphics "):
            lines.append(_row("Graphics", value, indent + 4))
        else:
            lines.append(_row(name, value, indent))
    return lines


def _tag(name: str) -> str:
    return re.sub(r"\W+", "_", name.lower()).strip("_") or "none"


def _xml(head: dict[str, str], blocks: dict[str, list[tuple[str, str, Table]]], count: int) -> str:
    lines = ['<?xml version="1.0" ?>', '<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">', "<nvidia_smi_log>"]
    lines += [f"\t<{_tag(name)}>{escape(value)}</{_tag(name)}>" for name, value in head.items()]
    lines.append(f"\t<attached_gpus>{count}</attached_gpus>")
    for bus_id, parts in blocks.items():
        lines.append(f'\t<gpu id="{escape(bus_id)}">')
        for _, title, rows in parts:
            if title:
                lines += [f"\t\t<{_tag(title)}>", *_xml_rows(rows, 3), f"\t\t</{_tag(title)}>"]
            else:
                lines += _xml_rows(rows, 2)
        lines.append("\t</gpu>")
    return "\n".join([*lines, "</nvidia_smi_log>"]) + "\n"


def _xml_rows(rows: Table, depth: int) -> list[str]:
    pad, lines = "\t" * depth, []
    for name, value in rows.items():
        tag = _tag(name.rstrip("0123456789 ") if name[-1:].isdigit() else name)
        if isinstance(value, dict):
            lines += [f"{pad}<{tag}>", *_xml_rows(value, depth + 1), f"{pad}</{tag}>"]
        else:
            lines.append(f"{pad}<{tag}>{escape(value)}</{tag}>")
    return lines
