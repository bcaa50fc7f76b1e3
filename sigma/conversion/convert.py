"""The conversion itself: a GQA model's q and k become a Sigma's, by the fold and an augmented query with an exact start."""

from __future__ import annotations

from collections.abc import Collection

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.selective.missing_mass import DEFAULT_MISSING_MASS
from sigma.conversion.fold import PROGRESSIVE_FOLD, compress_keys
from sigma.model.configuration import SigmaConfig
from sigma.model.modeling import SigmaForCausalLM

GATE_ALPHA = 4.0
# Near SiLU's stationary point: a healed query is reproduced to a quarter of the jitter of v . q, and gates still learn
LIFTED_ALPHA = -1.5


@torch.no_grad()
def start_augmented_query(q: Tensor, width: int, alpha: float = GATE_ALPHA, seed: int = 0) -> dict[str, Tensor]:
    """Gate, up and down projections that reproduce q itself: q ~ down(silu(gate q) * up q).

    Finds v with v . q ~ 1 by ridge regression; then gate rows alpha * v, up = I, down = I / silu(alpha). With
    alpha = -1.2785 (where SiLU is stationary) the start is exact to second order but the gates get no gradient;
    alpha = 4 costs a KL of 0.003 and learns. Units beyond q's width start ordinary, with zero down columns.

    Args:
        q: queries before RoPE, [tokens, n_q * d]; width: the Aug Q dimension, at least n_q * d.

    Returns gate [width, d_q], up [width, d_q], down [d_q, width], and the structure that packing subtracts:
    `v` [d_q].
    """
    size = q.shape[1]
    if width < size:
        raise ValueError(f"augmented_query_dim {width} is below the query's width {size}: no exact start exists")
    q = q.double()
    gram = q.T @ q
    gram += torch.eye(size, dtype=gram.dtype) * gram.diagonal().mean() * 1e-4
    v = torch.linalg.solve(gram, q.sum(0)).float()
    generator = torch.Generator().manual_seed(seed)
    extra = torch.randn(2, width - size, size, generator=generator) / size**0.5 / float(q.std()) * 0.5
    gate = torch.cat((alpha * v.expand(size, size), extra[0]))
    up = torch.cat((torch.eye(size), extra[1]))
    down = torch.cat((torch.eye(size) / float(F.silu(torch.tensor(alpha))), torch.zeros(size, width - size)), dim=1)
    return {"gate": gate, "up": up, "down": down, "v": v}


@torch.no_grad()
def layer_inputs(model: SigmaForCausalLM, windows: Tensor, batch: int = 4) -> list[Tensor]:
    """The normalised attention inputs of every layer, bf16 [tokens, hidden], over token windows [n, t]."""
    found: list[list[Tensor]] = [[] for _ in model.model.layers]
    hooks = [
        layer.input_layernorm.register_forward_hook(
            lambda _m, _i, out, store=store: store.append(out.flatten(0, 1).to(torch.bfloat16))
        )
        for layer, store in zip(model.model.layers, found)
    ]
    try:
        for chunk in windows.split(batch):
            with torch.autocast(windows.device.type, dtype=torch.bfloat16):
                model.model(chunk.to(model.device), use_cache=False)
    finally:
        for hook in hooks:
            hook.remove()
    return [torch.cat(store) for store in found]


def converted_config(
    config: SigmaConfig, key_heads: int, augmented_query_dim: int | None, kept: Collection[int] = ()
) -> SigmaConfig:
    """The source's config with other key heads and an augmented query; norms of q and k become part of the weights.

    kept: layers that stay the source's. Raises ValueError for one that does not exist, for all of them, or if norms of q
    and k would have to stay with them.
    """
    if missing := sorted(set(kept) - set(range(config.num_hidden_layers))):
        raise ValueError(f"layer {missing[0]} cannot be kept: there are 0 to {config.num_hidden_layers - 1}")
    if kept and len(set(kept)) == config.num_hidden_layers:
        raise ValueError("all layers would be kept: nothing would be converted")
    if kept and config.qk_norm:
        raise ValueError("no layer can be kept: this source normalises queries and keys, which the others give up")
    layers = range(config.num_hidden_layers)
    changed = {
        "qk_norm": False,
        "num_key_heads": [config.key_heads[i] if i in kept else key_heads for i in layers],
        "augmented_query_dim": [None if i in kept else augmented_query_dim for i in layers],
        "selective_v_top_k": None,
        "selective_v_missing_mass": DEFAULT_MISSING_MASS,
    }
    return SigmaConfig.from_dict({**config.to_dict(), **changed})


def kept_layers(config: SigmaConfig) -> frozenset[int]:
    """Layers of a converted model whose queries and keys are still the source's: with more K heads than others, or plain ones
    beside augmented queries.
    """
    fewest, wide = min(config.key_heads), config.augmented_width
    layers = enumerate(zip(config.key_heads, config.augmented_query_dims))
    return frozenset(i for i, (heads, own) in layers if heads > fewest or (own is None and wide is not None))


