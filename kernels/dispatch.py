"""The front door of `kernels/`: checks the arguments once, then calls the best implementation for them.

Order of choice: the environment variable `SIGMA_KERNELS` (reference, cpu or triton), then the device of q. A back end
registers itself per operation with `register`, so a new one adds a file and changes no caller.
"""

import os
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec

import torch

from kernels.selective.reference import SelectiveResult

MAX_DECODE_QUERIES = 16
_DTYPES = (torch.bfloat16, torch.float16, torch.float32)
_BACKENDS = ("reference", "cpu", "triton")

# {operation: {back end: function, or "module:function" imported on first use}}
_registry: dict[str, dict[str, Callable | str]] = {
    "decode_attention": {
        "reference": "kernels.decode.reference:decode_attention",
        "cpu": "kernels.decode.native:decode_attention",
        "triton": "kernels.decode.triton:decode_attention",
    },
    "prefill_attention": {
        "reference": "kernels.prefill.reference:prefill_attention",
        "cpu": "kernels.prefill.cpu:prefill_attention",
        "triton": "kernels.prefill.triton:prefill_attention",
    },
    "selective_decode_attention": {
        "reference": "kernels.selective.reference:selective_decode_attention",
        "cpu": "kernels.selective.native:selective_decode_attention",
        "triton": "kernels.selective.triton:selective_decode_attention",
    },
    "attention_weights": {
        "reference": "kernels.decode.reference:attention_weights",
        "cpu": "kernels.decode.native:attention_weights",
    },
}


def register(operation: str, backend: str, function: Callable | str) -> None:
    """Add or replace an implementation. KeyError for an unknown operation, ValueError for an unknown back end."""
    if backend not in _BACKENDS:
        raise ValueError(f"unknown back end {backend!r}: expected one of {', '.join(_BACKENDS)}")
    _registry[operation][backend] = function


def chosen_backend(operation: str, device: torch.device) -> str:
    """Name of the back end that would serve the operation on that device.

    ValueError when `SIGMA_KERNELS` holds an unknown name, RuntimeError when it names one that is not installed.
    """
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


def decode_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    *,
    scale: float | None = None,
    lengths: torch.Tensor | None = None,
    return_lse: bool = False,
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """Attention of a few new positions over a cache, with unequal numbers of query, key and value heads (Eq. 3).

    q `[b, n_q, t, d_k]` with t = 1..16, the last t positions (causal among themselves); k `[b, n_k, T, d_k]`;
    v `[b, n_v, T, d_v]`; strides are free as long as the last dimension is contiguous. `scale` defaults to
    `d_k ** -0.5`. `lengths`, int64 `[b]`, gives the valid rows of each sequence, the newest being `lengths - 1`;
    memory past them is never used. Returns `[b, n_q, t, d_v]` in q's dtype, with `return_lse` also the natural-log
    LSE, fp32 `[b, n_q, t]`. ValueError, with the numbers, when the arguments do not fit together.
    """
    _check(q, k, v, lengths)
    if q.shape[2] > MAX_DECODE_QUERIES:
        raise ValueError(f"decode takes at most {MAX_DECODE_QUERIES} queries per sequence, got t = {q.shape[2]}")
    return _resolve("decode_attention", q.device)(q, k, v, scale=scale, lengths=lengths, return_lse=return_lse)


def prefill_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    *,
    scale: float | None = None,
    lengths: torch.Tensor | None = None,
    return_lse: bool = False,
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """As `decode_attention` for any number of queries t <= T; memory beyond the result stays bounded."""
    _check(q, k, v, lengths)
    return _resolve("prefill_attention", q.device)(q, k, v, scale=scale, lengths=lengths, return_lse=return_lse)


def selective_decode_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    top_k: int,
    *,
    scale: float | None = None,
    renormalize: bool = True,
    lengths: torch.Tensor | None = None,
) -> SelectiveResult:
    """Decode attention that reads only the V rows of the `top_k` best-scoring earlier rows and the current one.

    Arguments as `decode_attention`; `top_k` is per query head, ties go to the lowest index, and `top_k >= T - 1` is
    full attention. `renormalize` makes the kept weights sum to 1 (arXiv 2501.13629, Appendix B.2, leaves it open).
    Returns a `SelectiveResult`. ValueError, with the numbers, when the arguments do not fit together.
    """
    _check(q, k, v, lengths)
    if q.shape[2] > MAX_DECODE_QUERIES:
        raise ValueError(f"decode takes at most {MAX_DECODE_QUERIES} queries per sequence, got t = {q.shape[2]}")
    if top_k < 1:
        raise ValueError(f"top_k must be at least 1, got {top_k}")
    function = _resolve("selective_decode_attention", q.device)
    return function(q, k, v, top_k, scale=scale, renormalize=renormalize, lengths=lengths)


