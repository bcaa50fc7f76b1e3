"""rocm-smi on the simulated node: the concise table, one block per --show option, settings, JSON and CSV."""

from __future__ import annotations

import json

from sigma.aimicius.cmdgen.grammar.meaning import Meaning
from sigma.aimicius.cmdgen.simulator.rocm_records import guid, rows
from sigma.aimicius.cmdgen.simulator.state import Device, Execution, Node
from sigma.aimicius.cmdgen.tools.rocm_smi import ASKING

WIDTH = 90
SETTINGS = (
    "setclock setsclk setmclk setpcie setslevel setmlevel setvc setsrange setmrange setextremum setfan setperflevel setoverdrive "
    "setmemoverdrive setpoweroverdrive setprofile setperfdeterminism setcomputepartition setmemorypartition rasenable "
    "rasdisable rasinject resetclocks resetfans resetprofile resetpoweroverdrive resetxgmierr resetperfdeterminism "
    "resetcomputepartition resetmemorypartition gpureset load save"
).split()
TITLES = {
    "showid": "ID",
    "showproductname": "Product Info",
    "showuniqueid": "Unique ID",
    "showvbios": "VBIOS",
    "showserial": "Serial Number",
    "showbus": "PCI Bus ID",
    "showtemp": "Temperature",
    "showpower": "Power Consumption",
    "showmaxpower": "Power Cap",
    "showuse": "% time GPU is busy",
    "showmemuse": "Current Memory Use",
    "showmeminfo": "Memory Usage (Bytes)",
    "showfan": "Current Fan Metric",
    "showperflevel": "Show Performance Level",
    "showoverdrive": "OverDrive Level",
    "showmemoverdrive": "Memory OverDrive Level",
    "showvoltage": "Current voltage",
    "showclocks": "Current clock frequencies",
    "showgpuclocks": "Current GPU clock frequencies",
    "showclkfrq": "Supported clock frequencies",
    "showprofile": "Show Power Profiles",
    "showbw": "Estimated maximum PCIe bandwidth over the last second (MB/s)",
    "showfwinfo": "Firmware Information",
    "showmemvendor": "Memory Vendor",
    "showreplaycount": "PCIe Replay Counter",
    "showrasinfo": "RAS Info",
    "showxgmierr": "XGMI Error Status",
    "showretiredpages": "Pages Info",
    "showpagesinfo": "Pages Info",
    "showpendingpages": "Pages Info",
    "showunreservablepages": "Pages Info",
    "showenergycounter": "Consumed Energy",
    "showcomputepartition": "Current Compute Partition",
    "showmemorypartition": "Current Memory Partition",
    "showsclkrange": "Valid sclk Range",
    "showmclkrange": "Valid mclk Range",
    "showvoltagerange": "Valid voltage Range",
    "showclkvolt": "Current clock and voltage levels",
    "showvc": "Voltage Curve Points",
    "showtempgraph": "Temperature Graph",
    "showpidgpus": "GPUs Indexed by PID",
}
MATRICES = {
    "showtopoweight": ("Weight between two GPUs", "15"),
    "showtopohops": ("Hops between two GPUs", "1"),
    "showtopotype": ("Link Type between two GPUs", "XGMI"),
    "showtopoaccess": ("Link accessibility between two GPUs", "True"),
    "shownodesbw": ("Bandwidth", "50000-50000"),
}


