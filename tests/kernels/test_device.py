"""The device that a command's `--device` means."""

import pytest
import torch

from kernels import bench, device
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


def test_a_containers_limit_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(device, "_CGROUP", tmp_path)
    monkeypatch.setattr(device, "_machine", lambda: 5000)
    assert device.free_bytes(torch.device("cpu")) == 5000
    (tmp_path / "memory.current").write_text("300\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert device.free_bytes(torch.device("cpu")) == 5000
    (tmp_path / "memory.max").write_text("1000\n")
    assert device.free_bytes(torch.device("cpu")) == 700
