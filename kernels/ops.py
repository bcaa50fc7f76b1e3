"""The front doors as `torch.library` ops `diffqkv::*`: one opaque node each for torch.compile and torch.export.

Nobody has to call these: the front doors do while a graph is traced (`kernels.traced`). An op chooses its back end when
it runs, as the front doors do. Its fake kernel promises a layout that depends on no back end, and the implementation
keeps the promise. The ops are defined through `torch.library.Library`, which costs half of what `custom_op` does per
call.
"""

import torch
from torch.library import Library, register_autograd, register_fake

from .backends import call, has_own_backward_for
from .checks import check_append, check_attention, check_few, check_selection, needs_grad
from .prefill.backward import attention_backward

_library = Library("diffqkv", "DEF")
_library.define(
    "decode_attention(Tensor q, Tensor k, Tensor v, float? scale=None, Tensor? lengths=None, bool return_lse=False)"
    " -> (Tensor out, Tensor lse)"
)
_library.define(
    "prefill_attention(Tensor q, Tensor k, Tensor v, float? scale=None, Tensor? lengths=None, bool return_lse=False)"
    " -> (Tensor out, Tensor lse)"
)
_library.define(
    "attention_backward(Tensor? dout, Tensor? dlse, Tensor q, Tensor k, Tensor v, Tensor out, Tensor lse,"
    " float? scale=None, Tensor? lengths=None) -> (Tensor dq, Tensor dk, Tensor dv)"
)
_library.define(
    "selective_decode_attention(Tensor q, Tensor k, Tensor v, SymInt top_k, float? scale=None,"
    " str missing_mass='renormalize', float threshold=0., Tensor? v_sum=None, Tensor? lengths=None)"
    " -> (Tensor out, Tensor captured, Tensor positions)"
)
_library.define(
    "append_rope(Tensor q, Tensor k, Tensor v, Tensor cos, Tensor sin, Tensor(a!) k_cache, Tensor(b!) v_cache,"
    " Tensor? lengths=None) -> Tensor"
)


# What the ops do ------------------------------------------------------------------------------------------------------


def _decode(q, k, v, scale=None, lengths=None, return_lse=False):
    """As `kernels.decode_attention`; out is contiguous, and lse is empty, `[0]`, unless asked for."""
    check_attention(q, k, v, lengths, scale)
    check_few(q)
    result = call("decode_attention", q, k, v, scale=scale, lengths=lengths, return_lse=return_lse)
    out, lse = result if return_lse else (result, q.new_empty(0, dtype=torch.float32))
    return out.contiguous(), lse.contiguous()


def _prefill(q, k, v, scale=None, lengths=None, return_lse=False):
    """As `kernels.prefill_attention`; out is a view of a `[b, t, n_q, d_v]` tensor, lse as in `_decode`."""
    check_attention(q, k, v, lengths, scale)
    result = call("prefill_attention", q, k, v, scale=scale, lengths=lengths, return_lse=return_lse)
    out, lse = result if return_lse else (result, q.new_empty(0, dtype=torch.float32))
    return _rows_first(out), lse.contiguous()


def _selective(q, k, v, top_k, scale=None, missing_mass="renormalize", threshold=0.0, v_sum=None, lengths=None):
    """The three fields of `SelectiveResult`, contiguous. RuntimeError where a gradient would be lost in silence."""
    _refuse_gradients(q, k, v)
    check_attention(q, k, v, lengths, scale)
    check_selection(q, v, top_k, missing_mass, threshold, v_sum)
    how = {"missing_mass": missing_mass, "threshold": threshold, "v_sum": v_sum}
    result = call("selective_decode_attention", q, k, v, top_k, scale=scale, **how, lengths=lengths)
    return result.out.contiguous(), result.captured.contiguous(), result.positions.contiguous()


def _append(q, k, v, cos, sin, k_cache, v_cache, lengths=None):
    """As `kernels.append_rope`; the rotated q is contiguous."""
    check_append(q, k, v, cos, sin, k_cache, v_cache, lengths)
    return call("append_rope", q, k, v, cos, sin, k_cache, v_cache, lengths).contiguous()