def attention_weights(
    q: torch.Tensor, k: torch.Tensor, *, scale: float | None = None, lengths: torch.Tensor | None = None
) -> torch.Tensor:
    """Softmax weights of every query head over the cached rows, fp32 `[b, n_q, t, T]`; a picture, not a fast path."""
    _check(q, k, None, lengths)
    return _resolve("attention_weights", q.device)(q, k, scale=scale, lengths=lengths)


@lru_cache(maxsize=1)
def _has_triton() -> bool:
    return find_spec("triton") is not None


def _resolve(operation: str, device: torch.device) -> Callable:
    backend = chosen_backend(operation, device)
    function = _registry[operation][backend]
    if isinstance(function, str):
        if backend == "triton" and not _has_triton():
            raise RuntimeError("SIGMA_KERNELS=triton: the Python package triton is not installed")
        module, name = function.split(":")
        function = _registry[operation][backend] = getattr(import_module(module), name)
    return function


def _check(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor | None, lengths: torch.Tensor | None) -> None:
    """ValueError unless the tensors fit together. The good path is a handful of comparisons: it runs per layer."""
    for name, x in (("q", q), ("k", k)) if v is None else (("q", q), ("k", k), ("v", v)):
        if x.dim() != 4:
            raise ValueError(f"{name} must be [batch, heads, rows, dim], got shape {tuple(x.shape)}")
    b, n_q, t, d_k = q.shape
    kb, n_k, rows, kd = k.shape
    if not (b and n_q and t and d_k and n_k and rows):
        raise ValueError(f"empty sequence: q {tuple(q.shape)}, k {tuple(k.shape)}")
    if n_q % n_k:
        raise ValueError(f"{n_q} query heads cannot share {n_k} key heads evenly")
    if kb != b or kd != d_k:
        raise ValueError(f"k {tuple(k.shape)} does not fit q {tuple(q.shape)}: batch and key dim must agree")
    if t > rows:
        raise ValueError(f"{t} queries but only {rows} cached rows: the queries' own rows must be in the cache")
    dtype, device = q.dtype, q.device
    if dtype not in _DTYPES:
        raise ValueError(f"dtype {dtype} is not supported: expected bfloat16, float16 or float32")
    if k.dtype != dtype or k.device != device:
        raise ValueError(f"k is {k.dtype} on {k.device}, q is {dtype} on {device}")
    if v is not None:
        vb, n_v, v_rows, d_v = v.shape
        if not (n_v and d_v):
            raise ValueError(f"empty sequence: v {tuple(v.shape)}")
        if n_q % n_v:
            raise ValueError(f"{n_q} query heads cannot share {n_v} value heads evenly")
        if vb != b or v_rows != rows:
            raise ValueError(f"v {tuple(v.shape)} does not fit k {tuple(k.shape)}: batch and rows must agree")
        if v.dtype != dtype or v.device != device:
            raise ValueError(f"v is {v.dtype} on {v.device}, q is {dtype} on {device}")
    if lengths is not None:
        _check_lengths(lengths, b, t, rows, device)


def _check_lengths(lengths: torch.Tensor, b: int, t: int, rows: int, device: torch.device) -> None:
    if lengths.dtype != torch.int64 or tuple(lengths.shape) != (b,):
        raise ValueError(f"lengths must be int64 [{b}], got {lengths.dtype} {tuple(lengths.shape)}")
    if lengths.device.type != "cpu" and lengths.device != device:
        raise ValueError(f"lengths is on {lengths.device}, q is on {device}")
    # Reading values on a GPU would wait for it, so only host lengths are checked.
    if lengths.device.type == "cpu":
        values = lengths.tolist()
        if max(values) > rows:
            raise ValueError(f"length {max(values)} is beyond the buffer of {rows} rows")
        if min(values) < t:
            raise ValueError(f"length {min(values)} is less than the {t} queries")
