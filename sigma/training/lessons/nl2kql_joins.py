"""Questions over two tables, and those that ask for a let: whole queries, {0} and {1} the tables, {since} the time's condition.

No pair of tables here is one of the joins that the task keeps for dev and test.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pair:
    """`kql` over two tables (or one); {since} is replaced by a condition on the first one's time, or by nothing."""

    tables: tuple[str, ...]
    kql: str
    says: tuple[str, ...]


def pair(tables: str, kql: str, says: str) -> Pair:
    """Shorthand."""
    return Pair(tuple(tables.split()), kql, tuple(says.split("|")))


JOINS = (
    pair("XidErrors NodeInventory", "{0} | {since}where Xid == {xid} | join kind=inner ({1}) on Node | summarize count() by Region", "Xid {xid} errors per region|count xid {xid} by the node's region|in which regions do we see xid {xid}, counts|xid {xid} by region"),
    pair("XidErrors NodeInventory", "{0} | {since}join kind=inner ({1}) on Node | summarize count() by Sku", "xids per sku|how many xid errors does each node SKU have|driver errors by sku of the machine|count xids by machine type"),
    pair("XidErrors NodeInventory", '{0} | {since}join kind=inner ({1} | where Sku == "{sku}") on Node | summarize count() by Xid', "xid codes seen on {sku} nodes with counts|which xids hit {sku} machines, counts by code|xid breakdown for sku {sku}"),
    pair("EccErrors NodeInventory", "{0} | {since}where Correctable == false | join kind=inner ({1}) on Node | summarize sum(Errors) by Rack", "uncorrectable ecc errors per rack|sum uncorrectable memory errors by the rack of the node|which racks have uncorrectable ecc, totals"),
    pair("EccErrors NodeInventory", '{0} | {since}join kind=inner ({1} | where Region == "{region}") on Node | summarize sum(Errors) by Node', "ecc errors per node in region {region}, total|bit errors by machine for region {region}"),
    pair("GpuMetrics NodeInventory", "{0} | {since}join kind=inner ({1}) on Node | summarize avg(UtilPct) by Region", "average gpu utilization per region|how busy are gpus in each region on average|mean util by region"),
    pair("GpuMetrics NodeInventory", "{0} | {since}join kind=inner ({1}) on Node | summarize max(TempC) by Rack", "hottest gpu temp per rack|peak gpu temperature by the rack of the node|how hot do gpus get in each rack"),
    pair("GpuMetrics NodeInventory", '{0} | {since}join kind=inner ({1} | where Sku == "{sku}") on Node | summarize avg(PowerW) by Node', "mean gpu power of {sku} nodes|average watts per node for sku {sku}"),
    pair("GpuMetrics NodeInventory", "{0} | {since}where UtilPct < {busy} | join kind=inner ({1}) on Node | summarize dcount(Node) by Sku", "idle nodes (gpu util under {busy}%) per sku|how many machines of each sku have gpus below {busy}% busy"),
    pair("NodeHealth NodeInventory", '{0} | {since}where State == "{state}" | join kind=inner ({1}) on Node | summarize count() by Region', "{state} reports per region|how many {state} health reports does each region have|{state} by region"),
    pair("NodeHealth NodeInventory", '{0} | {since}where State == "{state}" | join kind=inner ({1}) on Node | distinct Node, Rack', "{state} nodes with their rack|which machines are {state} and in which rack|node and rack for everything {state}"),
    pair("RepairTickets NodeInventory", '{0} | {since}where Status == "{status}" | join kind=inner ({1}) on Node | summarize count() by Sku', "{status} tickets per sku|tickets in status {status} by machine type|how many {status} repairs for every sku"),
    pair("RepairTickets NodeInventory", '{0} | {since}where Component == "{component}" | join kind=inner ({1}) on Node | summarize count() by Model', "{component} tickets per gpu model|how many {component} repairs for each gpu type"),
    pair("NcclTests XidErrors", "{0} | {since}where Passed == false | where Node in (({1} | where Xid == {xid} | project Node)) | distinct Node", "nodes that failed nccl and had xid {xid}|which machines with an xid {xid} also fail nccl tests"),
    pair("LinkFlaps SwitchInventory", "{0} | {since}join kind=inner ({1}) on Device | summarize sum(Flaps) by Vendor", "flaps per switch vendor|total link flaps by the maker of the switch|which vendor's switches flap, totals"),
    pair("LinkFlaps SwitchInventory", "{0} | {since}join kind=inner ({1}) on Device | summarize sum(Flaps) by OsVersion", "link flaps per switch os version|flaps by os version in total|does an os version flap more, sum per version"),
    pair("IbCounters SwitchInventory", "{0} | {since}join kind=inner ({1}) on Device | summarize sum(SymbolErrors) by Site", "symbol errors per site|ib errors by datacenter in total|sum of infiniband symbol errors for each site"),
    pair("IbCounters SwitchInventory", "{0} | {since}where LinkDowned > {times} | join kind=inner ({1}) on Device | distinct Device, Vendor", "switches whose links went down more than {times} times, with vendor|device and maker where link downed exceeds {times}"),
    pair("SyslogData SwitchInventory", '{0} | {since}where Severity == "{severity}" | join kind=inner ({1}) on Device | summarize count() by Site', "{severity} messages per site|syslog with severity {severity} by datacenter|how many {severity} logs at each site"),
    pair("SyslogData SwitchInventory", '{0} | {since}where Message has "{topic}" | join kind=inner ({1}) on Device | distinct Device, OsVersion', "switches logging about {topic} and their os version|device and os for messages mentioning {topic}"),
    pair("SyslogData SwitchInventory", '{0} | {since}join kind=inner ({1} | where Role == "{role}") on Device | summarize count() by Severity', "log severities on {role} switches|messages of {role} devices by level, counts"),
    pair("JobEvents NodeInventory", '{0} | {since}where Event == "{event}" | join kind=inner ({1}) on Node | summarize count() by Rack', "{event} job events per rack|job events of type {event} by the rack of the node|which racks see {event}, counts"),
    pair("JobEvents NodeInventory", '{0} | {since}where User == "{user}" | join kind=inner ({1}) on Node | distinct Node, Model', "nodes used by {user} with their gpu model|which gpu types does {user} run on, node and model"),
    pair("JobEvents RepairTickets", '{0} | {since}where Node in (({1} | where Status == "{status}" | project Node)) | distinct JobName', "jobs that ran on nodes with a {status} ticket|which runs touched machines whose ticket is {status}"),
    pair("JobEvents EccErrors", '{0} | {since}where Event == "{event}" | where Node in (({1} | where Correctable == false | project Node)) | distinct JobName, Node', "{event} jobs on nodes with uncorrectable ecc, job and node|jobs with {event} where the node had uncorrectable memory errors"),
    pair("StepMetrics JobEvents", '{0} | {since}where JobName in (({1} | where User == "{user}" | project JobName)) | summarize avg(TokensPerSec) by JobName', "average throughput of {user}'s jobs|how fast do the jobs of {user} train, mean tokens per second by job"),
    pair("StepMetrics JobEvents", '{0} | {since}where JobName in (({1} | where Event == "{event}" | project JobName)) | summarize min(Loss) by JobName', "lowest loss of jobs that have a {event} event|best loss per job for runs with {event}"),
    pair("CheckpointWrites JobEvents", '{0} | {since}where JobName in (({1} | where Queue == "{queue}" | project JobName)) | summarize sum(SizeGB) by Store', "checkpoint volume per store for jobs in the {queue} queue|GB written to each store by jobs of queue {queue}"),
    pair("CheckpointWrites StepMetrics", '{0} | {since}where Succeeded == false | where JobName in (({1} | where Loss > {loss} | project JobName)) | distinct JobName', "jobs with failed checkpoints and a loss above {loss}|runs that failed to save and had loss over {loss}"),
    pair("RackPower NodeInventory", '{0} | {since}where Rack in (({1} | where Sku == "{sku}" | project Rack)) | summarize max(PowerKw) by Rack', "peak power of racks that hold {sku} nodes|max kW per rack for racks with {sku} machines"),
    pair("RackPower NodeInventory", '{0} | {since}where Rack in (({1} | where Region == "{region}" | project Rack)) | summarize avg(InletC) by Rack', "average inlet temp of the racks in region {region}, by the inventory|mean intake air by rack for racks of region {region} in the node inventory"),
    pair("CoolingEvents RackPower", '{0} | {since}where Rack in (({1} | where InletC > {inlet} | project Rack)) | summarize count() by Event', "cooling events by type for racks with inlet above {inlet}|what cooling faults have racks whose inlet exceeded {inlet} C, counts"),
    pair("NodeHealth XidErrors", "{0} | {since}where Node in (({1} | where Xid == {xid} | project Node)) | summarize count() by State", "health states of nodes that had xid {xid}, counts|in what state are machines with xid {xid} on record, count by state"),
    pair("XidErrors GpuMetrics", "{0} | {since}where Node in (({1} | where TempC > {hot} | project Node)) | summarize count() by Xid", "xids on nodes that ran hotter than {hot} C, by code|which xid codes do hot machines have (over {hot} degrees), counts"),
    pair("NodeInventory NodeHealth", '{0} | where Node !in (({1} | where State == "{state}" | project Node)) | summarize count() by Sku', "nodes never reported {state}, per sku|how many machines of each sku have no {state} report"),
    pair("NodeInventory RepairTickets", "{0} | where Node !in (({1} | project Node)) | count", "how many nodes never had a ticket|number of machines without any repair ticket|count nodes with no repairs on record"),
    pair("NodeInventory XidErrors", "{0} | join kind=leftanti ({1}) on Node | distinct Node", "nodes without any xid|machines that never had an xid error, use an anti join|list hosts with no xid at all (leftanti)"),
    pair("SwitchInventory SyslogData", "{0} | join kind=leftanti ({1}) on Device | distinct Device", "silent switches: in the inventory but not in the syslog|devices that never logged anything, anti join|switches without any syslog (leftanti)"),
    pair("NvlinkCounters NodeInventory", "{0} | {since}join kind=inner ({1}) on Node | summarize sum(CrcErrors) by Model", "nvlink crc errors per gpu model|total nvlink errors by card type of the node"),
    pair("OpticsReadings LinkFlaps", "{0} | {since}where Device in (({1} | where Flaps > {times} | project Device)) | summarize min(RxPowerDbm) by Device", "lowest rx power of switches with more than {times} flaps|weakest light per device, only devices that flapped over {times} times"),
    pair("LinkFlaps NodeHealth", '{0} | {since}join kind=inner ({1} | where State == "{state}" | distinct Node) on $left.PeerNode == $right.Node | summarize sum(Flaps) by PeerNode', "flaps towards nodes that are {state}, per node|total flaps by peer node for peers reported {state}"),
)  # fmt: skip

