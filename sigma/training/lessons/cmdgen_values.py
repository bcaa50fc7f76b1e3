"""What slots of a lesson's command may hold, as typed and as said, and the additions that fit many commands.

A pool is a function of the generator that gives (typed, said), or several slots that belong together.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sigma.training.lessons.cmdgen_words import (
    AMD_METRICS,
    AMD_MONITOR,
    AMD_STATIC,
    APP_FIELDS,
    DMON,
    LISTED,
    ROCM_FIRMWARE,
    ROCM_SHOW,
    SECTIONS,
)  # fmt: skip

Drawn = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Modifier:
    """An addition: `piece` of the command, `tails` of the phrase (^: in front). `single`: it names one or a few devices."""

    weight: float
    piece: str
    tails: tuple[str, ...]
    single: bool = False


def spoken(words: Sequence[str], rng: random.Random) -> str:
    """a; a and b; a, b and c; or with commas alone."""
    last = rng.choice((" and ", " and ", ", ", " + ", " & "))
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + last + words[-1]


def one_of(*words: Any) -> Callable:
    """A pool of words; a pair is (typed, said), a word stands for itself, said may offer several with |."""

    def draw(rng: random.Random) -> Drawn:
        word = rng.choice(words)
        typed, said = word if isinstance(word, tuple) else (str(word), str(word))
        return typed, rng.choice(said.split("|"))

    return draw


def some_of(table: dict[str, str], least: int, most: int, joint: str) -> Callable:
    """Several words of a table in one list."""

    def draw(rng: random.Random) -> Drawn:
        chosen = rng.sample(list(table), rng.randint(least, most))
        return joint.join(chosen), spoken([rng.choice(table[name].split("|")) for name in chosen], rng)

    return draw


def numbers(choices: Sequence[int], *units: str) -> Callable:
    """A number with its unit in words."""

    def draw(rng: random.Random) -> Drawn:
        value = rng.choice(choices)
        return str(value), rng.choice(units).format(value) if units else str(value)

    return draw


def devices(joint: str) -> Callable:
    """Two to four devices."""

    def draw(rng: random.Random) -> Drawn:
        chosen = [str(number) for number in sorted(rng.sample(range(8), rng.choice((2, 2, 2, 3, 4))))]
        if rng.random() < 0.2:
            low = rng.randrange(5)
            chosen = [str(number) for number in range(low, low + rng.choice((2, 3, 4)))]
        run = len(chosen) > 2 and int(chosen[-1]) - int(chosen[0]) == len(chosen) - 1
        said = ", ".join(chosen[:-1]) + " and " + chosen[-1]
        forms = [
            said,
            said,
            ",".join(chosen),
            *([f"{chosen[0]}-{chosen[-1]}", f"{chosen[0]} to {chosen[-1]}"] if run else []),
        ]
        return joint.join(chosen), rng.choice(forms)

    return draw


def exactly(count: int) -> Callable:
    """So many devices."""

    def draw(rng: random.Random) -> Drawn:
        chosen = [str(number) for number in sorted(rng.sample(range(8), count))]
        return ",".join(chosen), rng.choice((",".join(chosen), ", ".join(chosen[:-1]) + " and " + chosen[-1]))

    return draw


def _said_size(size: str, rng: random.Random) -> str:
    if size.isdigit():
        return rng.choice((size, f"{size}B", f"{size} bytes", f"{size} B"))
    units = {"K": "KB", "M": "MB", "G": "GB"}
    return rng.choice((size, size[:-1] + units[size[-1]], f"{size[:-1]} {units[size[-1]]}", size.lower()))


def size(rng: random.Random) -> Drawn:
    """One message size."""
    chosen = rng.choice(
        "8 64 512 1K 4K 64K 128K 256K 512K 1M 2M 4M 8M 16M 32M 64M 128M 256M 512M 1G 2G 4G 8G 16G".split()
    )
    return chosen, _said_size(chosen, rng)


def sizes(rng: random.Random) -> dict[str, Drawn]:
    """A smallest and a largest size."""
    ladder = "8 16 128 512 1K 4K 16K 64K 256K 512K 1M 2M 4M 16M 32M 64M 128M 256M 512M 1G 2G 4G 8G 16G".split()
    low = rng.choice((0, 0, 0, 4, 8, 10, 10, *range(14)))
    high = rng.choice(
        [place for place in (16, 17, 18, 19, 20, 21, 22, 22, 23, 23, 19, 16, *range(6, 24)) if place > low + 2]
    )
    return {"b": (ladder[low], _said_size(ladder[low], rng)), "e": (ladder[high], _said_size(ladder[high], rng))}


def nodes(rng: random.Random) -> dict[str, Drawn]:
    """Nodes of eight GPUs, and the ranks on all of them."""
    count = rng.choice((2, 2, 3, 4, 4, 5, 6, 8, 8, 10, 12, 16, 32))
    words = {2: "two", 3: "three", 4: "four", 8: "eight"}
    return {
        "nodes": (str(count), rng.choice((str(count), words.get(count, str(count))))),
        "ranks": (str(count * 8), str(count * 8)),
    }


def launched(rng: random.Random) -> dict[str, Drawn]:
    """Processes with several GPUs each, and the GPUs of all of them."""
    count, each = rng.choice((2, 2, 3, 4, 4, 5, 6, 8, 10, 16)), rng.choice((2, 3, 4, 4, 6, 8))
    return {"procs": (str(count),) * 2, "each": (str(each),) * 2, "sum": (str(count * each),) * 2}


def quads(rng: random.Random) -> dict[str, Drawn]:
    """Nodes of four GPUs, and the ranks on all of them."""
    count = rng.choice((2, 2, 3, 4, 4, 6, 8, 16))
    words = {2: "two", 3: "three", 4: "four"}
    return {
        "nodes4": (str(count), rng.choice((str(count), words.get(count, str(count))))),
        "ranks4": (str(count * 4),) * 2,
    }


def source(rng: random.Random) -> dict[str, Drawn]:
    """A CUDA source with its program and object file."""
    name = rng.choice(
        "saxpy gemm vecadd reduce softmax transpose layernorm scan stencil main kernel kernels mandelbrot nbody matmul hello fft "
        "sort prefix_sum flash_attn conv dot test bench sgemm cholesky raytracer jacobi heat warp_reduce my_kernel ops".split()
    )
    return {"src": (f"{name}.cu",) * 2, "bin": (name,) * 2, "obj": (f"{name}.o",) * 2, "ptx": (f"{name}.ptx",) * 2}


def span(lows: Sequence[int], highs: Sequence[int], low: str, high: str) -> Callable:
    """Two clocks, the lower one first."""

    def draw(rng: random.Random) -> dict[str, Drawn]:
        least = rng.choice(lows)
        most = rng.choice([value for value in highs if value > least])
        return {low: (str(least),) * 2, high: (str(most),) * 2}

    return draw


def path(folders: str, names: str, endings: str) -> Callable:
    """A file somewhere."""

    def draw(rng: random.Random) -> Drawn:
        name = rng.choice(folders.split()) + rng.choice(names.split()) + rng.choice(endings.split())
        name = name.removeprefix("HERE")
        return name, name

    return draw


_NAMES = "gpu gpus smi power temps util usage health stats metrics report node01 monitor out log nightly state"
_FOLDERS = "/tmp/ /var/log/ /data/ /data/logs/ HERE HERE ./ /home/ubuntu/ logs/"
POOLS: dict[str, Callable] = {
    "gpu": numbers(range(8)), "gpus": devices(","), "gpusp": devices(" "), "two": exactly(2), "four": exactly(4), "idle": numbers((0,)),
    "secs": numbers((1, 1, 2, 2, 3, 4, 5, 5, 10, 10, 15, 20, 30, 60), "{} seconds", "{} s", "{}s", "{} sec", "{} seconds"),
    "delay": numbers((2, 2, 3, 4, 5, 6, 8, 10), "{} seconds", "{} s", "{}s", "{} sec"),
    "ms": numbers((50, 100, 200, 250, 500, 500, 750, 1500), "{} ms", "{}ms", "{} milliseconds", "{} msec"),
    "count": numbers((1, 2, 3, 5, 5, 10, 10, 12, 20, 30, 50, 60, 100, 120)), "span": numbers((10, 20, 30, 60, 120, 300, 600)),
    "log": path(_FOLDERS, _NAMES, ".log .txt .log .out"), "csvfile": path(_FOLDERS, _NAMES, ".csv"),
    "jsonfile": path(_FOLDERS, _NAMES, ".json"), "xmlfile": path(_FOLDERS, _NAMES, ".xml"),
    "watts": numbers((150, 200, 250, 275, 280, 300, 320, 350, 360, 400, 450, 500, 600), "{} W", "{}W", "{} watts", "{} watt"),
    "wattsa": numbers((300, 350, 400, 450, 500, 550, 560, 600, 650, 700, 750), "{} W", "{}W", "{} watts"),
    "range": span((210, 300, 600, 750, 900, 1000, 1095, 1200), (1200, 1305, 1410, 1500, 1700, 1755, 1830, 1980), "lo", "hi"),
    "mrange": span((810, 1215), (1593, 2619), "mlo", "mhi"), "srange": span((132, 500, 700, 800, 1000, 1300), (1500, 1700, 1900, 2000, 2100), "slo", "shi"),
    "mhz": numbers((600, 900, 1005, 1095, 1110, 1200, 1305, 1350, 1380, 1410, 1500, 1590, 1700, 1755, 1980), "{} MHz", "{}MHz", "{}", "{} mhz"),
    "memmhz": numbers((1215, 1593, 2619, 810, 877, 5001), "{} MHz", "{}MHz", "{}"), "cap": numbers((900, 1300, 1500, 1700, 1800, 1900, 2100), "{} MHz", "{}"),
    "celsius": numbers((70, 75, 80, 83, 85, 90), "{} C", "{} degrees", "{}C", "{} celsius"),
    "size": size, "sizes": sizes, "step": one_of(("1M", "1M|1 MB"), ("4M", "4 MB|4M"), ("16M", "16M|16 MB"), ("64M", "64MB|64M"), ("128M", "128M|128 MB"), ("512K", "512 KB|512K"), ("1048576", "1048576 bytes")),
    "factor": numbers((3, 4, 4, 8, 10)), "iters": numbers((1, 5, 10, 25, 30, 40, 50, 80, 100, 200, 500, 1000)), "warm": numbers((0, 1, 2, 3, 5, 10, 20, 50)),
    "small": numbers((2, 3, 4, 5, 8, 10)), "root": numbers((1, 2, 3, 4, 5, 6, 7)), "ngpu": one_of(("2", "2|two"), ("4", "4|four"), ("8", "8|eight"), ("8", "8|all 8|8"), ("1", "1|one"), ("3", "3")), "nodes": nodes,
    "channels": numbers((1, 2, 4, 8, 12, 16, 24, 32)), "hostfile": one_of("hosts.txt", "hostfile", "hosts", "my_hosts", "/etc/hostfile", "nodes.txt", "~/hostfile", "cluster.txt", "./hostfile"),
    "each": launched, "each4": quads, "hostlist": one_of("node1,node2", "n1,n2", "gpu01,gpu02", "10.0.0.1,10.0.0.2", "worker-0,worker-1", "dgx1,dgx2"), "hostslots": one_of("node1:8,node2:8", "n1:8,n2:8", "gpu01:8,gpu02:8", "10.0.0.1:8,10.0.0.2:8"),
    "nic": one_of("eth0", "ens3", "bond0", "enp1s0", "eno1", "ens5", "eth1", "ib0"), "hca": one_of("mlx5_0", "mlx5_1", "mlx5_0,mlx5_1", "mlx5", "mlx5_0:1", "^mlx5_2", "=mlx5_0", "bnxt_re0"),
    "coll": one_of(("all_reduce_perf", "all-reduce|all reduce|allreduce|all_reduce"), ("all_reduce_perf", "all-reduce|allreduce"), ("all_gather_perf", "all-gather|allgather|all gather"), ("reduce_scatter_perf", "reduce-scatter|reduce scatter|reducescatter"), ("broadcast_perf", "broadcast|bcast"), ("alltoall_perf", "all-to-all|alltoall|a2a|all to all"), ("sendrecv_perf", "send/recv|sendrecv|send recv|point-to-point"), ("reduce_perf", "reduce"), ("gather_perf", "gather"), ("scatter_perf", "scatter"), ("hypercube_perf", "hypercube")),
    "rootcoll": one_of(("broadcast_perf", "broadcast|bcast"), ("reduce_perf", "reduce"), ("gather_perf", "gather"), ("scatter_perf", "scatter")), "redcoll": one_of(("all_reduce_perf", "all-reduce|allreduce"), ("reduce_perf", "reduce"), ("reduce_scatter_perf", "reduce-scatter")),
    "dtype": one_of(("half", "half|fp16|float16|half precision"), ("bfloat16", "bf16|bfloat16"), ("double", "double|fp64|doubles"), ("int8", "int8"), ("uint8", "uint8|bytes"), ("int32", "int32"), ("uint32", "uint32"), ("int64", "int64"), ("uint64", "uint64"), ("float", "float|fp32|float32"), ("all", "every datatype|all datatypes")),
    "op": one_of(("prod", "prod|product|multiply"), ("min", "min|minimum"), ("max", "max|maximum"), ("avg", "avg|average|mean"), ("mulsum", "mulsum"), ("all", "every reduction op|all ops")),
    "algo": one_of(("Ring", "ring|Ring"), ("Tree", "tree|Tree"), ("NVLS", "NVLS"), ("CollnetDirect", "CollnetDirect"), ("NVLSTree", "NVLSTree")), "proto": one_of("LL", "LL128", ("Simple", "Simple|simple")),
    "p2p": one_of("LOC", "NVL", "PIX", "PXB", "PHB", "SYS"), "subsys": one_of("INIT", "NET", "INIT,NET", "GRAPH", "COLL", "ALL", "TUNING", "INIT,GRAPH,ENV", "P2P"),
    "fields": some_of(LISTED, 2, 4, ","), "fewfields": some_of(LISTED, 1, 2, ","), "sections": some_of(SECTIONS, 2, 3, ","), "section": some_of(SECTIONS, 1, 1, ","), "apps": some_of(APP_FIELDS, 2, 4, ","), "groups": some_of(DMON, 1, 3, ""),
    "rocmshow": some_of(ROCM_SHOW, 2, 3, " "), "rocmone": some_of(ROCM_SHOW, 1, 1, " "), "metrics": some_of(AMD_METRICS, 1, 3, " "), "statics": some_of(AMD_STATIC, 1, 2, " "), "monitors": some_of(AMD_MONITOR, 1, 3, " "),
    "fw": one_of(*ROCM_FIRMWARE), "pid": numbers((1234, 4021, 8812, 12345, 20417, 31999, 77120)), "link": numbers(range(18)), "cpun": numbers((0, 1)), "alink": numbers(range(7)),
    "source": source, "library": one_of(("cublas", "cublas|cuBLAS"), ("cudart", "cudart"), ("cufft", "cufft|cuFFT"), ("curand", "curand|cuRAND"), ("nccl", "nccl|NCCL"), ("cusparse", "cusparse|cuSPARSE"), ("cudnn", "cudnn|cuDNN"), ("cuda", "cuda"), ("cusolver", "cusolver"), ("nvToolsExt", "nvToolsExt"), ("cublasLt", "cublasLt"), ("m", "m"), ("mpi", "mpi")),
    "arch": one_of(("sm_80", "A100|an A100|sm_80|ampere|the A100|compute capability 8.0|sm80"), ("sm_90", "H100|hopper|sm_90|an H100|hopper gpus|compute capability 9.0|the H100|sm90"), ("sm_75", "turing|sm_75|T4|a T4"), ("sm_86", "sm_86|RTX 3090|A10|compute capability 8.6"), ("sm_89", "sm_89|ada|L40S|RTX 4090|L4"), ("sm_90a", "sm_90a"), ("sm_100", "blackwell|B200|sm_100"), ("sm_120", "sm_120|RTX 5090")),
    "cc": one_of("75", "80", "86", "89", "90", "100", "120"), "std": one_of(("c++14", "c++14|C++14"), ("c++17", "c++17|C++17|the 2017 standard"), ("c++20", "c++20|C++20"), ("c++11", "C++11|c++11")), "optl": numbers((0, 1, 2, 3)), "regs": numbers((16, 24, 32, 40, 48, 64, 72, 96, 128, 168, 255)), "jobs": numbers((0, 2, 4, 8, 16)),
    "incdir": one_of("include", "inc", "../include", "/usr/local/cuda/include", "/opt/include", "third_party/cutlass/include", "src", "/usr/include/mpi"), "libdir": one_of("/usr/local/cuda/lib64", "lib", "/opt/lib", "build/lib", "../lib", "/usr/lib64"), "outdirn": one_of("build", "obj", "out", "bin", "/tmp/build"),
    "macro": one_of("DEBUG", "NDEBUG", "N=1024", "BLOCK_SIZE=256", "USE_FP16", "TILE=32", "VERSION=2", "USE_DOUBLE=1", "WARP_SIZE=32"), "host": one_of("g++", "gcc", "clang++", "g++-11", "gcc-12", "/usr/bin/g++-10"), "hostflag": one_of("-fopenmp", "-Wall", "-fPIC", "-march=native", "-O3", "-Wextra", "-pthread"), "diag": one_of("177", "20012", "550", "128"),
    "config": one_of("config.yaml", "sb.yaml", "default.yaml", "configs/a100.yaml", "my.yaml", "ndv4.yaml", "conf/gpu.yaml", "bench.yaml", "test.yaml"), "inventory": one_of("local.ini", "remote.ini", "hosts.ini", "cluster.ini", "./nodes.ini", "inventory.ini", "vmss.ini"), "outdir": one_of("outputs", "results", "/tmp/sb", "out", "outputs/run1", "/data/sb"),
    "image": one_of("superbench/superbench:v0.12.0-cuda12.9", "superbench/superbench:v0.11.0-cuda12.4", "superbench/superbench:v0.10.0-cuda12.2", "superbench/main:rocm6.0", "superbench/superbench:v0.9.0-rocm5.1.3", "myregistry/superbench:latest", "superbench/cuda:11.1"),
    "hosts": one_of("node0,node1", "node-1,node-2,node-3", "10.0.0.11,10.0.0.12", "gpu1,gpu2", "vm0,vm1"), "user": one_of("azureuser", "root", "ubuntu", "admin", "bench", "superbench"), "key": one_of("~/.ssh/id_rsa", "key.pem", "/root/.ssh/id_ed25519", "id_rsa"), "secret": one_of("s3cret", "hunter2", "pa55word"),
    "bench": one_of("kernel-launch", "gpu-copy-bw", "mem-bw", "matmul", "gemm-flops", "ib-loopback", "ib-traffic", "gpu-burn", "disk-benchmark", "resnet50", "bert-large", "pytorch-gpt2-large", "pytorch-resnet50", "computation-communication-overlap", "cpu-memory-bw-latency", "gpu-stream", "sharding-matmul", "ort-inference", "dist-inference", "tcp-connectivity", "lstm", "densenet169", "cpu-stream", "cpu-hpl"),
    "data": one_of("results.jsonl", "outputs/results-summary.jsonl", "results-summary.jsonl", "run1.jsonl", "data/results.jsonl"), "rule": one_of("rule.yaml", "rules.yaml", "diagnosis-rule.yaml", "rules/gpu.yaml", "criteria.yaml"), "srule": one_of("summary-rule.yaml", "summary.yaml", "rules/summary.yaml"), "base": one_of("baseline.json", "base.json", "golden/baseline.json", "a100-baseline.json"), "places": numbers((1, 3, 4, 5, 6)),
    "level": one_of("auto", "low", "high", "manual"), "partition": one_of("SPX", "DPX", "QPX", "CPX", "TPX"), "nps": one_of("NPS1", "NPS2", "NPS4", "NPS8"), "block": one_of(("umc", "umc|UMC|memory controller (umc)"), ("gfx", "gfx|graphics (gfx)"), ("sdma", "sdma"), ("mmhub", "mmhub"), ("xgmi_wafl", "xgmi_wafl"), ("pcie_bif", "pcie_bif")), "percent": numbers((2, 4, 5, 8, 10, 15, 20), "{}%", "{} %", "{} percent"), "fan": one_of(("50%", "50%|50 percent|half speed"), ("80%", "80%|80 percent"), ("100%", "100%|full speed|max"), ("128", "level 128|128"), ("255", "255|level 255")),
    "profile": one_of(("19", "1g.10gb|profile 19"), ("14", "2g.20gb|profile 14"), ("9", "3g.40gb|profile 9"), ("5", "4g.40gb|profile 5"), ("0", "7g.80gb|profile 0"), ("15", "1g.20gb|profile 15")),
    "freqlevel": numbers((0, 1, 2, 3)), "plevel": numbers((0, 1, 2)), "event": one_of("VM_FAULT", "THERMAL_THROTTLE", "GPU_RESET", "GPU_PRE_RESET", "GPU_POST_RESET"), "stable": one_of("stable_std", "stable_peak", "stable_min_mclk", "stable_min_sclk", "perf_determinism"), "mhzn": numbers((800, 1000, 1300, 1500, 1700, 1900)), "volt": numbers((800, 850, 900, 1000, 1050)), "profilen": numbers((1, 2, 3, 4, 5)),
    "profilep": one_of("COMPUTE", "BOOTUP_DEFAULT", "POWER_SAVING", "VIDEO"), "clk": one_of("sclk", "mclk", "fclk", "socclk"), "procname": one_of("python3", "python", "train.py", "vllm", "all_reduce_perf", "ollama"), "boost": numbers((2400, 2800, 3000, 3400)), "levelu": one_of("AUTO", "LOW", "HIGH", "MANUAL", "STABLE_STD", "STABLE_PEAK", "STABLE_MIN_MCLK", "STABLE_MIN_SCLK", "DETERMINISM"),
    "sub": one_of("list", "static", "firmware", "bad-pages", "metric", "process", "event", "topology", "set", "reset", "monitor", "xgmi", "version"), "group": one_of("deploy", "exec", "run", "run-info", "node", "benchmark", "result", "version", "result diagnosis", "result summary", "result generate-baseline", "benchmark list", "node info", "benchmark list-parameters"),
    "dform": one_of("json", "jsonl", ("md", "md|markdown"), "html", ("excel", "excel|an excel sheet")), "sform": one_of("html", ("excel", "excel|an excel sheet"), ("md", "md|markdown")), "timeout": numbers((14, 18, 20, 22, 23)), "threads": numbers((64, 128, 256, 512)), "bytes": numbers((1048576, 2097152, 8388608, 16777216, 33554432)), "percentx": numbers((0, 25, 50, 75, 100)), "loglevel": one_of("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), "number": numbers((1, 2, 3)), "cpupwr": numbers((100, 150, 200, 250, 300)),
}  # fmt: skip
# Slots that come with others.
for _slot, _pool in {"b": "sizes", "e": "sizes", "lo": "range", "hi": "range", "mlo": "mrange", "mhi": "mrange", "slo": "srange", "shi": "srange", "src": "source", "bin": "source", "obj": "source", "ptx": "source", "ranks": "nodes", "procs": "each", "sum": "each", "nodes4": "each4", "ranks4": "each4"}.items():  # fmt: skip
    POOLS[_slot] = POOLS[_pool]

_ON = (" on gpu {gpu}", " for gpu {gpu}", " of gpu {gpu}", " on card {gpu}", " for device {gpu}", ", gpu {gpu} only", " (gpu {gpu})", " gpu {gpu}", "^gpu {gpu}: ", " just for gpu {gpu}", " for the gpu with index {gpu}", " on gpu number {gpu}", " on device {gpu}", " gpu{gpu}")  # fmt: skip
_MANY = (" on gpus {gpus}", " for gpus {gpus}", " of gpus {gpus}", " on cards {gpus}", "^gpus {gpus}: ", ", gpus {gpus} only", " for devices {gpus}")  # fmt: skip
_MANYSP = tuple(tail.replace("{gpus}", "{gpusp}") for tail in _MANY)
_ALL = (
    "",
    "",
    "",
    "",
    " on all gpus",
    " for every gpu",
    " of all gpus",
    " on each card",
    " for all devices",
    " on the whole node",
)


def _target(flag: str, many: str, tails: tuple[str, ...], no: float = 5) -> list[Modifier]:
    return [
        Modifier(no, "", _ALL),
        Modifier(3, f"{flag} {{gpu}}", _ON, True),
        Modifier(0.8, f"{flag} {{{many}}}", tails, True),
    ]


_EVERY = (" every {secs}", ", refresh every {secs}", " in a loop every {secs}", " with a {secs} interval", " each {secs}", ", once per {secs}", ", repeat every {secs}")  # fmt: skip
_EVERY1 = (
    " every second",
    " once a second",
    ", refresh each second",
    " at 1 Hz",
    " every 1s",
    " continuously, one reading a second",
)
_AMD_EVERY = tuple(_EVERY)
MODIFIERS: dict[str, list[Modifier]] = {
    "at": _target("-i", "gpus", _MANY), "one": _target("-i", "gpu", _ON), "AT": _target("-i", "gpu", _ON, 0)[1:2],
    "rat": _target("-d", "gpusp", _MANYSP), "aat": _target("-g", "gpusp", _MANYSP), "aone": _target("-g", "gpu", _ON), "AAT": _target("-g", "gpusp", _MANYSP, 0)[1:],
    "sat": [Modifier(3, "-g all", (" on all gpus", " for every gpu", " on all cards", " everywhere")), *_target("-g", "gpusp", _MANYSP)[1:]],
    "every": [Modifier(6, "", ("",)), Modifier(2, "-l {secs}", _EVERY), Modifier(0.7, "-l 1", _EVERY1), Modifier(0.6, "-lms {ms}", (" every {ms}", ", one sample per {ms}", " at {ms} intervals"))],
    "EVERY": [Modifier(3, "-l {secs}", _EVERY), Modifier(1, "-l 1", _EVERY1), Modifier(1, "-lms {ms}", (" every {ms}", ", one sample per {ms}", " at {ms} intervals"))],
    "file": [Modifier(7, "", ("",)), Modifier(1.5, "-f {log}", (" to {log}", " into {log}", ", save to {log}", ", write it to {log}", " and log to {log}", " > {log}"))],
    "csvto": [Modifier(7, "", ("",)), Modifier(1.2, "-f {csvfile}", (" to {csvfile}", " into {csvfile}", ", log to {csvfile}", ", save in {csvfile}"))],
    "form": [Modifier(4, "--format=csv", (" as csv", " in csv", " csv", " as a csv table", "", "")), Modifier(2.2, "--format=csv,noheader", (" as csv without header", " csv no header", ", no header line", " without the header", ", noheader")), Modifier(2.2, "--format=csv,noheader,nounits", (" as csv without header and units", " csv, no header, no units", ", bare numbers only", ", just the values without header or units", ", noheader nounits", ", plain numbers")), Modifier(0.7, "--format=csv,nounits", (" as csv without units", ", csv nounits", ", no units", " csv with header but no units"))],
    "form1": [Modifier(6, "--format=csv", ("", "", "", "", " as csv", " in csv", " csv", ", csv output", " as a csv column")), Modifier(2.2, "--format=csv,noheader", (" as csv without header", " csv no header", ", just the value without header", ", csv noheader")), Modifier(2.2, "--format=csv,noheader,nounits", (" as csv without header and units", " csv, no header, no units", ", bare number only", ", just the number", ", noheader nounits", ", plain value for a script")), Modifier(0.7, "--format=csv,nounits", (" as csv without units", ", csv nounits"))],
    "rfmt": [Modifier(6, "", ("",)), Modifier(1.3, "--json", (" as json", " in json", ", json output", " json")), Modifier(1, "--csv", (" as csv", " in csv form", ", csv output", " csv"))],
    "afmt": [Modifier(6, "", ("",)), Modifier(1.3, "--json", (" as json", " in json", ", json output", " json", " in machine readable json")), Modifier(1, "--csv", (" as csv", " in csv form", ", csv output", " csv")), Modifier(0.6, "--json --file {jsonfile}", (" as json to {jsonfile}", ", json into {jsonfile}", ", save json in {jsonfile}")), Modifier(0.6, "--csv --file {csvfile}", (" as csv to {csvfile}", ", csv into {csvfile}", ", log csv to {csvfile}")), Modifier(0.3, "--file {log}", (" to {log}", ", written to {log}", ", save to {log}"))],
    "aat1": _target("-g", "gpu", _ON, 0)[1:2], "xfmt": [Modifier(6, "", ("",)), Modifier(1.3, "--json", (" as json", " in json", " json")), Modifier(1, "--csv", (" as csv", " csv"))],
    "watch": [Modifier(7, "", ("",)), Modifier(1.6, "-w {secs}", _AMD_EVERY), Modifier(0.6, "-w 1", _EVERY1), Modifier(0.8, "-w {secs} -i {count}", (" every {secs}, {count} times", " every {secs} for {count} iterations", ", {count} samples {secs} apart")), Modifier(0.6, "-w {secs} -W {span}", (" every {secs} for {span} seconds", " every {secs} during {span} seconds"))],
    "delay": [Modifier(5, "", ("",)), Modifier(2, "-d {delay}", (" every {delay}", ", one line per {delay}", " with a delay of {delay}", " at {delay} intervals", " sampled every {delay}"))],
    "samples": [Modifier(5, "", ("",)), Modifier(2, "-c {count}", (", {count} times", ", {count} samples", " {count} samples then stop", ", stop after {count}", " for {count} rounds")), Modifier(1.2, "-c 1", (" once", ", just one sample", " a single time", ", one shot", " right now, once"))],
    "stamp": [Modifier(7, "", ("",)), Modifier(0.7, "-o T", (" with time of day", " with timestamps", " with the time", ", prefixed by the time")), Modifier(0.7, "-o DT", (" with date and time", " with date and time stamps", ", date and time in front")), Modifier(0.3, "-o D", (" with the date", ", date column"))],
    "tofile": [Modifier(8, "", ("",)), Modifier(1.2, "-f {log}", (" to {log}", ", log to {log}", " into {log}", ", write to {log}"))],
    "out": [Modifier(4, "", ("",)), Modifier(1, "--output-dir {outdir}", (" into {outdir}", ", output in {outdir}", " with output dir {outdir}", ", results to {outdir}", ", save to {outdir}"))],
}  # fmt: skip
