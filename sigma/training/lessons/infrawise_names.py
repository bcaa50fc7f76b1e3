"""What people call the designs, workloads and precisions of Infrawise; the answer always has the name of the task.

`{m}` in a pattern of a workload is the model's or operation's name.
"""

from __future__ import annotations

import random

from sigma.aimicius.infrawise.cases import typos
from sigma.aimicius.infrawise.one import parted

DESIGNS: dict[str, tuple[str, ...]] = {
    "V100": ("V100", "v100", "NVIDIA V100", "Tesla V100", "a V100", "V100 cards", "V100 GPUs", "the old V100s", "V100 SXM2", "V-100", "Volta V100", "8x V100", "V100 machines"),
    "A100": ("A100", "a100", "NVIDIA A100", "an A100", "A100s", "A100 cards", "A100 GPUs", "a100 box", "A100 nodes", "A100 80GB", "A-100", "Ampere A100", "8x A100", "A100 SXM4", "eight A100"),
    "H100": ("H100", "h100", "NVIDIA H100", "an H100", "H100s", "H100 cards", "h100 box", "h100 gpus", "H100 nodes", "H100 SXM", "hopper H100", "H-100", "Hopper H100", "8x H100", "H100 SXM5", "H100 machines", "eight H100"),
    "H200": ("H200", "h200", "NVIDIA H200", "an H200", "H200s", "H200 cards", "h200 box", "H200 GPUs", "H200 nodes", "H-200", "8x H200", "H200 machines", "Hopper H200"),
    "GB200": ("GB200", "gb200", "NVIDIA GB200", "a GB200", "GB200s", "GB200 nodes", "Grace Blackwell GB200", "gb200 gpus", "GB200 machines", "Blackwell GB200"),
    "MI100": ("MI100", "mi100", "AMD MI100", "an MI100", "MI100 cards", "Instinct MI100", "MI100s", "AMD's MI100", "MI100 machines", "8x MI100"),
    "MI200": ("MI200", "mi200", "AMD MI200", "MI200 cards", "AMD Instinct MI200", "MI200s", "MI200 series", "AMD's MI200", "MI250X", "AMD MI250", "MI200 machines"),
    "MI300x": ("MI300x", "mi300x", "MI300X", "AMD MI300X", "an MI300X", "MI300X cards", "AMD Instinct MI300X", "MI300Xs", "mi300x box", "AMD's MI300X", "MI-300X", "MI300", "8x MI300X", "MI300X machines", "AMD Instinct MI300"),
    "NCv3": ("NCv3", "ncv3", "Azure NCv3", "NC v3", "the NCv3 series", "NCv3 VM", "an NCv3 instance", "NC-v3", "V100 NCv3", "NC24rs v3", "NCv3 machines", "nc v3"),
    "NDv4": ("NDv4", "ndv4", "Azure NDv4", "ND A100 v4", "nd a100 v4", "NDv4 VM", "an NDv4 instance", "ND A100 v4-series", "NDA100v4", "ND96asr A100 v4", "Standard_ND96asr_v4", "ND-v4", "nd v4", "NDv4 machines", "NDv4 SKU", "A100 NDv4"),
    "NDmv4": ("NDmv4", "ndmv4", "Azure NDmv4", "NDm A100 v4", "ndm a100 v4", "NDmv4 VM", "an NDmv4 instance", "NDm A100 v4-series", "NDmA100v4", "ND96amsr A100 v4", "Standard_ND96amsr_A100_v4", "NDm-v4", "ndm v4", "NDmv4 machines", "NDmv4 SKU", "A100 NDmv4"),
    "NDv5": ("NDv5", "ndv5", "Azure NDv5", "ND H100 v5", "nd h100 v5", "NDv5 VM", "an NDv5 instance", "ND H100 v5-series", "NDH100v5", "ND96isr H100 v5", "Standard_ND96isr_H100_v5", "ND-v5", "ND H100 v5 sku", "nd v5", "NDv5 machines", "NDv5 SKU", "H100 NDv5", "ND H100 v5 VMs"),
    "NDv5 H200": ("NDv5 H200", "ND H200 v5", "nd h200 v5", "NDv5 with H200", "ND H200 v5-series", "NDH200v5", "Standard_ND96isr_H200_v5", "the H200 NDv5", "ndv5 h200 VM", "ND H200 v5 VMs", "NDv5 (H200)", "NDv5-H200"),
    "NDv6 GB200": ("NDv6 GB200", "ND GB200 v6", "nd gb200 v6", "NDv6 with GB200", "ND GB200 v6-series", "NDGB200v6", "Standard_ND128isr_NDR_GB200_v6", "the GB200 NDv6", "NDv6", "ndv6", "ND GB200 v6 VMs", "NDv6 (GB200)", "NDv6-GB200"),
    "NDv4 MI200": ("NDv4 MI200", "ND MI200 v4", "nd mi200 v4", "NDv4 with MI200", "the MI200 NDv4", "ndv4 mi200 VM", "NDv4 (MI200)", "NDv4-MI200"),
    "NDv5 MI300x": ("NDv5 MI300x", "ND MI300X v5", "nd mi300x v5", "NDv5 with MI300X", "ND MI300X v5-series", "Standard_ND96isr_MI300X_v5", "the MI300X NDv5", "ndv5 mi300x VM", "ndv5 mi300x", "NDv5 (MI300X)", "NDv5-MI300x", "ND MI300X v5 VMs"),
    "HPE Apollo 6500": ("HPE Apollo 6500", "Apollo 6500", "apollo 6500", "the HPE Apollo", "an HPE Apollo 6500", "HPE's Apollo 6500", "hpe apollo 6500 server", "Apollo 6500 Gen10", "the Apollo server", "HPE Apollo box"),
    "OCI BM.GPU.MI300X.8": ("OCI BM.GPU.MI300X.8", "BM.GPU.MI300X.8", "bm.gpu.mi300x.8", "Oracle's BM.GPU.MI300X.8", "the OCI shape BM.GPU.MI300X.8", "oci bm.gpu.mi300x.8", "Oracle Cloud BM.GPU.MI300X.8", "the bare-metal shape BM.GPU.MI300X.8"),
}  # fmt: skip