LETS = (
    pair("GpuMetrics", "let Limit = {hot}; {0} | {since}where TempC > Limit | distinct Node", "nodes hotter than {hot} C, threshold in a let|with a let for the limit {hot}: which hosts have gpus above it|use let Limit = {hot} and list nodes with temp above it"),
    pair("GpuMetrics", "let Limit = {busy}; {0} | {since}where UtilPct < Limit | summarize count() by Node", "gpu samples with util below {busy} per node, keep the limit in a let variable|let the limit be {busy}: count readings with util under it by node"),
    pair("HostMetrics", "let Limit = {busy}; {0} | {since}where DiskUsedPct > Limit | distinct Node", "hosts with disk above {busy}%, threshold as a let variable|define the limit {busy} with let and list nodes whose disk is over it"),
    pair("XidErrors", "let Code = {xid}; {0} | {since}where Xid == Code | summarize count() by Node", "xid {xid} per node with the code in a let|use a let for the code {xid} and count its xids by host"),
    pair("XidErrors", "let Codes = dynamic([{xid}, {xid2}]); {0} | {since}where Xid in (Codes) | summarize count() by Node", "xids {xid} and {xid2} per node, codes in a let list|let Codes be {xid} and {xid2}; count them by node"),
    pair("RackPower", "let Limit = {kw}; {0} | {since}where PowerKw > Limit | summarize count() by Rack", "readings above {kw} kW per rack, limit as let|with let for {kw} kW: how often was each rack above it"),
    pair("JobEvents", 'let Who = "{user}"; {0} | {since}where User == Who | summarize count() by Event', "events of user {user} by type, name in a let variable|put {user} in a let and count this user's job events by type"),
    pair("SyslogData", 'let Site = "{site}"; {0} | {since}where Device startswith Site | summarize count() by Severity', "log levels for devices starting with {site}, prefix in a let|let the site be {site}: messages by severity"),
    pair("XidErrors NodeHealth", 'let Bad = {1} | where State == "{state}" | distinct Node; {0} | {since}where Node in (Bad) | summarize count() by Xid', "xids on {state} nodes by code, let the nodes be a variable|with a let for the {state} nodes, count their xids by code"),
    pair("JobEvents XidErrors", 'let Bad = {1} | where Xid == {xid} | distinct Node; {0} | {since}where Node in (Bad) | distinct JobName', "jobs on nodes with xid {xid}, use a let for the nodes|let Bad be the nodes with xid {xid}; which jobs ran there"),
    pair("GpuMetrics EccErrors", "let Bad = {1} | where Correctable == false | distinct Node; {0} | {since}where Node in (Bad) | summarize max(TempC) by Node", "peak temp of nodes with uncorrectable ecc, nodes in a let|with let: nodes that had uncorrectable ecc, then their highest gpu temperature each"),
    pair("StepMetrics", 'let Run = "{job}"; {0} | {since}where JobName == Run | summarize avg(StepSeconds) by Rank', "step time per rank for {job}, job name in a let|let the job be {job} and give mean step time by rank"),
)  # fmt: skip
