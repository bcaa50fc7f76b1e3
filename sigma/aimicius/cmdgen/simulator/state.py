"""The simulated node: what its devices are and what they are doing, the same on every machine.

Hardware figures (memory, power limits, clocks, links) are those of the vendors' data sheets; what the node is busy with is
drawn from a generator seeded by the node's name. `at(tick)` gives a device's readings at a later poll.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

START = datetime(2025, 3, 18, 9, 30, 0)
TICKS = 3  # polls that are shown of a command that would go on until ^C
MAX_POLLS = 60  # polls that are printed of a command that counts; the rest is said, not printed


@dataclass(frozen=True, slots=True)
class Model:
    """A kind of GPU."""

    vendor: str
    name: str
    memory_mib: int
    power: tuple[int, int, int]  # least, default, most (W)
    graphics_mhz: tuple[int, int]  # idle, most
    memory_mhz: int
    links: int
    link_gb_s: float
    bus_gb_s: float  # what an 8-GPU all-reduce settles at (bus bandwidth), for the benchmark tables
    capability: str
    device_id: str
    vbios: str


MODELS = {
    "8xH100": Model("NVIDIA", "NVIDIA H100 80GB HBM3", 81559, (200, 700, 700), (345, 1980), 2619, 18, 26.562, 362.0, "9.0", "0x233010DE", "96.00.89.00.01"),
    "8xA100": Model("NVIDIA", "NVIDIA A100-SXM4-80GB", 81920, (100, 400, 400), (210, 1410), 1593, 12, 25.0, 231.0, "8.0", "0x20B210DE", "92.00.45.00.03"),
    "8xMI300X": Model("AMD", "AMD Instinct MI300X", 196592, (0, 750, 750), (132, 2100), 1300, 7, 64.0, 312.0, "gfx942", "0x74a1", "113-M3000100-102"),
}  # fmt: skip
SYSTEMS = tuple(MODELS)
BUS = ("0001", "0002", "0003", "0008", "0009", "000A", "000B", "000C")
AMD_BUS = ("0c", "22", "38", "5c", "9f", "af", "bf", "df")


@dataclass(frozen=True, slots=True)
class Readings:
    """What a device shows at one poll."""

    temperature: int
    memory_temperature: int
    power: float
    utilization: int
    memory_utilization: int
    graphics_mhz: int
    memory_mhz: int
    used_mib: int
    rx_mb: int
    tx_mb: int
    energy_j: float


@dataclass(frozen=True, slots=True)
class Process:
    """A process on one device."""

    pid: int
    name: str
    used_mib: int
    device: int


@dataclass(frozen=True, slots=True)
class Device:
    """One GPU of the node."""

    index: int
    uuid: str
    serial: str
    bus_id: str
    load: float  # 0 idle to 1 busy
    corrected: int  # ECC errors since boot
    processes: tuple[Process, ...]
    model: Model
    node: str

    def at(self, tick: int) -> Readings:
        """Readings at the given poll."""
        return _readings(self.node, self.index, tick)


@dataclass(frozen=True, slots=True)
class Node:
    """Eight devices and what drives them."""

    system: str
    model: Model
    devices: tuple[Device, ...]
    host: str
    driver: str
    runtime: str
    files: dict[str, str] = field(default_factory=dict)

    def now(self, seconds: float = 0.0) -> datetime:
        """The node's clock, that many seconds after the command was started."""
        return START + timedelta(seconds=min(seconds, 3e9))  # a century: calendars end

    def pick(self, wanted: list[str] | None) -> list[Device] | None:
        """Devices by index, UUID, serial or bus id, in the node's order; None when one of them does not exist."""
        if not wanted or wanted == ["all"]:
            return list(self.devices)
        chosen = []
        for word in wanted:
            match = [d for d in self.devices if _is(d, word)]
            if not match:
                return None
            chosen += match
        return sorted(set(chosen), key=lambda device: device.index)


