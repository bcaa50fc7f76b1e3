"""The architecture as numbers: one config class for Sigma, GQA, MQA, MHA and the paper's STD.

    default Sigma, 9 / 1 (or 3) / 3 heads      Sigma-1.5B and 10B, 32 / 4 / 16 heads
    Q  0 1 2 3 4 5 6 7 8                       Q  0 1 2 3 4 5 6 7 | 8 ... 15 | ...
    K  0 . . . . . . . .                       K  0 . . . . . . . | 1 ...... | 2  3
    V  0 . . 1 . . 2 . .                       V  0 . 1 . 2 . 3 . | 4 . 5 .. | ... 15

Query head i reads key head i * n_k // n_q and value head i * n_v // n_q (paper, Eq. 3). Layers may differ in their key
heads and in their augmented query: a conversion that folds all of them but a few says so by lists.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

from transformers import PretrainedConfig

from kernels.selective.missing_mass import DEFAULT_MISSING_MASS, check_missing_mass, check_threshold
from sigma.model.presets import PRESETS


class SigmaConfig(PretrainedConfig):
    """Configuration of a Llama-type decoder with DiffQKV attention (arXiv 2501.13629, section 2).

    Args:
        num_attention_heads: query heads, a multiple of both key and value heads.
        num_key_heads, num_value_heads: cached heads of either kind; None means as many as query heads. Key heads may be a
            list, one number a layer (`key_heads` has them by layer either way).
        head_dim: width of a value head, and of a query head before it meets K.
        key_head_dim: cached width of a key head; below `head_dim` ("half K dim") K is expanded by a trainable
            layer, which is absorbed into the query so that nothing is expanded in memory. Above it, as in models
            with 192 wide keys and 128 wide values, query heads are as wide as key heads. None means `head_dim`.
        augmented_query_dim: width of the augmented query's gate and up projections; None is a plain query. May be a list,
            one entry a layer (`augmented_query_dims`).
        selective_v_top_k: V rows fetched per query head when decoding (plus the current token); None fetches all.
        selective_v_missing_mass: what becomes of the softmax mass on the rows that are not fetched: "drop" (nothing),
            "renormalize" (the kept weights sum to 1) or "mean" (it goes to the mean of those rows). Configurations
            saved with `selective_v_renormalize` say "renormalize" by true and "drop" by false.
        selective_v_threshold: of those top_k rows, the ones that weigh less than this are not fetched; 0 fetches all.
        attention_scale: factor on q . k; None is 1 / sqrt(key_head_dim).
        qkv_bias: whether the q, k and v projections have a bias, as in Qwen2. qk_norm: whether queries and keys are
            RMS-normalised per head before the rotation, as in Qwen3. Sources of a conversion have them, Sigma has not.

    Raises ValueError, with the numbers, for combinations that cannot work.
    """

    model_type = "sigma"
    keys_to_ignore_at_inference = ["cache", "past_key_values"]

    def __init__(
        self,
        vocab_size: int = 49152,
        hidden_size: int = 576,
        intermediate_size: int = 1536,
        num_hidden_layers: int = 30,
        num_attention_heads: int = 9,
        num_key_heads: int | Sequence[int] | None = None,
        num_value_heads: int | None = None,
        head_dim: int | None = None,
        key_head_dim: int | None = None,
        augmented_query_dim: int | Sequence[int | None] | None = None,
        selective_v_top_k: int | None = None,
        selective_v_missing_mass: str | None = None,
        selective_v_threshold: float = 0.0,
        attention_scale: float | None = None,
        qkv_bias: bool = False,
        qk_norm: bool = False,
        max_position_embeddings: int = 8192,
        rope_theta: float = 100_000.0,
        rms_norm_eps: float = 1e-5,
        initializer_range: float = 0.02,
        tie_word_embeddings: bool = True,
        use_cache: bool = True,
        bos_token_id: int | None = 1,
        eos_token_id: int | list[int] | None = 2,
        pad_token_id: int | None = 2,
        **kwargs,
    ):
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.intermediate_size = intermediate_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.num_key_heads = num_attention_heads if num_key_heads is None else _one_if_alike(num_key_heads)
        self.num_value_heads = num_attention_heads if num_value_heads is None else num_value_heads
        self.head_dim = _head_dim(hidden_size, num_attention_heads) if head_dim is None else head_dim
        self.key_head_dim = self.head_dim if key_head_dim is None else key_head_dim
        self.augmented_query_dim = _one_if_alike(augmented_query_dim)
        self.selective_v_top_k = selective_v_top_k
        older = kwargs.pop("selective_v_renormalize", None)
        self.selective_v_missing_mass = _missing_mass(selective_v_missing_mass, older)
        self.selective_v_threshold = selective_v_threshold
        self.attention_scale = attention_scale
        self.qkv_bias = qkv_bias
        self.qk_norm = qk_norm
        self.max_position_embeddings = max_position_embeddings
        self.rope_theta = rope_theta
        self.rms_norm_eps = rms_norm_eps
        self.initializer_range = initializer_range
        self.use_cache = use_cache
        self.check()
        super().__init__(
            bos_token_id=bos_token_id,
            eos_token_id=eos_token_id,
            pad_token_id=pad_token_id,
            tie_word_embeddings=tie_word_embeddings,
            **kwargs,
        )

    def check(self) -> None:
        """Raise ValueError if the numbers do not fit together."""
        sizes = (
            "vocab_size",
            "hidden_size",
            "intermediate_size",
            "num_hidden_layers",
            "num_attention_heads",
            "num_value_heads",
            "head_dim",
            "key_head_dim",
            "max_position_embeddings",
        )
        for name in sizes:
            value = getattr(self, name)
            if not _counts(value):
                raise ValueError(f"{name} must be a positive integer, got {value!r}")
        for name in ("num_key_heads", "augmented_query_dim"):
            value = getattr(self, name)
            if isinstance(value, list) and len(value) != self.num_hidden_layers:
                raise ValueError(f"{name} has {len(value)} entries for num_hidden_layers {self.num_hidden_layers}")
        for heads in _entries(self.num_key_heads):
            if not _counts(heads):
                raise ValueError(f"num_key_heads must be a positive integer, or one a layer, got {heads!r}")
        for name, heads in (
            *(("num_key_heads", n) for n in _entries(self.num_key_heads)),
            ("num_value_heads", self.num_value_heads),
        ):
            if self.num_attention_heads % heads:
                raise ValueError(f"num_attention_heads {self.num_attention_heads} must be a multiple of {name} {heads}")
        for name in ("head_dim", "key_head_dim"):
            if getattr(self, name) % 2:
                raise ValueError(f"{name} {getattr(self, name)} must be even: rotary embedding pairs dimensions")
        if self.qk_norm and self.key_head_dim != self.head_dim:
            raise ValueError(f"qk_norm needs key_head_dim {self.key_head_dim} to be head_dim {self.head_dim}")
        for wide in _entries(self.augmented_query_dim):
            if wide is not None and not _counts(wide):
                raise ValueError(
                    f"augmented_query_dim must be None or a positive integer, or one a layer, got {wide!r}"
                )
        if self.selective_v_top_k is not None and not _counts(self.selective_v_top_k):
            raise ValueError(f"selective_v_top_k must be None or a positive integer, got {self.selective_v_top_k!r}")
        check_missing_mass("selective_v_missing_mass", self.selective_v_missing_mass)
        check_threshold("selective_v_threshold", self.selective_v_threshold)
        if self.attention_scale is not None and not self.attention_scale > 0:
            raise ValueError(f"attention_scale must be None or positive, got {self.attention_scale!r}")

    def check_context(self, tokens: int) -> None:
        """Raise ValueError if a text of `tokens` tokens is longer than the model's context: its losses mean nothing."""
        if tokens > self.max_position_embeddings:
            raise ValueError(f"the model takes at most {self.max_position_embeddings} tokens, asked for {tokens}")

    @property
    def base_model_tp_plan(self) -> dict[str, str]:
        """How transformers splits the layers over several processes; `sigma.model.parallel` says which gets what."""
        plan = {
            "self_attn.q_proj": "diffqkv_queries",
            "self_attn.k_proj": "diffqkv_heads",
            "self_attn.v_proj": "diffqkv_heads",
            "self_attn.o_proj": "rowwise",
            "mlp.gate_proj": "colwise",
            "mlp.up_proj": "colwise",
            "mlp.down_proj": "rowwise",
        }
        if self.augmented_query_dim is not None:
            plan |= {"self_attn.q_gate_proj": "colwise", "self_attn.q_up_proj": "colwise"}
            plan["self_attn.q_down_proj"] = "diffqkv_queries_summed"
        if self.key_head_dim < self.head_dim:
            plan["self_attn.k_expand_proj"] = "diffqkv_expansion"
        if self.qk_norm:
            plan |= dict.fromkeys(("self_attn.q_norm", "self_attn.k_norm"), "replicated_with_grad_allreduce")
        return {f"layers.*.{name}": style for name, style in plan.items()}

    @base_model_tp_plan.setter
    def base_model_tp_plan(self, plan: dict[str, str] | None) -> None:
        """Older transformers (5.19) set it again, with the table of a tied head split; the table stays whole here."""

    @property
    def key_heads(self) -> tuple[int, ...]:
        """K heads of each layer."""
        return self._by_layer(self.num_key_heads)

    @property
    def augmented_query_dims(self) -> tuple[int | None, ...]:
        """Width of each layer's augmented query, None where it is plain."""
        return self._by_layer(self.augmented_query_dim)

    @property
    def augmented_width(self) -> int | None:
        """Width of the augmented query where there is one, the widest of several; None where all are plain."""
        return max((wide for wide in _entries(self.augmented_query_dim) if wide is not None), default=None)

    def _by_layer(self, value) -> tuple:
        return tuple(value) if isinstance(value, list) else (value,) * self.num_hidden_layers

    def of_layer(self, layer: int) -> SigmaConfig:
        """This configuration as it would be if all layers were like this one."""
        one = copy.copy(self)
        one.num_key_heads, one.augmented_query_dim = self.key_heads[layer], self.augmented_query_dims[layer]
        return one

    def one_for_all_layers(self, who: str) -> None:
        """Raise ValueError, in the name of `who` cannot have it, if layers differ in their key heads or augmented query."""
        for name in ("num_key_heads", "augmented_query_dim"):
            if isinstance(getattr(self, name), list):
                raise ValueError(f"{who} takes models whose layers are alike; here {name} differs from layer to layer")

    @property
    def query_head_dim(self) -> int:
        """Width of a query head as it is projected."""
        return max(self.head_dim, self.key_head_dim)

    @property
    def scale(self) -> float:
        """Factor on q . k."""
        return self.key_head_dim**-0.5 if self.attention_scale is None else self.attention_scale

    def kv_bytes(self, tokens: int, itemsize: int = 2, batch: int = 1) -> tuple[int, int]:
        """Resident bytes of K and of V (Eq. 1): heads of all layers * batch * tokens * dim * itemsize."""
        rows = batch * tokens * itemsize
        layers, keys = self.num_hidden_layers, self.num_key_heads
        keys = sum(keys) if isinstance(keys, list) else layers * keys
        return rows * keys * self.key_head_dim, rows * layers * self.num_value_heads * self.head_dim

    def v_read_bytes(self, tokens: int, top_k: int | None = None, itemsize: int = 2, batch: int = 1) -> int:
        """V bytes that one decode step requests with `tokens` cached rows, the newest included.

        Full V: every row once per value head. Selective V: min(k, tokens - 1) + 1 rows per query head.
        """
        if top_k is None:
            return self.kv_bytes(tokens, itemsize, batch)[1]
        rows = min(top_k, tokens - 1) + 1
        return self.num_hidden_layers * batch * self.num_attention_heads * rows * self.head_dim * itemsize


