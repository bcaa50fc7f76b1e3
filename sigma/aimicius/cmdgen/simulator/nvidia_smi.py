"""nvidia-smi on the simulated node: the summary table, queries, settings; dmon and its kin are in nvidia_monitor.

`_setting` has over 60 lines: a case for each setting, with the words of the tool.
"""

from __future__ import annotations

from sigma.aimicius.cmdgen.grammar.meaning import Meaning
from sigma.aimicius.cmdgen.simulator import nvidia_details, nvidia_monitor, nvidia_query
from sigma.aimicius.cmdgen.simulator.state import Device, Execution, Node, closing, polls
from sigma.aimicius.cmdgen.tools.nvidia_smi import QUERIES

WIDTH = 89
MODES = {"0": "DEFAULT", "1": "EXCLUSIVE_THREAD", "2": "PROHIBITED", "3": "EXCLUSIVE_PROCESS"}
SWITCH = {"0": "disabled", "1": "enabled"}


def run(meaning: Meaning, node: Node) -> Execution:
    """Run one parsed nvidia-smi command."""
    if meaning.options.get("help"):
        return Execution(_help(meaning), query=True)
    if meaning.sub:
        return nvidia_monitor.run(meaning, node)
    for name in meaning.options:
        if name.startswith("help-"):
            fields = "\n".join(f'"{field}"' for field in dict.fromkeys(QUERIES[name.removeprefix("help-")].values()))
            return Execution(
                f"List of valid properties to query for --{name.removeprefix('help-')}:\n\n{fields}\n", query=True
            )
    if meaning.get("version"):
        lines = {"NVIDIA-SMI version": node.driver, "NVML version": "580.65", "DRIVER version": node.driver}
        lines |= {"CUDA Version": node.runtime}
        return Execution("".join(f"{name:<20}: {value}\n" for name, value in lines.items()), query=True)
    devices = node.pick(meaning.get("id"))
    if devices is None:
        return Execution("No devices were found\n", 6, query=True)
    changed = _settings(meaning, devices)
    if changed is not None:
        return changed
    return _repeated(meaning, devices, node)


def _help(meaning: Meaning) -> str:
    command = " ".join(("nvidia-smi", *meaning.sub))
    return f"{command} -- the usage text is NVIDIA's and is not reprinted here\n"


def _repeated(meaning: Meaning, devices: list[Device], node: Node) -> Execution:
    """A report once, or again and again with -l and -lms; -f sends it to a file."""
    every = meaning.get("loop-ms")
    kind = next((name for name in QUERIES if name in meaning.options), None)
    parts = []
    for tick in polls(None) if every else range(1):
        seconds = tick * every / 1000 if every else 0.0
        if kind:
            parts.append(nvidia_query.table(kind, meaning, devices, node, tick, seconds))
        elif meaning.get("query") and meaning.get("unit"):
            when = node.now(seconds).strftime("%a %b %d %H:%M:%S %Y")
            log = "==============NVSMI LOG=============="
            parts.append(f"\n{log}\n\nTimestamp : {when}\nDriver Version : {node.driver}\nAttached Units : 0\n")
        elif meaning.get("query") or meaning.get("display"):
            parts.append(nvidia_details.report(meaning, devices, node, tick, seconds))
        elif meaning.get("list-gpus"):
            parts.append("".join(f"GPU {d.index}: {d.model.name} (UUID: {d.uuid})\n" for d in devices))
        elif meaning.get("list-excluded-gpus"):
            parts.append("No excluded devices found.\n")
        elif meaning.get("unit"):
            parts.append("No units were found\n")
        else:
            parts.append(_summary(devices, node, tick, seconds))
    output = "".join(parts) + (closing(None) if every else "")
    rhythm = (every, None) if every else None
    if path := meaning.get("filename"):
        return Execution("", files={path: output}, rhythm=rhythm, query=True)
    return Execution(output, rhythm=rhythm, query=True)


