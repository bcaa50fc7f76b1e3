"""How people speak of the fleet: names for every table's rows and for every column, and how conditions on them are said.

A text of several sayings has bars between them. In a condition, {v} is the value; a number's {v} comes with its unit.
"""

from __future__ import annotations

from dataclasses import dataclass

ROWS = {
    "SyslogData": "syslog messages|syslog entries|switch logs|syslog lines|log messages from switches|device log entries|syslogs|switch log events",
    "OpticsReadings": "optics readings|transceiver readings|optical readings|optics samples|light level readings|SFP readings|optical power measurements|readings from the optics",
    "IbCounters": "IB counter samples|InfiniBand port counters|ib counters|InfiniBand counter readings|fabric port counters|ib port samples|IB counter rows",
    "LinkFlaps": "link flaps|flap records|flapping links|link flap events|flap events|links bouncing|port flaps|link up/down events",
    "GpuMetrics": "GPU samples|gpu metrics|GPU readings|gpu telemetry rows|gpu metric samples|GPU measurements|GPU telemetry|gpu data points",
    "NvlinkCounters": "NVLink counters|nvlink samples|NVLink readings|nvlink counter rows|nvlink telemetry|NVLink measurements",
    "HostMetrics": "host metrics|host samples|server metrics|host readings|machine metrics|host telemetry rows|system metrics of hosts",
    "NodeHealth": "health reports|node health records|health check results|node health events|health entries|node health reports|health checks",
    "XidErrors": "XID errors|xids|xid events|Xid errors|GPU driver errors|xid records|gpu xid errors|driver xids",
    "EccErrors": "ECC errors|ecc records|ecc events|GPU memory errors|ECC error reports|bit errors|gpu ecc errors",
    "RepairTickets": "repair tickets|tickets|hardware tickets|repair requests|repairs|RMA tickets|hardware repair tickets|break-fix tickets",
    "JobEvents": "job events|scheduler events|job records|job log entries|events of jobs|scheduler job events|job history rows",
    "QueueStats": "queue stats|queue samples|queue snapshots|queue statistics|scheduler queue samples|queue readings",
    "StepMetrics": "training steps|step metrics|step records|training step samples|training metrics|step samples|train steps",
    "CheckpointWrites": "checkpoint writes|checkpoints|checkpoint saves|ckpt writes|saved checkpoints|checkpoint uploads|model saves",
    "NodeInventory": "nodes in the inventory|inventory nodes|machines in the fleet|nodes we own|servers in the inventory|hosts on record|nodes of the fleet",
    "SwitchInventory": "switches in the inventory|inventory switches|network devices we own|switches on record|switches of the fleet|registered switches",
    "RackPower": "rack power readings|power readings|rack power samples|rack readings|rack power data|power samples of racks",
    "CoolingEvents": "cooling events|cooling incidents|cooling alarms|cooling problems|cooling faults|HVAC events|cooling outages",
    "NcclTests": "NCCL tests|nccl-tests results|NCCL test runs|collective benchmarks|nccl benchmark runs|nccl results|collective test results",
}  # fmt: skip