_TRAIN = ("{m} training", "training {m}", "train {m}", "{m} train", "training a {m}", "{m} training samples/s", "{m} training speed", "step time of {m} training", "{m} training step time", "a training job with {m}", "{m} model in training", "pretraining {m}", "throughput when training {m}", "images or samples per second training {m}", "a {m} training run", "training step of {m}")  # fmt: skip
_SERVE = ("{m} inference", "inference on {m}", "{m} inferencing", "running {m} inference", "serving {m}", "{m} serving", "{m} tokens/s in inference", "{m} inference tokens per second", "{m} inference latency", "LLM inference with {m}", "{m} generation (inference)", "offline inference of {m}", "tokens/s of {m} inference", "a {m} endpoint for inference", "inference of the {m} model")  # fmt: skip
_COLLECTIVE = ("{m}", "{m} busbw", "{m} bus bandwidth", "{m} algbw", "{m} performance", "{m} speed", "{m} latency", "the {m} op", "{m} benchmark", "{m} in GB/s")  # fmt: skip
_MATH = ("{m}", "{m} tflops", "{m} TFLOPS", "{m} throughput", "{m} flops", "{m} performance", "{m} speed", "{m} benchmark", "compute rate of {m}")  # fmt: skip
_ANY = ("{m}", "{m}", "{m} benchmark", "{m} results", "{m} figures", "{m} test", "{m} performance")
_COPY = ("{m}", "{m} bandwidth", "{m} GB/s", "{m} speed", "{m} benchmark", "{m} rate")
_DISK = ("{m}", "{m} test", "{m} performance", "{m} speed", "{m} benchmark", "{m} on the local disk")
_TIME = ("{m}", "{m} time", "{m} latency", "{m} overhead", "{m} benchmark")

