"""What every launch on a GPU shares on the host: which inputs fit, how they are prepared, and on which device.

What the kernels themselves share, inside a launch, is in `kernels.triton_rows`.
"""

import contextlib
from functools import lru_cache

import torch
import triton

from .checks import needs_grad
from .splits import MAX_DIM
from .triton_rows import valid_rows

LOG2_E = 1.4426950408889634


def serves(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> bool:
    """Whether the decode kernels fit: head dims up to 256, nothing that autograd would have to follow."""
    if q.shape[3] > MAX_DIM or v.shape[3] > MAX_DIM:
        return False
    return not (spoils(q.device, q.dtype) or needs_grad(q, k, v))


def spoils(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether Triton would compute garbage: its interpreter, on a CPU, multiplies the bit patterns of bf16."""
    return device.type == "cpu" and dtype == torch.bfloat16


def prepared(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, lengths: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """The inputs with a contiguous last dimension (copied where they had none) and the lengths on q's device."""
    q, k, v = (x if x.stride(3) == 1 else x.contiguous() for x in (q, k, v))
    if lengths is not None:
        lengths = lengths.to(q.device, non_blocking=True).contiguous()
    return q, k, v, lengths


def current(device: torch.device) -> contextlib.AbstractContextManager:
    """Makes a GPU the current one: Triton launches there, wherever the tensors are."""
    return torch.cuda.device(device) if device.type == "cuda" else contextlib.nullcontext()


@lru_cache(maxsize=64)
def device_limits(device: torch.device) -> tuple[str, int]:
    """Target name and number of multiprocessors of a device; the interpreter pretends to be a small sm_90.

    RuntimeError for a CPU without the interpreter.
    """
    if device.type == "cpu":
        if isinstance(valid_rows, triton.JITFunction):
            raise RuntimeError("Triton kernels need a GPU, or TRITON_INTERPRET=1 in the environment from the start")
        return "sm_90", 4
    properties = torch.cuda.get_device_properties(device)
    if torch.version.hip:
        return properties.gcnArchName.split(":")[0], properties.multi_processor_count
    return f"sm_{properties.major}{properties.minor}", properties.multi_processor_count
