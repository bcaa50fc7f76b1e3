"""How people speak of each table: its rows, the conditions on them, what they are grouped by and measured in.

A condition is a KQL predicate and ways to say it after a noun ("syslog messages *with severity err*"); its slots are pools
of `pools`. A way of saying is never cut: a question built from it means exactly the predicate.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Condition:
    """A predicate, and ways to say it."""

    kql: str
    says: tuple[str, ...]


@dataclass(frozen=True)
class Wording:
    """One table in words. `groups`: column, singular, plural; `metrics`: column, name; `shows`: columns, their names."""

    table: str
    rows: tuple[str, ...]
    time: str
    conditions: tuple[Condition, ...]
    groups: tuple[tuple[str, str, str], ...]
    metrics: tuple[tuple[str, str], ...] = ()
    shows: tuple[tuple[str, str], ...] = ()


def c(kql: str, *says: str) -> Condition:
    """Shorthand."""
    return Condition(kql, says)


DEVICE = (
    c(
        'Device startswith "{site}"',
        "on devices prefixed with {site}",
        "from devices whose name starts with {site}",
        "in the {site} network",
    ),
    c(
        'Device endswith "{role}"',
        "on {role} devices",
        "from devices whose name ends in {role}",
        "from {role} switches",
    ),
)
NODE = (
    c('Node == "{node}"', "on node {node}", "of {node}", "for the machine {node}"),
    c('Node startswith "{rack}"', "on nodes in rack {rack}", "from nodes starting with {rack}", "in rack {rack}"),
)
JOB = (c('JobName == "{job}"', "of job {job}", "for {job}", "belonging to the job {job}"),)
GPU = (c("GpuId == {gpu}", "on GPU {gpu}", "for gpu id {gpu}", "of GPU number {gpu}"),)
MODEL = (c('Model == "{model}"', "on {model} GPUs", "for model {model}", "from {model} cards"),)
BY_DEVICE = (("Device", "device", "devices"),)
BY_NODE = (("Node", "node", "nodes"),)

TABLES = (
    Wording(
        "SyslogData", ("syslog messages", "syslog entries", "switch log lines"), "TIMESTAMP",
        (*DEVICE,
         c('Severity == "{severity}"', "with severity {severity}", "of severity {severity}", "logged as {severity}"),
         c('Facility == "{facility}"', "from facility {facility}", "of the {facility} facility"),
         c('Message has "{topic}"', "that mention {topic}", "about {topic}", "containing the word {topic}")),
        (*BY_DEVICE, ("Severity", "severity", "severities"), ("Facility", "facility", "facilities"), ("DeviceIp", "device IP", "device IPs")),
        (),
        (("TIMESTAMP, Device, Message", "time, device and message"), ("Device, Severity, Message", "device, severity and message"), ("TIMESTAMP, Message", "time and message")),
    ),
    Wording(
        "OpticsReadings", ("optics readings", "transceiver readings", "optical module samples"), "TIMESTAMP",
        (*DEVICE,
         c("RxPowerDbm < {dbm}", "with receive power below {dbm} dBm", "where less than {dbm} dBm of light arrives"),
         c("ModuleTempC > {hot}", "from modules hotter than {hot} C", "above {hot} degrees module temperature"),
         c('Vendor == "{vendor}"', "of {vendor} optics", "from vendor {vendor}")),
        (*BY_DEVICE, ("Vendor", "vendor", "vendors"), ("Port", "port", "ports")),
        (("RxPowerDbm", "receive power"), ("TxPowerDbm", "transmit power"), ("ModuleTempC", "module temperature")),
        (("Device, Port, RxPowerDbm", "device, port and receive power"), ("Device, Port, Vendor", "device, port and vendor")),
    ),
    Wording(
        "IbCounters", ("InfiniBand counter readings", "IB counter samples", "IB port counters"), "TIMESTAMP",
        (*DEVICE,
         c("SymbolErrors > {many}", "with more than {many} symbol errors", "whose symbol errors exceed {many}"),
         c("LinkDowned > {times}", "where the link went down more than {times} times", "with link-downed over {times}"),
         c("Port == {n}", "of port {n}", "on port {n}")),
        (*BY_DEVICE, ("Port", "port", "ports")),
        (("SymbolErrors", "symbol errors"), ("LinkDowned", "link-downed count"), ("RcvGB", "received volume"), ("XmitWait", "transmit wait")),
        (("Device, Port, SymbolErrors", "device, port and symbol errors"), ("Device, Port, LinkDowned", "device, port and link-downed count")),
    ),
    Wording(
        "LinkFlaps", ("link flaps", "flap events", "flapping link records"), "TIMESTAMP",
        (*DEVICE,
         c('Cause == "{cause}"', "caused by {cause}", "due to {cause}", "with cause {cause}"),
         c("Flaps > {times}", "that flapped more than {times} times", "with over {times} flaps"),
         c('PeerNode startswith "{rack}"', "towards rack {rack}", "whose peer node is in {rack}")),
        (*BY_DEVICE, ("Cause", "cause", "causes"), ("PeerNode", "peer node", "peer nodes")),
        (("Flaps", "number of flaps"),),
        (("Device, Port, PeerNode", "device, port and peer node"), ("TIMESTAMP, Device, Cause", "time, device and cause")),
    ),
    Wording(
        "GpuMetrics", ("GPU samples", "GPU metric rows", "GPU readings"), "TIMESTAMP",
        (*NODE, *GPU, *MODEL,
         c("TempC > {hot}", "hotter than {hot} C", "above {hot} degrees", "with a temperature over {hot}"),
         c("UtilPct < {busy}", "with utilization below {busy} percent", "less than {busy}% busy"),
         c("PowerW > {watts}", "drawing more than {watts} W", "with power above {watts} watts"),
         c("MemUsedGB > {gb}", "using more than {gb} GB of memory", "with over {gb} GB in use")),
        (*BY_NODE, ("Model", "GPU model", "GPU models"), ("GpuId", "GPU id", "GPU ids")),
        (("TempC", "GPU temperature"), ("UtilPct", "GPU utilization"), ("PowerW", "GPU power draw"), ("MemUsedGB", "GPU memory use")),
        (("Node, GpuId, TempC", "node, GPU id and temperature"), ("Node, GpuId, UtilPct", "node, GPU id and utilization"), ("TIMESTAMP, Node, PowerW", "time, node and power")),
    ),
    Wording(
        "NvlinkCounters", ("NVLink counters", "NVLink samples", "NVLink readings"), "TIMESTAMP",
        (*NODE, *GPU,
         c("CrcErrors > {many}", "with more than {many} CRC errors", "whose CRC errors exceed {many}"),
         c("Link == {n}", "of link {n}", "on NVLink number {n}")),
        (*BY_NODE, ("GpuId", "GPU id", "GPU ids"), ("Link", "link", "links")),
        (("CrcErrors", "CRC errors"), ("TxGB", "sent volume"), ("RxGB", "received volume")),
        (("Node, GpuId, Link, CrcErrors", "node, GPU id, link and CRC errors"), ("Node, Link, TxGB, RxGB", "node, link, sent and received volume")),
    ),
    Wording(
        "HostMetrics", ("host samples", "host metric rows", "host readings"), "TIMESTAMP",
        (*NODE,
         c("CpuPct > {busy}", "with CPU load above {busy} percent", "where the CPU is over {busy}% busy"),
         c("DiskUsedPct > {busy}", "with disks more than {busy} percent full", "whose disk use exceeds {busy}%"),
         c("NicDrops > {many}", "with over {many} dropped packets", "where the NIC dropped more than {many} packets")),
        BY_NODE,
        (("CpuPct", "CPU load"), ("MemFreeGB", "free memory"), ("DiskUsedPct", "disk use"), ("NicDrops", "dropped packets")),
        (("Node, CpuPct, MemFreeGB", "node, CPU load and free memory"), ("TIMESTAMP, Node, DiskUsedPct", "time, node and disk use")),
    ),
    Wording(
        "NodeHealth", ("health reports", "node health records", "health check results"), "Timestamp",
        (*NODE,
         c('State == "{state}"', "in state {state}", "that say {state}", "with state {state}"),
         c('FailedCheck == "{check}"', "that failed the {check} check", "with failed check {check}", "where {check} failed"),
         c("DurationMin > {long}", "that lasted more than {long} minutes", "longer than {long} min")),
        (*BY_NODE, ("State", "state", "states"), ("FailedCheck", "failed check", "failed checks")),
        (("DurationMin", "duration"),),
        (("Node, State, FailedCheck", "node, state and failed check"), ("Timestamp, Node, State", "time, node and state")),
    ),
    Wording(
        "XidErrors", ("XID errors", "Xid events", "GPU driver Xid errors"), "Timestamp",
        (*NODE, *GPU, *MODEL,
         c("Xid == {xid}", "with Xid {xid}", "of type {xid}", "with code {xid}"),
         c('Driver == "{driver}"', "under driver {driver}", "with driver version {driver}")),
        (*BY_NODE, ("Xid", "Xid code", "Xid codes"), ("Model", "GPU model", "GPU models"), ("Driver", "driver version", "driver versions")),
        (),
        (("Timestamp, Node, Xid", "time, node and code"), ("Node, GpuId, Xid", "node, GPU id and code"), ("Node, Driver", "node and driver")),
    ),
    Wording(
        "EccErrors", ("ECC errors", "ECC error records", "ECC reports"), "Timestamp",
        (*NODE, *GPU,
         c("Correctable == false", "that are uncorrectable", "that could not be corrected"),
         c("Correctable == true", "that are correctable", "that were corrected"),
         c('Location == "{location}"', "in the {location}", "located in {location}"),
         c("Errors > {many}", "with an error count above {many}", "counting more than {many} errors")),
        (*BY_NODE, ("Location", "location", "locations"), ("GpuId", "GPU id", "GPU ids")),
        (("Errors", "error count"),),
        (("Node, GpuId, Errors", "node, GPU id and error count"), ("Timestamp, Node, Location", "time, node and location")),
    ),
    Wording(
        "RepairTickets", ("repair tickets", "hardware tickets", "repair requests"), "OpenTime",
        (*NODE,
         c('Component == "{component}"', "for a {component}", "about the {component}", "with component {component}"),
         c('Status == "{status}"', "with status {status}", "that are {status}", "in status {status}"),
         c("Priority == {prio}", "of priority {prio}", "with priority {prio}"),
         c("HoursOpen > {long}", "open for more than {long} hours", "older than {long} hours")),
        (*BY_NODE, ("Component", "component", "components"), ("Status", "status", "statuses"), ("Priority", "priority", "priorities")),
        (("HoursOpen", "hours open"),),
        (("TicketId, Node, Component", "ticket id, node and component"), ("TicketId, Status, HoursOpen", "ticket id, status and hours open")),
    ),
    Wording(
        "JobEvents", ("job events", "scheduler events", "job records"), "EventTime",
        (*JOB,
         c('Event == "{event}"', "of type {event}", "that say {event}", "with event {event}"),
         c('User == "{user}"', "from user {user}", "submitted by {user}", "of {user}'s jobs"),
         c('Queue == "{queue}"', "in queue {queue}", "from the {queue} queue"),
         c("Gpus > {gb}", "with more than {gb} GPUs", "asking for over {gb} GPUs"),
         c("ExitCode != 0", "with a nonzero exit code", "that ended with an error code")),
        (("JobName", "job", "jobs"), ("User", "user", "users"), ("Queue", "queue", "queues"), ("Event", "event type", "event types"), ("Node", "node", "nodes")),
        (("Gpus", "number of GPUs"),),
        (("EventTime, JobName, Event", "time, job and event"), ("JobId, User, ExitCode", "job id, user and exit code"), ("JobName, Queue, Gpus", "job, queue and GPUs")),
    ),
    Wording(
        "QueueStats", ("queue snapshots", "queue statistics", "queue samples"), "EventTime",
        (c('Queue == "{queue}"', "of queue {queue}", "for the {queue} queue"),
         c("Pending > {small}", "with more than {small} pending jobs", "where over {small} jobs are pending"),
         c("WaitMin > {long}", "with waits above {long} minutes", "where jobs wait more than {long} min"),
         c("GpusFree < {many}", "with fewer than {many} free GPUs", "where less than {many} GPUs are free")),
        (("Queue", "queue", "queues"),),
        (("WaitMin", "waiting time"), ("Pending", "pending jobs"), ("Running", "running jobs"), ("GpusFree", "free GPUs")),
        (("EventTime, Queue, Pending", "time, queue and pending jobs"), ("Queue, WaitMin, GpusFree", "queue, waiting time and free GPUs")),
    ),
    Wording(
        "StepMetrics", ("training steps", "step records", "training step samples"), "EventTime",
        (*JOB,
         c("StepSeconds > {secs}", "slower than {secs} s", "that took more than {secs} seconds"),
         c("Loss > {loss}", "with loss above {loss}", "whose loss exceeds {loss}"),
         c("Rank == {n}", "on rank {n}", "of rank {n}")),
        (("JobName", "job", "jobs"), ("Rank", "rank", "ranks")),
        (("StepSeconds", "step time"), ("Loss", "loss"), ("TokensPerSec", "token throughput")),
        (("JobName, Step, Loss", "job, step and loss"), ("JobName, Rank, StepSeconds", "job, rank and step time")),
    ),
    Wording(
        "CheckpointWrites", ("checkpoint writes", "checkpoint saves", "saved checkpoints"), "EventTime",
        (*JOB,
         c('Store == "{store}"', "to {store}", "on store {store}"),
         c("Succeeded == false", "that failed", "that did not succeed"),
         c("Seconds > {long}", "that took more than {long} s", "slower than {long} seconds"),
         c("SizeGB > {many}", "larger than {many} GB", "of more than {many} GB")),
        (("JobName", "job", "jobs"), ("Store", "store", "stores")),
        (("Seconds", "write time"), ("SizeGB", "checkpoint size")),
        (("JobName, Store, Seconds", "job, store and write time"), ("EventTime, JobName, SizeGB", "time, job and size")),
    ),
    Wording(
        "NodeInventory", ("nodes in the inventory", "inventory nodes", "machines we own"), "",
        (c('Sku == "{sku}"', "of SKU {sku}", "with sku {sku}"),
         c('Model == "{model}"', "with {model} GPUs", "that hold {model} cards"),
         c('Region == "{region}"', "in region {region}", "located in {region}"),
         c('Driver == "{driver}"', "running driver {driver}", "on driver version {driver}")),
        (("Sku", "SKU", "SKUs"), ("Region", "region", "regions"), ("Driver", "driver version", "driver versions"), ("Rack", "rack", "racks"), ("Model", "GPU model", "GPU models")),
        (),
        (("Node, Sku, Region", "node, SKU and region"), ("Node, Rack, Driver", "node, rack and driver"), ("Node, Model", "node and GPU model")),
    ),
    Wording(
        "SwitchInventory", ("switches in the inventory", "inventory switches", "network devices we own"), "",
        (c('Site == "{site}"', "at site {site}", "located at {site}"),
         c('Role == "{role}"', "with role {role}", "of role {role}"),
         c('Vendor == "{vendor}"', "made by {vendor}", "from {vendor}"),
         c('OsVersion == "{os}"', "running OS {os}", "on OS version {os}")),
        (("Site", "site", "sites"), ("Vendor", "vendor", "vendors"), ("OsVersion", "OS version", "OS versions"), ("Role", "role", "roles")),
        (("Ports", "number of ports"),),
        (("Device, Role, OsVersion", "device, role and OS version"), ("Device, Vendor, Ports", "device, vendor and ports")),
    ),
    Wording(
        "RackPower", ("rack power readings", "rack samples", "power readings"), "TIMESTAMP",
        (c('Rack == "{rack}"', "of rack {rack}", "for {rack}"),
         c('Rack startswith "{region}"', "of racks in {region}", "for racks starting with {region}"),
         c("PowerKw > {kw}", "above {kw} kW", "drawing more than {kw} kW"),
         c("InletC > {inlet}", "with inlet air above {inlet} C", "where the inlet is hotter than {inlet} degrees")),
        (("Rack", "rack", "racks"),),
        (("PowerKw", "rack power"), ("InletC", "inlet temperature")),
        (("Rack, PowerKw, CapKw", "rack, power and cap"), ("TIMESTAMP, Rack, InletC", "time, rack and inlet temperature")),
    ),
    Wording(
        "CoolingEvents", ("cooling events", "cooling incidents", "cooling alarms"), "TIMESTAMP",
        (c('Rack startswith "{region}"', "at racks in {region}", "near racks starting with {region}"),
         c('Event == "{cooling}"', "of type {cooling}", "with event {cooling}"),
         c('Unit == "{unit}"', "from unit {unit}", "of {unit}"),
         c("OutageMin > {long}", "with an outage over {long} minutes", "lasting more than {long} min")),
        (("Rack", "rack", "racks"), ("Unit", "cooling unit", "cooling units"), ("Event", "event type", "event types")),
        (("OutageMin", "outage time"),),
        (("Rack, Unit, Event", "rack, unit and event"), ("TIMESTAMP, Rack, OutageMin", "time, rack and outage time")),
    ),
    Wording(
        "NcclTests", ("NCCL test results", "nccl-tests runs", "collective benchmarks"), "TIMESTAMP",
        (*NODE,
         c('Collective == "{collective}"', "of {collective}", "for the {collective} collective"),
         c("BusBwGBs < {busbw}", "below {busbw} GB/s bus bandwidth", "slower than {busbw} GB/s"),
         c("Passed == false", "that failed", "that did not pass"),
         c("SizeMB == {megabytes}", "at {megabytes} MB", "with message size {megabytes} MB")),
        (*BY_NODE, ("Collective", "collective", "collectives")),
        (("BusBwGBs", "bus bandwidth"),),
        (("Node, Collective, BusBwGBs", "node, collective and bus bandwidth"), ("TIMESTAMP, Node, Passed", "time, node and whether it passed")),
    ),
)  # fmt: skip
