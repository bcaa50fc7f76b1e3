"""The fleet under other names: the same questions, where only the schema in the prompt says what things are called.

A model that has learnt the fleet by heart stops reading the excerpt. Here clusters, databases, some tables and some columns
have other names, drawn anew for every question.
"""

from __future__ import annotations

import random
import re
from typing import Any

from sigma.aimicius.nl2kql.schema import Table, fleet

CLUSTERS = "hpcmon telemetryeast opsdata fleetprod infrakusto gpumon dcops mlplatform netwatch labstats azgpu01 corelogs clusterhub aiops".split()
DATABASES = "metrics prod logs base hw network nodes stats raw events monitoring platform perf facilities live archive fabric jobsdb".split()
TABLES = {
    "SyslogData": "DeviceLogs SwitchSyslog SyslogEvents NetLogs", "OpticsReadings": "OpticalPower TransceiverStats Optics SfpReadings",
    "IbCounters": "InfinibandPorts IbPortStats FabricCounters", "LinkFlaps": "FlapEvents PortFlaps LinkEvents", "GpuMetrics": "GpuSamples GpuTelemetry DcgmMetrics GpuStats",
    "NvlinkCounters": "NvLinkStats NvlinkErrors NvLinks", "HostMetrics": "ServerMetrics NodeStats HostStats SystemMetrics", "NodeHealth": "HealthEvents HealthReports NodeStates",
    "XidErrors": "XidEvents GpuXids DriverErrors", "EccErrors": "EccEvents MemoryErrors GpuEcc", "RepairTickets": "Tickets RmaTickets HardwareTickets", "JobEvents": "SchedulerEvents JobLog Jobs",
    "QueueStats": "Queues SchedulerQueues QueueSnapshots", "StepMetrics": "TrainSteps TrainingMetrics Steps", "CheckpointWrites": "Checkpoints CkptWrites SaveEvents",
    "NodeInventory": "Nodes Machines ServerInventory Hosts", "SwitchInventory": "Switches NetDevices DeviceInventory", "RackPower": "PowerReadings RackSensors Racks",
    "CoolingEvents": "CoolingAlarms Hvac CoolingLog", "NcclTests": "NcclResults CollectiveBench NcclRuns",
}  # fmt: skip
COLUMNS = {
    "TIMESTAMP": "Time EventTimestamp Ts IngestTime", "Timestamp": "Time EventTs Ts", "EventTime": "Time LoggedAt Ts StartTime", "OpenTime": "OpenedAt CreatedTime", "Node": "Host HostName Machine Server NodeName",
    "Device": "DeviceName SwitchName Switch", "DeviceIp": "IpAddress MgmtIp", "Severity": "LogLevel Sev", "Message": "Text LogText", "Port": "PortId Interface", "RxPowerDbm": "RxPower RxDbm", "TxPowerDbm": "TxPower TxDbm",
    "ModuleTempC": "ModuleTemp SfpTemp", "SymbolErrors": "SymbolErrorCount SymErrs", "LinkDowned": "LinkDownCount LinkDowns", "PeerNode": "RemoteHost Peer", "Flaps": "FlapCount NumFlaps", "Cause": "Reason RootCause",
    "GpuId": "GpuIndex Gpu DeviceId", "Model": "GpuModel GpuType", "UtilPct": "Utilization GpuUtil", "MemUsedGB": "MemoryUsed VramUsedGB", "TempC": "Temperature GpuTemp", "PowerW": "PowerDraw Watts", "CrcErrors": "CrcErrorCount CrcErrs",
    "CpuPct": "CpuUsage CpuLoad", "MemFreeGB": "FreeMemory RamFreeGB", "DiskUsedPct": "DiskUsage DiskPct", "NicDrops": "DroppedPackets Drops", "State": "HealthState NodeState", "FailedCheck": "CheckName Check", "DurationMin": "DurationMinutes Minutes",
    "Xid": "XidCode ErrorCode", "Driver": "DriverVersion", "Errors": "ErrorCount NumErrors", "Component": "Part PartName", "Priority": "Prio Urgency", "Status": "TicketStatus", "HoursOpen": "AgeHours OpenHours", "JobName": "Job JobTitle", "User": "UserName Owner",
    "Queue": "QueueName Partition", "Event": "EventType EventName", "Gpus": "GpuCount NumGpus", "ExitCode": "ReturnCode ExitStatus", "Pending": "PendingJobs QueuedJobs", "Running": "RunningJobs ActiveJobs", "WaitMin": "WaitMinutes QueueWait", "GpusFree": "FreeGpus IdleGpus",
    "Rank": "WorkerRank RankId", "StepSeconds": "StepTime SecondsPerStep", "Loss": "TrainLoss", "TokensPerSec": "Throughput TokensPerSecond", "Store": "Storage Target", "SizeGB": "SizeGigabytes Gigabytes", "Seconds": "ElapsedSeconds WriteSeconds", "Sku": "VmSize HwSku",
    "Rack": "RackName RackId", "Region": "RegionName Geo", "Site": "Datacenter Dc", "Role": "SwitchRole Tier", "Vendor": "Manufacturer Maker", "OsVersion": "NosVersion FirmwareVersion", "PowerKw": "Kilowatts RackKw", "InletC": "InletTemp IntakeTemp", "OutageMin": "OutageMinutes Downtime",
    "Unit": "UnitName CoolingUnit", "Collective": "Operation CollectiveOp", "SizeMB": "MessageMB MsgSizeMB", "BusBwGBs": "BusBandwidth BusBw",
}  # fmt: skip
STRINGS = re.compile(r'("[^"]*")')


