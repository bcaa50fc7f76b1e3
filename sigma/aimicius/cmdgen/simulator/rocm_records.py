"""What rocm-smi tells of one device, option by option.

`rows` has over 60 lines: a table, one line for each --show option.
"""

from __future__ import annotations

from sigma.aimicius.cmdgen.simulator.state import Device, Node

Rows = list[tuple[str, str]]


def guid(device: Device) -> str:
    """The device's GUID as rocm-smi prints it."""
    return str(int(device.uuid, 16) % 60000 + 1000)


def rows(name: str, value: object, device: Device, node: Node) -> Rows:
    """(label, value) pairs of one --show option for one device; empty where it is about the node."""
    now, model = device.at(0), device.model
    if name == "showmeminfo":
        kinds = ("vram", "vis_vram", "gtt") if "all" in value else value
        total = {"vram": model.memory_mib, "vis_vram": model.memory_mib, "gtt": 1_031_000}
        used = {"vram": now.used_mib, "vis_vram": now.used_mib, "gtt": 22}
        return [
            (f"{kind.upper()} {what} Memory (B)", str(table[kind] << 20))
            for kind in kinds
            for what, table in (("Total", total), ("Total Used", used))
        ]
    if name == "showfwinfo":
        blocks = (
            ("RLC", "SDMA", "SMC", "SOS", "TA RAS", "TA XGMI", "VCN", "MEC")
            if not value or value is True or "all" in value
            else [v.upper() for v in value]
        )
        return [(f"{block} firmware version", f"0x{sum(block.encode()) * 4099:08x}") for block in blocks]
    if name == "showrasinfo":
        blocks = ("umc", "sdma", "gfx", "mmhub", "pcie_bif", "xgmi_wafl") if "all" in value else value
        return [
            (
                f"{block.upper()} RAS",
                f"ENABLED, correctable {device.corrected if block == 'umc' else 0}, uncorrectable 0",
            )
            for block in blocks
        ]
    table: dict[str, Rows] = {
        "showid": [("Device Name", model.name), ("Device ID", model.device_id), ("Device Rev", "0x00"), ("Subsystem ID", "0x74a1"), ("GUID", guid(device))],
        "showproductname": [("Card Series", model.name), ("Card Model", model.device_id), ("Card Vendor", "Advanced Micro Devices, Inc. [AMD/ATI]"), ("Card SKU", "M3000100"), ("Node ID", str(device.index + 2)), ("GUID", guid(device)), ("GFX Version", model.capability)],
        "showuniqueid": [("Unique ID", device.uuid)],
        "showvbios": [("VBIOS version", model.vbios)],
        "showserial": [("Serial Number", device.serial)],
        "showbus": [("PCI Bus", device.bus_id.upper())],
        "showtemp": [("Temperature (Sensor junction) (C)", f"{now.temperature:.1f}"), ("Temperature (Sensor memory) (C)", f"{now.memory_temperature:.1f}")],
        "showpower": [("Current Socket Graphics Package Power (W)", f"{now.power:.1f}")],
        "showmaxpower": [("Max Graphics Package Power (W)", f"{model.power[1]:.1f}")],
        "showuse": [("GPU use (%)", str(now.utilization)), ("GFX Activity", str(int(now.energy_j) % 100000))],
        "showmemuse": [("GPU Memory Allocated (VRAM%)", str(100 * now.used_mib // model.memory_mib)), ("GPU Memory Read/Write Activity (%)", str(now.memory_utilization))],
        "showfan": [("Fan speed", "Unable to detect fan speed for GPU " + str(device.index))],
        "showperflevel": [("Performance Level", "auto")],
        "showoverdrive": [("GPU OverDrive value (%)", "0")],
        "showmemoverdrive": [("GPU Memory OverDrive value (%)", "0")],
        "showvoltage": [("Voltage (mV)", str(650 + now.utilization * 3))],
        "showgpuclocks": [("sclk clock level", f"1: ({now.graphics_mhz}Mhz)")],
        "showclocks": [("fclk clock level", "0: (1800Mhz)"), ("mclk clock level", f"0: ({now.memory_mhz}Mhz)"), ("sclk clock level", f"1: ({now.graphics_mhz}Mhz)"), ("socclk clock level", "0: (28Mhz)"), ("pcie clock level", "1: (32.0GT/s x16)")],
        "showclkfrq": [("Supported sclk frequencies", "0: 500Mhz, 1: 132Mhz *, 2: 2100Mhz"), ("Supported mclk frequencies", "0: 900Mhz, 1: 1100Mhz, 2: 1200Mhz, 3: 1300Mhz")],
        "showprofile": [("1", "BOOTUP DEFAULT*"), ("2", "COMPUTE"), ("3", "CUSTOM")],
        "showbw": [("Estimated maximum PCIe bandwidth over the last second (MB/s)", f"{now.rx_mb + now.tx_mb}.000")],
        "showmemvendor": [("GPU memory vendor", "hynix")],
        "showreplaycount": [("PCIe Replay Count", "0")],
        "showxgmierr": [("XGMI Error count", "No errors detected")],
        "showretiredpages": [("Retired pages", "none")],
        "showpagesinfo": [("Retired, pending, unreservable pages", "none")],
        "showpendingpages": [("Pending pages", "none")],
        "showunreservablepages": [("Unreservable pages", "none")],
        "showenergycounter": [("Energy counter", str(int(now.energy_j * 65359))), ("Accumulated Energy (uJ)", f"{now.energy_j * 1e6:.2f}")],
        "showcomputepartition": [("Compute Partition", "SPX")],
        "showmemorypartition": [("Memory Partition", "NPS1")],
        "showsclkrange": [("Valid sclk range", "132Mhz - 2100Mhz")],
        "showmclkrange": [("Valid mclk range", "900Mhz - 1300Mhz")],
        "showvoltagerange": [("Voltage range", "Not supported on the given system")],
        "showclkvolt": [("Clock and voltage levels", "Not supported on the given system")],
        "showvc": [("Voltage curve", "Not supported on the given system")],
        "showtempgraph": [("Temperature", "#" * (now.temperature // 3))],
    }  # fmt: skip
    return table.get(name, [])