def _backward(dout, dlse, q, k, v, out, lse, scale=None, lengths=None):
    """dq, dk and dv of decode or prefill attention in the inputs' dtype; dq is laid out as prefill's out."""
    dout = torch.zeros_like(out) if dout is None else dout
    dlse = None if dlse is None or not dlse.numel() else dlse  # the gradient of an empty lse
    if has_own_backward_for(q.device, q.dtype, q.shape[3], v.shape[3]):
        from .prefill.triton import prefill_attention_backward

        made = lse if lse.numel() else None
        dq, dk, dv = prefill_attention_backward(dout, dlse, q, k, v, out, made, scale=scale, lengths=lengths)
    else:
        dq, dk, dv = attention_backward(dout, dlse, q, k, v, scale, lengths)
    return _rows_first(dq), dk.contiguous(), dv.contiguous()


def _rows_first(x: torch.Tensor) -> torch.Tensor:
    """x `[b, n, t, d]` in the memory order `[b, t, n, d]`; a copy only where it has another."""
    return x.transpose(1, 2).contiguous().transpose(1, 2)


def _refuse_gradients(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> None:
    if needs_grad(q, k, v):
        raise RuntimeError(
            "diffqkv::selective_decode_attention has no gradient: kernels.selective_decode_attention has"
        )


# What they promise ----------------------------------------------------------------------------------------------------


def _decode_fake(q, k, v, scale=None, lengths=None, return_lse=False):
    check_few(q)
    out, lse = _prefill_fake(q, k, v, scale, lengths, return_lse)
    return torch.empty_like(out, memory_format=torch.contiguous_format), lse


def _prefill_fake(q, k, v, scale=None, lengths=None, return_lse=False):
    check_attention(q, k, v, lengths, scale, reads_lengths=False)
    b, n_q, t, _ = q.shape
    lse = q.new_empty((b, n_q, t) if return_lse else 0, dtype=torch.float32)
    return q.new_empty((b, t, n_q, v.shape[3])).transpose(1, 2), lse


def _selective_fake(q, k, v, top_k, scale=None, missing_mass="renormalize", threshold=0.0, v_sum=None, lengths=None):
    _refuse_gradients(q, k, v)
    check_attention(q, k, v, lengths, scale, reads_lengths=False)
    check_selection(q, v, top_k, missing_mass, threshold, v_sum)
    b, n_q, t, _ = q.shape
    width = torch.sym_min(top_k, k.shape[2] - 1) + 1
    captured = q.new_empty((b, n_q, t), dtype=torch.float32)
    return q.new_empty((b, n_q, t, v.shape[3])), captured, q.new_empty((b, n_q, t, width), dtype=torch.int32)


def _append_fake(q, k, v, cos, sin, k_cache, v_cache, lengths=None):
    check_append(q, k, v, cos, sin, k_cache, v_cache, lengths, reads_lengths=False)
    return q.new_empty(q.shape)


def _backward_fake(dout, dlse, q, k, v, out, lse, scale=None, lengths=None):
    b, n_q, t, d_k = q.shape
    dq = q.new_empty((b, t, n_q, d_k)).transpose(1, 2)
    return dq, k.new_empty(k.shape), v.new_empty(v.shape)


def _save(ctx, inputs, output) -> None:
    q, k, v, ctx.scale, lengths, _ = inputs
    ctx.save_for_backward(q, k, v, lengths, *output)
    ctx.set_materialize_grads(False)


def _gradients(ctx, dout, dlse):
    q, k, v, lengths, out, lse = ctx.saved_tensors
    grads = torch.ops.diffqkv.attention_backward(dout, dlse, q, k, v, out, lse, ctx.scale, lengths)
    return *grads, None, None, None


for _name, _run, _fake in (
    ("decode_attention", _decode, _decode_fake),
    ("prefill_attention", _prefill, _prefill_fake),
    ("attention_backward", _backward, _backward_fake),
    ("selective_decode_attention", _selective, _selective_fake),
    ("append_rope", _append, _append_fake),
):
    _library.impl(_name, _run, "CompositeExplicitAutograd")
    register_fake(f"diffqkv::{_name}", _fake, lib=_library)
for _name in ("decode_attention", "prefill_attention"):
    register_autograd(f"diffqkv::{_name}", _gradients, setup_context=_save, lib=_library)
