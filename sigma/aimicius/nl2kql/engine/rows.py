"""The rows behind the schema: two weeks of a GPU fleet, computed from counters, so that they are the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np

from sigma.aimicius.nl2kql import pools as p

# What now() and ago() mean to every query: rows end here, so that a question of "the past day" has the same answer
# on every day.
NOW = datetime(2025, 6, 16, 12, 0, 0)
DAYS = 14
SEED = 20250616

Columns = dict[str, np.ndarray]


class Draw:
    """Random columns of one table: entry i of stream s is a hash of (seed, table, s, i), nothing more.

    A hash of our own (splitmix64's finaliser) rather than NumPy's generators, whose streams may change with versions.
    """

    def __init__(self, table: int, rows: int):
        self.rows = rows
        self._table = table
        self._stream = 0

    def unit(self) -> np.ndarray:
        """[rows] floats in [0, 1)."""
        self._stream += 1
        start = np.uint64(SEED * 1_000_003 + self._table * 7_919 + self._stream * 104_729)
        with np.errstate(over="ignore"):
            x = np.arange(self.rows, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + start * np.uint64(
                0xD1342543DE82EF95
            )
            x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            x = x ^ (x >> np.uint64(31))
        return (x >> np.uint64(11)).astype(np.float64) / float(1 << 53)

    def of(self, items: list[Any]) -> np.ndarray:
        """[rows] items, all equally likely."""
        return _array(items)[self.index(len(items))]

    def index(self, count: int) -> np.ndarray:
        """[rows] whole numbers below `count`."""
        return np.minimum((self.unit() * count).astype(np.int64), count - 1)

    def whole(self, low: int, high: int, bend: float = 1.0) -> np.ndarray:
        """[rows] whole numbers from low to high; `bend` above 1 makes small ones frequent."""
        return (low + (self.unit() ** bend) * (high - low + 1)).astype(np.int64).clip(low, high)

    def real(self, low: float, high: float, bend: float = 1.0, digits: int = 1) -> np.ndarray:
        """[rows] floats between low and high, rounded."""
        return np.round(low + (self.unit() ** bend) * (high - low), digits)

    def yes(self, share: float) -> np.ndarray:
        """[rows] booleans, true in that share."""
        return self.unit() < share

    def time(self) -> np.ndarray:
        """[rows] microsecond timestamps of the last DAYS days, denser towards NOW, so that short windows hold rows."""
        seconds = (self.unit() ** 2 * DAYS * 86_400).astype(np.int64) + 1
        return np.datetime64(NOW, "us") - seconds.astype("timedelta64[s]").astype("timedelta64[us]")


def tables() -> dict[str, Columns]:
    """All tables by name: equally long columns (datetime64[us], float64, int64, bool, or strings as objects)."""
    return {name: make(Draw(number, rows)) for number, (name, rows, make) in enumerate(_TABLES, 1)}


def _array(items: list[Any]) -> np.ndarray:
    return np.array(items, dtype=object if isinstance(items[0], str) else None)


DEVICES = [f"{site}-p{pod:02d}-{role}" for site in p.SITES for pod in (1, 2) for role in p.ROLES]
_IPS = [f"10.{64 + i // 250}.{i % 250}.{7 + i % 200}" for i in range(len(DEVICES))]


def _rack_of(nodes: np.ndarray) -> np.ndarray:
    return np.array([node.rsplit("-", 1)[0] for node in nodes], dtype=object)


def _every(items: list[str], count: int) -> np.ndarray:
    """`count` entries that go through `items` in turn: inventories name each thing at least once."""
    return np.array([items[i % len(items)] for i in range(count)], dtype=object)


def _model_of(nodes: np.ndarray) -> np.ndarray:
    """A node's GPU model is a fact of the node, the same in every table."""
    by_node = {node: p.MODELS[(i * 5 + i // 7) % len(p.MODELS)] for i, node in enumerate(p.NODES)}
    return np.array([by_node[node] for node in nodes], dtype=object)


def _syslog(d: Draw) -> Columns:
    which, topic = d.index(len(DEVICES)), d.index(len(p.TOPICS))
    return {
        "TIMESTAMP": d.time(), "Device": _array(DEVICES)[which], "DeviceIp": _array(_IPS)[which],
        "Severity": d.of(p.SEVERITIES), "Facility": d.of(p.FACILITIES),
        "Message": _array([text for _, text in p.TOPICS])[topic],
    }  # fmt: skip


def _optics(d: Draw) -> Columns:
    return {
        "TIMESTAMP": d.time(), "Device": d.of(DEVICES), "Port": d.whole(1, 64), "RxPowerDbm": d.real(-14, 1),
        "TxPowerDbm": d.real(-4, 3), "ModuleTempC": d.real(28, 88), "Vendor": d.of(p.VENDORS),
    }  # fmt: skip


def _ib(d: Draw) -> Columns:
    return {
        "TIMESTAMP": d.time(), "Device": d.of(DEVICES), "Port": d.whole(1, 64), "SymbolErrors": d.whole(0, 900, 4),
        "LinkDowned": d.whole(0, 20, 4), "RcvGB": d.real(0, 4_000), "XmitWait": d.whole(0, 900_000, 3),
    }  # fmt: skip


def _flaps(d: Draw) -> Columns:
    return {
        "TIMESTAMP": d.time(), "Device": d.of(DEVICES), "Port": d.whole(1, 64), "PeerNode": d.of(p.NODES),
        "Flaps": d.whole(1, 40, 3), "Cause": d.of(p.CAUSES),
    }  # fmt: skip


def _gpu(d: Draw) -> Columns:
    node, busy = d.of(p.NODES), d.unit() ** 0.5
    return {
        "TIMESTAMP": d.time(), "Node": node, "GpuId": d.whole(0, 7), "Model": _model_of(node),
        "UtilPct": np.round(100 * busy, 1), "MemUsedGB": np.round(78 * (0.6 * busy + 0.4 * d.unit()), 1),
        "TempC": np.round(34 + 44 * busy + 14 * d.unit(), 1), "PowerW": np.round(80 + 560 * busy + 60 * d.unit(), 0),
    }  # fmt: skip


def _nvlink(d: Draw) -> Columns:
    return {
        "TIMESTAMP": d.time(), "Node": d.of(p.NODES), "GpuId": d.whole(0, 7), "Link": d.whole(0, 17),
        "TxGB": d.real(0, 900), "RxGB": d.real(0, 900), "CrcErrors": d.whole(0, 500, 4),
    }  # fmt: skip


def _host(d: Draw) -> Columns:
    return {
        "TIMESTAMP": d.time(), "Node": d.of(p.NODES), "CpuPct": d.real(1, 100), "MemFreeGB": d.real(5, 900, 0.7),
        "DiskUsedPct": d.real(10, 99.5), "NicDrops": d.whole(0, 600, 3),
    }  # fmt: skip


def _health(d: Draw) -> Columns:
    return {
        "Timestamp": d.time(), "Node": d.of(p.NODES), "State": d.of(p.STATES), "FailedCheck": d.of(p.CHECKS),
        "DurationMin": d.real(1, 400, 2),
    }  # fmt: skip


def _xid(d: Draw) -> Columns:
    node = d.of(p.NODES)
    return {
        "Timestamp": d.time(), "Node": node, "GpuId": d.whole(0, 7), "Xid": d.of(p.XIDS), "Model": _model_of(node),
        "Driver": d.of(p.DRIVERS),
    }  # fmt: skip


def _ecc(d: Draw) -> Columns:
    return {
        "Timestamp": d.time(), "Node": d.of(p.NODES), "GpuId": d.whole(0, 7), "Correctable": d.yes(0.7),
        "Location": d.of(p.LOCATIONS), "Errors": d.whole(1, 600, 4),
    }  # fmt: skip


def _repairs(d: Draw) -> Columns:
    return {
        "OpenTime": d.time(), "TicketId": 40_000 + np.arange(d.rows), "Node": d.of(p.NODES),
        "Component": d.of(p.COMPONENTS), "Priority": d.whole(0, 3), "Status": d.of(p.STATUSES),
        "HoursOpen": d.real(0.2, 320, 2),
    }  # fmt: skip


def _jobs(d: Draw) -> Columns:
    event = d.of(p.EVENTS)
    failed = np.isin(event, ["Failed", "TimedOut", "NodeLost"])
    return {
        "EventTime": d.time(), "JobId": 900_000 + d.whole(0, 3_999), "JobName": d.of(p.JOBS), "User": d.of(p.USERS),
        "Queue": d.of(p.QUEUES), "Event": event, "Node": d.of(p.NODES), "Gpus": 8 * 2 ** d.whole(0, 6, 1.5),
        "ExitCode": np.where(failed, d.of([1, 137, 139, 124]), 0),
    }  # fmt: skip


def _queues(d: Draw) -> Columns:
    return {
        "EventTime": d.time(), "Queue": d.of(p.QUEUES), "Pending": d.whole(0, 120, 2), "Running": d.whole(0, 400),
        "WaitMin": d.real(0, 300, 2), "GpusFree": 8 * d.whole(0, 60, 2),
    }  # fmt: skip


def _steps(d: Draw) -> Columns:
    step = d.whole(1, 90_000)
    return {
        "EventTime": d.time(), "JobName": d.of(p.JOBS), "Rank": d.whole(0, 511), "Step": step,
        "StepSeconds": d.real(0.6, 5.5, 1.6, 2), "Loss": np.round(1.6 + 9 / np.sqrt(step) + 3.2 * d.unit() ** 2, 3),
        "TokensPerSec": d.real(9_000, 260_000, 1, 0),
    }  # fmt: skip


def _checkpoints(d: Draw) -> Columns:
    return {
        "EventTime": d.time(), "JobName": d.of(p.JOBS), "Store": d.of(p.STORES), "SizeGB": d.real(2, 900, 2),
        "Seconds": d.real(3, 600, 2), "Succeeded": d.yes(0.85),
    }  # fmt: skip


def _nodes(d: Draw) -> Columns:
    node = _every(p.NODES, d.rows)
    start = np.datetime64("2021-03-01", "us") + d.whole(0, 1_500).astype("timedelta64[D]").astype("timedelta64[us]")
    return {
        "Node": node, "Sku": d.of(p.SKUS), "Model": _model_of(node), "Rack": _rack_of(node),
        "Region": np.array([name.split("-")[0] for name in node], dtype=object), "Driver": d.of(p.DRIVERS),
        "InService": start,
    }  # fmt: skip


def _switches(d: Draw) -> Columns:
    device = _every(DEVICES, d.rows)
    return {
        "Device": device, "Site": np.array([name.split("-")[0] for name in device], dtype=object),
        "Role": np.array([name.split("-")[-1] for name in device], dtype=object), "Vendor": d.of(p.VENDORS),
        "Ports": d.of([32, 48, 64, 128]), "OsVersion": d.of(p.OS_VERSIONS),
    }  # fmt: skip


def _racks(d: Draw) -> Columns:
    return {
        "TIMESTAMP": d.time(), "Rack": d.of(p.RACKS), "PowerKw": d.real(6, 42), "InletC": d.real(18, 33),
        "CapKw": d.of([36.0, 40.0, 44.0]),
    }  # fmt: skip


def _cooling(d: Draw) -> Columns:
    return {
        "TIMESTAMP": d.time(), "Rack": d.of(p.RACKS), "Unit": d.of(p.UNITS), "Event": d.of(p.COOLING),
        "OutageMin": d.real(1, 240, 2),
    }  # fmt: skip


def _nccl(d: Draw) -> Columns:
    bandwidth = d.real(40, 470)
    return {
        "TIMESTAMP": d.time(), "Node": d.of(p.NODES), "Collective": d.of(p.COLLECTIVES),
        "SizeMB": d.of(sorted(p.POOLS["megabytes"])), "BusBwGBs": bandwidth, "Passed": bandwidth > 160,
    }  # fmt: skip


_TABLES: list[tuple[str, int, Callable[[Draw], Columns]]] = [
    ("SyslogData", 16_000, _syslog), ("OpticsReadings", 8_000, _optics), ("IbCounters", 8_000, _ib),
    ("LinkFlaps", 5_000, _flaps), ("GpuMetrics", 20_000, _gpu), ("NvlinkCounters", 8_000, _nvlink),
    ("HostMetrics", 8_000, _host), ("NodeHealth", 8_000, _health), ("XidErrors", 8_000, _xid),
    ("EccErrors", 6_000, _ecc), ("RepairTickets", 4_000, _repairs), ("JobEvents", 12_000, _jobs),
    ("QueueStats", 6_000, _queues), ("StepMetrics", 12_000, _steps), ("CheckpointWrites", 6_000, _checkpoints),
    ("NodeInventory", len(p.NODES), _nodes), ("SwitchInventory", len(DEVICES), _switches),
    ("RackPower", 8_000, _racks), ("CoolingEvents", 4_000, _cooling), ("NcclTests", 6_000, _nccl),
]  # fmt: skip
