"""The front door of `kernels/`: checks the arguments once, then calls the best implementation for them.

Order of choice: the environment variable `SIGMA_KERNELS` (reference, cpu or triton), then the device of q. A back end
registers itself per operation with `register`, so a new one adds a file and changes no caller. Under torch.compile and
torch.export a front door stands for one node of the graph, the op of the same name in `kernels.ops`.
"""

import os
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec

import torch
from torch.compiler import is_compiling

from kernels.append.check import check_append
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
        "cpu": "kernels.prefill.native:prefill_attention",
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
        "triton": "kernels.decode.reference:attention_weights",  # for a picture, torch's two operations are enough
    },
    "append_rope": {
        "reference": "kernels.append.reference:append_rope",
        "cpu": "kernels.append.reference:append_rope",
        "triton": "kernels.append.triton:append_rope",
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
    if is_compiling():
        from kernels import ops

        return ops.decode_attention(q, k, v, scale=scale, lengths=lengths, return_lse=return_lse)
    check(q, k, v, lengths)
    check_few(q)
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
    if is_compiling():
        from kernels import ops

        return ops.prefill_attention(q, k, v, scale=scale, lengths=lengths, return_lse=return_lse)
    check(q, k, v, lengths)
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
    if is_compiling():
        from kernels import ops

        return ops.selective_decode_attention(q, k, v, top_k, scale=scale, renormalize=renormalize, lengths=lengths)
    check(q, k, v, lengths)
    check_few(q, top_k)
    function = _resolve("selective_decode_attention", q.device)
    return function(q, k, v, top_k, scale=scale, renormalize=renormalize, lengths=lengths)


def attention_weights(
    q: torch.Tensor, k: torch.Tensor, *, scale: float | None = None, lengths: torch.Tensor | None = None
) -> torch.Tensor:
    """Softmax weights of every query head over the cached rows, fp32 `[b, n_q, t, T]`; a picture, not a fast path."""
    if is_compiling():
        from kernels.decode import reference

        check(q, k, None, lengths, reads_lengths=False)
        return reference.attention_weights(q, k, scale=scale, lengths=lengths)
    check(q, k, None, lengths)
    return _resolve("attention_weights", q.device)(q, k, scale=scale, lengths=lengths)


def append_rope(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    cos: torch.Tensor,
    sin: torch.Tensor,
    k_cache: torch.Tensor,
    v_cache: torch.Tensor,
    lengths: torch.Tensor | None = None,
) -> torch.Tensor:
    """Rotate the new q and k, write the rotated k and v into the cache; returns the rotated q `[b, n_q, t, d_k]`.

    q `[b, n_q, t, d_k]`, k `[b, n_k, t, d_k]`, v `[b, n_v, t, d_v]`: the t newest positions. k_cache
    `[b, n_k, T, d_k]` and v_cache `[b, n_v, T, d_v]` are written in place; all strides are free. cos and sin
    `[P, d_k]` are the rotary tables by position, fp32 or q's dtype; dimension f pairs with f + d_k/2, whose table
    entries are equal. `lengths`, int64 `[b]`, counts each sequence's rows with the new ones, as `decode_attention`
    takes it (default T): new row j goes to row, and has position, `lengths - t + j`. On a GPU the values of `lengths`
    are not read by the host; a row outside the cache is then left out. ValueError, with the numbers, when the
    arguments do not fit together. No gradients: this is for decoding.
    """
    if is_compiling():
        from kernels import ops

        return ops.append_rope(q, k, v, cos, sin, k_cache, v_cache, lengths)
    check_append(q, k, v, cos, sin, k_cache, v_cache, lengths)
    return _resolve("append_rope", q.device)(q, k, v, cos, sin, k_cache, v_cache, lengths)


def has_own_backward(q: torch.Tensor, v: torch.Tensor) -> bool:
    """Whether `prefill_attention` would train such q and v with its own backward kernels, not with torch's autograd."""
    if is_compiling():
        from kernels import ops

        return ops.has_own_backward(q.device, q.dtype, q.shape[3], v.shape[3])
    return has_own_backward_for(q.device, q.dtype, q.shape[3], v.shape[3])


def has_own_backward_for(device: torch.device, dtype: torch.dtype, d_k: int, d_v: int) -> bool:
    """As `has_own_backward`, by what it depends on."""
    if chosen_backend("prefill_attention", device) != "triton":
        return False
    from kernels.prefill.triton import fits

    return fits(device, dtype, d_k, d_v)


def run(operation: str, q: torch.Tensor, *arguments, **options):
    """Call the back end chosen for an operation on q's device; the arguments are not checked."""
    return _resolve(operation, q.device)(q, *arguments, **options)


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


def check(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor | None,
    lengths: torch.Tensor | None,
    reads_lengths: bool = True,
) -> None:
    """ValueError unless the tensors fit together. The good path is a handful of comparisons: it runs per layer.

    `reads_lengths=False` leaves the values of `lengths` alone: while a graph is traced there are none.
    """
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
        _check_lengths(lengths, b, t, rows, device, reads_lengths)


def check_few(q: torch.Tensor, top_k: int = 1) -> None:
    if q.shape[2] > MAX_DECODE_QUERIES:
        raise ValueError(f"decode takes at most {MAX_DECODE_QUERIES} queries per sequence, got t = {q.shape[2]}")
    if top_k < 1:
        raise ValueError(f"top_k must be at least 1, got {top_k}")


def _check_lengths(lengths: torch.Tensor, b: int, t: int, rows: int, device: torch.device, reads_lengths: bool) -> None:
    if lengths.dtype != torch.int64 or tuple(lengths.shape) != (b,):
        raise ValueError(f"lengths must be int64 [{b}], got {lengths.dtype} {tuple(lengths.shape)}")
    if lengths.device.type != "cpu" and lengths.device != device:
        raise ValueError(f"lengths is on {lengths.device}, q is on {device}")
    # Reading values on a GPU would wait for it, so only host lengths are checked.
    if reads_lengths and lengths.device.type == "cpu":
        values = lengths.tolist()
        if max(values) > rows:
            raise ValueError(f"length {max(values)} is beyond the buffer of {rows} rows")
        if min(values) < t:
            raise ValueError(f"length {min(values)} is less than the {t} queries")
