"""The numbers of a model that its cache and its weights follow from. No tensors: counts only."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sigma.events import SideInfo
from sigma.model.presets import PRESETS

PAIRS = {
    "sigma-1.5b": ("Sigma-1.5B", "std-1.5b", "paper, Table 14; GQA is its STD baseline (section 3)"),
    "sigma-10b": ("Sigma-10B", "std-10b", "paper, Table 14; GQA is the same model with 16 K heads"),
    "sigma-135m": ("Sigma-135M", "gqa-135m", "the default model of this page"),
}
"""Sigma presets: name, the GQA preset they are compared with, where the numbers come from."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A Llama-type decoder with its own number of query, key and value heads (`sigma.model.configuration.SigmaConfig`).

    The first six fields decide the cache. The others decide the number of parameters; `augmented` is the width of the
    augmented query or None, `tied` whether the output shares the embedding's matrix.
    """

    layers: int
    n_q: int
    n_k: int
    n_v: int
    d_k: int
    d_v: int
    hidden: int = 0
    ffn: int = 0
    vocabulary: int = 0
    augmented: int | None = None
    tied: bool = True

    @property
    def k_per_token(self) -> int:
        """Numbers that one token adds to the K cache of all layers (the K part of Eq. 1)."""
        return self.layers * self.n_k * self.d_k

    @property
    def v_per_token(self) -> int:
        """Numbers that one token adds to the V cache of all layers (the V part of Eq. 1)."""
        return self.layers * self.n_v * self.d_v


def preset_shape(name: str) -> Shape:
    """A preset of `sigma.model.presets` as a Shape. Raises ValueError for an unknown name."""
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}; there are {', '.join(PRESETS)}")
    values = PRESETS[name]
    return Shape(
        layers=values["num_hidden_layers"],
        n_q=values["num_attention_heads"],
        n_k=values["num_key_heads"],
        n_v=values["num_value_heads"],
        d_k=values.get("key_head_dim") or values["head_dim"],
        d_v=values["head_dim"],
        hidden=values["hidden_size"],
        ffn=values["intermediate_size"],
        vocabulary=values["vocab_size"],
        augmented=values.get("augmented_query_dim"),
        tied=values.get("tie_word_embeddings", True),
    )


def side_shape(info: SideInfo) -> Shape:
    """The cache's part of a loaded side; its parameters are known without counting (`SideInfo.parameters`)."""
    return Shape(
        info.layers, info.query_heads, info.key_heads, info.value_heads, info.key_head_dim, info.value_head_dim
    )


def gqa_of(shape: Shape, heads: int) -> Shape:
    """The same model with grouped-query attention: `heads` K and V heads, K at least as wide as V, a plain query."""
    return replace(shape, n_k=heads, n_v=heads, d_k=max(shape.d_k, shape.d_v), augmented=None)


def parameters(shape: Shape) -> dict[str, int]:
    """Parameters by origin, counted as `sigma.model.modeling.SigmaForCausalLM` has them (no bias anywhere).

    `attention` is q, k, v and o of all layers (with the expansion of a narrow K; a K wider than V has a query of its width), `augmented query` its gate, up and
    down projections, `norms` two per layer and one at the end.
    """
    q = shape.n_q * max(shape.d_k, shape.d_v)  # a K wider than V has a query as wide
    expand = shape.d_k * shape.n_k * shape.d_v if shape.d_k < shape.d_v else 0
    attention = shape.hidden * (q + shape.n_q * shape.d_v + shape.n_k * shape.d_k + shape.n_v * shape.d_v) + expand
    return {
        "attention": shape.layers * attention,
        "augmented query": shape.layers * 3 * q * (shape.augmented or 0),
        "feed-forward": shape.layers * 3 * shape.hidden * shape.ffn,
        "embedding": shape.vocabulary * shape.hidden * (1 if shape.tied else 2),
        "norms": (2 * shape.layers + 1) * shape.hidden,
    }
