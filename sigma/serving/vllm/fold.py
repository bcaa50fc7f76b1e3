"""A layer's attention matrices as vLLM's ranks take them: the query path folded, K and V heads copied. Torch only.

Nothing nonlinear stands between `q_proj` and the augmented query's gate and up (paper, App. E), nor between its end and
the expansion W_e of "half K dim", so their products do the same:

    silu(G Q h) * (U Q h)      =  silu(G' h) * (U' h)      G' = G Q,  U' = U Q     biases: b' = G b
    W_e^T D x  per query head  =  D' x                     D' = W_e^T D            (a plain query: Q' = W_e^T Q)

So every query path is one projection of h, or a SwiGLU MLP of h, and gate, up, K and V are one product for all ranks.
`fold_layer` forms the products in fp32.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from sigma.model.configuration import SigmaConfig
from sigma.serving.vllm.shards import shard

ATTENTION = ".self_attn."
QUERY_IN = {True: ("q_gate_proj", "q_up_proj"), False: ("q_proj",)}  # after folding, by whether it is augmented


def in_names(config: SigmaConfig) -> list[str]:
    """The projections of h of a layer (`SigmaConfig.of_layer`), in the order in which `in_proj` holds them."""
    return [*QUERY_IN[config.augmented_query_dim is not None], "k_proj", "v_proj"]


def in_sizes(config: SigmaConfig, ranks: int) -> list[int]:
    """Rows of each of `in_names` over all ranks, copies of K and V heads counted."""
    held = shard(config, ranks)
    wide = config.augmented_query_dim
    query = [wide, wide] if wide is not None else [config.num_attention_heads * config.key_head_dim]
    return [*query, held.k_heads * ranks * config.key_head_dim, held.v_heads * ranks * config.head_dim]


def stored_names(config: SigmaConfig) -> set[str]:
    """Names below `self_attn` of the tensors that `fold_layer` takes."""
    names = {"q_proj.weight", "k_proj.weight", "v_proj.weight"}
    if config.qkv_bias:
        names |= {"q_proj.bias", "k_proj.bias", "v_proj.bias"}
    if config.augmented_query_dim is not None:
        names |= {"q_gate_proj.weight", "q_up_proj.weight", "q_down_proj.weight"}
    if config.key_head_dim < config.head_dim:
        names.add("k_expand_proj.weight")
    return names


def absorbed(config: SigmaConfig, rows: Tensor, expand: Tensor) -> Tensor:
    """W_e^T applied to the output of a query projection: rows [n_q * d, ...] -> [n_q * d_k, ...]; expand [n_k * d, d_k]."""
    per_head = expand.view(config.num_key_heads, config.head_dim, config.key_head_dim)
    heads = rows.reshape(config.num_key_heads, -1, config.head_dim, rows.shape[1:].numel())
    return torch.einsum("gidx,gdc->gicx", heads, per_head).reshape(-1, *rows.shape[1:])


def copied(rows: Tensor, heads: int, copies: int) -> Tensor:
    """[heads * d, ...] with each head `copies` times in a row, so that equal shares of the rows are the ranks' own."""
    return rows.unflatten(0, (heads, -1)).repeat_interleave(copies, 0).flatten(0, 1) if copies > 1 else rows


def fold_layer(config: SigmaConfig, ranks: int, stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """One layer's tensors by `stored_names` -> fp32 tensors for `in_names` and, of an augmented query, q_down_proj."""
    held = shard(config, ranks)
    given = {name: tensor.float() for name, tensor in stored.items()}
    out: dict[str, Tensor] = {}
    end = "q_proj"
    if config.augmented_query_dim is not None:
        end = "q_down_proj"
        out["q_down_proj.weight"] = given["q_down_proj.weight"]
        for name in QUERY_IN[True]:
            out[f"{name}.weight"] = given[f"{name}.weight"] @ given["q_proj.weight"]
            if config.qkv_bias:
                out[f"{name}.bias"] = given[f"{name}.weight"] @ given["q_proj.bias"]
    kinds = ["weight", "bias"] if config.qkv_bias else ["weight"]
    for kind in kinds:
        if end == "q_proj":
            out[f"q_proj.{kind}"] = given[f"q_proj.{kind}"]
        out[f"k_proj.{kind}"] = copied(given[f"k_proj.{kind}"], config.num_key_heads, held.k_copies)
        out[f"v_proj.{kind}"] = copied(given[f"v_proj.{kind}"], config.num_value_heads, held.v_copies)
    if "k_expand_proj.weight" in given:
        for kind in kinds:
            if f"{end}.{kind}" in out:
                out[f"{end}.{kind}"] = absorbed(config, out[f"{end}.{kind}"], given["k_expand_proj.weight"])
    return out


def folded(
    config: SigmaConfig,
    ranks: int,
    weights: Iterable[tuple[str, Tensor]],
    dtype: torch.dtype | None = None,
    device: torch.device | None = None,
) -> Iterator[tuple[str, Tensor]]:
    """A checkpoint's (name, tensor) pairs with each layer's attention folded, as soon as the layer is complete.

    dtype: of the folded tensors (default fp32); device: where the products are formed (default: where the tensors are).
    Raises ValueError for a layer of which a tensor is missing.
    """
    waiting: dict[str, dict[str, Tensor]] = {}
    for name, tensor in weights:
        layer, _, part = name.partition(ATTENTION)
        own = _layer_config(config, layer)
        if part not in (wanted := stored_names(own)):
            yield name, tensor
            continue
        stored = waiting.setdefault(layer, {})
        stored[part] = tensor.to(device)
        if len(stored) == len(wanted):
            for part, result in fold_layer(own, ranks, waiting.pop(layer)).items():
                yield f"{layer}{ATTENTION}{part}", result.to(dtype)
    for layer, stored in waiting.items():
        wanted = stored_names(_layer_config(config, layer))
        raise ValueError(f"{layer}{ATTENTION} lacks {', '.join(sorted(wanted - set(stored)))}")


def _layer_config(config: SigmaConfig, layer: str) -> SigmaConfig:
    """The configuration of the layer of that name ("model.layers.3"); of other names, the first one's."""
    number = re.search(r"layers\.(\d+)$", layer)
    return config.of_layer(min(int(number[1]), config.num_hidden_layers - 1) if number else 0)
