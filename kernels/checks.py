"""What the front doors and the ops ask of their arguments; each check raises ValueError with the numbers.

The good path is a handful of comparisons: it runs per layer. `reads_lengths=False` leaves the values of `lengths` alone:
while a graph is traced there are none.
"""

import torch

MAX_DECODE_QUERIES = 16  # new positions per sequence that the decode operations take at once
_DTYPES = (torch.bfloat16, torch.float16, torch.float32)


def needs_grad(*tensors: torch.Tensor) -> bool:
    """Whether autograd would have to follow an operation on these tensors."""
    return torch.is_grad_enabled() and any(x.requires_grad for x in tensors)


def check_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor | None,
    lengths: torch.Tensor | None,
    reads_lengths: bool = True,
) -> None:
    """ValueError unless q, k and v (None: only q and k are read) fit together."""
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
    """ValueError for more queries than decoding takes, or for a selection of nothing."""
    if q.shape[2] > MAX_DECODE_QUERIES:
        raise ValueError(f"decode takes at most {MAX_DECODE_QUERIES} queries per sequence, got t = {q.shape[2]}")
    if top_k < 1:
        raise ValueError(f"top_k must be at least 1, got {top_k}")


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
    """ValueError unless the arguments of `kernels.append_rope` fit together."""
    for name, x in (("q", q), ("k", k), ("v", v), ("k_cache", k_cache), ("v_cache", v_cache)):
        if x.dim() != 4:
            raise ValueError(f"{name} must be [batch, heads, rows, dim], got shape {tuple(x.shape)}")
        if x.dtype != q.dtype or x.device != q.device:
            raise ValueError(f"{name} is {x.dtype} on {x.device}, q is {q.dtype} on {q.device}")
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
        if lengths.dtype != torch.int64 or tuple(lengths.shape) != (b,):
            raise ValueError(f"lengths must be int64 [{b}], got {lengths.dtype} {tuple(lengths.shape)}")
        if lengths.device.type != "cpu" and lengths.device != q.device:
            raise ValueError(f"lengths is on {lengths.device}, q is on {q.device}")
        if not reads_lengths or lengths.device.type != "cpu":
            return  # on a GPU, reading them would wait for it
        most, least = int(lengths.max()), int(lengths.min())
    if most > rows or least < t:
        raise ValueError(f"lengths {least} to {most}: {t} new rows need lengths from {t} to the cache's {rows}")
    if most > cos.shape[0]:
        raise ValueError(f"position {most - 1} is beyond the {cos.shape[0]} positions of the rotary tables")


def check_silu_mul(gate_up: torch.Tensor) -> None:
    """ValueError unless gate_up holds two halves of one of the types that the kernels compute in."""
    width = gate_up.shape[-1] if gate_up.dim() else 0
    if not width or width % 2 or not gate_up.numel():
        raise ValueError(f"gate_up must be [.., 2 * width] and not empty, got shape {tuple(gate_up.shape)}")
    if gate_up.dtype not in _DTYPES:
        raise ValueError(f"dtype {gate_up.dtype} is not supported: expected bfloat16, float16 or float32")


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
