"""The choice of back end: by environment, by device, and by what is installed."""

import pytest
import torch

import kernels
from kernels import backends
from tests.kernels.inputs import make_qkv


def test_backend_choice(monkeypatch):
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    assert backends.chosen_backend("decode_attention", cpu) == "cpu"
    monkeypatch.setattr(backends, "_registry", {name: {**backends} for name, backends in backends._registry.items()})
    backends._registry["decode_attention"].pop("triton", None)
    assert backends.chosen_backend("decode_attention", gpu) == "reference"
    monkeypatch.setenv("SIGMA_KERNELS", "triton")
    with pytest.raises(RuntimeError, match="no triton kernel for decode_attention"):
        kernels.decode_attention(*make_qkv((9, 3, 3), 1, 5))
    backends._registry["decode_attention"]["triton"] = lambda q, k, v, **_: "from triton"
    assert kernels.decode_attention(*make_qkv((9, 3, 3), 1, 5)) == "from triton"
    monkeypatch.setenv("SIGMA_KERNELS", "cpu")
    with pytest.raises(RuntimeError, match="on cuda"):
        backends.chosen_backend("decode_attention", gpu)
    monkeypatch.setenv("SIGMA_KERNELS", "fast")
    with pytest.raises(ValueError, match="fast"):
        backends.chosen_backend("decode_attention", cpu)


@pytest.mark.parametrize("operation", ["decode_attention", "selective_decode_attention"])
def test_a_gpu_without_triton_is_served_by_the_reference(operation, monkeypatch):
    monkeypatch.setattr(backends, "_has_triton", lambda: False)
    assert backends.chosen_backend(operation, torch.device("cuda")) == "reference"
    assert backends.chosen_backend(operation, torch.device("cpu")) == "cpu"
    monkeypatch.setenv("SIGMA_KERNELS", "triton")
    monkeypatch.setitem(backends._registry, operation, {"triton": "kernels.decode.triton:decode_attention"})
    with pytest.raises(RuntimeError, match="triton is not installed"):
        backends._resolve(operation, torch.device("cpu"))


def test_own_backward_by_device_type_and_width(monkeypatch):
    gpu, cpu = torch.device("cuda"), torch.device("cpu")
    monkeypatch.setattr(backends, "_has_triton", lambda: True)
    assert backends.has_own_backward_for(gpu, torch.bfloat16, 256, 64)
    assert not backends.has_own_backward_for(gpu, torch.bfloat16, 64, 257)
    assert not backends.has_own_backward_for(gpu, torch.float32, 129, 64)
    assert not backends.has_own_backward_for(gpu, torch.float64, 64, 64)
    assert not backends.has_own_backward_for(cpu, torch.float32, 64, 64)
    monkeypatch.setattr(backends, "_has_triton", lambda: False)
    assert not backends.has_own_backward_for(gpu, torch.bfloat16, 64, 64)
