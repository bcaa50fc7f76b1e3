"""How people ask. Every list is per split (train, dev, test) and no phrase stands in two of them; names are the same in all.

`{t}` target, `{b}` baseline, `{w}` workload, `{c}` the criterion (empty for the default one), `{m}`, `{p}`, `{d}` a model,
a precision, a duration.
"""

from __future__ import annotations

Splits = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]

SINGLE: Splits = (
    (
        "How fast is {w} on {t}{c}?",
        "{t} {w}{c}",
        "{w} on {t}{c}",
        "Show me the {w} numbers for {t}{c}.",
        "What do we know about {w} on {t}{c}?",
        "I need benchmark results of {t} for {w}{c}.",
        "Please look up how {t} performs on {w}{c}.",
        "get {w} results, {t}{c}",
        "We plan to buy time on {t} and our job is {w}. What can we expect{c}?",
        "A customer of mine wants to move to {t}. The workload is {w}, and I would like to see what has been measured{c}.",
        "Is there any data for {w}{c} if I take {t}?",
        "Before we commit to {t} I want to see {w}{c}.",
        "Hi, could you pull the results of {w} that were run on {t}{c}? Thanks a lot.",
        "My team keeps asking what {t} does with {w}{c}.",
        "Evaluate {t} with {w}{c}.",
        "{t}: {w}{c}?",
        "Find all runs of {w} with {t} as the hardware{c}.",
        "Our cluster is {t} only. How does {w} look there{c}?",
        "Somebody told me that {t} is slow in {w}{c}. Let me check the figures.",
        "What would {w} look like if it ran on {t}{c}?",
        "Report {w} of {t}{c}",
        "For capacity planning I have to know how {w} behaves on {t}{c}.",
        "Give me everything on {w}{c} that was measured with {t}.",
        "On {t}, what are the results of {w}{c}?",
    ),
    (
        "Which figures exist for {w} on {t}{c}?",
        "{w}, {t}{c}, thanks",
        "I would like an overview of {t} in {w}{c}.",
        "We run {w} every night on {t}. Is what we see normal{c}?",
        "Tell me about {t} and {w}{c}.",
    ),
    (
        "Can {t} handle {w} well{c}?",
        "need: {w} @ {t}{c}",
        "I am writing a proposal around {t}; its central point is {w}. Which measurements can I quote{c}?",
        "What has been published for {t} when it comes to {w}{c}?",
        "Our new project lives and dies by {w}. Somebody offered us {t}, so let us see{c}.",
        "Retrieve {w} measurements taken on {t}{c}.",
        "{t} numbers, {w} please{c}",
        "Would {t} be a good home for {w}{c}?",
        "Kindly collect whatever was recorded about {w} while using {t}{c}.",
        "The job is {w} and the box is {t}; what comes out{c}?",
    ),
)

COMPARE: Splits = (
    (
        "Compare {t} with {b} on {w}{c}.",
        "{t} vs {b}, {w}{c}",
        "How does {t} do against {b} in {w}{c}?",
        "Is {t} better than {b} for {w}{c}?",
        "{w}: {t} compared to {b}{c}",
        "We have {b} today and think about {t}. How do they differ in {w}{c}?",
        "Show {w} of {t}, with {b} as the baseline{c}.",
        "Relative to {b}, how good is {t} at {w}{c}?",
        "What do we gain in {w} if we go from {b} to {t}{c}?",
        "I want to see {w} results for {t} next to those of {b}{c}.",
        "Take {b} as the reference and tell me where {t} stands in {w}{c}.",
        "Does {t} beat {b} when running {w}{c}?",
        "Our finance people ask whether replacing {b} by {t} is worth it for {w}{c}.",
        "{t} or {b}? The work is {w}{c}.",
        "Please evaluate {t} against the {b} baseline using {w}{c}.",
        "We moved from {b} to {t} last week and {w} feels different. What do the benchmarks say{c}?",
        "improvement of {t} over {b} for {w}{c}",
        "How much faster than {b} is {t} in {w}{c}?",
        "Give me the gap between {t} and {b} on {w}{c}.",
        "Benchmark {t} versus {b} with {w}{c}.",
        "Starting from {b}, would {t} help with {w}{c}?",
        "As compared to {b}, what are the results of {t} for {w}{c}?",
    ),
    (
        "Set {t} against {b} for {w}{c}.",
        "{w}, is {t} ahead of {b}{c}?",
        "Should we retire {b} in favour of {t}? We do {w}{c}.",
        "{t} over {b} in {w}{c}, figures please",
        "With {b} as a yardstick, rate {t} on {w}{c}.",
    ),
    (
        "Where does {t} end up relative to good old {b} when it is about {w}{c}?",
        "{w} / {t} / baseline {b}{c}",
        "Our lease of {b} runs out and the offer on the table is {t}. The thing we run is {w}. What should I know{c}?",
        "Put {t} and {b} side by side for {w}, the latter being what we compare to{c}.",
        "Any reason to pick {t} instead of {b} for {w}{c}?",
        "upgrade {b} -> {t}: {w}{c}",
        "Does {w} profit from {t} in comparison with {b}{c}?",
        "Judge {t} on {w}, measured by what {b} achieves{c}.",
        "A colleague insists that {b} was enough for {w} and that {t} brings nothing. Check that{c}.",
        "Quantify the step up to {t} from {b} in {w}{c}.",
    ),
)

