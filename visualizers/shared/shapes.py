"""The numbers of a model that its cache and its weights follow from. No tensors: counts only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import mode

from sigma.events import SideInfo
from sigma.model.presets import PRESETS

PAIRS = {
    "sigma-1.5b": ("Sigma-1.5B", "std-1.5b", "paper, Table 14; GQA is its STD baseline (section 3)"),
    "sigma-10b": ("Sigma-10B", "std-10b", "paper, Table 14; GQA is the same model with 16 K heads"),
    "sigma-135m": ("Sigma-135M", "gqa-135m", "the default model of this page"),
}
"""Sigma presets: name, the GQA preset they are compared with, where the numbers come from."""


@dataclass(frozen=True, slots=True)
class Layers:
    """Layers of one kind: how many, the K and V of each, and how many of the newest tokens they keep.

    `window`: tokens that such a layer holds at most, the newest included (sliding-window attention), or None for all.
    """

    layers: int
    n_k: int
    n_v: int
    d_k: int
    d_v: int
    window: int | None = None

    def rows(self, tokens: int) -> int:
        """Rows of K, and of V, that one head of such a layer holds after `tokens` tokens."""
        return tokens if self.window is None else min(tokens, self.window)


@dataclass(frozen=True, slots=True)
class Shape:
    """A Llama-type decoder with its own number of query, key and value heads (`sigma.model.configuration.SigmaConfig`).

    The first six fields, `window` and `others` decide the cache: `layers` layers have these heads and widths and this
    window (see `Layers`), and `others` are the layers of other kinds, with the same query heads. The rest decides the
    number of parameters; `augmented` is the width of the augmented query of the first kind's layers, None where it is
    plain as in the others, `tied` whether the output shares the
    embedding's matrix, `counted` a number of parameters that is known and not to be derived from these sizes.
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
    window: int | None = None
    others: tuple[Layers, ...] = ()
    counted: int | None = None

    @property
    def kinds(self) -> tuple[Layers, ...]:
        """All layers by kind, the first kind first."""
        return (Layers(self.layers, self.n_k, self.n_v, self.d_k, self.d_v, self.window), *self.others)


def preset_shape(name: str) -> Shape:
    """A preset of `sigma.model.presets` as a Shape. Raises ValueError for an unknown name."""
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}; there are {', '.join(PRESETS)}")
    values = PRESETS[name]
    keys, wide = values["num_key_heads"], values.get("augmented_query_dim")
    each = keys if isinstance(keys, list) else [keys] * values["num_hidden_layers"]
    d_v = values["head_dim"]
    first, *others = _kinds(each, values["num_value_heads"], values.get("key_head_dim") or d_v, d_v)
    return Shape(
        *(first.layers, values["num_attention_heads"], first.n_k, first.n_v, first.d_k, first.d_v),
        hidden=values["hidden_size"],
        ffn=values["intermediate_size"],
        vocabulary=values["vocab_size"],
        augmented=mode(wide) if isinstance(wide, list) else wide,
        tied=values.get("tie_word_embeddings", True),
        others=tuple(others),
    )


def _kinds(key_heads: Sequence[int], n_v: int, d_k: int, d_v: int) -> list[Layers]:
    """Layers by their number of K heads, that of most layers first."""
    return [Layers(count, heads, n_v, d_k, d_v) for heads, count in Counter(key_heads).most_common()]


def side_shape(info: SideInfo) -> Shape:
    """The cache's part of a loaded side; its parameters are known without counting (`SideInfo.parameters`).

    Layers with other K heads than most are kinds of their own.
    """
    each = info.layer_key_heads or (info.key_heads,) * info.layers
    first, *others = _kinds(each, info.value_heads, info.key_head_dim, info.value_head_dim)
    sizes = first.layers, info.query_heads, first.n_k, first.n_v, first.d_k, first.d_v
    return Shape(*sizes, others=tuple(others))


def gqa_of(shape: Shape, heads: int) -> Shape:
    """The same model with grouped-query attention: `heads` K and V heads, K at least as wide as V, a plain query.

    Layers of another kind with the first kind's heads have `heads` too; with heads of their own, as many K and V heads
    as the more of both. Windows stay; kinds that have become alike are one.
    """

    def grouped(kind: Layers) -> Layers:
        same = (kind.n_k, kind.n_v) == (shape.n_k, shape.n_v)
        count = heads if same else max(kind.n_k, kind.n_v)
        return replace(kind, n_k=count, n_v=count, d_k=max(kind.d_k, kind.d_v))

    merged: dict[Layers, int] = {}
    for kind in map(grouped, shape.kinds):
        alike = replace(kind, layers=1)
        merged[alike] = merged.get(alike, 0) + kind.layers
    first, *others = (replace(kind, layers=count) for kind, count in merged.items())
    return replace(
        shape, layers=first.layers, n_k=heads, n_v=heads, d_k=first.d_k, augmented=None, others=tuple(others)
    )


def parameters(shape: Shape) -> dict[str, int]:
    """Parameters by origin, counted as `sigma.model.modeling.SigmaForCausalLM` has them (no bias anywhere).

    `attention` is q, k, v and o of all layers (with the expansion of a narrow K; a K wider than V has a query of its
    width), `augmented query` its gate, up and down projections, `norms` two per layer and one at the end. A model whose
    number is known (`Shape.counted`) has that alone.
    """
    if shape.counted is not None:
        return {"given": shape.counted}
    layers = sum(kind.layers for kind in shape.kinds)
    return {
        "attention": sum(kind.layers * _attention(shape, kind) for kind in shape.kinds),
        "augmented query": shape.layers * 3 * _query(shape, shape.kinds[0]) * (shape.augmented or 0),
        "feed-forward": layers * 3 * shape.hidden * shape.ffn,
        "embedding": shape.vocabulary * shape.hidden * (1 if shape.tied else 2),
        "norms": (2 * layers + 1) * shape.hidden,
    }


def _query(shape: Shape, kind: Layers) -> int:
    return shape.n_q * max(kind.d_k, kind.d_v)  # a K wider than V has a query as wide


def _attention(shape: Shape, kind: Layers) -> int:
    expand = kind.d_k * kind.n_k * kind.d_v if kind.d_k < kind.d_v else 0
    written = _query(shape, kind) + kind.n_k * kind.d_k + kind.n_v * kind.d_v
    return shape.hidden * (written + shape.n_q * kind.d_v) + expand
