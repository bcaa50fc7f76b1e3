"""Which spellings mean the same, and which only look alike."""

import pytest

from sigma.aimicius.infrawise import names

SAME_DESIGNS = [
    ("A100", "NVIDIA A100"),
    ("A100", "a100 GPUs"),
    ("A100", "A100-SXM4-80GB"),
    ("MI300x", "AMD Instinct MI300X"),
    ("MI200", "MI250X"),
    ("NDv4", "ND A100 v4"),
    ("NDv4", "Standard_ND96asr_v4"),
    ("NDmv4", "ND96amsr_A100_v4"),
    ("NDmv4", "NDm A100 v4 VMs"),
    ("NDv5", "nd h100 V5"),
    ("NDv5 H200", "ND H200 v5"),
    ("NDv4 MI200", "ND MI200 v4"),
    ("NCv3", "NC24rs_v3"),
    ("", "None"),
    ("", "  "),
]
OTHER_DESIGNS = [
    ("NDv4", "NDmv4"),
    ("NDv4", "NDv5"),
    ("NDv4", "A100"),
    ("NDv4", "NDv4 MI200"),
    ("NDv5", "NDv5 H200"),
    ("MI200", "MI100"),
    ("MI300x", "MI200"),
    ("H100", "H200"),
    ("A100", ""),
    ("V100", "A100"),
    ("NDv9", "NDv4"),
]


@pytest.mark.parametrize(("one", "other"), SAME_DESIGNS)
def test_one_design(one, other):
    assert names.design(one) == names.design(other)


@pytest.mark.parametrize(("one", "other"), OTHER_DESIGNS)
def test_two_designs(one, other):
    assert names.design(one) != names.design(other)


@pytest.mark.parametrize("name", names.DESIGNS)
def test_canonical_names_stay(name):
    assert names.design(name) == name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("peak performance", "Peak  performance"),
        ("cost-effectiveness", "cost effectiveness"),
        ("within 200 ms", "results within 0.2 s"),
        ("within 90 s", "within 1.5 minutes"),
        ("within 1,500 us", "within 1.5 ms"),
        ("within 5 µs", "within 5 microseconds"),
        ("default", "Default"),
    ],
)
def test_one_criterion(one, other):
    assert names.criterion(one) == names.criterion(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("peak performance", "default"),
        ("peak performance", "cost-effectiveness"),
        ("within 200 ms", "within 200 s"),
        ("within 200 ms", "within 20 ms"),
        ("within 200 ms", "peak performance"),
        ("default", ""),
        ("within 5 parsecs", "within 5 s"),
    ],
)
def test_two_criteria(one, other):
    assert names.criterion(one) != names.criterion(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("BERT-large training fp16", "fp16 Bert-Large training"),
        ("BERT-large training fp16", "bert_large training (half precision)"),
        ("BERT-large training fp16", "BERT-large training float16"),
        ("NCCL allreduce", "nccl all-reduce"),
        ("tensor core GEMM bf16", "matrix core GEMM bfloat16"),
        ("host-to-device copy", "H2D copy"),
        ("ResNet50 training", "ResNet-50 training"),
        ("ORT inference", "ONNX Runtime inference"),
        ("InfiniBand loopback", "IB loopback"),
    ],
)
def test_one_workload(one, other):
    assert names.workload_key(one) == names.workload_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("BERT-large training fp16", "BERT-large training fp32"),
        ("BERT-large training fp16", "BERT-large training"),
        ("BERT-large training", "BERT-base training"),
        ("BERT-large training", "BERT-large inference"),
        ("NCCL allreduce", "NCCL reduce"),
        ("NCCL allreduce", "NCCL allgather"),
        ("NCCL allreduce", "RCCL allreduce"),
        ("GEMM fp16", "tensor core GEMM fp16"),
        ("GEMM fp16", "cuBLASLt GEMM fp16"),
        ("GEMM fp16", "GEMM bf16"),
        ("matmul", "sharding matmul allreduce"),
        ("ResNet50 training", "ResNet101 training"),
        ("Llama 3 8B inference", "Llama 3.1 8B inference"),
        ("host-to-device copy", "device-to-host copy"),
    ],
)
def test_two_workloads(one, other):
    assert names.workload_key(one) != names.workload_key(other)


def test_units_of_time_are_exact():
    assert names.seconds("within 0.1 ms") * 10_000 == 1
    assert names.seconds("within 2 h") == 7200
    assert names.seconds("peak performance") is None
