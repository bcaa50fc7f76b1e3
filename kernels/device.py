"""Which device a command runs on, and what memory it has free."""

import os
from pathlib import Path

import torch

_CGROUP = Path("/sys/fs/cgroup")
_FILES = (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))


def chosen_device(wanted: str = "auto") -> str:
    """ "cuda" where there is a GPU (CUDA or ROCm) and `wanted` is not "cpu", else "cpu"."""
    return "cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu"


def free_bytes(device: torch.device) -> int | None:
    """Memory that a device has free now, within the limit of a container; None where the system does not tell."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    found = [size for size in (_container(), _machine()) if size is not None]
    return min(found) if found else None


def _machine() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def _container() -> int | None:
    for limit, used in _FILES:
        try:
            return max(0, int((_CGROUP / limit).read_text()) - int((_CGROUP / used).read_text()))
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return None
