"""Which implementation serves an operation: the table of them, and the choice among them.

Order of choice: the environment variable `SIGMA_KERNELS` (reference, cpu or triton), then the device of the first
argument. A new back end adds a file and a line of the table, and changes no caller. What is distrusted
(`kernels.agreement`) is served by its reference instead, whoever chose it.
"""

import os
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec

import torch

_BACKENDS = ("reference", "cpu", "triton")

# {operation: {back end: function, or "module:function" of this package, imported on first use}}
_registry: dict[str, dict[str, Callable | str]] = {
    "decode_attention": {
        "reference": "decode.reference:decode_attention",
        "cpu": "decode.native:decode_attention",
        "triton": "decode.triton:decode_attention",
    },
    "prefill_attention": {
        "reference": "prefill.reference:prefill_attention",
        "cpu": "prefill.native:prefill_attention",
        "triton": "prefill.triton:prefill_attention",
    },
    "selective_decode_attention": {
        "reference": "selective.reference:selective_decode_attention",
        "cpu": "selective.native:selective_decode_attention",
        "triton": "selective.triton:selective_decode_attention",
    },
    "attention_weights": {
        "reference": "decode.reference:attention_weights",
        "cpu": "decode.native:attention_weights",
        "triton": "decode.reference:attention_weights",  # for a picture, torch's two operations are enough
    },
    "attention_squares": {
        "reference": "squares.reference:attention_squares",
        "cpu": "squares.native:attention_squares",
        "triton": "squares.reference:attention_squares",  # as the weights: a picture
    },
    "append_rope": {
        "reference": "append.reference:append_rope",
        "cpu": "append.reference:append_rope",
        "triton": "append.triton:append_rope",
    },
    "silu_mul": {
        "reference": "swiglu.reference:silu_mul",
        "cpu": "swiglu.cpu:silu_mul",
        "triton": "swiglu.triton:silu_mul",
    },
}


_distrusted: set[tuple[str, str]] = set()  # (operation, back end)


def distrust(operation: str, backend: str) -> None:
    """From here on the operation's reference serves wherever this back end would."""
    _distrusted.add((operation, backend))


def distrust_all() -> None:
    """From here on references serve everything."""
    for operation, available in _registry.items():
        for backend in available:
            distrust(operation, backend)


def is_distrusted(operation: str, device: torch.device) -> bool:
    """Whether a reference serves the operation on that device because what was chosen is distrusted."""
    return (operation, _first_choice(operation, device)) in _distrusted


def chosen_backend(operation: str, device: torch.device) -> str:
    """Name of the back end that would serve the operation on that device.

    ValueError when `SIGMA_KERNELS` holds an unknown name, RuntimeError when it names one that is not installed.
    """
    backend = _first_choice(operation, device)
    return "reference" if (operation, backend) in _distrusted else backend


def implementation(operation: str, backend: str) -> Callable:
    """A back end's function, whether or not it would be chosen; KeyError if there is none, RuntimeError without Triton."""
    function = _registry[operation][backend]
    if isinstance(function, str):
        if backend == "triton" and not _has_triton():
            raise RuntimeError("SIGMA_KERNELS=triton: the Python package triton is not installed")
        module, name = function.split(":")
        function = _registry[operation][backend] = getattr(import_module(f".{module}", __package__), name)
    return function


def _first_choice(operation: str, device: torch.device) -> str:
    available = _registry[operation]
    wanted = os.environ.get("SIGMA_KERNELS")
    if wanted:
        if wanted not in _BACKENDS:
            raise ValueError(f"SIGMA_KERNELS={wanted!r}: expected one of {', '.join(_BACKENDS)}")
        if wanted not in available:
            raise RuntimeError(f"SIGMA_KERNELS={wanted}: there is no {wanted} kernel for {operation} yet")
        if wanted == "cpu" and device.type != "cpu":
            raise RuntimeError(f"SIGMA_KERNELS=cpu: the tensors are on {device}")
        return wanted
    if device.type == "cpu":
        return "cpu"
    # ROCm calls its devices cuda too. Other devices, and machines without Triton, are served by torch alone.
    return "triton" if device.type == "cuda" and "triton" in available and _has_triton() else "reference"


def has_own_backward_for(device: torch.device, dtype: torch.dtype, d_k: int, d_v: int) -> bool:
    """As `kernels.has_own_backward`, by what it depends on: where q and v are, their type and their widths."""
    if chosen_backend("prefill_attention", device) != "triton":
        return False
    from .prefill.triton import fits

    return fits(device, dtype, d_k, d_v)


def call(operation: str, x: torch.Tensor, *arguments, **options):
    """Run an operation by the back end chosen for its first argument's device; the arguments are not checked."""
    return _resolve(operation, x.device)(x, *arguments, **options)


@lru_cache(maxsize=1)
def _has_triton() -> bool:
    return find_spec("triton") is not None


def _resolve(operation: str, device: torch.device) -> Callable:
    return implementation(operation, chosen_backend(operation, device))
