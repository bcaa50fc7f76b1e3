"""Values that questions and commands are filled with; every pool is cut into three parts that share no value.

A value is a pair (as the command has it, as a person says it). Words of a tool's own language (field names, sections, types)
are no values: a model cannot guess those, so all splits draw from them, but never the same list of several.

It has over 300 lines: lists of values. Cases are drawn from them in this order.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import combinations

from sigma.aimicius.contract import SPLITS

Value = tuple[str, str]
Pool = dict[str, list[dict[str, Value]]]


def _pair(value: object) -> Value:
    return (str(value[0]), str(value[1])) if isinstance(value, tuple) else (str(value), str(value))


def cut(name: str, train: Sequence, dev: Sequence, test: Sequence) -> Pool:
    """A pool of one slot from three lists."""
    return {split: [{name: _pair(v)} for v in part] for split, part in zip(SPLITS, (train, dev, test), strict=True)}


def shared(name: str, words: Sequence) -> Pool:
    """A pool of a tool's own words, the same in every split."""
    return {split: [{name: _pair(word)} for word in words] for split in SPLITS}


def mixed(name: str, words: dict[str, str], least: int, most: int, joint: str = ",", limit: int = 400) -> Pool:
    """Lists of several of a tool's words; a list belongs to one split only, single words to all."""
    pool: Pool = {split: [] for split in SPLITS}
    for size in range(least, most + 1):
        every = list(combinations(words.items(), size))
        random.Random(f"{name}{size}").shuffle(every)
        for place, chosen in enumerate(every[:limit]):
            value = (joint.join(word for word, _ in chosen), spoken([text for _, text in chosen]))
            splits = SPLITS if size == 1 else (("train",) * 7 + ("dev",) + ("test",) * 3)[place % 11 : place % 11 + 1]
            for split in splits:
                pool[split].append({name: value})
    return pool


def spoken(words: Sequence[str]) -> str:
    """a; a and b; a, b and c."""
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def _devices(lists: str) -> list[Value]:
    return [(item, spoken(item.split(","))) for item in lists.split()]


def _paths(folders: str, names: str, endings: str) -> list[str]:
    return [
        f"{folder}/{name}{ending}" for folder in folders.split() for name in names.split() for ending in endings.split()
    ]


def _sizes(text: str) -> list[dict[str, Value]]:
    """`8:128M` -> the two sizes as typed and as said."""
    said = {"K": " KB", "M": " MB", "G": " GB"}

    def say(size: str) -> str:
        return size[:-1] + said[size[-1]] if size[-1] in said else f"{size} bytes"

    return [{"b": (low, say(low)), "e": (high, say(high))} for low, high in (item.split(":") for item in text.split())]


def _ranges(text: str, start: str = "") -> list[dict[str, Value]]:
    return [
        {start + "lo": _pair(low), start + "hi": _pair(high)}
        for low, high in (item.split(":") for item in text.split())
    ]


def by_split(train: list, dev: list, test: list) -> Pool:
    """A pool of several slots that belong together."""
    return dict(zip(SPLITS, (train, dev, test), strict=True))


