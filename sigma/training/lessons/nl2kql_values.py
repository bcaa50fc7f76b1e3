"""Values for the lessons of NL2KQL: the train split's part of each pool and more of the same kind, none of dev or test."""

from __future__ import annotations

from functools import cache
from typing import Any

from sigma.aimicius.nl2kql.pools import POOLS, values

_PLACES = "cus nza sau ukw can krc ind sws".split()
_RACKS = [f"{place}-r{n}" for place in _PLACES for n in (70, 73, 77, 82, 88, 91, 96)]
_RACKS += [f"{region}-r{n}" for region in "eus wus scus ncus neu weu".split() for n in range(66, 99, 4)]
_STEMS = (
    "gpt-pretrain qwen-sft bert-tune vision-align mixtral-dpo whisper-ft retrieval-eval math-rl speech-pretrain".split()
)

# What the pools of the task do not hold: other names of the same kinds, and thresholds over a wider range.
MORE: dict[str, list[Any]] = {
    "site": "lax41 dfw03 dfw04 atl08 iad55 hkg02 bom17 gru05 jnb01 sto11 mad07 waw02 den19 slc06 mia30 icn04".split(),
    "role": "border wan console t0 t1 oob".split(),
    "region": _PLACES,
    "rack": _RACKS,
    "node": [f"{rack}-n{n}" for rack in _RACKS for n in (1, 2, 5, 6, 9, 11, 14, 16)],
    "device": [],
    "ip": ["10.64.12.9", "10.65.3.41", "10.66.200.7", "10.70.1.1", "192.168.4.20", "10.64.0.207", "172.16.8.3"],
    "model": ["GB200", "L40S", "A10", "MI100", "MI325X", "GH200", "T4"],
    "sku": ["NDv6", "NCv3", "NDasrA100", "NDGB200", "NVv4", "HBv3"],
    "severity": ["emerg", "debug"],
    "facility": ["mail", "user", "local0", "lpr", "local3"],
    "topic": [
        "link down", "power supply", "LACP", "OSPF", "ARP", "transceiver", "overheat", "timeout", "NTP", "DHCP", "license",
        "kernel panic", "out of memory", "parity", "checksum", "login", "watchdog", "voltage", "rollback", "crash",
    ],
    "vendor": ["Juniper", "Broadcom", "Lumentum", "Coherent", "Dell"],
    "cause": ["dirty connector", "firmware bug", "crc storm", "port reset", "maintenance"],
    "state": ["Degraded", "Maintenance", "Suspect", "Provisioning", "Retired"],
    "check": ["dcgm_level1", "hbm_bandwidth", "ib_ping", "clock_throttle", "xid_scan", "nvme_smart", "fan_speed"],
    "xid": [43, 62, 92, 109, 120, 32, 69, 140, 143, 145, 38, 56, 8],
    "driver": ["525.147.05", "545.23.08", "570.86.15", "470.256.02", "550.127.08"],
    "location": ["L1 cache", "texture unit", "DRAM", "constant cache"],
    "component": ["CPU", "riser", "NVSwitch", "backplane", "transceiver", "BMC"],
    "status": ["New", "InProgress", "OnHold", "Shipped", "Rejected"],
    "job": [f"{stem}-{n}" for stem in _STEMS for n in (1, 4, 7, 12)],
    "user": "sven tara uma wei xiao yusuf zoe amir bea carl dora eli fatima gita henrik ines jdoe mkim".split(),
    "queue": ["batch", "training", "debug", "spot", "highprio", "dev"],
    "event": ["Requeued", "Evicted", "Suspended", "Resumed", "OutOfMemory", "Held"],
    "store": ["beegfs01", "s3cold", "cephfs", "wekahot", "blobnorth"],
    "unit": [f"crah-{n}" for n in range(21, 40)] + [f"cdu-{n:02d}" for n in range(1, 9)],
    "cooling": ["LowFlow", "HighHumidity", "CompressorTrip", "SensorLost"],
    "collective": ["gather", "scatter", "sendrecv", "all_to_all_v"],
    "os": ["4.28.0F", "3.10.5", "9.3.8", "10.3.6", "5.11.0"],
    "gpu": [],
    "port": list(range(1, 65)),
    "link": list(range(18)),
    "rank": [0, 1, 7, 8, 16, 31, 63, 64, 127, 128, 255, 300, 511],
    "exit": [1, 137, 139, 124, 143, 134, 255],
    "jobid": [900_017, 900_350, 901_204, 902_777, 903_013, 903_998, 901_511],
    "ticket": [40_012, 40_377, 41_205, 42_018, 43_650, 43_999],
    "ports": [32, 48, 64, 128],
    "gpus": [8, 16, 32, 64, 128, 256, 512],
    "step": [100, 500, 1_000, 5_000, 10_000, 20_000, 50_000, 80_000],
    "tokens": [10_000, 20_000, 40_000, 50_000, 80_000, 100_000, 150_000, 200_000],
    "xmit": [1_000, 5_000, 10_000, 50_000, 100_000, 250_000, 500_000],
    "volume": [25, 50, 75, 120, 180, 220, 350, 450, 600, 700, 800, 1_000, 2_000, 3_000],
    "free": [10, 16, 32, 48, 64, 100, 128, 256],
    "year": [2021, 2022, 2023, 2024, 2025],
    "span": [
        "5m", "10m", "15m", "20m", "45m", "90m", "5h", "7h", "9h", "10h", "18h", "24h", "48h", "72h", "6d", "9d", "12d", "14d",
    ],
    "bin": ["5m", "20m", "3h", "12h", "1m"],
    "n": [2, 9, 10, 11, 13, 14, 16, 18, 30, 40, 50, 60, 75, 100],
    "times": [1, 7, 9, 12, 15, 25, 30, 40, 50, 100],
    "pct": [5, 10, 25, 80, 85, 97],
    "hot": list(range(55, 95)),
    "busy": [5, 15, 25, 33, 40, 45, 60, 65, 70, 75, 85, 88, 92, 97, 99],
    "watts": [100, 150, 200, 250, 350, 375, 425, 475, 520, 575, 640, 675, 690],
    "gb": [8, 10, 12, 16, 24, 32, 45, 48, 55, 62, 68, 72, 74, 78],
    "small": [7, 9, 12, 15, 20, 25, 30, 40, 60, 80, 100],
    "many": [10, 20, 25, 75, 120, 180, 225, 275, 350, 450, 550],
    "long": [5, 10, 12, 24, 40, 50, 72, 80, 100, 150, 180, 200, 240],
    "secs": [0.8, 1, 1.2, 1.8, 2.2, 2.8, 3.2, 4.5, 5],
    "loss": [1.8, 2, 2.1, 2.4, 2.6, 2.75, 3.2, 3.8, 4.5, 5],
    "kw": [8, 10, 12, 15, 18, 22, 24, 27, 33, 36, 38, 40],
    "inlet": [19, 20, 21, 22, 23, 24, 31, 32],
    "busbw": [60, 80, 100, 120, 160, 180, 220, 240, 280, 310, 380, 400, 420],
    "megabytes": [1, 4, 8, 32, 2048, 4096],
    "dbm": [-1, -2, -3, -4, -11, -12, -13],
    "prio": [],
    "stem": "llama phi gpt qwen bert sft pretrain ocr vision math whisper moe ft distill".split(),
    "branch": ["535", "550", "545", "570", "525", "470"],
    "major": ["4.", "3.", "9.", "5."],
}  # fmt: skip


@cache
def pool(name: str) -> tuple[Any, ...]:
    """The values that a slot of this kind may take in a lesson."""
    mine = list(values(name, "train")) if name in POOLS else []
    kept = set() if name not in POOLS else {*values(name, "dev"), *values(name, "test")}
    if name == "device":
        return tuple(f"{site}-p{pod:02d}-{role}" for site in pool("site") for pod in (1, 2) for role in pool("role"))
    return tuple(dict.fromkeys(value for value in (*mine, *MORE[name]) if value not in kept))