# Shorter still: the things that rows are about; said where no rows are counted.
THINGS = {
    "GpuMetrics": "GPUs|gpus|cards|accelerators|graphics cards", "HostMetrics": "hosts|servers|machines", "OpticsReadings": "optics|transceivers|SFPs|optical modules",
    "IbCounters": "IB ports|infiniband ports|fabric ports|ib links", "NvlinkCounters": "nvlinks|NVLinks|nvlink lanes", "JobEvents": "jobs|runs|job entries", "StepMetrics": "steps|iterations",
    "QueueStats": "queues|scheduler queues", "RackPower": "racks", "CheckpointWrites": "saves|ckpts", "NcclTests": "nccl runs|collective runs", "LinkFlaps": "links|flapping ports",
    "NodeHealth": "health states|health events", "SyslogData": "logs|log lines|messages",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """A column in words. `kind`: "group" (a name or a class), "measure" (a number to average), "time", "flag" or "text"."""

    names: str
    kind: str
    pool: str = ""
    equal: str = ""  # ways to say ==, for a group; "over" for a measure
    under: str = ""
    unit: str = ""
    starts: str = ""  # pool of prefixes
    starts_said: str = ""
    ends: str = ""  # pool of endings
    ends_said: str = ""


def group(names: str, pool: str, equal: str = "", **more: str) -> Column:
    """A column to group by."""
    return Column(names, "group", pool, equal, **more)


def measure(names: str, pool: str, unit: str, over: str = "", under: str = "") -> Column:
    """A number to average."""
    return Column(names, "measure", pool, over, under, unit)


TIME = Column("time|timestamp|date and time|time stamp", "time")
NODE = group(
    "node|host|machine|server|compute node|box", "node", "on node {v}|on {v}|of host {v}|for the machine {v}|from server {v}|for {v}|of {v}",
    starts="rack", starts_said="in rack {v}|on nodes in rack {v}|from rack {v}|on machines of rack {v}|on hosts starting with {v}|on nodes whose name starts with {v}",
)  # fmt: skip
DEVICE = group(
    "device|switch|network device|switch name", "device", "on {v}|on device {v}|from switch {v}|of device {v}|for switch {v}",
    starts="site", starts_said="on devices starting with {v}|at site {v}|in {v}|on switches prefixed {v}|from devices whose name begins with {v}|in cluster {v}",
    ends="role", ends_said="on {v} devices|on {v} switches|from devices ending in {v}|on switches whose name ends with {v}|of the {v} devices",
)  # fmt: skip
PORT = group("port|port number|switch port|interface", "port", "on port {v}|of port {v}|for port number {v}|port {v}")
GPU_ID = group(
    "GPU|GPU id|gpu index|GPU number|gpu slot",
    "gpu",
    "on GPU {v}|for gpu id {v}|of gpu {v}|with GPU index {v}|on gpu number {v}",
)
MODEL = group(
    "GPU model|model|gpu type|card type|GPU generation|accelerator",
    "model",
    "on {v} GPUs|on {v}s|of model {v}|for {v} cards|with gpu model {v}|on {v}",
)
DRIVER = group(
    "driver version|driver|GPU driver|nvidia driver",
    "driver",
    "on driver {v}|with driver version {v}|running driver {v}|under driver {v}",
    starts="branch",
    starts_said="on {v} drivers|with a driver starting with {v}|on the {v} driver branch|with driver {v}.x",
)
RACK = group(
    "rack|rack name|rack position",
    "rack",
    "in rack {v}|of rack {v}|for rack {v}|on rack {v}|for {v}",
    starts="region",
    starts_said="of racks in {v}|in region {v}|for racks starting with {v}|in {v} racks",
)
JOB = group(
    "job|job name|training job|training run|run",
    "job",
    "of job {v}|for {v}|in job {v}|of the run {v}|for the job named {v}|from {v}",
    starts="stem",
    starts_said="of jobs starting with {v}|whose job name starts with {v}|for jobs prefixed {v}",
)
QUEUE = group(
    "queue|job queue|scheduler queue|partition",
    "queue",
    "in queue {v}|in the {v} queue|of the {v} queue|from queue {v}|for the {v} partition",
)

# By name; "Table.Column" where a table speaks of it in another way.
COLUMNS = {
    "TIMESTAMP": TIME, "Timestamp": TIME, "EventTime": TIME,
    "OpenTime": Column("open time|opening time|when it was opened|creation time", "time"),
    "InService": Column("in-service date|date it went into service|service start|commissioning date", "time"),
    "Node": NODE, "Device": DEVICE, "Port": PORT, "GpuId": GPU_ID, "Model": MODEL, "Driver": DRIVER, "Rack": RACK, "JobName": JOB, "Queue": QUEUE,
    "DeviceIp": group("device IP|IP|IP address|ip of the device|management IP", "ip", "from IP {v}|with ip {v}|from {v}|of the address {v}"),
    "Severity": group("severity|log level|level|severity level", "severity", "with severity {v}|of severity {v}|at level {v}|logged as {v}|with {v} severity|{v} level"),
    "Facility": group("facility|syslog facility|log facility", "facility", "from facility {v}|of the {v} facility|with facility {v}|logged by {v}"),
    "Message": Column("message|message text|log text|text|log line", "text", "topic", "mentioning {v}|about {v}|with {v} in the message|that mention {v}|containing the word {v}|where the text says {v}"),
    "RxPowerDbm": measure("receive power|rx power|received light|rx dbm|rx level|light received", "dbm", " dBm", "with rx power above {v}|receiving more than {v}", "with rx power below {v}|with receive power under {v}|receiving less than {v}|with low light under {v}"),
    "TxPowerDbm": measure("transmit power|tx power|launch power|tx dbm|tx level|light sent", "dbm", " dBm", "with tx power above {v}|sending more than {v}", "with tx power below {v}|sending less than {v}|with transmit power under {v}"),
    "ModuleTempC": measure("module temperature|optics temperature|transceiver temperature|module temp|sfp temp", "hot", " C", "with modules above {v}|hotter than {v}|with module temp over {v}", "with modules cooler than {v}"),
    "OpticsReadings.Vendor": group("vendor|optics vendor|manufacturer|maker|brand", "vendor", "of {v} optics|from vendor {v}|made by {v}|of {v} modules"),
    "Vendor": group("vendor|manufacturer|maker|brand|switch vendor", "vendor", "made by {v}|from vendor {v}|of vendor {v}|built by {v}"),
    "SymbolErrors": measure("symbol errors|symbol error count|symbol errs|ib symbol errors|link symbol errors", "many", "", "with more than {v} symbol errors|over {v} symbol errors", "with fewer than {v} symbol errors"),
    "LinkDowned": measure("link downed count|link down count|link-down counter|times the link went down|link downs", "times", "", "where the link went down more than {v} times|with over {v} link downs|with link downed above {v}", "with fewer than {v} link downs"),
    "RcvGB": measure("received data|received GB|data received|rx volume|inbound traffic|received volume", "volume", " GB", "with more than {v} received|that received over {v}", "that received less than {v}"),
    "XmitWait": measure("transmit wait|xmit wait|xmit wait ticks|congestion wait|transmit wait count", "xmit", "", "with xmit wait above {v}|waiting more than {v} ticks", "with xmit wait under {v}"),
    "PeerNode": group("peer node|peer|far end|neighbor node|node at the other end", "node", "towards node {v}|with peer {v}|to {v}|facing {v}", starts="rack", starts_said="towards rack {v}|with peers in rack {v}|to nodes of rack {v}"),
    "Flaps": measure("flaps|flap count|number of flaps|times it flapped", "times", "", "that flapped more than {v} times|with over {v} flaps|with more than {v} flaps", "with fewer than {v} flaps|that flapped less than {v} times"),
    "Cause": group("cause|flap cause|root cause|reason", "cause", "caused by {v}|due to {v}|because of {v}|with cause {v}|blamed on {v}"),
    "UtilPct": measure("GPU utilization|utilization|gpu util|gpu usage|gpu load|GPU busy percent", "busy", "%", "above {v} utilization|more than {v} busy|with util over {v}|loaded over {v}", "below {v} utilization|less than {v} busy|idling under {v}|with util under {v}|used less than {v}"),
    "MemUsedGB": measure("GPU memory use|gpu memory used|memory used|vram|vram usage|hbm used|framebuffer use", "gb", " GB", "using more than {v} of memory|with over {v} of vram in use|holding more than {v}", "using less than {v} of memory|with under {v} of vram in use"),
    "TempC": measure("GPU temperature|gpu temp|temperature|temp|heat|core temp", "hot", " C", "hotter than {v}|above {v}|with temp over {v}|warmer than {v}|running over {v}", "cooler than {v}|below {v}|with temp under {v}"),
    "PowerW": measure("GPU power draw|power draw|gpu power|watts|power|power consumption|wattage", "watts", " W", "drawing more than {v}|with power above {v}|using over {v}|pulling more than {v}", "drawing less than {v}|with power under {v}|below {v}"),
    "NvlinkCounters.Link": group("link|nvlink number|link id|NVLink|nvlink index", "link", "on link {v}|of nvlink {v}|for link number {v}|on NVLink {v}"),
    "TxGB": measure("sent data|tx volume|GB sent|data sent|outbound traffic|transmitted volume", "volume", " GB", "with more than {v} sent|that sent over {v}", "that sent less than {v}"),
    "RxGB": measure("received data|rx volume|GB received|data received|inbound traffic", "volume", " GB", "with more than {v} received|that received over {v}", "that received less than {v}"),
    "CrcErrors": measure("CRC errors|crc error count|crc errs|nvlink crc errors|checksum errors", "many", "", "with more than {v} CRC errors|over {v} crc errors", "with fewer than {v} CRC errors"),
    "CpuPct": measure("CPU load|cpu usage|cpu utilization|cpu|processor load|cpu percent", "busy", "%", "with cpu above {v}|where the CPU is over {v}|with CPU load over {v}", "with cpu below {v}|where the CPU is under {v} busy"),
    "MemFreeGB": measure("free memory|free ram|memory left|available memory|mem free|host memory free", "free", " GB", "with more than {v} of free memory|with over {v} ram free", "with less than {v} of free memory|low on memory, under {v}|with under {v} ram left"),
    "DiskUsedPct": measure("disk usage|disk use|disk fill|disk full percent|used disk|disk utilization", "busy", "%", "with disks over {v} full|with disk usage above {v}|where the disk is more than {v} full", "with disks under {v} full|with disk usage below {v}"),
    "NicDrops": measure("NIC drops|dropped packets|packet drops|nic packet loss|drops|lost packets", "many", "", "with more than {v} dropped packets|with over {v} nic drops|dropping more than {v} packets", "with fewer than {v} dropped packets"),
    "State": group("state|health state|node state|condition|health status", "state", "in state {v}|with state {v}|that are {v}|reported {v}|marked {v}"),
    "FailedCheck": group("failed check|check|health check|failing test|failed test", "check", "that failed {v}|failing the {v} check|with failed check {v}|where {v} failed"),
    "DurationMin": measure("duration|length|minutes it lasted|duration in minutes", "long", " minutes", "that lasted more than {v}|longer than {v}|lasting over {v}", "shorter than {v}|that lasted less than {v}"),
    "Xid": group("Xid|xid code|error code|xid number|type of xid", "xid", "with Xid {v}|with code {v}|of type {v}|xid {v}|with xid={v}|number {v}"),
    "Correctable": Column("correctable flag|whether it was correctable|correctable or not", "flag"),
    "Location": group("location|memory location|part of the chip|memory type", "location", "in the {v}|located in {v}|in {v}|that hit the {v}"),
    "Errors": measure("error count|ecc error count|number of errors|errors|bit error count", "many", "", "with more than {v} errors|with an error count above {v}|counting over {v}", "with fewer than {v} errors"),
    "TicketId": Column("ticket id|ticket number|ticket|ticket no", "id", "ticket", "with ticket id {v}|number {v}|{v}"),
    "Component": group("component|part|broken part|hardware part|failed component", "component", "for a {v}|about the {v}|with component {v}|for {v} replacement|where the {v} is broken"),
    "Priority": group("priority|prio|urgency|priority level", "prio", "of priority {v}|with prio {v}|at priority {v}|P{v}"),
    "Status": group("status|ticket status|ticket state", "status", "with status {v}|in status {v}|that are {v}|marked {v}|whose status is {v}"),
    "HoursOpen": measure("hours open|ticket age|time open|age in hours", "long", " hours", "open for more than {v}|older than {v}|open longer than {v}", "open for less than {v}|younger than {v}"),
    "JobId": Column("job id|job number|id of the job|jobid", "id", "jobid", "with job id {v}|of job number {v}|for jobid {v}"),
    "User": group("user|owner|submitter|person|user name", "user", "from user {v}|of {v}|submitted by {v}|by {v}|for user {v}|owned by {v}"),
    "JobEvents.Event": group("event|event type|job event|kind of event", "event", "of type {v}|with event {v}|that say {v}|where the event is {v}|{v}"),
    "Gpus": measure("GPU count|number of GPUs|gpus requested|gpus|job size|size in GPUs", "gpus", " GPUs", "with more than {v}|using over {v}|bigger than {v}|asking for more than {v}", "with fewer than {v}|smaller than {v}"),
    "ExitCode": group("exit code|return code|exit status|rc", "exit", "with exit code {v}|that exited with {v}|ending in code {v}|with rc {v}"),
    "Pending": measure("pending jobs|jobs waiting|backlog|queued jobs|queue length|jobs in line", "small", "", "with more than {v} pending jobs|with a backlog over {v}|with over {v} jobs waiting", "with fewer than {v} pending jobs"),
    "Running": measure("running jobs|jobs running|active jobs|jobs in progress", "many", "", "with more than {v} running jobs|running over {v} jobs", "with fewer than {v} running jobs"),
    "WaitMin": measure("wait time|waiting time|queue wait|wait in minutes|time in queue|wait", "long", " minutes", "waiting more than {v}|with waits above {v}|with wait time over {v}", "waiting less than {v}|with waits below {v}"),
    "GpusFree": measure("free GPUs|gpus free|idle gpus|available GPUs|spare gpus|unused GPUs", "many", "", "with more than {v} free GPUs|with over {v} gpus available", "with fewer than {v} free GPUs|with less than {v} gpus left"),
    "Rank": group("rank|worker rank|worker|process rank|global rank", "rank", "on rank {v}|of rank {v}|for worker {v}|from rank {v}"),
    "Step": measure("step|step number|training step|iteration", "step", "", "after step {v}|past step {v}|beyond iteration {v}", "before step {v}|in the first {v} steps"),
    "StepSeconds": measure("step time|seconds per step|step duration|iteration time|time per step", "secs", " seconds", "slower than {v}|taking more than {v}|with step time above {v}", "faster than {v}|taking less than {v}"),
    "Loss": measure("loss|training loss|train loss|loss value", "loss", "", "with loss above {v}|with a loss over {v}|whose loss exceeds {v}", "with loss below {v}|with a loss under {v}"),
    "TokensPerSec": measure("tokens per second|throughput|token throughput|tok/s|training speed|tps", "tokens", "", "with throughput above {v}|over {v} tokens per second|faster than {v} tok/s", "with throughput below {v}|under {v} tokens per second|slower than {v} tok/s"),
    "Store": group("store|storage|checkpoint store|target|storage backend|filesystem", "store", "to {v}|on {v}|on store {v}|to the {v} storage|written to {v}"),
    "SizeGB": measure("checkpoint size|size|size in GB|gigabytes|ckpt size|data written", "volume", " GB", "larger than {v}|bigger than {v}|of more than {v}", "smaller than {v}|of less than {v}"),
    "Seconds": measure("write time|seconds it took|save time|duration|checkpoint time", "long", " seconds", "that took more than {v}|slower than {v}|taking over {v}", "that took less than {v}|faster than {v}"),
    "Succeeded": Column("success flag|whether it succeeded|result|outcome", "flag"),
    "Sku": group("SKU|VM size|machine type|node type|hardware sku", "sku", "of SKU {v}|with sku {v}|of type {v}|that are {v}"),
    "Region": group("region|location|data center region|geography", "region", "in region {v}|in {v}|located in {v}|of the {v} region"),
    "NodeInventory.Model": group("GPU model|model|gpu type|card type|GPU generation", "model", "with {v} GPUs|with {v}s|that have {v} cards|of gpu model {v}"),
    "NodeInventory.Rack": group("rack|rack name|rack position", "rack", "in rack {v}|of rack {v}|standing in {v}", starts="region", starts_said="in racks starting with {v}|whose rack begins with {v}"),
    "NodeInventory.Node": group("node|host|machine|server|hostname", "node", "named {v}|called {v}|with the name {v}", starts="rack", starts_said="whose name starts with {v}|named like {v}|with names beginning with {v}"),
    "SwitchInventory.Device": group("device|switch|device name|switch name", "device", "named {v}|called {v}|with the name {v}", starts="site", starts_said="whose name starts with {v}|with names beginning in {v}", ends="role", ends_said="whose name ends with {v}"),
    "Site": group("site|location|datacenter|DC|data center", "site", "at site {v}|in {v}|located at {v}|in datacenter {v}"),
    "Role": group("role|switch role|network tier|tier|function", "role", "with role {v}|of role {v}|that act as {v}|in the {v} tier"),
    "Ports": measure("port count|number of ports|ports", "ports", " ports", "with more than {v}|having over {v}", "with fewer than {v}"),
    "OsVersion": group("OS version|os|switch os|firmware version|software version|NOS version", "os", "running OS {v}|on OS version {v}|with os {v}|running version {v}", starts="major", starts_said="whose os version starts with {v}|on OS {v}x"),
    "PowerKw": measure("rack power|power draw|kilowatts|power|kW|power use", "kw", " kW", "above {v}|drawing more than {v}|with power over {v}|pulling over {v}", "below {v}|drawing less than {v}"),
    "InletC": measure("inlet temperature|inlet temp|intake air temperature|cold aisle temperature|air temperature", "inlet", " C", "with inlet above {v}|with intake air over {v}|where the inlet is hotter than {v}", "with inlet below {v}|where the intake is cooler than {v}"),
    "CapKw": measure("power cap|cap|power limit|kW limit|power budget", "kw", " kW", "with a cap above {v}|with a power limit over {v}", "with a cap below {v}|with a power limit under {v}"),
    "Unit": group("cooling unit|unit|CRAH|crah unit|air handler", "unit", "from unit {v}|of {v}|at cooling unit {v}|on {v}"),
    "CoolingEvents.Event": group("event type|event|cooling event|kind of fault|fault type", "cooling", "of type {v}|with event {v}|where the event is {v}|{v}"),
    "OutageMin": measure("outage time|outage minutes|downtime|outage duration|minutes of outage", "long", " minutes", "with an outage over {v}|with more than {v} of downtime|down for longer than {v}", "with an outage under {v}|with less than {v} of downtime"),
    "Collective": group("collective|collective operation|operation|nccl op|test type", "collective", "of {v}|for {v}|running {v}|with collective {v}|for the {v} collective"),
    "SizeMB": group("message size|size|size in MB|buffer size|payload size", "megabytes", "at {v} MB|with message size {v} MB|of {v} MB|with {v} MB buffers"),
    "BusBwGBs": measure("bus bandwidth|busbw|bandwidth|bus bw|GB/s|nccl bandwidth", "busbw", " GB/s", "above {v} bus bandwidth|faster than {v}|with busbw over {v}", "below {v} bus bandwidth|slower than {v}|with busbw under {v}"),
    "Passed": Column("pass flag|whether it passed|result|pass or fail", "flag"),
}  # fmt: skip

FLAGS = {
    "Correctable == true": "that were correctable|that are correctable|that could be corrected|of the correctable kind|single bit, corrected",
    "Correctable == false": "that were uncorrectable|that are uncorrectable|that could not be corrected|of the uncorrectable kind|not correctable|double bit, uncorrectable",
    "Succeeded == true": "that succeeded|that were successful|that worked|that went fine",
    "Succeeded == false": "that failed|that did not succeed|that went wrong|that were unsuccessful",
    "Passed == true": "that passed|with a pass|that were ok|that were successful",
    "Passed == false": "that failed|that did not pass|with a fail|below spec, not passed",
}  # fmt: skip

# What people say for a value that a column spells in its own way.
SAID = {
    "Failed": "failed|failure|fail", "Started": "started|start", "Completed": "completed|finished successfully", "Preempted": "preempted|preemption",
    "Submitted": "submitted|submission", "Requeued": "requeued", "Evicted": "evicted|eviction", "OutOfMemory": "out of memory|OOM|oom",
    "Unhealthy": "unhealthy|sick|bad", "Draining": "draining", "Healthy": "healthy|fine", "InRepair": "in repair|under repair|being repaired", "Rebooting": "rebooting",
    "Degraded": "degraded", "Maintenance": "in maintenance|maintenance",
    "Open": "open", "Assigned": "assigned", "WaitingParts": "waiting for parts|waiting on parts", "Closed": "closed|done", "InProgress": "in progress", "OnHold": "on hold",
    "PumpFault": "pump fault|pump failure", "HighInlet": "high inlet|high inlet temperature", "LeakDetected": "leak detected|leak", "FanFault": "fan fault|fan failure",
    "LowFlow": "low flow", "CompressorTrip": "compressor trip", "err": "error", "crit": "critical", "all_reduce": "allreduce|all-reduce", "all_gather": "allgather|all-gather",
    "reduce_scatter": "reduce-scatter|reducescatter", "fec errors": "FEC errors", "bad cable": "a bad cable|bad cables",
}  # fmt: skip


def column(table: str, name: str) -> Column:
    """A table's column in words."""
    return COLUMNS.get(f"{table}.{name}") or COLUMNS[name]


def many(name: str) -> str:
    """The plural of a column's name: "GPU id" -> "GPU ids", "type of xid" -> "types of xid"."""
    for small in (" of ", " at ", " in "):
        head, found, rest = name.partition(small)
        if found:
            return f"{many(head)}{small}{rest}"
    if name.endswith(("s", "x", "ch", "sh")):
        return f"{name}es"
    if name.endswith("y") and name[-2] not in "aeiou":
        return f"{name[:-1]}ies"
    return f"{name}s"
