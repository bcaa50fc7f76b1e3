"""What healing lowers: a layer's attention KL and output error, and the KL of the next token's distribution."""

from __future__ import annotations

import torch
from torch import Tensor

from sigma.model.attention import heads_for_queries
from sigma.model.modeling import SigmaForCausalLM, rotate


@torch.no_grad()
def attention_inputs(model: SigmaForCausalLM, ids: Tensor) -> list[Tensor]:
    """What the attention of each layer gets, [b, t, hidden], for token windows [b, t]."""
    inputs: list[Tensor] = []
    hooks = [
        layer.input_layernorm.register_forward_hook(lambda _m, _i, out: inputs.append(out))
        for layer in model.model.layers
    ]
    try:
        model.model(input_ids=ids, use_cache=False)
    finally:
        for hook in hooks:
            hook.remove()
    return inputs


def layer_loss(student, teacher, x: Tensor, tables: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """(attention KL, output error relative to the teacher's power) of one layer on its own inputs x [b, t, hidden]."""
    b, t, _ = x.shape
    config = student.config

    def scores(attention):
        c = attention.config
        q = rotate(attention.query(x), *tables)
        k = rotate(attention.key(x), *tables)
        raw = torch.matmul(q, heads_for_queries(k, c.num_attention_heads).transpose(2, 3)).float() * c.scale
        return raw.masked_fill(~seen, -1e9)

    seen = torch.ones(t, t, dtype=torch.bool, device=x.device).tril()
    with torch.no_grad():
        want = scores(teacher).log_softmax(-1)
        v = teacher.v_proj(x).view(b, t, -1, config.head_dim).transpose(1, 2)
        v = heads_for_queries(v, config.num_attention_heads)
        target = teacher.o_proj(torch.matmul(want.exp().to(v.dtype), v).transpose(1, 2).flatten(2)).float()
    got = scores(student).log_softmax(-1)
    kl = (want.exp() * (want - got)).sum(-1).mean()
    out = teacher.o_proj(torch.matmul(got.exp().to(v.dtype), v).transpose(1, 2).flatten(2)).float()
    return kl, (out - target).square().mean() / target.square().mean().clamp_min(1e-12)


class _LogitKL(torch.autograd.Function):
    """Sum over rows of KL(softmax(want) || softmax(got)), logits [rows, vocabulary], in blocks that stay in the cache.

    The gradient, softmax(got) - softmax(want), falls out of the same pass: a seventh of the memory traffic of
    log_softmax, kl_div and their backward passes over 49k tokens.
    """

    BLOCK = 16

    @staticmethod
    def forward(ctx, got: Tensor, want: Tensor) -> Tensor:
        gradient = torch.empty_like(got)
        total = torch.zeros((), dtype=torch.float64, device=got.device)
        block = _LogitKL.BLOCK if got.device.type == "cpu" else 4096
        for mine, theirs, out in zip(got.split(block), want.split(block), gradient.split(block)):
            mine, theirs = mine.float().log_softmax(-1), theirs.float().log_softmax(-1)
            p = theirs.exp()
            total += torch.dot(p.flatten(), (theirs - mine).flatten())
            out.copy_(mine.exp_().sub_(p))
        ctx.save_for_backward(gradient)
        return total.float()

    @staticmethod
    def backward(ctx, upstream: Tensor) -> tuple[Tensor, None]:
        return ctx.saved_tensors[0] * upstream.to(ctx.saved_tensors[0].dtype), None


def logit_loss(
    student: SigmaForCausalLM, teacher: SigmaForCausalLM, ids: Tensor, positions: Tensor | None = None
) -> Tensor:
    """KL(teacher || student) of the next token, mean over ids [b, t], read at increasing `positions` [b, t] or 0 to t."""
    # a mask of ones says that a gap in the positions is no border between two packed texts
    given = {} if positions is None else {"position_ids": positions, "attention_mask": torch.ones_like(ids)}
    with torch.no_grad():
        want = teacher(input_ids=ids, use_cache=False, **given).logits.flatten(0, 1)
    got = student(input_ids=ids, use_cache=False, **given).logits.flatten(0, 1)
    return _LogitKL.apply(got, want) / ids.numel()


def kl_of_logits(got: Tensor, want: Tensor) -> Tensor:
    """Sum over rows of KL(softmax(want) || softmax(got)), logits [rows, vocabulary]; the gradient is got's."""
    return _LogitKL.apply(got, want)
