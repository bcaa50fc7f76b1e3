"""The device that a command's `--device` means."""

import pytest
import torch

from kernels import bench
from kernels.device import chosen_device


@pytest.mark.parametrize("has_gpu", [True, False])
def test_a_gpu_is_taken_unless_the_cpu_is_asked_for(has_gpu, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_gpu)
    there = "cuda" if has_gpu else "cpu"
    assert (chosen_device(), chosen_device("cuda"), chosen_device("cpu")) == (there, there, "cpu")


def test_the_bench_times_no_other_device_than_the_one_named(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit) as caught:
        bench.main(["--device", "cuda"])
    assert caught.value.code == 2
    assert "no CUDA or ROCm device" in capsys.readouterr().err