WORKLOADS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "GEMM": (_MATH, ("GEMM", "gemm", "plain GEMM", "regular gemm", "gemm (no tensor cores)", "GEMM without tensor cores", "ordinary GEMM", "GEMM off the tensor cores", "GEMM on the normal cores")),
    "tensor core GEMM": (_MATH, ("tensor core GEMM", "tensor-core gemm", "gemm on tensor cores", "GEMM with tensor cores", "tensorcore gemm", "matrix core gemm", "gemm using matrix cores", "matrix multiply on tensor cores (GEMM)", "GEMM, tensor cores on", "tc gemm")),
    "cuBLASLt GEMM": (_MATH, ("cuBLASLt GEMM", "cublaslt gemm", "cublasLt", "GEMM with cuBLASLt", "cublaslt matrix multiply", "the cublasLt library's GEMM", "GEMM via cublaslt")),
    "Flash Attention 2": (_MATH, ("Flash Attention 2", "flash attention 2", "FlashAttention-2", "flashattention2", "flash attention v2", "FA2", "flash-attention 2", "flash attn 2", "flash-attn v2")),
    "standard attention": (_MATH, ("standard attention", "ordinary attention", "vanilla attention", "naive attention", "standard attention (no flash)", "regular pytorch attention", "attention without flash", "plain attention", "textbook attention")),
    "matmul": (_ANY, ("matmul", "plain matmul", "matmul (not sharded)", "matrix multiplication (matmul)", "the matmul microbenchmark", "bare matmul", "mat mul", "simple matmul")),
    "sharding matmul allreduce": (_ANY, ("sharding matmul allreduce", "sharding-matmul with allreduce", "matmul sharding, allreduce variant", "sharded matmul, all-reduce", "sharding matmul all reduce", "matmul, sharded with allreduce", "sharding matmul with an all-reduce")),
    "sharding matmul allgather": (_ANY, ("sharding matmul allgather", "sharding-matmul with allgather", "matmul sharding, allgather variant", "sharded matmul, all-gather", "sharding matmul all gather", "matmul, sharded with allgather", "sharding matmul with an all-gather")),
    "computation-communication overlap matmul": (_ANY, ("computation-communication overlap matmul", "compute/communication overlap with matmul", "overlap of computation and communication, matmul", "comp-comm overlap matmul", "overlapping compute and communication (matmul)", "computation/communication overlap, matmul")),
    "computation-communication overlap mul": (_ANY, ("computation-communication overlap mul", "compute/communication overlap with mul", "overlap of computation and communication, mul", "comp-comm overlap mul", "overlapping compute and communication (mul)", "computation/communication overlap, mul")),
    "cuBLAS Cgemm": (_ANY, ("cuBLAS Cgemm", "cublas cgemm", "Cgemm", "cgemm in cublas")),
    "cuBLAS Cgemm3mStridedBatched": (_ANY, ("cuBLAS Cgemm3mStridedBatched", "cublas cgemm3mstridedbatched", "Cgemm3mStridedBatched", "cgemm3m strided batched (cublas)")),
    "cuBLAS Sgemm": (_ANY, ("cuBLAS Sgemm", "cublas sgemm", "Sgemm", "sgemm in cublas")),
    "cuBLAS SgemmStridedBatched": (_ANY, ("cuBLAS SgemmStridedBatched", "cublas sgemmstridedbatched", "SgemmStridedBatched", "sgemm strided batched (cublas)")),
    "cuBLAS GemmEx": (_ANY, ("cuBLAS GemmEx", "cublas gemmex", "GemmEx", "cublasGemmEx", "gemmex in cublas")),
    "cuBLAS GemmStridedBatchedEx": (_ANY, ("cuBLAS GemmStridedBatchedEx", "cublas gemmstridedbatchedex", "GemmStridedBatchedEx", "gemm strided batched ex (cublas)")),
    "cuDNN convolution forward": (_ANY, ("cuDNN convolution forward", "cudnn conv forward", "forward convolution in cudnn", "cudnn conv fwd", "cudnn's forward convolution", "convolution forward pass with cuDNN")),
    "cuDNN convolution backward data": (_ANY, ("cuDNN convolution backward data", "cudnn conv backward data", "backward-data convolution in cudnn", "cudnn conv bwd data", "cudnn's backward data convolution", "convolution backward data pass with cuDNN")),
    "cuDNN convolution backward filter": (_ANY, ("cuDNN convolution backward filter", "cudnn conv backward filter", "backward-filter convolution in cudnn", "cudnn conv bwd filter", "cudnn's backward filter convolution", "convolution backward filter pass with cuDNN")),
    "host-to-device copy": (_COPY, ("host-to-device copy", "h2d copy", "host to device memcpy", "H2D", "h2d memcpy", "copies from host to GPU", "cpu to gpu copy", "copying from host memory to the GPU", "host2device copy", "upload to the GPU (host to device)")),
    "device-to-host copy": (_COPY, ("device-to-host copy", "d2h copy", "device to host memcpy", "D2H", "d2h memcpy", "copies from GPU to host", "gpu to cpu copy", "copying from the GPU to host memory", "device2host copy", "download from the GPU (device to host)")),
    "device-to-device copy": (_COPY, ("device-to-device copy", "d2d copy", "device to device memcpy", "D2D", "d2d memcpy", "copying within GPU memory (device to device)", "device2device copy")),
    "SM copy host-to-device": (_COPY, ("SM copy host-to-device", "sm copy h2d", "h2d copy done by the SMs", "SM-based host to device copy", "host-to-device SM copy", "sm-copy host to device")),
    "SM copy device-to-host": (_COPY, ("SM copy device-to-host", "sm copy d2h", "d2h copy done by the SMs", "SM-based device to host copy", "device-to-host SM copy", "sm-copy device to host")),
    "peer-to-peer read": (_COPY, ("peer-to-peer read", "p2p read", "peer to peer reads", "P2P reads between GPUs", "gpu peer read", "reading a peer GPU's memory", "P2P reads", "peer2peer read")),
    "HBM bandwidth": (("{m}", "{m} test", "{m} in GB/s", "{m} benchmark"), ("HBM bandwidth", "hbm bandwidth", "HBM bw", "gpu memory bandwidth", "bandwidth of the HBM", "HBM memory bandwidth", "HBM read/write bandwidth", "memory bandwidth of the GPU", "HBM throughput")),
    "CPU STREAM": (_ANY, ("CPU STREAM", "cpu stream", "the STREAM triad on the CPU", "STREAM (cpu memory bandwidth)", "cpu memory bandwidth with STREAM", "STREAM", "cpu STREAM benchmark", "host memory bandwidth (STREAM)")),
    "InfiniBand loopback": (_COPY, ("InfiniBand loopback", "IB loopback", "ib loopback", "infiniband loop-back", "loopback over InfiniBand", "IB loop-back", "infiniband loopback bandwidth", "NIC loopback over IB")),
    "kernel launch": (_TIME, ("kernel launch", "kernel-launch", "cuda kernel launch", "launching a kernel", "GPU kernel launch", "kernel launches", "starting a CUDA kernel", "launch of GPU kernels")),
    "disk sequential read": (_DISK, ("disk sequential read", "sequential disk read", "disk seq read", "seq reads from disk", "sequential read from the disk", "fio seq read", "reading sequentially from disk", "sequential NVMe read", "sequential reads from the SSD")),
    "disk sequential write": (_DISK, ("disk sequential write", "sequential disk write", "disk seq write", "seq writes to disk", "sequential write to the disk", "fio seq write", "writing sequentially to disk", "sequential NVMe write", "sequential writes to the SSD")),
    "disk random read": (_DISK, ("disk random read", "random disk read", "disk rand read", "disk iops for random reads", "random read iops", "disk read iops", "fio randread", "reading at random from disk", "random NVMe read", "random reads from the SSD", "4k random read")),
    "disk random write": (_DISK, ("disk random write", "random disk write", "disk rand write", "disk iops for random writes", "random write iops", "disk write iops", "fio randwrite", "writing at random to disk", "random NVMe write", "random writes to the SSD", "4k random write")),
    "ORT inference": (("{m} inference", "inference with {m}", "{m} inferencing", "inference through {m}", "models served by {m} (inference)"), ("ORT", "ort", "ONNX Runtime", "onnxruntime", "onnx runtime")),
    "TensorRT inference": (("{m} inference", "inference with {m}", "{m} inferencing", "inference through {m}", "models served by {m} (inference)"), ("TensorRT", "tensorrt", "NVIDIA TensorRT", "Tensor RT")),
}  # fmt: skip
_TRAINED = {
    "BERT-base": ("BERT-base", "BERT base", "bert-base", "bert base", "Bert-Base"),
    "BERT-large": ("BERT-large", "BERT large", "bert-large", "bert large", "Bert-Large"),
    "GPT2-small": ("GPT2-small", "GPT-2 small", "gpt2 small", "gpt-2-small", "small GPT2"),
    "GPT2-large": ("GPT2-large", "GPT-2 large", "gpt2 large", "gpt-2-large", "large GPT2"),
    "LSTM": ("LSTM", "lstm", "LSTM"),
    **{f"ResNet{k}": (f"ResNet{k}", f"ResNet-{k}", f"resnet{k}", f"resnet {k}", f"Resnet {k}") for k in (50, 101, 152)},
    **{f"DenseNet{k}": (f"DenseNet{k}", f"DenseNet-{k}", f"densenet{k}", f"densenet {k}") for k in (169, 201)},
    **{f"VGG{k}": (f"VGG{k}", f"VGG-{k}", f"vgg{k}", f"vgg {k}") for k in (11, 13, 16, 19)},
}
_SERVED = {
    name: (name, name.lower(), name.replace(" ", "-"), name.lower().replace(" ", "-"), name.replace("Llama ", "Llama"), name.lower().replace("llama ", "llama"))
    for name in ("Mistral 7B", "Llama 2 70B", "Llama 3 8B", "Llama 3 70B", "Llama 3 405B", "Llama 3.1 8B", "Llama 3.1 405B")
}  # fmt: skip
_OPS = {
    "allreduce": ("allreduce", "all-reduce", "all reduce", "AllReduce"),
    "allgather": ("allgather", "all-gather", "all gather", "AllGather"),
    "reduce": ("reduce", "Reduce"),
    "broadcast": ("broadcast", "bcast", "Broadcast"),
}
WORKLOADS |= {f"{name} training": (_TRAIN, called) for name, called in _TRAINED.items()}
WORKLOADS |= {f"{name} inference": (_SERVE, tuple(dict.fromkeys(called))) for name, called in _SERVED.items()}
WORKLOADS |= {
    f"{library} {op}": (
        _COLLECTIVE,
        tuple(
            form.format(l=spelt, o=said)
            for said in called
            for spelt in (library, library.lower())
            for form in ("{l} {o}", "{l} {o}", "{o} over {l}", "{o} with {l}", "{l}-tests {o}")
        ),
    )
    for library in ("NCCL", "RCCL")
    for op, called in _OPS.items()
}
BARE = {op: called for op, called in _OPS.items() if op in ("allreduce", "allgather")}
"""Collectives that need no library: on NVIDIA's GPUs NCCL is meant, on AMD's RCCL."""
AMD = ("MI100", "MI200", "MI300x", "NDv4 MI200", "NDv5 MI300x", "HPE Apollo 6500", "OCI BM.GPU.MI300X.8")

