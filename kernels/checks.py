"""What the front doors and the ops ask of their arguments.

Each check names the argument: TypeError for another kind of thing than is taken (an array, a list, None, a text, a
sparse or nested tensor), ValueError with the numbers for what does not fit.

The good path is a handful of comparisons: it runs per layer. `reads_lengths=False` leaves the values of `lengths` alone:
while a graph is traced there are none.
"""

import math
from numbers import Real

import torch

from .selective.missing_mass import check_missing_mass, check_threshold

MAX_DECODE_QUERIES = 16  # new positions per sequence that the decode operations take at once
_DTYPES = (torch.bfloat16, torch.float16, torch.float32)


def needs_grad(*tensors: torch.Tensor) -> bool:
    """Whether autograd would have to follow an operation on these tensors."""
    return torch.is_grad_enabled() and any(x.requires_grad for x in tensors)


def check_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    lengths: torch.Tensor | None,
    scale: float | None = None,
    reads_lengths: bool = True,
) -> None:
    """TypeError or ValueError unless q, k, v, lengths and scale are what an attention takes and fit together."""
    _check_tensor("v", v)
    check_scores(q, k, lengths, scale, reads_lengths)
    vb, n_v, v_rows, d_v = _four(v, "v")
    b, n_q = q.shape[:2]
    rows = k.shape[2]
    if not (n_v and d_v):
        raise ValueError(f"empty sequence: v {tuple(v.shape)}")
    if n_q % n_v:
        raise ValueError(f"{n_q} query heads cannot share {n_v} value heads evenly")
    if vb != b or v_rows != rows:
        raise ValueError(f"v {tuple(v.shape)} does not fit k {tuple(k.shape)}: batch and rows must agree")
    if v.dtype != q.dtype or v.device != q.device:
        raise ValueError(f"v is {v.dtype} on {v.device}, q is {q.dtype} on {q.device}")


def check_scores(
    q: torch.Tensor,
    k: torch.Tensor,
    lengths: torch.Tensor | None,
    scale: float | None = None,
    reads_lengths: bool = True,
) -> None:
    """As `check_attention`, for what reads no V."""
    _check_tensor("q", q)
    _check_tensor("k", k)
    if scale is not None:
        _check_scale(scale)
    for name, x in (("q", q), ("k", k)):
        _four(x, name)
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
    if lengths is not None:
        _check_lengths(lengths, b, t, rows, device, reads_lengths)


def check_few(q: torch.Tensor) -> None:
    """ValueError for more queries than decoding takes."""
    if q.shape[2] > MAX_DECODE_QUERIES:
        raise ValueError(f"decode takes at most {MAX_DECODE_QUERIES} queries per sequence, got t = {q.shape[2]}")


def check_selection(
    q: torch.Tensor, v: torch.Tensor, top_k: int, missing_mass: str, threshold: float, v_sum: torch.Tensor | None
) -> None:
    """As `check_few`; and TypeError or ValueError for a selection of nothing, or of a number that counts no rows, for
    an unknown word on the missing mass, a threshold that is no weight, and a sum that does not fit v.
    """
    check_few(q)
    if type(top_k) is not int and (not isinstance(top_k, int | torch.SymInt) or isinstance(top_k, bool)):
        raise TypeError(f"top_k must be a whole number, got {_kind(top_k)}")
    if top_k < 1:
        raise ValueError(f"top_k must be at least 1, got {top_k}")
    if not isinstance(missing_mass, str):
        raise TypeError(f"missing_mass must be a word, got {_kind(missing_mass)}")
    check_missing_mass("missing_mass", missing_mass)
    if isinstance(threshold, bool) or not isinstance(threshold, Real | torch.SymFloat):
        raise TypeError(f"threshold must be a number, got {_kind(threshold)}")
    check_threshold("threshold", threshold)
    if v_sum is not None:
        _check_tensor("v_sum", v_sum)
        wanted = v.shape[0], v.shape[1], v.shape[3]
        if v_sum.dtype != torch.float32 or tuple(v_sum.shape) != wanted or v_sum.device != v.device:
            raise ValueError(
                f"v_sum must be float32 {wanted} on {v.device}, got {v_sum.dtype} {tuple(v_sum.shape)} on {v_sum.device}"
            )


def check_squares(k: torch.Tensor, keys: tuple[int, int], width: int) -> None:
    """TypeError or ValueError unless `keys` is a window of k's rows and `width` a number of them."""
    if not isinstance(keys, tuple) or len(keys) != 2:
        raise TypeError(f"keys must be (first, last), got {_kind(keys)}")
    for name, number in (("keys", keys[0]), ("keys", keys[1]), ("width", width)):
        if type(number) is not int:
            raise TypeError(f"{name} must be whole numbers, got {_kind(number)}")
    if not 0 <= keys[0] < keys[1] <= k.shape[2] or width < 1:
        raise ValueError(f"keys {keys[0]} to {keys[1] - 1} in squares of {width}: k has rows 0 to {k.shape[2] - 1}")


def check_wanted(return_lse: bool) -> None:
    """TypeError unless it is a bool."""
    if type(return_lse) is not bool:
        raise TypeError(f"return_lse must be True or False, got {_kind(return_lse)}")


