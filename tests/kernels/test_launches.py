"""Every Triton launch runs under the device of its tensors."""

from contextlib import contextmanager
from importlib import import_module

import pytest
import torch

import kernels
from tests.kernels.graphs import (
    NEEDS_INTERPRETER,
    append_arguments,
    qkv,
)


@pytest.mark.parametrize(
    "home, names, call",
    [
        ("decode", ["_decode_kernel", "_combine_kernel"], lambda: kernels.decode_attention(*qkv(1, 600))),
        (
            "selective",
            ["_score_kernel", "choose_kernel"],
            lambda: kernels.selective_decode_attention(*qkv(1, 600), 3),
        ),
        ("append", ["_append_kernel"], lambda: kernels.append_rope(*append_arguments())),
        (
            "prefill",
            ["forward_kernel", "query_grad_kernel", "row_grad_kernel"],
            lambda: kernels.prefill_attention(*qkv(needs_grad=True)).sum().backward(),
        ),
        ("swiglu", ["_silu_mul_kernel"], lambda: kernels.silu_mul(torch.zeros(3, 8))),
    ],
    ids=["decode", "selective", "append", "prefill", "silu_mul"],
)
@NEEDS_INTERPRETER
def test_every_launch_runs_under_the_tensors_device(home, names, call, monkeypatch):
    """Triton launches on the current GPU, which need not be the tensors'."""
    module = import_module(f"kernels.{home}.triton")
    devices, launched = [], []

    @contextmanager
    def current(device):
        devices.append(device)
        yield
        devices.pop()

    class Kernel:
        def __init__(self, name):
            self.name = name

        def __getitem__(self, grid):
            return lambda *_, **__: launched.append((self.name, *devices))

    monkeypatch.setenv("SIGMA_KERNELS", "triton")
    monkeypatch.setattr(module, "current", current)
    for name in names:
        monkeypatch.setattr(module, name, Kernel(name))
    call()
    assert launched == [(name, torch.device("cpu")) for name in names]