def renamed(rng: random.Random, keys: list[str], text: str, kql: str) -> tuple[str, str, dict[str, Any], list[str]]:
    """Question, query, schema and table keys after the tables of an excerpt got other names.

    `keys` are the excerpt's tables, `kql` names no others. One name means the same in all tables of a question.
    """
    tables = [table for key in keys if (table := fleet().by_key(key)) is not None]
    columns = _other_names(rng, {name for table in tables for name in table.columns}, COLUMNS, 0.55)
    names = _other_names(rng, {table.name for table in tables}, TABLES, 0.75)
    clusters = dict(zip(sorted({table.cluster for table in tables}), rng.sample(CLUSTERS, 4)))
    places = sorted({(table.cluster, table.database) for table in tables})
    databases = dict(zip(places, rng.sample(DATABASES, len(places))))
    moved = []
    for table in tables:
        kinds = {columns[name]: kind for name, kind in table.columns.items()}
        moved.append(Table(clusters[table.cluster], databases[table.cluster, table.database], names[table.name], kinds))
    used = {name for table in tables if table.kql in kql for name in table.columns}
    for old, new in zip(tables, moved):
        kql = kql.replace(old.kql, new.kql)
        text = text.replace(old.name, new.name)
    word = re.compile(r"\b(" + "|".join(sorted(used, key=len, reverse=True)) + r")\b(?! =[^=~])")
    parts = STRINGS.split(kql)
    kql = "".join(part if part.startswith('"') else word.sub(lambda m: columns[m[1]], part) for part in parts)
    schema: dict[str, Any] = {}
    for table in moved:
        schema.setdefault(table.cluster, {}).setdefault(table.database, {})[table.name] = table.columns
    return text, kql, schema, [table.key for table in moved]


def _other_names(rng: random.Random, names: set[str], others: dict[str, str], share: float) -> dict[str, str]:
    """Each name, or another that no other of them has."""
    chosen: dict[str, str] = {}
    for name in sorted(names):
        offered = [each for each in others.get(name, "").split() if each not in {*chosen.values(), *names}]
        chosen[name] = rng.choice(offered) if offered and rng.random() < share else name
    return chosen