@torch.no_grad()
def convert(
    model: SigmaForCausalLM,
    windows: Tensor,
    key_heads: int,
    augmented_query_dim: int | None = None,
    fold=PROGRESSIVE_FOLD,
    alpha: float = GATE_ALPHA,
    progress=None,
    kept: Collection[int] = (),
) -> SigmaForCausalLM:
    """A Sigma with `key_heads` K heads that shares every tensor but the query and key path with `model`.

    Args:
        model: a GQA model of our class; windows: calibration tokens [n, t], best at the longest context served.
        progress: called with (layer, layers).
        kept: layers that keep the model's own queries and keys.

    Raises ValueError if key_heads does not divide the model's key heads, or for layers that cannot be kept.
    """
    old = model.config
    old.one_for_all_layers("a conversion")
    if key_heads < 1 or old.num_key_heads % key_heads:
        raise ValueError(f"--key-heads {key_heads} must divide the {old.num_key_heads} key heads of the source")
    if old.augmented_query_dim is not None or old.key_head_dim != old.head_dim:
        raise ValueError("the source already has an augmented query or a compressed key dim; convert a GQA model")
    with torch.device("meta"):
        sigma = SigmaForCausalLM(converted_config(old, key_heads, augmented_query_dim, kept))
    state = model.state_dict()
    inputs = layer_inputs(model, windows)
    for i, x in enumerate(inputs):
        if i in kept:
            continue
        name = f"model.layers.{i}.self_attn."
        x = x.float()
        if old.qkv_bias:  # a bias is the weight of an input that is always 1
            x = torch.cat((x, torch.ones(len(x), 1, device=x.device)), dim=1)
        w_q, w_k = (linear_rows(state, f"{name}{part}", x, old.head_dim) for part in "qk")
        w_q, w_k = compress_keys(w_q, w_k, x, (old.num_attention_heads, old.num_key_heads, key_heads), fold)
        for part, weight in (("q", w_q), ("k", w_k)):
            if old.qkv_bias:
                state[f"{name}{part}_proj.bias"] = weight[:, -1].contiguous()
            state[f"{name}{part}_proj.weight"] = weight[:, : old.hidden_size].contiguous()
            state.pop(f"{name}{part}_norm.weight", None)
        if augmented_query_dim is not None:
            start = start_augmented_query(x @ w_q.T, augmented_query_dim, alpha, seed=i)
            for part in ("gate", "up", "down"):
                state[f"{name}q_{part}_proj.weight"] = start[part]
        if progress is not None:
            progress(i + 1, len(inputs))
    sigma.load_state_dict(state, assign=True)
    sigma.tie_weights()
    return sigma.eval()


def linear_rows(state: dict[str, Tensor], name: str, x: Tensor, width: int) -> Tensor:
    """The projection `name` ("...q" or "...k") as one matrix [rows, hidden], its bias as the last column.

    A norm per head is no linear map: it becomes its weights times the mean of 1 / rms on the inputs x [tokens, hidden],
    which healing then corrects.
    """
    weight = state[f"{name}_proj.weight"]
    if f"{name}_proj.bias" in state:
        weight = torch.cat((weight, state[f"{name}_proj.bias"][:, None]), dim=1)
    if f"{name}_norm.weight" not in state:
        return weight
    heads = weight.view(-1, width, weight.shape[1])
    out = torch.einsum("tx,hdx->htd", x.to(weight.dtype), heads)
    size = out.square().mean(-1).clamp_min(1e-12).rsqrt().mean(-1)
    return (heads * size[:, None, None] * state[f"{name}_norm.weight"][:, None]).view_as(weight)


@torch.no_grad()
def augment(
    model: SigmaForCausalLM, windows: Tensor, width: int, alpha: float = LIFTED_ALPHA, progress=None
) -> SigmaForCausalLM:
    """The same model with an augmented query of `width` in place of its plain one; all else is shared.

    Its own inputs on the calibration windows [n, t] decide the gates. Raises ValueError if the query is augmented.
    """
    if model.config.augmented_query_dim is not None:
        raise ValueError("the query is augmented already")
    if model.config.qk_norm:
        raise ValueError("the query has a norm; convert the model instead")
    kept = kept_layers(model.config)
    config = converted_config(model.config, min(model.config.key_heads), width, kept)
    with torch.device("meta"):
        sigma = SigmaForCausalLM(config)
    state = model.state_dict()
    inputs = layer_inputs(model, windows)
    for i, x in enumerate(inputs):
        if i in kept:
            continue
        name = f"model.layers.{i}.self_attn."
        q = F.linear(x.float(), state[f"{name}q_proj.weight"], state.get(f"{name}q_proj.bias"))
        start = start_augmented_query(q, width, alpha, seed=i)
        for part in ("gate", "up", "down"):
            state[f"{name}q_{part}_proj.weight"] = start[part]
        if progress is not None:
            progress(i + 1, len(inputs))
    sigma.load_state_dict(state, assign=True)
    sigma.tie_weights()
    return sigma.eval()
