"""What healing lowers: a layer's attention KL and output error, and the KL of the next token's distribution."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from sigma.conversion.convert import kept_layers
from sigma.model.attention import heads_for_queries
from sigma.model.modeling import SigmaForCausalLM, rope_tables, rotate


def layer_losses(
    student: SigmaForCausalLM, teacher: SigmaForCausalLM, ids: Tensor, positions: Tensor, own_inputs: bool = False
) -> Iterator[tuple[Tensor, Tensor]]:
    """`layer_loss` of every layer that is not kept, in turn, on token windows [b, t] read at increasing positions [b, t].

    own_inputs: the student's layers get what the student's layers before them make, and owe the teacher's stream of
    residuals: what went wrong before is theirs to mend. Else all get the teacher's. No gradient passes between layers.
    """
    tables = rope_tables(student.config, positions)
    with torch.no_grad():
        mask = torch.ones_like(ids)  # as for `logit_loss`
        given = {"position_ids": positions, "attention_mask": mask, "use_cache": False, "output_hidden_states": True}
        states = teacher.model(input_ids=ids, **given).hidden_states
    kept, stream = kept_layers(student.config), states[0]
    for i, (mine, theirs) in enumerate(zip(student.model.layers, teacher.model.layers)):
        with torch.no_grad():
            x = theirs.input_layernorm(states[i])
            own = mine.input_layernorm(stream) if own_inputs else x
        if i not in kept:
            yield layer_loss(
                mine.self_attn, theirs.self_attn, x, tables, own, states[i] - stream if own_inputs else None
            )
        if own_inputs:
            with torch.no_grad():
                stream = mine(stream, position_embeddings=tables)[0]


def layer_loss(
    student, teacher, x: Tensor, tables: tuple[Tensor, Tensor], own: Tensor | None = None, owed: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """(attention KL, output error relative to the teacher's power) of one layer on its inputs x [b, t, hidden].

    own: the student's input, where it is not the teacher's; owed: what its output has to bring besides the teacher's.
    """
    own = x if own is None else own
    b, t, _ = x.shape
    config = student.config

    def scores(attention, inputs):
        c = attention.config
        q = rotate(attention.query(inputs), *tables)
        k = rotate(attention.key(inputs), *tables)
        raw = torch.matmul(q, heads_for_queries(k, c.num_attention_heads).transpose(2, 3)).float() * c.scale
        return raw.masked_fill(~seen, -1e9)

    def output(weights, inputs):  # V and O are shared
        v = teacher.v_proj(inputs).view(b, t, -1, config.head_dim).transpose(1, 2)
        v = heads_for_queries(v, config.num_attention_heads)
        return teacher.o_proj(torch.matmul(weights.exp().to(v.dtype), v).transpose(1, 2).flatten(2)).float()

    seen = torch.ones(t, t, dtype=torch.bool, device=x.device).tril()
    with torch.no_grad():
        want = scores(teacher, x).log_softmax(-1)
        target = output(want, x)
        power = target.square().mean().clamp_min(1e-12)
        target = target if owed is None else target + owed.float()
    got = scores(student, own).log_softmax(-1)
    kl = (want.exp() * (want - got)).sum(-1).mean()
    return kl, (output(got, own) - target).square().mean() / power


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
