"""What `append_rope` asks of its arguments."""

import torch


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
    """ValueError, with the numbers, unless the arguments of `kernels.append_rope` fit together.

    `reads_lengths=False` leaves the values of `lengths` alone: while a graph is traced there are none.
    """
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
