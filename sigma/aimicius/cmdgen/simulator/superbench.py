"""SuperBench's `sb` on the simulated node: lists, parameters, node information, and the log lines of runs and reports."""

from __future__ import annotations

import json
import re

from sigma.aimicius.cmdgen.grammar.meaning import Meaning
from sigma.aimicius.cmdgen.simulator.state import Execution, Node

VERSION = "0.11.0"
# Benchmark names of SuperBench's documents (docs/user-tutorial/benchmarks, MIT), by the GPUs they need.
BENCHMARKS = (
    "bert-large computation-communication-overlap cpu-hpl cpu-memory-bw-latency cpu-stream disk-benchmark densenet169 gpt2-large "
    "gpu-burn gpu-copy-bw gpu-stream ib-loopback ib-traffic kernel-launch lstm matmul mem-bw nccl-bw onnxruntime-ort-models "
    "ort-inference pytorch-bert-large pytorch-gpt2-large pytorch-lstm-large pytorch-resnet50 pytorch-vgg19 rccl-bw resnet50 "
    "sharding-matmul tcp-connectivity tensorrt-inference cublas-function cudnn-function cublaslt-gemm hipblaslt-gemm gemm-flops "
    "rocm-gemm-flops rocm-mem-bw rocm-onnxruntime-models nvbandwidth dist-inference directx-gpu-copy"
).split()
AMD_ONLY = frozenset("rccl-bw rocm-gemm-flops rocm-mem-bw rocm-onnxruntime-models hipblaslt-gemm".split())
NVIDIA_ONLY = frozenset("nccl-bw cublas-function cudnn-function cublaslt-gemm tensorrt-inference nvbandwidth directx-gpu-copy".split())  # fmt: skip
PATTERN = re.compile(r"[\w\-\[\]+*.^$|()?]{1,60}", re.ASCII)


def run(meaning: Meaning, node: Node) -> Execution:
    """Run one parsed sb command; a benchmark is not really run, its log is shown."""
    options, name = meaning.options, " ".join(meaning.sub)
    if options.get("help") or not name:
        return Execution(f"sb {name} -- the usage text is not reprinted here\n".replace("  ", " "), query=True)
    if name == "version":
        return Execution(VERSION + "\n", query=True)
    if name.startswith("benchmark"):
        return _benchmarks(name, options.get("name"), node)
    folder = options.get("output-dir") or "outputs/2025-03-18_09-30-00"
    done = {"run": {"meaning": meaning.facts()}}
    if name == "node info":
        info = _info(node)
        return Execution(info, changes=done, files={f"{folder}/sys_info.json": info})
    if name.startswith("result"):
        return _result(name, meaning, folder, done)
    return _runner(name, meaning, node, folder, done)


def _known(node: Node) -> list[str]:
    hidden = NVIDIA_ONLY if node.model.vendor == "AMD" else AMD_ONLY
    return sorted(name for name in BENCHMARKS if name not in hidden)


def _matches(pattern: str | None, node: Node) -> list[str] | None:
    """Names that the regular expression fits; None when it is none (or one too involved to try)."""
    if pattern is None:
        return _known(node)
    if not PATTERN.fullmatch(pattern) or len(re.findall(r"[*+]", pattern)) > 3 or re.search(r"\)[*+]", pattern):
        return None  # nested repetition can take for ever
    try:
        compiled = re.compile(pattern)
    except re.error:
        return None
    return [name for name in _known(node) if compiled.fullmatch(name)]


def _benchmarks(name: str, pattern: str | None, node: Node) -> Execution:
    found = _matches(pattern, node)
    if not found:
        return Execution(
            f'[ERROR] The benchmark name or regular expression "{pattern}" fits no benchmark.\n', 1, query=True
        )
    if name == "benchmark list":
        return Execution(json.dumps(found, indent=2) + "\n", query=True)
    blocks = []
    for benchmark in found:
        lines = [
            f"=== {benchmark} ===",
            "",
            "optional arguments:",
            "  --duration int     The elapsed time of benchmark in seconds.",
        ]
        lines += ["  --log_raw_data     Log raw data into file instead of saving it into result object.", "  --run_count int    The run count of benchmark.", "", "default values:", "duration      = 0", "log_raw_data  = False", "run_count     = 1", ""]  # fmt: skip
        blocks.append("\n".join(lines))
    return Execution("\n".join(blocks) + "\n", query=True)


