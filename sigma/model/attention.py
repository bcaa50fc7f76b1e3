"""Attention functions that transformers' `AttentionInterface` can choose by name.

`diffqkv` runs our kernels; `diffqkv_selective_everywhere` applies selective V at every query position (for
evaluation: decoding applies it at the newest position only); `diffqkv_torch` runs torch's SDPA; `eager` materialises the scores.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask
from transformers.utils import is_tracing

from kernels import (
    MAX_DECODE_QUERIES,
    decode_attention,
    has_own_backward,
    prefill_attention,
    selective_decode_attention,
)


def heads_for_queries(x: Tensor, n_q: int) -> Tensor:
    """[b, n, T, d] -> [b, n_q, T, d] by Eq. 3; a view when n is 1. For the masked and the training paths only."""
    n = x.shape[1]
    if n == n_q:
        return x
    return x.expand(-1, n_q, -1, -1) if n == 1 else x.repeat_interleave(n_q // n, dim=1)


def causal_bias(mask: Tensor | None, t: int, T: int, like: Tensor) -> Tensor:
    """An additive mask [.., t, T]: transformers' own if it made one, else causal with the t queries last."""
    if mask is None:
        seen = torch.ones(t, T, dtype=torch.bool, device=like.device).tril(T - t)
    elif mask.dtype == torch.bool:
        seen = mask[..., :T]
    else:
        return mask[..., :T].to(like.dtype)
    return torch.zeros(seen.shape, dtype=like.dtype, device=like.device).masked_fill(~seen, torch.finfo(like.dtype).min)


def keep_top_v(weights: Tensor, seen: Tensor, config) -> Tensor:
    """Selective V on a full matrix of weights [b, n_q, t, T] whose queries are the last t positions.

    Keeps, per row, the k largest weights of earlier tokens and the current token's own, as the configuration says; its
    missing mass goes nowhere, to the kept weights or evenly to the other rows, which is their mean's share. seen:
    boolean, [.., t, T], the rows that a query may look at.
    """
    t, T = weights.shape[-2:]
    top_k, threshold = config.selective_v_top_k, config.selective_v_threshold
    if top_k >= T - 1 and not threshold:
        return weights
    current = torch.arange(T - t, T, device=weights.device).view(1, 1, t, 1).expand(*weights.shape[:-1], 1)
    earlier = weights.scatter(-1, current, -1.0)
    best = earlier.topk(min(top_k, T - 1), dim=-1).indices
    keep = torch.zeros_like(weights, dtype=torch.bool).scatter(-1, best, True)
    if threshold:
        keep = keep & ~(weights < threshold)
    keep = keep.scatter(-1, current, True)
    kept = weights * keep
    if config.selective_v_missing_mass == "renormalize":
        return kept / kept.sum(-1, keepdim=True).clamp_min(1e-20)
    if config.selective_v_missing_mass == "mean":
        others = seen & ~keep
        share = (weights * others).sum(-1, keepdim=True) / others.sum(-1, keepdim=True).clamp(min=1)
        return torch.where(others, share, kept)
    return kept


def masked_decode(query: Tensor, key: Tensor, value: Tensor, bias: Tensor, scaling: float) -> Tensor:
    """Attention of a few new tokens under an additive mask, out [b, n_q, t, d_v]: a padded batch that generates.

    The query heads of one K or V head are rows of one product, so that no row of the cache is copied for them.
    """
    b, n_q, t, d = query.shape
    n_k, n_v, T = key.shape[1], value.shape[1], key.shape[2]
    scores = torch.matmul(query.reshape(b, n_k, -1, d), key.transpose(2, 3)).view(b, n_q, t, T)
    weights = (scores.float() * scaling + bias).softmax(-1).to(value.dtype)  # fp16 has no room below a mask's minimum
    return torch.matmul(weights.view(b, n_v, -1, T), value).view(b, n_q, t, -1)


def eager_attention(module, query, key, value, attention_mask, scaling, **kwargs):
    """Scores in fp32, all at once; returns (output [b, t, n_q, d_v], weights [b, n_q, t, T])."""
    n_q, t, T = query.shape[1], query.shape[2], key.shape[2]
    scores = torch.matmul(query, heads_for_queries(key, n_q).transpose(2, 3)).float() * scaling
    bias = causal_bias(attention_mask, t, T, scores)
    weights = (scores + bias).softmax(-1)
    top_k, everywhere = module.selective_v_top_k, kwargs.get("everywhere", False)
    if top_k is not None and (everywhere or t < T):
        weights = keep_top_v(weights, bias > torch.finfo(bias.dtype).min, module.config)
    out = torch.matmul(weights.to(value.dtype), heads_for_queries(value, n_q))
    return out.transpose(1, 2), weights


def selective_everywhere_attention(module, query, key, value, attention_mask, scaling, **kwargs):
    """`eager_attention` with selective V at every query position, in blocks of queries to bound the memory.

    In training too: a block's scores are computed again for its gradient, or 2k tokens would hold 15 GB of them.
    """
    t, T = query.shape[2], key.shape[2]
    parts = []
    for start in range(0, t, 256):
        stop = min(start + 256, t)
        mask = None if attention_mask is None else attention_mask[..., start:stop, : T - t + stop]
        rows = slice(0, T - t + stop)
        block = (module, query[:, :, start:stop], key[:, :, rows], value[:, :, rows], mask, scaling)
        if torch.is_grad_enabled():
            out, _ = checkpoint(eager_attention, *block, use_reentrant=False, everywhere=True)
        else:
            out, _ = eager_attention(*block, everywhere=True)
        parts.append(out)
    return torch.cat(parts, dim=1), None