def run(meaning: Meaning, node: Node) -> Execution:
    """Run one parsed rocm-smi command."""
    options = meaning.options
    if options.get("help"):
        return Execution("rocm-smi -- the usage text is AMD's and is not reprinted here\n", query=True)
    if options.get("version"):
        return Execution("ROCM-SMI version: 3.0.0+c9d9a1b\nROCM-SMI-LIB version: 7.5.0\n", query=True)
    devices = node.pick(options.get("device"))
    if devices is None:
        bad = [name for name in options["device"] if node.pick([name]) is None]
        return Execution(f"ERROR: GPU[{bad[0]}]\t: The desired GPU is not found in the system\n", 1, query=True)
    if any(name in options for name in SETTINGS):
        if options.get("autorespond") == "n":
            return Execution("Confirmation not given. Exiting without setting value\n", 1)
        execution = _set(meaning, devices)
        execution.asks = bool(ASKING & set(options)) and "autorespond" not in options
        return execution
    shown = _shown(options)
    if "json" in options or "csv" in options:
        return Execution(_data(meaning, shown, devices, node), query=True)
    blocks = [] if shown else [("Concise Info", _concise(devices))]
    for name in shown:
        blocks += _blocks(name, options.get(name), devices, node)
    lines = ["", _bar(" ROCm System Management Interface ")]
    for title, text in blocks:
        lines += [_bar(f" {title} "), *text, "=" * WIDTH]
    return Execution("\n".join([*lines, _bar(" End of ROCm SMI Log "), ""]) + "\n", query=True)


ALL_INFO = (
    "showid showuniqueid showvbios showtemp showclocks showfan showperflevel showoverdrive showmaxpower showprofile showpower "
    "showclkfrq showuse showmemuse showmemvendor showreplaycount showserial showbus showproductname showfwinfo showpids "
    "showvoltage showenergycounter"
).split()


def _shown(options: dict) -> list[str]:
    shown = [name for name in options if name.startswith("show")]
    if "showallinfo" in shown:
        shown = [*ALL_INFO, *(name for name in shown if name not in ALL_INFO)]
        shown.remove("showallinfo")
    if "showtopo" in shown:
        place = shown.index("showtopo")
        shown[place : place + 1] = ["showtopoweight", "showtopohops", "showtopotype", "showtoponuma"]
    return list(dict.fromkeys(shown))


def _bar(text: str) -> str:
    return text.center(WIDTH, "=")


def _concise(devices: list[Device]) -> list[str]:
    lines = [
        "Device  Node  IDs              Temp        Power     Partitions          SCLK    MCLK    Fan  Perf  PwrCap  VRAM%  GPU%"
    ]
    lines.append("              (DID,     GUID)  (Junction)  (Socket)  (Mem, Compute, ID)")
    lines.append("=" * WIDTH)
    for device in devices:
        now = device.at(0)
        share = 100 * now.used_mib // device.model.memory_mib
        lines.append(
            f"{device.index:<8}{device.index + 2:<6}{device.model.device_id}, {guid(device):<7} {now.temperature:.1f}°C      "
            f"{now.power:.1f}W    NPS1, SPX, 0        {now.graphics_mhz}Mhz {now.memory_mhz}Mhz  0%   auto  "
            f"{device.model.power[1]:.1f}W  {share}%     {now.utilization}%"
        )
    return lines


def _blocks(name: str, value: object, devices: list[Device], node: Node) -> list[tuple[str, list[str]]]:
    if name == "showdriverversion":
        return [("Version of System Component", [f"Driver version: {node.driver}"])]
    if name == "showpids":
        lines = ["KFD process information:", "PID\tPROCESS NAME\tGPU(s)\tVRAM USED\tSDMA USED\tCU OCCUPANCY"]
        for device in devices:
            for process in device.processes:
                gpus = "1" if value == "brief" else str(device.index)
                lines.append(
                    f"{process.pid}\t{process.name}\t{gpus}\t{process.used_mib << 20}\t0\t{device.at(0).utilization}"
                )
        return [("KFD Processes", lines)]
    if name == "showevents":
        wanted = ", ".join(value) or "all events"
        return [("Show Events", [f"GPU[{d.index}]\t\t: listening for {wanted}" for d in devices])]
    if name == "showpidgpus":
        lines = [
            f"PID {p.pid} is using 1 DRM device(s): {d.index}"
            for d in devices
            for p in d.processes
            if not value or str(p.pid) in value
        ]
        return [(TITLES[name], lines or ["No KFD PIDs currently running"])]
    if name in MATRICES:
        title, cell = MATRICES[name]
        own = {"showtopotype": "0", "showtopoaccess": "True", "shownodesbw": "N/A"}.get(name, "0")
        lines = [" " * 7 + "".join(f"GPU{d.index:<9}" for d in devices)]
        for one in devices:
            lines.append(f"GPU{one.index:<4}" + "".join(f"{own if one is other else cell:<12}" for other in devices))
        return [(title, lines)]
    if name == "showtoponuma":
        lines = [
            f"GPU[{d.index}]\t\t: (Topology) Numa {what}: {int(d.index > 3)}"
            for d in devices
            for what in ("Node", "Affinity")
        ]
        return [("Numa Nodes", lines)]
    if name == "showhw":
        lines = ["GPU  NODE  DID     GUID   GFX VER  GFX RAS  SDMA RAS  UMC RAS  VBIOS             BUS"]
        lines += [
            f"{d.index:<5}{d.index + 2:<6}{d.model.device_id:<8}{guid(d):<7}{d.model.capability:<9}ENABLED  ENABLED   ENABLED  {d.model.vbios:<18}{d.bus_id}"
            for d in devices
        ]
        return [("Concise Hardware Info", lines)]
    lines = [f"GPU[{d.index}]\t\t: {label}: {shown}" for d in devices for label, shown in rows(name, value, d, node)]
    return [(TITLES.get(name, name), lines or ["Not supported on the given system"])]  # fmt: skip


