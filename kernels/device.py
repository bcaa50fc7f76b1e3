"""Which device a command runs on."""

import torch


def chosen_device(wanted: str = "auto") -> str:
    """ "cuda" where there is a GPU (CUDA or ROCm) and `wanted` is not "cpu", else "cpu"."""
    return "cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu"