def _is(device: Device, word: str) -> bool:
    lowered = word.lower()
    bus = device.bus_id.lower()
    return word == str(device.index) or lowered in (
        device.uuid.lower(),
        device.serial.lower(),
        bus,
        bus[4:],
        bus.lstrip("0"),
    )


@lru_cache(maxsize=len(SYSTEMS))
def node(system: str) -> Node:
    """The node of that name. Raises KeyError for another."""
    model = MODELS[system]
    draw = random.Random(system)
    devices = []
    for index in range(8):
        load = (0.0, 0.93, 0.88, 0.0, 0.42, 0.97, 0.0, 0.61)[index]
        share = int(model.memory_mib * (0.35 + 0.6 * load)) if load else 0
        names = ("python", "/usr/bin/python3", "tritonserver")
        pid = draw.randrange(11_000, 60_000)
        processes = (Process(pid, names[index % 3], share, index),) if load else ()
        if model.vendor == "NVIDIA":
            uuid = "GPU-" + "-".join("".join(draw.choices("0123456789abcdef", k=k)) for k in (8, 4, 4, 4, 12))
            bus = f"0000{BUS[index]}:00:00.0"
        else:
            uuid = "0x" + "".join(draw.choices("0123456789abcdef", k=16))
            bus = f"0000:{AMD_BUS[index]}:00.0"
        serial = str(draw.randrange(1_650_000_000_000, 1_660_000_000_000))
        devices.append(Device(index, uuid, serial, bus, load, draw.choice((0, 0, 0, 1, 3)), processes, model, system))
    kind = system.removeprefix("8x").lower()
    driver, runtime = ("580.65.06", "13.0") if model.vendor == "NVIDIA" else ("6.12.12", "6.4.0")
    return Node(system, model, tuple(devices), f"node-{kind}-01", driver, runtime)


@lru_cache(maxsize=4096)
def _readings(system: str, index: int, tick: int) -> Readings:
    device = node(system).devices[index]
    model, draw = device.model, random.Random(f"{system}/{index}/{tick}")
    load = min(1.0, max(0.0, device.load + draw.uniform(-0.03, 0.03))) if device.load else 0.0
    low, high = model.graphics_mhz
    power = model.power[2] * (0.11 + 0.8 * load) + draw.uniform(-2, 2)
    temperature = round(31 + 34 * load + draw.uniform(-1, 1))
    used = sum(process.used_mib for process in device.processes)
    nvidia = model.vendor == "NVIDIA"
    return Readings(
        temperature,
        temperature + 9,
        round(power, 2),
        round(100 * load),
        round(57 * load),
        high if load > 0.1 else low,
        model.memory_mhz if load or nvidia else 900,
        used + (1 if nvidia else 285),  # what the driver keeps for itself
        round(1 + 4800 * load + draw.uniform(0, 2)),
        round(1 + 3900 * load + draw.uniform(0, 2)),
        round(1e6 + power * (tick + 1), 3),
    )


@dataclass(slots=True)
class Execution:
    """What running a command comes to.

    `changes`: settings by device; `files`: path -> what is written there; `rhythm`: (milliseconds, polls or None until ^C)
    of a command that repeats; `query`: reads only, so that equal output means an equal result; `subject`: the devices and
    fields that were asked for, because two idle devices show the same figures; `asks`: it waits for an answer at the
    terminal (the one who sits there says yes).
    """

    output: str
    exit_code: int = 0
    changes: dict[str, dict[str, object]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    rhythm: tuple[int, int | None] | None = None
    query: bool = False
    subject: list[object] = field(default_factory=list)
    asks: bool = False


def polls(count: int | None) -> range:
    """The polls that are printed."""
    return range(min(count, MAX_POLLS) if count else TICKS)


def closing(count: int | None) -> str:
    """What the terminal shows after the last printed poll."""
    if count is None:
        return "^C\n"
    return f"... ({count - MAX_POLLS} further polls are not printed)\n" if count > MAX_POLLS else ""
