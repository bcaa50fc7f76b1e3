"""The figures as they were published, and which of them fit a DCW."""

import pytest

from sigma.aimicius.infrawise import names, phrases
from sigma.aimicius.infrawise.dcw import DCW
from sigma.aimicius.infrawise.records import figures, fits, published, same_workload, sources, times

# Copied by hand from the publications that figures.json names.
PUBLISHED = [
    ("az-h100", "NCCL allreduce", {"message": "1 GiB", "busbw (GB/s)": 466.35}),
    ("az-h200", "Llama 3 405B inference", {"batch": 96, "throughput (tokens/s)": 333.47}),
    ("az-a100", "cuBLASLt GEMM fp16", {"m x n x k": "8192x8192x8192", "rate (TFLOPS)": 253.7}),
    ("az-gb200", "cuBLASLt GEMM fp4", {"m x n x k": "16384x16384x16384", "rate (TFLOPS)": 7627.6}),
    ("sb-ndmv4", "BERT-large training fp16", {"throughput (samples/s)": 159.08, "step time (ms)": 201.27}),
    ("sb-ndv4-2", "ResNet50 training fp32", {"throughput (samples/s)": 760.33, "step time (ms)": 253.96}),
    ("sb-ndv4-4", "tensor core GEMM fp16", {"rate (TFLOPS)": 280.44}),
    ("sb-v100", "BERT-base training fp16", {"throughput (samples/s)": 67.082, "step time (ms)": 119.49}),
    ("sb-mi100", "BERT-large training fp32", {"throughput (samples/s)": 43.836, "step time (ms)": 730.31}),
    (
        "oci-mi300x",
        "Llama 3.1 405B inference fp8",
        {"batch": 64, "throughput (tokens/s)": 1184, "latency (s)": 6.919},
    ),
]


@pytest.mark.parametrize(("source", "workload", "results"), PUBLISHED)
def test_figures_are_the_published_ones(source, workload, results):
    assert any((r.source, r.workload, r.results) == (source, workload, results) for r in published())


def test_every_record_names_its_source_and_is_whole():
    assert len(published()) == 420
    for record in published():
        assert set(sources()[record.source]) == {"title", "where", "licence"}
        assert record.hardware in names.GPUS and (record.sku == "" or names.SKUS[record.sku] == record.hardware)
        assert figures(record.results) and all(value > 0 for _, _, value in figures(record.results))
        *head, last = record.workload.split()
        name = " ".join(head) if last in names.PRECISIONS else record.workload
        assert name in phrases.WORKLOADS, "somebody must be able to ask for it"


ROW = {
    "index": 1,
    "hardware": "A100",
    "sku": "NDv4",
    "workload": "BERT-large training fp16",
    "results": {"step time (ms)": 200},
}


@pytest.mark.parametrize(
    ("dcw", "fit"),
    [
        (DCW("A100", "", "default", "BERT-large training fp16"), True),
        (DCW("NDv4", "", "default", "BERT-large training"), True),
        (DCW("H100", "NDv4", "peak performance", "BERT-large training fp16"), True),
        (DCW("NDmv4", "", "default", "BERT-large training fp16"), False),
        (DCW("A100", "", "default", "BERT-large training fp32"), False),
        (DCW("A100", "", "default", "BERT-base training fp16"), False),
        (DCW("A100", "", "within 200 ms", "BERT-large training fp16"), True),
        (DCW("A100", "", "within 0.1999 s", "BERT-large training fp16"), False),
        (DCW("", "", "default", "BERT-large training fp16"), False),
    ],
)
def test_what_fits(dcw, fit):
    assert fits(ROW, dcw) is fit


def test_a_limit_asks_for_a_time_and_an_empty_sku_is_no_machine():
    bare = {**ROW, "sku": "", "results": {"throughput (samples/s)": 150}}
    assert not fits(bare, DCW("A100", "", "within 200 ms", "BERT-large training fp16"))
    assert fits(bare, DCW("A100", "", "default", "BERT-large training fp16"))
    assert not fits(bare, DCW("H100", "", "default", "BERT-large training fp16"))
    assert times({"event time (us)": 5, "batch": 3, "rate (TFLOPS)": 1}) == [names.seconds("within 5 us")]


def test_a_workload_without_a_precision_takes_every_one():
    assert same_workload("GEMM", "GEMM fp64") and not same_workload("GEMM", "tensor core GEMM fp64")
    assert not same_workload("GEMM fp64", "GEMM")