GPU_FIELDS = {
    "index": "index",
    "name": "product name",
    "uuid": "UUID",
    "serial": "serial number",
    "pci.bus_id": "PCI bus id",
    "driver_version": "driver version",
    "vbios_version": "VBIOS version",
    "pstate": "performance state",
    "temperature.gpu": "GPU temperature",
    "temperature.memory": "memory temperature",
    "utilization.gpu": "GPU utilization",
    "utilization.memory": "memory utilization",
    "memory.total": "total memory",
    "memory.used": "used memory",
    "memory.free": "free memory",
    "power.draw": "power draw",
    "power.limit": "power limit",
    "clocks.sm": "SM clock",
    "clocks.mem": "memory clock",
    "clocks.gr": "graphics clock",
    "pcie.link.gen.current": "current PCIe generation",
    "pcie.link.width.current": "current PCIe link width",
    "persistence_mode": "persistence mode",
    "compute_mode": "compute mode",
    "mig.mode.current": "current MIG mode",
    "ecc.mode.current": "current ECC mode",
    "ecc.errors.uncorrected.volatile.total": "volatile uncorrected ECC error total",
    "ecc.errors.corrected.volatile.total": "volatile corrected ECC error total",
    "timestamp": "timestamp",
}
SECTIONS = {
    "MEMORY": "memory",
    "UTILIZATION": "utilization",
    "ECC": "ECC",
    "TEMPERATURE": "temperature",
    "POWER": "power",
    "CLOCK": "clock",
    "COMPUTE": "compute mode",
    "PERFORMANCE": "performance state",
    "PAGE_RETIREMENT": "page retirement",
    "ROW_REMAPPER": "row remapper",
    "ACCOUNTING": "accounting",
    "SUPPORTED_CLOCKS": "supported clocks",
    "PIDS": "process",
}
APP_FIELDS = {
    "pid": "PID",
    "process_name": "process name",
    "used_memory": "used memory",
    "gpu_uuid": "GPU UUID",
    "gpu_name": "GPU name",
}
DMON = {
    "p": "power and temperature",
    "u": "utilization",
    "c": "clocks",
    "m": "memory",
    "t": "PCIe throughput",
    "e": "ECC errors",
}
ROCM = {
    "--showtemp": "temperature",
    "--showpower": "power consumption",
    "--showuse": "GPU utilization",
    "--showmemuse": "memory use",
    "--showclocks": "current clocks",
    "--showfan": "fan speed",
    "--showvoltage": "voltage",
    "--showperflevel": "performance level",
    "--showserial": "serial number",
    "--showbus": "PCI bus id",
    "--showuniqueid": "unique id",
    "--showvbios": "VBIOS version",
    "--showproductname": "product name",
    "--showmaxpower": "power cap",
}
AMD_METRICS = {
    "--power": "power",
    "--clock": "clock",
    "--temperature": "temperature",
    "--usage": "usage",
    "--mem-usage": "memory usage",
    "--pcie": "PCIe",
    "--ecc": "ECC",
    "--energy": "energy",
}
AMD_STATIC = {
    "--asic": "ASIC",
    "--bus": "bus",
    "--vbios": "VBIOS",
    "--driver": "driver",
    "--vram": "VRAM",
    "--board": "board",
    "--limit": "limit",
    "--numa": "NUMA",
    "--ras": "RAS",
    "--partition": "partition",
}
AMD_MONITOR = {
    "--power-usage": "power",
    "--temperature": "temperature",
    "--gfx": "GFX utilization",
    "--mem": "memory utilization",
    "--ecc": "ECC counts",
    "--vram-usage": "VRAM usage",
    "--pcie": "PCIe bandwidth",
}
TYPES = [
    ("half", "fp16"),
    ("float", "fp32"),
    ("bfloat16", "bf16"),
    ("double", "fp64"),
    ("int8", "int8"),
    ("int32", "int32"),
]
COLLECTIVES = {
    "all_reduce_perf": "all-reduce",
    "all_gather_perf": "all-gather",
    "reduce_scatter_perf": "reduce-scatter",
    "broadcast_perf": "broadcast",
    "alltoall_perf": "all-to-all",
    "sendrecv_perf": "send/recv",
    "reduce_perf": "reduce",
}
ARCHES = [("sm_80", "A100 (sm_80)"), ("sm_90", "H100 (sm_90)"), ("sm_75", "Turing (sm_75)"), ("sm_86", "sm_86"), ("sm_89", "Ada (sm_89)")]  # fmt: skip
_MEMORY = [("vram", "VRAM"), ("gtt", "GTT"), ("vis_vram", "visible VRAM")]