PRECISIONS = {
    "fp64": ("fp64", "FP64", "double precision", "float64", "fp-64", "double"),
    "fp32": ("fp32", "FP32", "single precision", "float32", "fp-32"),
    "tf32": ("tf32", "TF32", "TF-32"),
    "fp16": ("fp16", "FP16", "half precision", "float16", "fp-16", "half"),
    "bf16": ("bf16", "BF16", "bfloat16", "bf-16"),
    "fp8": ("fp8", "FP8", "float8", "fp-8"),
    "fp4": ("fp4", "FP4", "float4"),
    "int8": ("int8", "INT8", "int-8"),
    "int4": ("int4", "INT4", "int-4"),
}
PRECISE = ("{w} {p}", "{w} {p}", "{p} {w}", "{w}, {p}", "{w} in {p}", "{w} using {p}", "{w} ({p})", "{w} at {p}", "{w} with {p} precision", "{w} - {p}")  # fmt: skip


def spoken_design(rng: random.Random, design: str) -> str:
    """A design as somebody may say it: one time in four by its own name."""
    return design if rng.random() < 0.25 else rng.choice(DESIGNS[design])


def spoken_workload(rng: random.Random, workload: str, target: str, baseline: str) -> str:
    """A workload as somebody may say it. The designs decide whether a collective needs its library's name."""
    benchmark, precision = parted(workload)
    patterns, called = WORKLOADS[benchmark]
    library, _, op = benchmark.partition(" ")
    told = {"RCCL" if design in AMD else "NCCL" for design in (target, baseline) if design}
    if op in BARE and told == {library} and rng.random() < 0.3:
        called = BARE[op]
    text = rng.choice(patterns).replace("{m}", rng.choice(called)) if rng.random() < 0.85 else benchmark
    if rng.random() < 0.08:
        text = typos(rng, text)
    if not precision:
        return text
    said = rng.choice(PRECISIONS[precision])
    form = rng.choice([f for f in PRECISE if not (said.endswith("precision") and "precision" in f)])
    return form.replace("{w}", text).replace("{p}", said)