def _counts(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _entries(value) -> list:
    """What layers have: not one for each, as a configuration may speak of more layers than there is memory for."""
    return value if isinstance(value, list) else [value]


def _one_if_alike(value):
    """A list of one entry a layer as a list, or as that entry where all are the same."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return value
    value = list(value)
    return value[0] if value and all(entry == value[0] for entry in value) else value


def _head_dim(hidden_size: int, heads: int) -> int:
    if heads > 0 and hidden_size % heads:
        raise ValueError(f"hidden_size {hidden_size} is not divisible by num_attention_heads {heads}; give head_dim")
    return hidden_size // max(heads, 1)


def _missing_mass(word: str | None, renormalize: bool | None) -> str:
    """The word of a configuration, new or saved before there were three; ValueError for two that contradict."""
    if renormalize is None:
        return DEFAULT_MISSING_MASS if word is None else word
    said = "renormalize" if renormalize else "drop"
    if word not in (None, said):
        raise ValueError(f"selective_v_missing_mass {word!r} contradicts selective_v_renormalize {renormalize}")
    return said


def preset(name: str, **overrides) -> SigmaConfig:
    """A preset by name, with single values overridden. Raises ValueError for an unknown name."""
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}; there are {', '.join(PRESETS)}")
    return SigmaConfig(**{**PRESETS[name], **overrides})