def sdpa(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, scaling: float) -> Tensor:
    """torch's attention for DiffQKV's shapes, with a gradient: out [b, n_q, t, d_v], in the type of v.

    `bias`: additive or boolean mask [.., t, T]; None is causal, for as many keys as queries.
    """
    n_q, d_v, kind = query.shape[1], value.shape[-1], value.dtype
    wide = max(d_v, query.shape[-1])
    if d_v != query.shape[-1]:  # SDPA's fast paths want one width; zeros change neither product
        query, key, value = (F.pad(x, (0, wide - x.shape[-1])) for x in (query, key, value))
    needs_grad = torch.is_grad_enabled() and (query.requires_grad or key.requires_grad or value.requires_grad)
    if needs_grad and kind == torch.bfloat16 and query.device.type == "cpu":
        # torch's bf16 backward takes twice fp32's time here (138 and 73 ms of two threads at 8 x 9 x 180 x 64)
        query, key, value = query.float(), key.float(), value.float()
    if bias is not None and bias.dtype != torch.bool:
        bias = bias.to(query.dtype)
    out = F.scaled_dot_product_attention(
        query,
        heads_for_queries(key, n_q),
        heads_for_queries(value, n_q),
        attn_mask=bias,
        is_causal=bias is None,
        scale=scaling,
    )
    return out[..., :d_v].to(kind)


def torch_attention(module, query, key, value, attention_mask, scaling, **kwargs):
    """torch's SDPA throughout, without selective V: what our kernels' gradients are compared with on a new device."""
    t, T = query.shape[2], key.shape[2]
    bias = None if attention_mask is None and t == T else causal_bias(attention_mask, t, T, query)
    return sdpa(query, key, value, bias, scaling).transpose(1, 2), None


def diffqkv_attention(module, query, key, value, attention_mask, scaling, **kwargs):
    """Our kernels where there is no padding mask; torch's SDPA for masks, and for training where it is what is fast.

    That is on a CPU: there prefill runs on torch's kernel too, and 2-5 % later (9/1/3 heads, d 64, t 512 and 2,048).
    """
    t, T = query.shape[2], key.shape[2]
    top_k = module.selective_v_top_k if t < T and t <= MAX_DECODE_QUERIES else None
    needs_grad = torch.is_grad_enabled() and (query.requires_grad or key.requires_grad or value.requires_grad)
    if attention_mask is None and not needs_grad:
        if top_k is not None:
            config = module.config
            out = selective_decode_attention(
                *(query, key, value, top_k),
                scale=scaling,
                missing_mass=config.selective_v_missing_mass,
                threshold=config.selective_v_threshold,
            ).out
        elif t <= MAX_DECODE_QUERIES:
            out = decode_attention(query, key, value, scale=scaling)
        else:
            out = prefill_attention(query, key, value, scale=scaling)
        return out.transpose(1, 2), None
    if top_k is not None:
        return eager_attention(module, query, key, value, attention_mask, scaling)[0], None
    if attention_mask is None and has_own_backward(query, value):
        return prefill_attention(query, key, value, scale=scaling).transpose(1, 2), None
    if t <= MAX_DECODE_QUERIES and not needs_grad:
        bias = causal_bias(attention_mask, t, T, query)
        return masked_decode(query, key, value, bias, scaling).transpose(1, 2), None
    bias = None if attention_mask is None and t == T else causal_bias(attention_mask, t, T, query)
    return sdpa(query, key, value, bias, scaling).transpose(1, 2), None


def diffqkv_mask(
    batch_size: int,
    q_length: int,
    kv_length: int,
    q_offset: int | Tensor = 0,
    kv_offset: int = 0,
    attention_mask: Tensor | None = None,
    local_size: int | None = None,
    allow_is_causal_skip: bool = True,
    **kwargs,
) -> Tensor | None:
    """None where the queries are the last of the rows and see all up to their own: what our kernels do by themselves.

    transformers' `sdpa_mask` says None for another alignment (queries first) and builds a [t, T] mask for every chunk
    of a prompt but the first. Arguments and the mask otherwise as there.
    """
    unreadable = isinstance(q_offset, Tensor) and is_tracing(q_offset)
    queries_are_last = not unreadable and bool(q_offset + q_length == kv_offset + kv_length)
    if allow_is_causal_skip and local_size is None and queries_are_last:
        padding = None if attention_mask is None else attention_mask[:, kv_offset : kv_offset + kv_length]
        if padding is None or (not is_tracing(padding) and bool(padding.all())):
            return None
    return sdpa_mask(
        batch_size,
        q_length,
        kv_length,
        q_offset,
        kv_offset,
        attention_mask=attention_mask,
        local_size=local_size,
        allow_is_causal_skip=False,
        **kwargs,
    )


for _name, _function in (
    ("diffqkv", diffqkv_attention),
    ("diffqkv_selective_everywhere", selective_everywhere_attention),
    ("diffqkv_torch", torch_attention),
):
    AttentionInterface.register(_name, _function)
    AttentionMaskInterface.register(_name, diffqkv_mask)