def check_append(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    cos: torch.Tensor,
    sin: torch.Tensor,
    k_cache: torch.Tensor,
    v_cache: torch.Tensor,
    lengths: torch.Tensor | None,
    reads_lengths: bool = True,
) -> None:
    """TypeError or ValueError unless the arguments of `kernels.append_rope` are what it takes and fit together."""
    for name, x in (("q", q), ("cos", cos), ("sin", sin)):
        _check_tensor(name, x)
    for name, x in (("q", q), ("k", k), ("v", v), ("k_cache", k_cache), ("v_cache", v_cache)):
        _check_tensor(name, x)
        _four(x, name)
        if x.dtype != q.dtype or x.device != q.device:
            raise ValueError(f"{name} is {x.dtype} on {x.device}, q is {q.dtype} on {q.device}")
    if needs_grad(q, k, v, k_cache, v_cache, cos, sin):
        raise ValueError("append_rope has no gradient: call it under torch.no_grad(), or detach what requires one")
    if q.dtype not in _DTYPES:
        raise ValueError(f"dtype {q.dtype} is not supported: expected bfloat16, float16 or float32")
    b, n_q, t, d_k = q.shape
    rows = k_cache.shape[2]
    if not (b and n_q and t and d_k):
        raise ValueError(f"nothing to append: q {tuple(q.shape)}")
    if d_k % 2:
        raise ValueError(f"key dim {d_k} must be even: rotary embedding pairs dimensions")
    for name, x, heads, dim in (("k", k, k_cache.shape[1], d_k), ("v", v, v_cache.shape[1], v_cache.shape[3])):
        if tuple(x.shape) != (b, heads, t, dim):
            raise ValueError(f"{name} {tuple(x.shape)} must be {(b, heads, t, dim)} to fit q and the cache")
    if tuple(k_cache.shape) != (b, k.shape[1], rows, d_k) or v_cache.shape[0] != b or v_cache.shape[2] != rows:
        raise ValueError(f"caches {tuple(k_cache.shape)} and {tuple(v_cache.shape)} do not fit q {tuple(q.shape)}")
    if cos.shape != sin.shape or cos.dim() != 2 or cos.shape[1] != d_k:
        raise ValueError(f"cos {tuple(cos.shape)} and sin {tuple(sin.shape)} must both be [positions, {d_k}]")
    if cos.dtype != sin.dtype or cos.device != q.device or sin.device != q.device:
        raise ValueError(f"cos is {cos.dtype} on {cos.device}, sin {sin.dtype} on {sin.device}, q is on {q.device}")
    most, least = rows, rows
    if lengths is not None:
        _check_kind_of_lengths(lengths, b, q.device)
        if not reads_lengths or lengths.device.type != "cpu":
            return  # on a GPU, reading them would wait for it
        most, least = int(lengths.max()), int(lengths.min())
    if most > rows or least < t:
        raise ValueError(f"lengths {least} to {most}: {t} new rows need lengths from {t} to the cache's {rows}")
    if most > cos.shape[0]:
        raise ValueError(f"position {most - 1} is beyond the {cos.shape[0]} positions of the rotary tables")


def check_silu_mul(gate_up: torch.Tensor) -> None:
    """TypeError or ValueError unless gate_up holds two halves of one of the types that the kernels compute in."""
    _check_tensor("gate_up", gate_up)
    width = gate_up.shape[-1] if gate_up.dim() else 0
    if not width or width % 2 or not gate_up.numel():
        raise ValueError(f"gate_up must be [.., 2 * width] and not empty, got shape {tuple(gate_up.shape)}")
    if gate_up.dtype not in _DTYPES:
        raise ValueError(f"dtype {gate_up.dtype} is not supported: expected bfloat16, float16 or float32")


def _check_lengths(lengths: torch.Tensor, b: int, t: int, rows: int, device: torch.device, reads_lengths: bool) -> None:
    _check_kind_of_lengths(lengths, b, device)
    # Reading values on a GPU would wait for it, so only host lengths are checked.
    if reads_lengths and lengths.device.type == "cpu":
        values = lengths.tolist()
        if max(values) > rows:
            raise ValueError(f"length {max(values)} is beyond the buffer of {rows} rows")
        if min(values) < t:
            raise ValueError(f"length {min(values)} is less than the {t} queries")


def _check_kind_of_lengths(lengths: torch.Tensor, b: int, device: torch.device) -> None:
    _check_tensor("lengths", lengths)
    if lengths.dtype != torch.int64 or tuple(lengths.shape) != (b,):
        raise ValueError(f"lengths must be int64 [{b}], got {lengths.dtype} {tuple(lengths.shape)}")
    if lengths.device.type != "cpu" and lengths.device != device:
        raise ValueError(f"lengths is on {lengths.device}, q is on {device}")


def _check_tensor(name: str, x: torch.Tensor) -> None:
    if not isinstance(x, torch.Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, got {_kind(x)}")
    if x.layout is not torch.strided or x.is_nested:
        how = "nested" if x.is_nested else str(x.layout).removeprefix("torch.")
        raise TypeError(f"{name} must be a plain strided tensor, got a {how} one")


def _check_scale(scale: float) -> None:
    if type(scale) is not float and not isinstance(scale, Real | torch.SymFloat | torch.SymInt):
        raise TypeError(f"scale must be a number or None, got {_kind(scale)}")
    if isinstance(scale, bool):
        raise TypeError("scale must be a number or None, got a bool")
    if isinstance(scale, Real) and not math.isfinite(scale):
        raise ValueError(f"scale must be finite, got {scale}")


def _four(x: torch.Tensor, name: str) -> torch.Size:
    if x.dim() != 4:
        raise ValueError(f"{name} must be [batch, heads, rows, dim], got shape {tuple(x.shape)}")
    return x.shape


def _kind(x: object) -> str:
    return (
        "None" if x is None else f"{type(x).__module__.partition('.')[0]}.{type(x).__name__}".removeprefix("builtins.")
    )