# Fragments follow the text where {c} stands; sentences (they begin with a capital) follow the whole request.
CRITERIA: dict[str, Splits] = {
    "peak": (
        (
            "at peak performance",
            "in terms of peak performance",
            "looking at the highest performance",
            "when pushed to the maximum",
            "with peak performance in mind",
            "What matters is peak performance.",
            "I only care about the best it can reach.",
            "Peak performance, nothing else.",
            "We are after the top speed.",
        ),
        ("as far as peak performance goes", "The maximum is what interests us."),
        (
            "judged by its peak performance",
            "going flat out",
            "The highest figure it can deliver decides.",
            "Think of peak performance here.",
        ),
    ),
    "cost": (
        (
            "in terms of cost-effectiveness",
            "for the money",
            "per dollar spent",
            "with cost-effectiveness in mind",
            "if cost counts",
            "Cost-effectiveness decides.",
            "We have to watch the budget.",
            "Value for money is the point.",
            "It should be cost-effective.",
        ),
        ("as far as cost-effectiveness goes", "What we get for our money is what interests us."),
        (
            "judged by its cost-effectiveness",
            "considering the price",
            "The most economical choice wins.",
            "Think of cost-effectiveness here.",
        ),
    ),
    "within": (
        (
            "within {d}",
            "in at most {d}",
            "in under {d}",
            "with results within {d}",
            "and no slower than {d}",
            "It has to be done within {d}.",
            "Anything above {d} is too slow.",
            "Only results within {d} count.",
            "We cannot wait longer than {d}.",
        ),
        ("with a limit of {d}", "Everything must finish within {d}."),
        (
            "staying within {d}",
            "in no more than {d}",
            "The time allowed is {d}.",
            "Leave out whatever takes more than {d}.",
        ),
    ),
}

PRECISION: Splits = (
    ("{w} in {p}", "{p} {w}", "{w} at {p}", "{w} ({p})", "{w} with {p}"),
    ("{w}, {p}",),
    ("{w} using {p}", "{w} run in {p}"),
)
PRECISION_NAMES = {
    "fp64": ("fp64", "FP64", "double precision"),
    "fp32": ("fp32", "FP32", "single precision", "float32"),
    "fp16": ("fp16", "FP16", "half precision", "float16"),
    "bf16": ("bf16", "BF16", "bfloat16"),
    "tf32": ("tf32", "TF32"),
    "fp8": ("fp8", "FP8"),
    "fp4": ("fp4", "FP4"),
    "int8": ("int8", "INT8"),
    "int4": ("int4", "INT4"),
}

_TRAINING: Splits = (
    ("{m} training", "training {m}", "training of {m}", "{m} training throughput", "a {m} training job"),
    ("a training run of {m}",),
    ("{m} model training", "the training of a {m}", "{m} training steps"),
)
_INFERENCE: Splits = (
    ("{m} inference", "inference with {m}", "{m} inference throughput", "serving {m}"),
    ("{m} inference serving",),
    ("running inference on {m}", "{m} inference runs", "answering requests with {m}"),
)
_COLLECTIVE: Splits = (
    ("{m}", "the {m} collective", "{m} bandwidth", "a {m} test"),
    ("{m} across the GPUs",),
    ("{m} inside one node", "the bus bandwidth of {m}"),
)
_PLAIN: Splits = (("{m}", "the {m} benchmark", "{m} performance"), ("{m} runs",), ("the {m} test", "{m} measurements"))
_RATE: Splits = (
    ("{m}", "{m} throughput", "the {m} rate", "{m} FLOPS"),
    ("{m} speed",),
    ("the speed of {m}", "{m} compute rate"),
)

MODELS = (
    "BERT-base BERT-large GPT2-small GPT2-large LSTM ResNet50 ResNet101 ResNet152 DenseNet169 DenseNet201"
    " VGG11 VGG13 VGG16 VGG19"
).split()
SERVED = ("Mistral 7B", "Llama 2 70B", "Llama 3 8B", "Llama 3 70B", "Llama 3 405B", "Llama 3.1 8B", "Llama 3.1 405B")

WORKLOADS: dict[str, tuple[Splits, tuple[str, ...]]] = {}
"""By benchmark: how it is spoken of, and the names that stand for {m}."""

for _name in MODELS:
    WORKLOADS[f"{_name} training"] = (_TRAINING, (_name,))
for _name in SERVED:
    WORKLOADS[f"{_name} inference"] = (_INFERENCE, (_name,))
WORKLOADS["ORT inference"] = (_INFERENCE, ("ORT", "ONNX Runtime"))
WORKLOADS["TensorRT inference"] = (_INFERENCE, ("TensorRT",))
for _library in ("NCCL", "RCCL"):
    for _collective, _other in (
        ("allreduce", "all-reduce"),
        ("allgather", "all-gather"),
        ("reduce", "reduce"),
        ("broadcast", "broadcast"),
    ):
        WORKLOADS[f"{_library} {_collective}"] = (
            _COLLECTIVE,
            (f"{_library} {_collective}", f"{_library} {_other}", f"{_other} over {_library}"),
        )
