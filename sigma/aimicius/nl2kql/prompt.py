"""The text that is sent: a few tables of the schema and the question, short enough for a small model."""

from __future__ import annotations

import re

from sigma.aimicius.nl2kql.schema import Schema, Table

SHOWN = 3  # tables of an excerpt that is chosen for a question
RULES = "Write one KQL query that answers the question. Answer with the query only."
ASKED = "\nQuestion: "
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# Words that say nothing about which table is meant.
COMMON = frozenset("a an and are at by each for from give had has have how i in is last list many me more most new of on or past per show since than that the their them there these this to top total what when where which who with".split())  # fmt: skip
# What people call the things of our fleet beyond the names of its tables and columns.
ALSO = {
    "SyslogData": "switch switches log logs message messages syslog ufm prefixed",
    "OpticsReadings": "optic optics transceiver transceivers optical light receive transmit module modules",
    "IbCounters": "infiniband fabric symbol ports counter counters",
    "LinkFlaps": "link links flap flapped flapping cable bouncing",
    "GpuMetrics": "gpu gpus utilization temperature hot power watts idle busy memory",
    "NvlinkCounters": "nvlink crc lane link links",
    "HostMetrics": "host hosts cpu disk free nic drops dropped packets",
    "NodeHealth": "unhealthy health checks draining offline quarantined nodes",
    "XidErrors": "xid xids driver fell bus",
    "EccErrors": "ecc uncorrectable correctable bit hbm",
    "RepairTickets": "repair repairs ticket tickets broken hardware replacement",
    "JobEvents": "job jobs failed preempted submitted cancelled user users exit training crashed",
    "QueueStats": "queue queues waiting wait pending backlog free",
    "StepMetrics": "step steps loss tokens throughput rank ranks slow straggler",
    "CheckpointWrites": "checkpoint checkpoints saving storage store writes save",
    "NodeInventory": "inventory sku fleet nodes machines",
    "SwitchInventory": "inventory switches vendor site os version",
    "RackPower": "rack racks kilowatt kw inlet draw power",
    "CoolingEvents": "cooling leak pump crah fan filter valve",
    "NcclTests": "nccl bandwidth collective reduce gather busbw benchmark",
}


def describe(table: Table) -> str:
    """One line: where the table is, and its columns with the types that are not string."""
    columns = ", ".join(name if kind == "string" else f"{name}:{kind}" for name, kind in table.columns.items())
    return f"{table.kql}: {columns}"


def prompt(question: str, tables: list[Table]) -> str:
    """The user's message."""
    head = "\n".join([RULES, "Tables (columns are strings unless a type is given):", *map(describe, tables)])
    return head + ASKED + question


def choose(schema: Schema, question: str, count: int = SHOWN) -> list[Table]:
    """The tables whose names, columns and other names share most words with the question, the schema's order on ties."""
    asked = _words(question)

    def overlap(table: Table) -> float:
        names = _words(table.name) | set(ALSO.get(table.name, "").split())
        return 2 * len(asked & names) + len(asked & _words(" ".join(table.columns)))

    ranked = sorted(schema.tables, key=overlap, reverse=True)
    return ranked[:count]


def _words(text: str) -> set[str]:
    words = {word.lower() for word in WORD.findall(text)} - COMMON
    return words | {word[:-1] for word in words if word.endswith("s") and len(word) > 3}
