"""What a query may name: clusters, their databases, their tables, their columns; ours is a GPU fleet, made up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

KUSTO_TYPES = frozenset("bool datetime decimal dynamic guid int long real string timespan".split())
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_\-.]{0,127}\Z")
MAX_COLUMNS = 20_000
CLUSTER_SUFFIX = ".kusto.windows.net"

# One line a table; a column without a type is a string. SyslogData and its place are those of the paper's example
# (appendix C); every other name is ours.
_FLEET = """
azphynet azdhmds SyslogData: TIMESTAMP datetime, Device, DeviceIp, Severity, Facility, Message
azphynet azdhmds OpticsReadings: TIMESTAMP datetime, Device, Port long, RxPowerDbm real, TxPowerDbm real, ModuleTempC real, Vendor
azphynet ibmon IbCounters: TIMESTAMP datetime, Device, Port long, SymbolErrors long, LinkDowned long, RcvGB real, XmitWait long
azphynet ibmon LinkFlaps: TIMESTAMP datetime, Device, Port long, PeerNode, Flaps long, Cause
gpufleet telemetry GpuMetrics: TIMESTAMP datetime, Node, GpuId long, Model, UtilPct real, MemUsedGB real, TempC real, PowerW real
gpufleet telemetry NvlinkCounters: TIMESTAMP datetime, Node, GpuId long, Link long, TxGB real, RxGB real, CrcErrors long
gpufleet telemetry HostMetrics: TIMESTAMP datetime, Node, CpuPct real, MemFreeGB real, DiskUsedPct real, NicDrops long
gpufleet health NodeHealth: Timestamp datetime, Node, State, FailedCheck, DurationMin real
gpufleet health XidErrors: Timestamp datetime, Node, GpuId long, Xid long, Model, Driver
gpufleet health EccErrors: Timestamp datetime, Node, GpuId long, Correctable bool, Location, Errors long
gpufleet health RepairTickets: OpenTime datetime, TicketId long, Node, Component, Priority long, Status, HoursOpen real
jobhub scheduler JobEvents: EventTime datetime, JobId long, JobName, User, Queue, Event, Node, Gpus long, ExitCode long
jobhub scheduler QueueStats: EventTime datetime, Queue, Pending long, Running long, WaitMin real, GpusFree long
jobhub training StepMetrics: EventTime datetime, JobName, Rank long, Step long, StepSeconds real, Loss real, TokensPerSec real
jobhub training CheckpointWrites: EventTime datetime, JobName, Store, SizeGB real, Seconds real, Succeeded bool
fleetops inventory NodeInventory: Node, Sku, Model, Rack, Region, Driver, InService datetime
fleetops inventory SwitchInventory: Device, Site, Role, Vendor, Ports long, OsVersion
fleetops facility RackPower: TIMESTAMP datetime, Rack, PowerKw real, InletC real, CapKw real
fleetops facility CoolingEvents: TIMESTAMP datetime, Rack, Unit, Event, OutageMin real
fleetops benchmarks NcclTests: TIMESTAMP datetime, Node, Collective, SizeMB long, BusBwGBs real, Passed bool
"""


class SchemaError(ValueError):
    """A schema that cannot be used; the message names the place."""


@dataclass(frozen=True)
class Table:
    """One table and where it lives; `columns` maps name to Kusto type, in order."""

    cluster: str
    database: str
    name: str
    columns: dict[str, str]

    @property
    def key(self) -> str:
        """`cluster.database.Table`, as the `tables` field of a case spells it."""
        return f"{self.cluster}.{self.database}.{self.name}"

    @property
    def kql(self) -> str:
        """The reference as a query writes it."""
        return f'cluster("{self.cluster}").database("{self.database}").{self.name}'


class Schema:
    """Tables by where they live. Cluster names compare as hosts do, all other names exactly, as Kusto does."""

    def __init__(self, tables: list[Table]):
        self.tables = tables
        self._by_key = {table.key: table for table in tables}

    @classmethod
    def from_dict(cls, clusters: Any, where: str = "schema") -> Schema:
        """From {cluster: {database: {table: {column: type}}}}. Raises SchemaError for anything else."""
        tables = []
        for cluster, databases in _items(clusters, where):
            for database, members in _items(databases, f"{where}.{cluster}"):
                for name, columns in _items(members, f"{where}.{cluster}.{database}"):
                    place = f"{where}.{cluster}.{database}.{name}"
                    columns = dict(_items(columns, place))
                    for column, kind in columns.items():
                        if kind not in KUSTO_TYPES:
                            raise SchemaError(
                                f"{place}: column {column!r} has type {kind!r}; types are {', '.join(sorted(KUSTO_TYPES))}"
                            )
                    tables.append(Table(cluster, database, name, columns))
        if not tables:
            raise SchemaError(f"{where} holds no table")
        if sum(len(table.columns) for table in tables) > MAX_COLUMNS:
            raise SchemaError(f"{where} holds more than {MAX_COLUMNS:,} columns")
        return cls(tables)

    def to_dict(self) -> dict[str, Any]:
        """The inverse of `from_dict`."""
        clusters: dict[str, Any] = {}
        for table in self.tables:
            clusters.setdefault(table.cluster, {}).setdefault(table.database, {})[table.name] = dict(table.columns)
        return clusters

    def by_key(self, key: str) -> Table | None:
        """The table of `cluster.database.Table`."""
        return self._by_key.get(key)

    @cached_property
    def clusters(self) -> frozenset[str]:
        """Names of clusters, as `normal_cluster` gives them."""
        return frozenset(normal_cluster(table.cluster) for table in self.tables)

    def has_database(self, database: str, cluster: str | None) -> bool:
        """Whether there is such a database in the cluster (None: in any)."""
        return any(True for _ in self._in(cluster, database))

    def find(self, name: str, database: str | None = None, cluster: str | None = None) -> Table | None:
        """The first table of that name; None for database or cluster: wherever it is."""
        return next((table for table in self._in(cluster, database) if table.name == name), None)

    def _in(self, cluster: str | None, database: str | None) -> Iterator[Table]:
        host = None if cluster is None else normal_cluster(cluster)
        for table in self.tables:
            if (host is None or normal_cluster(table.cluster) == host) and database in (None, table.database):
                yield table


def normal_cluster(name: str) -> str:
    """`https://Help.kusto.windows.net/` and `help` are one cluster."""
    name = name.strip().lower().removeprefix("https://").removeprefix("http://").split("/", 1)[0]
    return name.removesuffix(CLUSTER_SUFFIX)


@lru_cache(maxsize=1)
def fleet() -> Schema:
    """The schema of our GPU fleet: 4 clusters, 9 databases, 20 tables."""
    tables = []
    for line in _FLEET.strip().splitlines():
        place, columns = line.split(": ")
        cluster, database, name = place.split()
        pairs = (column.split() for column in columns.split(", "))
        tables.append(Table(cluster, database, name, {pair[0]: (pair + ["string"])[1] for pair in pairs}))
    return Schema(tables)


def _items(value: Any, where: str) -> list[tuple[str, Any]]:
    if not isinstance(value, dict):
        raise SchemaError(f"{where} is a {type(value).__name__}, not an object")
    for name in value:
        if not (isinstance(name, str) and NAME.match(name)):
            raise SchemaError(f"{where}: {name!r} is not a name of letters, digits, - . and _")
    return list(value.items())