def _data(meaning: Meaning, shown: list[str], devices: list[Device], node: Node) -> str:
    """--json and --csv: one record per card."""
    names = shown or ["showtemp", "showpower", "showuse", "showmemuse"]
    cards: dict[str, dict[str, str]] = {}
    for device in devices:
        card: dict[str, str] = {}
        for name in names:
            pairs = rows(name, meaning.options.get(name, ["all"]), device, node)
            if name in MATRICES:
                pairs = [
                    (f"{MATRICES[name][0]} (GPU {o.index})", MATRICES[name][1]) for o in devices if o is not device
                ]
            elif name == "showpids":
                pairs = [(f"PID{p.pid}", f"{p.name}, {p.used_mib << 20}") for p in device.processes]
            elif name == "showtoponuma":
                pairs = [("(Topology) Numa Node", str(int(device.index > 3)))]
            elif not pairs:
                pairs = [(TITLES.get(name, name), "N/A")]
            card |= dict(pairs)
        cards[f"card{device.index}"] = card
    if "showdriverversion" in names:
        cards = {"system": {"Driver version": node.driver}, **{k: v for k, v in cards.items() if len(names) > 1}}
    if "json" in meaning.options:
        return json.dumps(cards) + "\n"
    heads = list(dict.fromkeys(label for card in cards.values() for label in card))
    lines = ["device," + ",".join(heads)]
    lines += [",".join([name, *(card.get(label, "") for label in heads)]) for name, card in cards.items()]
    return "\n".join(lines) + "\n"


def _set(meaning: Meaning, devices: list[Device]) -> Execution:
    options = {name: value for name, value in meaning.options.items() if name in SETTINGS}
    lines, changes = [], {}
    failed = False
    for device in devices:
        for name, value in options.items():
            shown = " ".join(map(str, value)) if isinstance(value, list) else str(value)
            if name == "setpoweroverdrive" and value > device.model.power[2]:
                lines.append(
                    f"GPU[{device.index}]\t\t: Unable to set power cap to {value}W: above the maximum of {device.model.power[2]}W"
                )
                failed = True
                continue
            if name == "setfan" or name == "resetfans":
                lines.append(f"GPU[{device.index}]\t\t: Not supported on the given system")
                failed = True
            else:
                text = f"{name} done" if value is True else f"Successfully set {name.removeprefix('set')} to {shown}"
                lines.append(f"GPU[{device.index}]\t\t: {text}")
            changes.setdefault(str(device.index), {})[name] = value
    body = [_bar(" ROCm System Management Interface "), *lines, _bar(" End of ROCm SMI Log ")]
    files = {options["save"]: "(clock settings)\n"} if "save" in options else {}
    return Execution("\n".join(body) + "\n", 1 if failed else 0, changes=changes, files=files)  # fmt: skip