def _info(node: Node) -> str:
    model = node.model
    info = {
        "system": {"hostname": node.host, "kernel": "5.15.0-1077", "os": "Ubuntu 22.04.5 LTS"},
        "cpu": {"count": 96, "model": "Xeon Platinum 8480C"},
        "memory": {"total": "1.9T"},
        "accelerator": {"type": model.vendor, "count": 8, "model": model.name, "memory": f"{model.memory_mib} MiB"},
        "driver": {"version": node.driver, "runtime": node.runtime},
        "network": {"ib": [f"mlx5_{number}" for number in range(8)]},
    }
    return json.dumps(info, indent=2) + "\n"


def _log(text: str, host: str) -> str:
    return f"[2025-03-18 09:30:00,000 {host}:2417][INFO] {text}"


def _runner(name: str, meaning: Meaning, node: Node, folder: str, done: dict) -> Execution:
    options = meaning.options
    hosts = options.get("host-list") or (
        [f"(hosts of {options['host-file']})"] if "host-file" in options else ["localhost"]
    )
    config = options.get("config-file", "default.yaml")
    enabled = [
        part.split("=", 1)[1] for part in options.get("config-override", []) if part.startswith("superbench.enable=")
    ]
    lines = []
    if name in ("deploy", "run-info"):
        image = meaning.get("docker-image")
        pull = "using the local image" if options.get("no-image-pull") else "pulling"
        lines.append(_log(f"Preparing SuperBench environment: {pull} {image}.", node.host))
        lines += [f"PLAY [{host}] : ok=7 changed=5 unreachable=0 failed=0" for host in hosts]
        lines.append(_log("SuperBench environment is ready." if name == "deploy" else _info(node).strip(), node.host))
    else:
        lines.append(
            _log(
                f"Executor is going to execute {', '.join(enabled) or 'all enabled benchmarks'} of {config}.", node.host
            )
        )
        if name == "run":
            where = "on the hosts directly" if options.get("no-docker") else f"in {meaning.get('docker-image')}"
            lines.insert(0, _log(f"Runner is going to get results in {folder}, {where}.", node.host))
            lines += [f"PLAY [{host}] : ok=3 changed=1 unreachable=0 failed=0" for host in hosts]
        if options.get("get-info"):
            lines.append(_info(node).strip())
        lines.append(
            _log(
                "benchmark: nccl-bw, return code: 0."
                if node.model.vendor == "NVIDIA"
                else "benchmark: rccl-bw, return code: 0.",
                node.host,
            )
        )
    files = {f"{folder}/sb-{name}.log": "(log)\n"}
    if name in ("run", "exec"):
        files[f"{folder}/results-summary.jsonl"] = "(results)\n"
    return Execution("\n".join(lines) + "\n", changes=done, files=files)  # fmt: skip


def _result(name: str, meaning: Meaning, folder: str, done: dict) -> Execution:
    options = meaning.options
    kind = meaning.get("output-file-format", "json")
    ending = {"excel": "xlsx", "md": "md", "html": "html", "json": "json", "jsonl": "jsonl"}[kind]
    stem = {"result diagnosis": "diagnosis_summary", "result summary": "results-summary", "result generate-baseline": "baseline"}[name]  # fmt: skip
    path = f"{folder}/{stem}.{ending}"
    lines = [
        _log(f"DataDiagnosis: Begin to process {options['data-file']}.", "sb").replace("DataDiagnosis", name.split()[1])
    ]
    if name == "result diagnosis":
        nodes = "all nodes" if options.get("output-all") else "the defective nodes"
        lines.append(
            _log(
                f"Rules of {options['rule-file']}; results of {nodes}, {meaning.get('decimal-place-value')} decimal places.",
                "sb",
            )
        )
    lines.append(_log(f"Output results to {path}", "sb"))
    return Execution("\n".join(lines) + "\n", changes=done, files={path: "(report)\n"})  # fmt: skip