POOLS: dict[str, Pool] = {
    "gpu": cut("gpu", (0, 1, 2, 4, 6), (5,), (3, 7)),
    "idle": cut("idle", (0,), (6,), (3,)),  # without a process, so that a reset goes through
    "gpus": cut("gpus", _devices("0,1 0,2 1,2 2,4 4,6 0,1,2 1,4 0,6 2,6 0,1,2,4"), _devices("5,6 1,5 0,4,5"), _devices("3,7 0,3 1,7 2,3 4,7 0,3,7 1,2,3")),
    "gpusp": cut("gpusp", [(a.replace(",", " "), b) for a, b in _devices("0,1 0,2 1,2 2,4 4,6 0,1,2 1,4 0,6 2,6")], [(a.replace(",", " "), b) for a, b in _devices("5,6 1,5 0,4,5")], [(a.replace(",", " "), b) for a, b in _devices("3,7 0,3 1,7 2,3 4,7 0,3,7")]),
    "secs": cut("secs", (2, 3, 5, 10, 15, 30, 60), (4, 20), (6, 7, 8, 12, 25, 45)),
    "delay": cut("delay", (2, 3, 5, 10), (4,), (6, 7, 8, 9)),
    "ms": cut("ms", (100, 200, 500, 1000), (250, 400), (150, 300, 750, 1200)),
    "count": cut("count", (5, 10, 20, 30, 50, 100), (15, 40), (8, 12, 25, 60, 75, 200)),
    "log": cut("log", _paths("/tmp /var/log /data/logs", "gpu smi-out power node01 usage health", ".log .txt"), _paths("/scratch", "report probe", ".log"), _paths("/home/ops /mnt/share/audit", "fleet thermals snapshot rack12 check", ".out .log")),
    "csvfile": cut("csvfile", _paths("/tmp /data/logs", "gpu metrics util power", ".csv"), _paths("/scratch", "probe", ".csv"), _paths("/home/ops /mnt/share", "fleet thermals readings", ".csv")),
    "jsonfile": cut("jsonfile", _paths("/tmp /data", "gpus metrics topo state", ".json"), _paths("/scratch", "probe", ".json"), _paths("/home/ops /mnt/share", "fleet readings inventory", ".json")),
    "xmlfile": cut("xmlfile", _paths("/tmp /data", "gpus full state", ".xml"), _paths("/scratch", "probe", ".xml"), _paths("/home/ops", "fleet inventory", ".xml")),
    "watts": cut("watts", (250, 300, 350, 400), (275,), (225, 325, 375)),
    "wattsa": cut("wattsa", (400, 500, 600, 650, 750), (550,), (450, 525, 700)),
    "range": by_split(_ranges("1200:1410 900:1200 1000:1300 600:1200 1110:1350"), _ranges("750:1050"), _ranges("840:1260 1140:1380 510:990 1020:1320")),
    "mhz": cut("mhz", (900, 1200, 1410, 1050), (1110,), (960, 1260, 1320)),
    "srange": by_split(_ranges("500:1500 800:1700 500:1900 1000:2000", "s"), _ranges("700:1800", "s"), _ranges("600:1600 900:1950 1100:2100", "s")),
    "cap": cut("cap", (1500, 1700, 1900), (1800,), (1600, 2000)),
    "sizes": by_split(_sizes("8:128M 8:1G 8:256M 1K:512M 1M:1G 4M:2G 64K:64M 1M:8G"), _sizes("2K:128M 32M:4G"), _sizes("16:512M 4K:256M 128K:2G 2M:16G 512:32M 256K:8G")),
    "size": cut("size", (("256M", "256 MB"), ("1G", "1 GB"), ("64M", "64 MB"), ("4M", "4 MB")), (("16M", "16 MB"),), (("512M", "512 MB"), ("2G", "2 GB"), ("128M", "128 MB"), ("8M", "8 MB"))),
    "step": cut("step", (("1M", "1 MB"), ("16M", "16 MB"), ("64M", "64 MB")), (("4M", "4 MB"),), (("8M", "8 MB"), ("32M", "32 MB"), ("128M", "128 MB"))),
    "iters": cut("iters", (10, 40, 50, 100, 200), (30, 500), (25, 60, 80, 150, 1000)),
    "warm": cut("warm", (2, 10, 20), (4,), (3, 8, 15)),
    "ngpu": shared("ngpu", [2, 4, 8]),
    "nodes": by_split([{"nodes": _pair(n), "ranks": _pair(n * 8)} for n in (2, 4, 8)], [{"nodes": _pair(3), "ranks": _pair(24)}], [{"nodes": _pair(n), "ranks": _pair(n * 8)} for n in (5, 6, 16)]),
    "hostfile": cut("hostfile", ("hosts.txt", "/etc/mpi/hostfile", "nodes.list"), ("cluster.hosts",), ("machines.txt", "/opt/mpi/hosts", "rack7.hosts")),
    "nic": cut("nic", ("eth0", "ens3", "bond0"), ("eno1",), ("ib0", "enp5s0", "eth1")),
    "hca": cut("hca", ("mlx5_0", "mlx5_1", "mlx5_0,mlx5_1"), ("mlx5_ib0",), ("mlx5_2", "mlx5_4", "mlx5_2,mlx5_3")),
    "channels": cut("channels", (4, 8, 16, 32), (12,), (2, 6, 24)),
    "collective": shared("collective", list(COLLECTIVES.items())),
    "dtype": shared("dtype", TYPES),
    "op": shared("op", ["sum", "max", "min", "prod", "avg"]),
    "algo": shared("algo", ["Ring", "Tree"]),
    "proto": shared("proto", ["LL", "LL128", "Simple"]),
    "p2p": shared("p2p", ["NVL", "PIX", "PXB", "PHB", "SYS"]),
    "fields": mixed("fields", GPU_FIELDS, 1, 3, limit=330),
    "sections": mixed("sections", SECTIONS, 1, 2),
    "apps": mixed("apps", APP_FIELDS, 2, 4),
    "groups": mixed("groups", DMON, 1, 3, joint=""),
    "rocm": mixed("rocm", ROCM, 1, 3, joint=" ", limit=200),
    "metrics": mixed("metrics", AMD_METRICS, 1, 3, joint=" "),
    "statics": mixed("statics", AMD_STATIC, 1, 2, joint=" "),
    "monitors": mixed("monitors", AMD_MONITOR, 1, 3, joint=" "),
    "memtype": shared("memtype", _MEMORY),
    "mode": shared("mode", [("DEFAULT", "default"), ("EXCLUSIVE_PROCESS", "exclusive-process"), ("PROHIBITED", "prohibited")]),
    "partition": shared("partition", ["SPX", "DPX", "QPX", "CPX"]),
    "nps": shared("nps", ["NPS1", "NPS2", "NPS4"]),
    "level": shared("level", ["auto", "low", "high", "manual"]),
    "levelu": shared("levelu", ["AUTO", "LOW", "HIGH", "MANUAL"]),
    "source": by_split(
        [{"src": _pair(f"{n}.cu"), "bin": _pair(n), "obj": _pair(f"build/{n}.o")} for n in "saxpy gemm reduce softmax transpose layernorm scan stencil".split()],
        [{"src": _pair(f"{n}.cu"), "bin": _pair(n), "obj": _pair(f"build/{n}.o")} for n in "histogram topk".split()],
        [{"src": _pair(f"{n}.cu"), "bin": _pair(n), "obj": _pair(f"build/{n}.o")} for n in "attention rmsnorm spmv bitonic gather conv2d rope".split()],
    ),
    "arch": shared("arch", ARCHES),
    "std": shared("std", [("c++14", "C++14"), ("c++17", "C++17"), ("c++20", "C++20")]),
    "opt": shared("opt", [0, 1, 2, 3]),
    "regs": cut("regs", (32, 64, 128), (40,), (48, 96, 80)),
    "incdir": cut("incdir", ("include", "/opt/cub/include", "third_party"), ("inc",), ("src/headers", "/usr/local/cutlass/include", "deps/include")),
    "library": shared("library", ["cublas", "cudart", "cufft", "curand", "nccl", "cusparse"]),
    "macro": cut("macro", ("DEBUG=1", "BLOCK=256", "USE_FP16"), ("TILE=32",), ("NDEBUG", "WARPS=8", "UNROLL=4")),
    "config": cut("config", ("config.yaml", "configs/default.yaml", "/etc/sb/gpu.yaml", "ndv4.yaml"), ("quick.yaml",), ("fleet.yaml", "configs/mi300.yaml", "nightly.yaml", "/opt/sb/full.yaml")),
    "inventory": cut("inventory", ("local.ini", "hosts.ini", "./cluster.ini"), ("lab.ini",), ("rack3.ini", "pool.ini", "/etc/ansible/gpu.ini")),
    "outdir": cut("outdir", ("outputs", "results/run1", "/tmp/sb"), ("out/dev",), ("/mnt/bench", "results/nightly", "sb-out")),
    "image": cut("image", ("superbench/superbench:v0.10.0-cuda12.2", "superbench/main:rocm5.7", "superbench/superbench:v0.9.0-cuda12.1"), ("superbench/main:cuda12.4",), ("superbench/superbench:v0.11.0-rocm6.2", "superbench/superbench:v0.11.0-cuda12.4", "registry.local/sb:latest")),
    "hosts": cut("hosts", ("node0,node1", "gpu-01,gpu-02", "10.0.0.4,10.0.0.5"), ("lab1,lab2",), ("rack3-a,rack3-b", "10.1.2.7,10.1.2.8", "n17,n18")),
    "user": cut("user", ("azureuser", "root", "bench"), ("lab",), ("ops", "svc-gpu", "hpcadmin")),
    "benchmark": shared("benchmark", ["kernel-launch", "gpu-copy-bw", "mem-bw", "matmul", "ib-loopback", "gemm-flops", "gpu-burn"]),
    "ending": shared("ending", ["bw", "inference", "flops"]),
    "results": cut("results", ("outputs/results-summary.jsonl", "results.jsonl", "run1/results-summary.jsonl"), ("dev/results.jsonl",), ("nightly/results-summary.jsonl", "/mnt/bench/results.jsonl", "fleet-results.jsonl")),
    "rules": cut("rules", ("rule.yaml", "rules/diagnosis.yaml", "diag.yaml"), ("dev-rule.yaml",), ("rules/fleet.yaml", "strict.yaml", "mi300-rule.yaml")),
    "baseline": cut("baseline", ("baseline.json", "base/ndv4.json"), ("dev-base.json",), ("golden.json", "base/mi300.json", "fleet-baseline.json")),
    "places": cut("places", (1, 3, 4), (5,), (6, 0)),
    "section": mixed("section", {word: text for word, text in SECTIONS.items() if word != "PIDS"}, 1, 1),
    "link": cut("link", (0, 1, 2, 4), (5,), (3, 6, 7)),
    "p2pcap": shared("p2pcap", [("r", "read"), ("w", "write"), ("n", "NVLink"), ("a", "atomics")]),
    "appmem": shared("appmem", [1593]),
    "dform": shared("dform", ["json", "jsonl", "md", "html"]),
    "sform": shared("sform", ["html", "excel"]),
    "pid": cut("pid", (12345, 4021, 22876), (31337,), (50512, 9981, 17290)),
    "profile": shared("profile", [("19", "1g.10gb (id 19)"), ("14", "2g.20gb (id 14)"), ("9", "3g.40gb (id 9)"), ("5", "4g.40gb (id 5)")]),
    "fw": shared("fw", ["SMC", "VCN", "SDMA", "RLC", "SOS"]),
}  # fmt: skip
# Slots that come from a pool of another name.
SLOTS = {
    "b": "sizes",
    "e": "sizes",
    "lo": "range",
    "hi": "range",
    "slo": "srange",
    "shi": "srange",
    "src": "source",
    "bin": "source",
    "obj": "source",
    "ranks": "nodes",
}