for _name, _spoken in {
    "GEMM": ("GEMM", "plain GEMM", "GEMM without tensor cores"),
    "tensor core GEMM": ("tensor core GEMM", "GEMM on the tensor cores", "matrix core GEMM"),
    "cuBLASLt GEMM": ("cuBLASLt GEMM", "GEMM through cuBLASLt"),
    "Flash Attention 2": ("Flash Attention 2", "FlashAttention 2"),
    "standard attention": ("standard attention", "plain PyTorch attention"),
}.items():
    WORKLOADS[_name] = (_RATE, _spoken)
for _name, _spoken in {
    "matmul": ("matmul", "unsharded matmul"),
    "sharding matmul allreduce": ("sharding matmul allreduce", "sharded matmul with allreduce"),
    "sharding matmul allgather": ("sharding matmul allgather", "sharded matmul with allgather"),
    "computation-communication overlap matmul": ("computation-communication overlap matmul",),
    "computation-communication overlap mul": ("computation-communication overlap mul",),
    "cuBLAS Cgemm": ("cuBLAS Cgemm",),
    "cuBLAS Cgemm3mStridedBatched": ("cuBLAS Cgemm3mStridedBatched",),
    "cuBLAS Sgemm": ("cuBLAS Sgemm",),
    "cuBLAS SgemmStridedBatched": ("cuBLAS SgemmStridedBatched",),
    "cuBLAS GemmEx": ("cuBLAS GemmEx",),
    "cuBLAS GemmStridedBatchedEx": ("cuBLAS GemmStridedBatchedEx",),
    "cuDNN convolution forward": ("cuDNN convolution forward", "the cuDNN forward convolution"),
    "cuDNN convolution backward data": ("cuDNN convolution backward data",),
    "cuDNN convolution backward filter": ("cuDNN convolution backward filter",),
    "host-to-device copy": ("host-to-device copy", "host to device copy", "H2D copy"),
    "device-to-host copy": ("device-to-host copy", "device to host copy", "D2H copy"),
    "device-to-device copy": ("device-to-device copy", "D2D copy"),
    "SM copy host-to-device": ("SM copy host-to-device", "host-to-device copy by the SMs"),
    "SM copy device-to-host": ("SM copy device-to-host", "device-to-host copy by the SMs"),
    "peer-to-peer read": ("peer-to-peer read", "P2P read"),
    "HBM bandwidth": ("HBM bandwidth", "GPU memory bandwidth (HBM)"),
    "CPU STREAM": ("CPU STREAM", "STREAM on the CPU"),
    "InfiniBand loopback": ("InfiniBand loopback", "IB loopback"),
    "kernel launch": ("kernel launch", "kernel launch overhead"),
    "disk sequential read": ("disk sequential read", "sequential disk reads"),
    "disk sequential write": ("disk sequential write", "sequential disk writes"),
    "disk random read": ("disk random read", "random disk reads"),
    "disk random write": ("disk random write", "random disk writes"),
}.items():
    WORKLOADS[_name] = (_PLAIN, _spoken)

DESIGN_NAMES = {
    "V100": ("V100", "NVIDIA V100", "V100 GPUs"),
    "A100": ("A100", "NVIDIA A100", "A100 GPUs", "A100"),
    "H100": ("H100", "NVIDIA H100", "H100 GPUs", "H100"),
    "H200": ("H200", "NVIDIA H200", "H200 GPUs"),
    "GB200": ("GB200", "NVIDIA GB200"),
    "MI100": ("MI100", "AMD MI100", "MI100 GPUs"),
    "MI200": ("MI200", "AMD MI200", "Instinct MI200"),
    "MI300x": ("MI300x", "MI300X", "AMD MI300X", "Instinct MI300X"),
    "NCv3": ("NCv3", "Azure NCv3", "NCv3 VMs"),
    "NDv4": ("NDv4", "ND A100 v4", "NDv4 VMs", "NDv4"),
    "NDmv4": ("NDmv4", "NDm A100 v4", "NDmv4 VMs", "NDmv4"),
    "NDv5": ("NDv5", "ND H100 v5", "NDv5 VMs", "NDv5"),
    "NDv5 H200": ("NDv5 H200", "ND H200 v5"),
    "NDv6 GB200": ("NDv6 GB200", "ND GB200 v6"),
    "NDv4 MI200": ("NDv4 MI200", "ND MI200 v4"),
    "NDv5 MI300x": ("NDv5 MI300x", "ND MI300X v5"),
    "HPE Apollo 6500": ("HPE Apollo 6500", "the HPE Apollo 6500"),
    "OCI BM.GPU.MI300X.8": ("OCI BM.GPU.MI300X.8", "BM.GPU.MI300X.8"),
}
DURATION_UNITS = {"us": ("us", "microseconds"), "ms": ("ms", "milliseconds"), "s": ("s", "seconds")}