def _summary(devices: list[Device], node: Node, tick: int, seconds: float) -> str:
    """The table that nvidia-smi prints without arguments."""
    line = "+" + "-" * WIDTH + "+"
    inner = "+" + "-" * 41 + "+" + "-" * 24 + "+" + "-" * 22 + "+"
    rows = [node.now(seconds).strftime("%a %b %d %H:%M:%S %Y"), line]
    version = f"NVIDIA-SMI {node.driver}             Driver Version: {node.driver}     CUDA Version: {node.runtime}"
    rows += [f"| {version:<{WIDTH - 2}} |", inner.replace("+", "|", 1)[:-1] + "|"]
    rows.append("| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |")
    rows.append("| Fan  Temp   Perf          Pwr:Usage/Cap |           Memory-Usage | GPU-Util  Compute M. |")
    rows.append("|                                         |                        |               MIG M. |")
    rows.append(inner.replace("-", "=").replace("+", "|"))
    for device in devices:
        now, cap = device.at(tick), device.model.power[1]
        rows.append(
            f"| {device.index:>3}  {device.model.name[:24]:<24}  {'On':>8} | {device.bus_id:>18} Off |{0:>21} |"
        )
        usage = f"{now.power:.0f}W / {cap:>4}W"
        memory = f"{now.used_mib}MiB / {device.model.memory_mib}MiB"
        rows.append(
            f"| N/A  {now.temperature:>3}C    P0 {usage:>23} | {memory:>22} | {now.utilization:>6}%      Default |"
        )
        rows.append("|                                         |                        |             Disabled |")
        rows.append(inner)
    rows += ["", line, f"| {'Processes:':<{WIDTH - 2}} |"]
    rows.append(f"| {' GPU   GI   CI              PID   Type   Process name':<73}{'GPU Memory':>{WIDTH - 75}} |")
    rows.append("|" + "=" * WIDTH + "|")
    listed = [process for device in devices for process in device.processes]
    for process in listed:
        left = f"{process.device:>3}   N/A  N/A {process.pid:>16}      C   {process.name}"
        rows.append(f"| {left:<73}{str(process.used_mib) + 'MiB':>{WIDTH - 75}} |")
    if not listed:
        rows.append(f"| {' No running processes found':<{WIDTH - 2}} |")
    return "\n".join([*rows, line]) + "\n"


def _settings(meaning: Meaning, devices: list[Device]) -> Execution | None:
    """Settings and resets: what each device answers, and what has changed. None when nothing is to be set."""
    lines: list[str] = []
    changes: dict[str, dict[str, object]] = {}
    failed = 0
    for device in devices:
        for name, value in meaning.options.items():
            done = _setting(name, value, device)
            if done is None:
                continue
            text, setting = done
            lines.append(text)
            if setting is None:
                failed = 1
            else:
                changes.setdefault(str(device.index), {}).update(setting)
    if not lines:
        return None
    lines.append("All done." if not failed else "Terminating early due to previous errors.")
    return Execution("\n".join(lines) + "\n", 3 if failed else 0, changes=changes)


def _setting(name: str, value: object, device: Device) -> tuple[str, dict[str, object] | None] | None:
    """(the tool's line, the change or None when it is refused) for one option on one device; None if it is no setting."""
    bus, model = device.bus_id, device.model
    least, default, most = model.power
    top = model.graphics_mhz[1]
    if name == "power-limit":
        if not least <= float(value) <= most:
            valid = f"between {least:.2f} W and {most:.2f} W"
            return (
                f"Provided power limit {float(value):.2f} W is not a valid power limit which should be {valid} for GPU {bus}",
                None,
            )
        return f"Power limit for GPU {bus} was set to {float(value):.2f} W from {default:.2f} W.", {
            "power-limit": value
        }
    if name == "lock-gpu-clocks":
        low, high = value
        return f'GPU clocks set to "(gpuClkMin {low}, gpuClkMax {high})" for GPU {bus}', {"gpu-clocks": [low, high]}
    if name == "lock-memory-clocks":
        low, high = value
        return f'Memory clocks set to "(memClkMin {low}, memClkMax {high})" for GPU {bus}', {
            "memory-clocks": [low, high]
        }
    if name == "applications-clocks":
        memory, graphics = value
        if memory != model.memory_mhz or graphics > top:
            return (
                f"Specified clock combination \"(MEM {memory}, SM {graphics})\" is not supported for GPU {bus}. Run 'nvidia-smi -q -d SUPPORTED_CLOCKS' to see list of supported clock combinations",
                None,
            )
        return f'Applications clocks set to "(MEM {memory}, SM {graphics})" for GPU {bus}', {
            "applications-clocks": value
        }
    if name == "compute-mode":
        return f"Set compute mode to {MODES[value]} for GPU {bus}.", {"compute-mode": value}
    if name == "multi-instance-gpu":
        word = SWITCH[value].capitalize()
        return f"{word} MIG Mode for GPU {bus}", {"mig": value}
    switches = {
        "persistence-mode": "persistence mode",
        "ecc-config": "Ecc support",
        "accounting-mode": "Accounting Mode",
    }
    if name in switches:
        return f"{SWITCH[str(value)].capitalize()} {switches[name]} for GPU {bus}.", {name: value}
    resets = {
        "reset-gpu-clocks": "All done resetting GPU clocks",
        "reset-memory-clocks": "All done resetting memory clocks",
        "reset-applications-clocks": "All applications clocks were reset",
        "gpu-reset": "GPU was successfully reset",
        "clear-accounted-apps": "Cleared the accounted applications",
        "reset-ecc-errors": "Reset ECC error counters",
    }
    if name in resets:
        if name == "gpu-reset" and device.processes:
            return f"GPU {bus}: is currently in use by {len(device.processes)} other process(es).", None
        return f"{resets[name]} for GPU {bus}.", {name: value}
    others = ("gom", "virt-mode", "applications-clocks-permission", "gpu-target-temp", "lock-memory-clocks-deferred")
    if name in (*others, "reset-memory-clocks-deferred", "force-driver-model"):
        return f"Changing this setting is not supported for GPU {bus}.", None
    return None
