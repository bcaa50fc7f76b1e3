"""Questions over two tables: written out, each owned by one split; their tables are looked up, their values drawn."""

from __future__ import annotations

import random
from dataclasses import dataclass

from sigma.aimicius.nl2kql.generator.phrasing import SLOT, dress, fill, span_words, table_named
from sigma.aimicius.nl2kql.generator.shapes import SPANS
from sigma.aimicius.nl2kql.pools import values


@dataclass(frozen=True)
class Join:
    """`kql` with {Table} places and value slots; `says`: whole questions."""

    split: str
    tables: tuple[str, str]
    kql: str
    says: tuple[str, ...]


JOINS = (
    Join(
        "train", ("XidErrors", "NodeInventory"),
        "{0} | where Timestamp > ago({span}) | where Xid == {xid} | join kind=inner ({1}) on Node | summarize count() by Rack",
        ("how many Xid {xid} errors per rack {time}?", "count Xid {xid} by the rack of the node, {time}"),
    ),
    Join(
        "train", ("XidErrors", "NodeInventory"),
        '{0} | where Xid == {xid} | join kind=inner ({1} | where Region == "{region}") on Node | distinct Node, Sku',
        ("nodes in region {region} with Xid {xid}, and their SKU", "which nodes of region {region} had Xid {xid}? Show node and SKU"),
    ),
    Join(
        "train", ("GpuMetrics", "NodeInventory"),
        "{0} | where TIMESTAMP > ago({span}) | where TempC > {hot} | join kind=inner ({1}) on Node | distinct Node, Rack",
        ("which nodes ran above {hot} C {time}, and in which rack are they?", "node and rack of every GPU hotter than {hot} C {time}"),
    ),
    Join(
        "train", ("SyslogData", "SwitchInventory"),
        '{0} | where TIMESTAMP > ago({span}) | where Severity == "{severity}" | join kind=inner ({1}) on Device | summarize count() by Vendor',
        ("syslog messages of severity {severity} {time}, counted per switch vendor", "which switch vendors log {severity} {time}? count per vendor"),
    ),
    Join(
        "train", ("LinkFlaps", "SwitchInventory"),
        "{0} | where TIMESTAMP > ago({span}) | join kind=inner ({1}) on Device | summarize sum(Flaps) by Site",
        ("sum of link flaps per site {time}", "how many flaps in all does each site have {time}?"),
    ),
    Join(
        "train", ("JobEvents", "XidErrors"),
        '{0} | where EventTime > ago({span}) | where Event == "{event}" | where Node in (({1} | where Xid == {xid} | project Node)) | distinct JobName',
        ("which jobs have {event} events {time} on nodes that ever had Xid {xid}?", "jobs with {event} {time} on nodes with an Xid {xid} on record"),
    ),
    Join(
        "train", ("NodeHealth", "RepairTickets"),
        '{0} | where State == "{state}" | where Node !in (({1} | where Status == "{status}" | project Node)) | distinct Node',
        ("nodes with a {state} report but no repair ticket in status {status}", "which nodes were {state} and have no {status} ticket?"),
    ),
    Join(
        "train", ("RackPower", "CoolingEvents"),
        '{0} | where TIMESTAMP > ago({span}) | where Rack in (({1} | where Event == "{cooling}" | project Rack)) | summarize max(InletC) by Rack',
        ("highest inlet temperature {time} of racks that had a {cooling} event", "racks with {cooling} cooling events: max inlet temperature {time}"),
    ),
    Join(
        "train", ("StepMetrics", "CheckpointWrites"),
        '{0} | where EventTime > ago({span}) | join kind=inner ({1} | where Store == "{store}" | distinct JobName) on JobName | summarize avg(StepSeconds) by JobName',
        ("average step time {time} of jobs that write checkpoints to {store}", "jobs saving to {store}: mean step time {time}"),
    ),
    Join(
        "train", ("EccErrors", "NodeInventory"),
        '{0} | where Correctable == false | join kind=inner ({1} | where Sku == "{sku}") on Node | summarize sum(Errors) by Node',
        ("total of uncorrectable ECC errors per node of SKU {sku}", "sum the uncorrectable ECC errors of {sku} machines by node"),
    ),
    Join(
        "dev", ("NcclTests", "NodeInventory"),
        '{0} | where Collective == "{collective}" | join kind=inner ({1}) on Node | summarize avg(BusBwGBs) by Sku',
        ("mean bus bandwidth of {collective} per SKU", "by SKU, the average {collective} bus bandwidth"),
    ),
    Join(
        "dev", ("GpuMetrics", "RepairTickets"),
        "{0} | where TIMESTAMP > ago({span}) | where Node in (({1} | where Priority == {prio} | project Node)) | summarize max(TempC) by Node",
        ("peak GPU temperature {time} of nodes that have a ticket of priority {prio}",),
    ),
    Join(
        "test", ("OpticsReadings", "SwitchInventory"),
        "{0} | where TIMESTAMP > ago({span}) | where RxPowerDbm < {dbm} | join kind=inner ({1}) on Device | summarize count() by Role",
        ("number of readings with receive power below {dbm} dBm {time}, for each switch role", "by role of the switch: how many optics got less than {dbm} dBm {time}?"),
    ),
    Join(
        "test", ("HostMetrics", "NodeInventory"),
        '{0} | where TIMESTAMP > ago({span}) | where DiskUsedPct > {busy} | join kind=inner ({1} | where Region == "{region}") on Node | distinct Node, Rack',
        ("nodes of region {region} whose disk was over {busy}% full {time}, with their rack",),
    ),
    Join(
        "test", ("JobEvents", "NodeHealth"),
        '{0} | where EventTime > ago({span}) | where Node in (({1} | where State == "{state}" | project Node)) | summarize count() by User',
        ("job events {time} per user, only on nodes that were ever reported {state}", "who runs on nodes once {state}? Count the job events {time} by user"),
    ),
    Join(
        "test", ("XidErrors", "EccErrors"),
        '{0} | where Timestamp > ago({span}) | join kind=inner ({1} | where Location == "{location}" | distinct Node) on Node | summarize count() by Xid',
        ("Xid errors {time} by code, for nodes that also had ECC errors in the {location}",),
    ),
)  # fmt: skip


def case(rng: random.Random, split: str) -> tuple[str, str, list[str]]:
    """Question, truth and tables' keys of one join of the split."""
    join = rng.choice([each for each in JOINS if each.split == split])
    tables = [table_named(name) for name in join.tables]
    slots: dict[str, object] = {str(i): table.kql for i, table in enumerate(tables)}
    for name in SLOT.findall(join.kql):
        if name not in slots:
            slots[name] = rng.choice(values(name, split))
    if "span" in slots:
        slots["time"] = rng.choice(SPANS).format(span=span_words(str(slots["span"])))
    truth = fill(join.kql, slots)
    question = fill(rng.choice(join.says), slots)
    return dress(rng, split, question), truth, [table.key for table in tables]
