"""The values that rows hold and questions ask for; each split owns a part of every pool, disjoint from the others'."""

from __future__ import annotations

from functools import cache
from typing import Any

SITES = (
    "phx61 phx62 bn7 bn9 sat20 sat21 chi14 chi15 dub08 dub09 ams25 ams26 sin30 sin31 mel03 cys05 cys06 tyo22 tyo23 osa12 "
    "lon24 lon25 par21 par22 fra33 zrh01 yto20 yqb10 pnq11 maa04"
).split()
ROLES = "ufm tor leaf spine agg edge bmc pdu core mgmt".split()
REGIONS = "eus wus scus ncus neu weu sea jpe uks".split()
RACKS = [f"{REGIONS[i % len(REGIONS)]}-r{i + 10:02d}" for i in range(54)]
NODES = [f"{rack}-n{n}" for rack in RACKS for n in range(1, 6)]
MODELS = ["H100", "A100", "H200", "MI300X", "V100", "MI250", "B200"]
SKUS = ["NDv5", "NDv4", "NDmv4", "NDMI300X", "NDv2", "NDH200", "NDMI200"]
SEVERITIES = ["err", "warning", "crit", "info", "notice", "alert"]
FACILITIES = ["kern", "daemon", "local7", "auth", "syslog", "cron"]
TOPICS = [
    ("fan", "fan tray 2 speed below minimum"),
    ("BGP", "BGP session with peer went to idle"),
    ("optics", "optics receive power low on port 17"),
    ("reboot", "unexpected reboot, reason watchdog"),
    ("memory", "memory pressure on control plane"),
    ("flapping", "port 9 is flapping, held down"),
    ("authentication", "authentication failed for user admin"),
    ("PSU", "PSU 1 lost input feed"),
    ("temperature", "temperature sensor inlet above warning"),
    ("certificate", "certificate expires within 7 days"),
    ("firmware", "firmware image check failed"),
    ("MAC", "MAC table reached 90 percent"),
]
VENDORS = ["Mellanox", "Innolight", "Finisar", "Arista", "Cisco", "Amphenol"]
CAUSES = ["bad cable", "optics failure", "peer reboot", "fec errors", "config change", "power loss"]
STATES = ["Unhealthy", "Draining", "Healthy", "InRepair", "Rebooting", "Offline", "Quarantined"]
CHECKS = [
    "ib_write_bw", "dcgm_level3", "nvlink_status", "disk_space", "gpu_count", "pcie_width", "nccl_allreduce", "ecc_pending",
]  # fmt: skip
XIDS = [79, 48, 31, 74, 63, 94, 13, 45, 119, 64, 95, 61]
DRIVERS = ["535.161.08", "550.54.15", "535.129.03", "550.90.07", "560.35.03", "565.57.01"]
LOCATIONS = ["HBM", "L2 cache", "register file", "SRAM", "page table", "shared memory"]
COMPONENTS = ["GPU", "NIC", "DIMM", "cable", "PSU", "SSD", "fan", "mainboard"]
STATUSES = ["Open", "Assigned", "WaitingParts", "Closed", "Verified", "Escalated"]
JOBS = [
    f"{stem}-{n}"
    for n in (1, 2, 3)
    for stem in "llama-pretrain sigma-sft phi-distill ocr-train asr-finetune moe-exp vit-large rlhf-ppo code-pretrain embed-sweep".split()
]
USERS = "alice bojan chen divya emeka farah goran hana ivan jun katya liam mina noor oskar priya quinn rosa".split()
QUEUES = ["research", "prod", "interactive", "preemptible", "nightly", "urgent", "eval"]
EVENTS = ["Failed", "Started", "Completed", "Preempted", "Submitted", "TimedOut", "NodeLost", "Cancelled"]
STORES = ["blobeast", "lustre01", "nvmecache", "blobwest", "lustre02", "nfsarchive"]
UNITS = [f"crah-{n:02d}" for n in range(1, 21)]
COOLING = ["PumpFault", "HighInlet", "LeakDetected", "FanFault", "FilterClogged", "ValveStuck"]
COLLECTIVES = ["all_reduce", "all_gather", "reduce_scatter", "broadcast", "alltoall", "reduce"]
OS_VERSIONS = ["4.32.1F", "4.31.3M", "3.11.2", "3.12.0", "10.4.2", "10.5.1"]

# What a question's slots are filled with. Thresholds sit where the generated rows have something on both sides.
POOLS: dict[str, list[Any]] = {
    "site": SITES, "role": ROLES, "region": REGIONS, "rack": RACKS, "node": NODES, "model": MODELS, "sku": SKUS,
    "severity": SEVERITIES, "facility": FACILITIES, "topic": [word for word, _ in TOPICS], "vendor": VENDORS,
    "cause": CAUSES, "state": STATES, "check": CHECKS, "xid": XIDS, "driver": DRIVERS, "location": LOCATIONS,
    "component": COMPONENTS, "status": STATUSES, "job": JOBS, "user": USERS, "queue": QUEUES, "event": EVENTS,
    "store": STORES, "unit": UNITS, "cooling": COOLING, "collective": COLLECTIVES, "os": OS_VERSIONS,
    "gpu": [0, 1, 2, 3, 4, 5, 6, 7],
    "span": ["1d", "2h", "6h", "12h", "3h", "2d", "7d", "1h", "5d", "30m", "10d", "8h", "36h", "4h", "3d"],
    "bin": ["1h", "1d", "15m", "2h", "6h", "30m", "10m", "4h"],
    "n": [5, 10, 3, 20, 15, 8, 25, 7, 12, 6, 4],
    "times": [2, 5, 10, 3, 20, 8, 4, 6],
    "pct": [95, 99, 50, 90, 75, 98],
    "hot": [80, 85, 75, 78, 82, 70, 83, 77],
    "busy": [90, 95, 20, 50, 10, 80, 30, 98],
    "watts": [500, 600, 400, 650, 300, 550, 450, 620],
    "gb": [40, 60, 70, 20, 30, 50, 65, 75],
    "small": [1, 3, 5, 10, 2, 8, 4, 6],
    "many": [100, 200, 500, 50, 300, 250, 150, 400],
    "long": [30, 60, 45, 90, 20, 120, 15, 75],
    "secs": [1.5, 2.5, 3, 4, 2, 3.5],
    "loss": [2.5, 3, 2.2, 3.5, 2.8, 4],
    "kw": [20, 30, 25, 35, 28, 32],
    "inlet": [25, 27, 28, 26, 30, 29],
    "busbw": [300, 200, 250, 350, 150, 320],
    "megabytes": [1024, 64, 256, 16, 512, 128],
    "dbm": [-5, -8, -6, -10, -7, -9],
    "prio": [1, 2, 0, 3],
}  # fmt: skip


@cache
def values(pool: str, split: str) -> tuple[Any, ...]:
    """The part of a pool that a split owns: the last fifth is test, the tenth before it dev, at least one each."""
    items = POOLS[pool]
    test = max(1, round(len(items) * 0.2))
    dev = max(1, round(len(items) * 0.12))
    edge, middle = len(items) - test - dev, len(items) - test
    return tuple({"train": items[:edge], "dev": items[edge:middle], "test": items[middle:]}[split])
