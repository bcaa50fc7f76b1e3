"""The public operations of `kernels/`: each checks its arguments once, then calls the best implementation for them.

Under torch.compile and torch.export a front door stands for one node of the graph (`kernels.traced`); three are traced
through their references instead: the two for pictures, and `silu_mul`, which a compiler fuses better than a node allows.
"""

import torch
from torch.compiler import is_compiling

from .backends import call, has_own_backward_for
from .checks import (
    check_append,
    check_attention,
    check_few,
    check_scores,
    check_selection,
    check_silu_mul,
    check_squares,
    check_wanted,
)
from .decode import reference as decode_reference
from .selective.reference import SelectiveResult
from .squares import reference as squares_reference
from .swiglu import reference as swiglu_reference


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
    LSE, fp32 `[b, n_q, t]`. A NaN that a query sees makes its result NaN. ValueError, with the numbers, when the
    arguments do not fit together; TypeError, with the name, for an argument of another kind.
    """
    if is_compiling():
        from . import traced

        return traced.decode_attention(q, k, v, scale=scale, lengths=lengths, return_lse=return_lse)
    check_attention(q, k, v, lengths, scale)
    check_few(q)
    check_wanted(return_lse)
    return call("decode_attention", q, k, v, scale=scale, lengths=lengths, return_lse=return_lse)


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
        from . import traced

        return traced.prefill_attention(q, k, v, scale=scale, lengths=lengths, return_lse=return_lse)
    check_attention(q, k, v, lengths, scale)
    check_wanted(return_lse)
    return call("prefill_attention", q, k, v, scale=scale, lengths=lengths, return_lse=return_lse)


def selective_decode_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    top_k: int,
    *,
    scale: float | None = None,
    missing_mass: str = "renormalize",
    threshold: float = 0.0,
    v_sum: torch.Tensor | None = None,
    lengths: torch.Tensor | None = None,
) -> SelectiveResult:
    """Decode attention that reads only the V rows of the `top_k` best-scoring earlier rows and the current one.

    Arguments as `decode_attention`; `top_k` is per query head, ties go to the lowest index, and `top_k >= T - 1` is
    full attention. Of these rows, those whose softmax weight is below `threshold` are not read either. `missing_mass`
    says what becomes of the weight of rows that are not read (`kernels.selective.missing_mass`): "drop", "renormalize"
    or "mean"; for the last, `v_sum`, fp32 `[b, n_v, d_v]`, is the sum of the V rows before the t newest, and without
    it all of V is read to form it. Returns a `SelectiveResult`. ValueError and TypeError as `decode_attention`.
    """
    if is_compiling():
        from . import traced

        return traced.selective_decode_attention(q, k, v, top_k, scale, missing_mass, threshold, v_sum, lengths)
    check_attention(q, k, v, lengths, scale)
    check_selection(q, v, top_k, missing_mass, threshold, v_sum)
    how = {"missing_mass": missing_mass, "threshold": threshold, "v_sum": v_sum}
    return call("selective_decode_attention", q, k, v, top_k, scale=scale, **how, lengths=lengths)


def attention_weights(
    q: torch.Tensor, k: torch.Tensor, *, scale: float | None = None, lengths: torch.Tensor | None = None
) -> torch.Tensor:
    """Softmax weights of every query head over the cached rows, fp32 `[b, n_q, t, T]`; a picture, not a fast path."""
    if is_compiling():
        check_scores(q, k, lengths, scale, reads_lengths=False)
        return decode_reference.attention_weights(q, k, scale=scale, lengths=lengths)
    check_scores(q, k, lengths, scale)
    return call("attention_weights", q, k, scale=scale, lengths=lengths)


def attention_squares(
    q: torch.Tensor, k: torch.Tensor, keys: tuple[int, int], width: int, *, scale: float | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The largest softmax weight of every square of `width` queries and keys, and every query's LSE: a map, for pictures.

    q `[b, n_q, t, d_k]`, the last t of T positions; k `[b, n_k, T, d_k]`; keys: the first key of the window and the one
    after its last. Returns fp32 `[b, n_q, ceil(t / width), ceil((last - first) / width)]`, squares that no query sees
    being 0, and the natural-log LSE over all keys, fp32 `[b, n_q, t]`; no gradients. On a CPU the weights themselves are
    never stored. ValueError, with the numbers, when the arguments do not fit together, TypeError for another kind.
    """
    check_scores(q, k, None, scale)
    check_squares(k, keys, width)
    if is_compiling():
        return squares_reference.attention_squares(q, k, keys, width, scale=scale)
    return call("attention_squares", q, k, keys, width, scale=scale)


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
    arguments do not fit together, TypeError for an argument of another kind. No gradients: this is for decoding.
    """
    if is_compiling():
        from . import traced

        return traced.append_rope(q, k, v, cos, sin, k_cache, v_cache, lengths)
    check_append(q, k, v, cos, sin, k_cache, v_cache, lengths)
    return call("append_rope", q, k, v, cos, sin, k_cache, v_cache, lengths)


def silu_mul(gate_up: torch.Tensor) -> torch.Tensor:
    """silu(gate) * up of a stacked projection: gate_up `[.., 2 * width]`, the gate first -> `[.., width]` in its dtype.

    ValueError, with the shape, for an odd or empty last dimension and for other types than bf16, fp16 and fp32;
    TypeError for what is no plain tensor.
    """
    check_silu_mul(gate_up)
    if is_compiling():
        return swiglu_reference.silu_mul(gate_up)
    return call("silu_mul", gate_up)


def has_own_backward(q: torch.Tensor, v: torch.Tensor) -> bool:
    """Whether `prefill_attention` would train such q and v with its own backward kernels, not with torch's autograd."""
    if is_compiling():
        from . import traced

        return traced.has_own_backward(q.device, q.dtype, q.shape[3], v.shape[3])
    return has_own_backward_for(q.device, q.dtype, q.shape[3], v.shape[3])
