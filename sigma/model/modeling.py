"""SigmaForCausalLM: a Llama-type decoder whose attention gives Q, K and V different budgets.

Readable reference of `sigma.runtime`, and the class that plain transformers loads, generates with and saves. Only
attention differs from Llama, so the norm and the generation loop are transformers' own.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, GenerationMixin, PreTrainedModel
from transformers.cache_utils import Cache, StaticCache
from transformers.masking_utils import create_causal_mask
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.llama.modeling_llama import LlamaRMSNorm

from sigma.model.attention import eager_attention
from sigma.model.cache import CACHE_NAME, DiffKVCache, given_cache
from sigma.model.configuration import SigmaConfig
from sigma.model.parallel import HeadProjection, KeyExpansion


def needs_named_outputs(return_dict: bool | None) -> None:
    """ValueError for `return_dict=False`: the answer is always an output object."""
    if return_dict is False:
        raise ValueError("return_dict=False is not supported: take the fields of the output, or its to_tuple()")


def rope_tables(config: SigmaConfig, positions: Tensor) -> tuple[Tensor, Tensor]:
    """cos and sin, fp32 [..., key_head_dim], for integer positions [...]; the two halves are equal.

    The rotation acts on vectors of K's cached width. For "half K dim" the paper does not say where it rotates;
    rotating the cached, narrow K is our reading: nothing wider than the cache ever exists.
    """
    exponent = torch.arange(0, config.key_head_dim, 2, dtype=torch.float32) / config.key_head_dim
    frequencies = (1.0 / config.rope_theta**exponent).to(positions.device)
    angles = positions.to(torch.float32)[..., None] * frequencies
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary embedding of x [b, h, t, d] with tables [b or 1, t, d]; dimension f pairs with f + d/2."""
    half = x.shape[-1] // 2
    turned = torch.cat((-x[..., half:], x[..., :half]), dim=-1)
    return x * cos.unsqueeze(1).to(x.dtype) + turned * sin.unsqueeze(1).to(x.dtype)


class SigmaAttention(nn.Module):
    """DiffQKV attention (paper, section 2; augmented query: App. E)."""

    def __init__(self, config: SigmaConfig, layer_idx: int):
        super().__init__()
        self.config = config
        self.layer_idx = layer_idx
        self.is_causal = True
        hidden, wide, n_k = config.hidden_size, config.augmented_query_dims[layer_idx], config.key_heads[layer_idx]
        self.augmented = wide is not None
        q_width = config.num_attention_heads * config.query_head_dim
        bias = config.qkv_bias
        self.q_proj = HeadProjection(hidden, config.num_attention_heads, config.query_head_dim, bias, self.augmented)
        if self.augmented:
            self.q_gate_proj = nn.Linear(q_width, wide, bias=False)
            self.q_up_proj = nn.Linear(q_width, wide, bias=False)
            self.q_down_proj = HeadProjection(wide, config.num_attention_heads, config.query_head_dim)
        self.k_proj = HeadProjection(hidden, n_k, config.key_head_dim, bias)
        if config.key_head_dim < config.head_dim:
            self.k_expand_proj = KeyExpansion(n_k, config.head_dim, config.key_head_dim)
        self.v_proj = HeadProjection(hidden, config.num_value_heads, config.head_dim, bias)
        self.o_proj = nn.Linear(config.num_attention_heads * config.head_dim, hidden, bias=False)
        if config.qk_norm:
            self.q_norm = LlamaRMSNorm(config.head_dim, eps=config.rms_norm_eps)
            self.k_norm = LlamaRMSNorm(config.head_dim, eps=config.rms_norm_eps)

    @property
    def selective_v_top_k(self) -> int | None:
        return self.config.selective_v_top_k

    def query(self, hidden_states: Tensor) -> Tensor:
        """[b, t, hidden] -> un-rotated queries of K's width [b, n_q, t, d_k]."""
        config = self.config
        q = self.q_proj(hidden_states)
        if self.augmented:
            q = self.q_down_proj(F.silu(self.q_gate_proj(q)) * self.q_up_proj(q))
        if config.key_head_dim < config.head_dim:
            return self.k_expand_proj(q)
        q = q.unflatten(-1, (-1, config.key_head_dim))
        return (self.q_norm(q) if config.qk_norm else q).transpose(1, 2)

    def key(self, hidden_states: Tensor) -> Tensor:
        """[b, t, hidden] -> un-rotated keys [b, n_k, t, d_k]."""
        k = self.k_proj(hidden_states).unflatten(-1, (-1, self.config.key_head_dim))
        return (self.k_norm(k) if self.config.qk_norm else k).transpose(1, 2)

    def forward(self, hidden_states, position_embeddings, attention_mask=None, cache=None):
        b, t, _ = hidden_states.shape
        config = self.config
        q, k = self.query(hidden_states), self.key(hidden_states)
        v = self.v_proj(hidden_states).view(b, t, -1, config.head_dim).transpose(1, 2)
        # v's type: under autocast a norm gives fp32
        q, k = (rotate(x, *position_embeddings).to(v.dtype) for x in (q, k))
        if cache is not None:
            k, v = cache.update(k, v, self.layer_idx)
        attend = ALL_ATTENTION_FUNCTIONS.get_interface(config._attn_implementation, eager_attention)
        out, weights = attend(self, q, k, v, attention_mask, scaling=config.scale)
        return self.o_proj(out.reshape(b, t, -1)), weights


class SigmaMLP(nn.Module):
    """SwiGLU, as in Llama."""

    def __init__(self, config: SigmaConfig):
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class SigmaDecoderLayer(GradientCheckpointingLayer):
    def __init__(self, config: SigmaConfig, layer_idx: int):
        super().__init__()
        self.self_attn = SigmaAttention(config, layer_idx)
        self.mlp = SigmaMLP(config)
        self.input_layernorm = LlamaRMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.post_attention_layernorm = LlamaRMSNorm(config.hidden_size, eps=config.rms_norm_eps)

    def forward(self, hidden_states, **kwargs):
        attended, weights = self.self_attn(self.input_layernorm(hidden_states), **kwargs)
        hidden_states = hidden_states + attended
        return hidden_states + self.mlp(self.post_attention_layernorm(hidden_states)), weights


class SigmaPreTrainedModel(PreTrainedModel):
    config_class = SigmaConfig
    config: SigmaConfig
    base_model_prefix = "model"
    supports_gradient_checkpointing = True
    _no_split_modules = ["SigmaDecoderLayer"]
    _skip_keys_device_placement = ["cache", "past_key_values"]
    _supports_sdpa = True
    _supports_attention_backend = True

    def _check_and_adjust_attn_implementation(self, attn_implementation, *args, **kwargs):
        """`diffqkv` unless another is asked for; transformers' own SDPA function assumes n_k = n_v."""
        if attn_implementation in (None, "sdpa"):
            return "diffqkv"
        return super()._check_and_adjust_attn_implementation(attn_implementation, *args, **kwargs)


class SigmaModel(SigmaPreTrainedModel):
    """The decoder without its head. `output_attentions` needs the "eager" attention."""

    def __init__(self, config: SigmaConfig):
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size, config.pad_token_id)
        self.layers = nn.ModuleList(SigmaDecoderLayer(config, i) for i in range(config.num_hidden_layers))
        self.norm = LlamaRMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.gradient_checkpointing = False
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        cache: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
        *,
        past_key_values: Cache | None = None,
        return_dict: bool = True,
    ) -> BaseModelOutputWithPast:
        cache = given_cache(cache, past_key_values)
        needs_named_outputs(return_dict)
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("give exactly one of input_ids and inputs_embeds")
        if output_attentions and self.config._attn_implementation != "eager":
            raise ValueError('output_attentions needs attn_implementation="eager": the kernels never hold the scores')
        hidden = self.embed_tokens(input_ids) if inputs_embeds is None else inputs_embeds
        if (self.config.use_cache if use_cache is None else use_cache) and cache is None and not self.training:
            cache = DiffKVCache(self.config)
        if isinstance(cache, StaticCache) and set(self.config.key_heads) != {self.config.num_value_heads}:
            raise ValueError(
                f"a StaticCache holds as many V heads as K heads, this model has {self.config.num_value_heads} and "
                f"{' or '.join(map(str, sorted(set(self.config.key_heads))))}: use sigma.model.cache.DiffKVCache, which generate() does by itself"
            )
        given = position_ids
        if position_ids is None:
            past = 0 if cache is None else cache.get_seq_length()
            position_ids = torch.arange(past, past + hidden.shape[1], device=hidden.device).unsqueeze(0)
        mask = create_causal_mask(
            self.config,
            hidden,
            attention_mask,
            cache,
            position_ids=given,  # our own would look like packed sequences to a tracer, and cost a mask
        )
        tables = rope_tables(self.config, position_ids)
        states, attentions = [], []
        for layer in self.layers:
            states.append(hidden)
            hidden, weights = layer(hidden, position_embeddings=tables, attention_mask=mask, cache=cache)
            attentions.append(weights)
        hidden = self.norm(hidden)
        return BaseModelOutputWithPast(
            last_hidden_state=hidden,
            hidden_states=(*states, hidden) if output_hidden_states else None,
            attentions=tuple(attentions) if output_attentions else None,
            **{CACHE_NAME: cache},
        )


class SigmaForCausalLM(SigmaPreTrainedModel, GenerationMixin):
    """The decoder with its language-model head."""

    _tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}
    _tp_plan = {"lm_head": "colwise_gather_output"}
    accepts_loss_kwargs = True  # transformers' Trainer then passes num_items_in_batch

    def __init__(self, config: SigmaConfig):
        super().__init__(config)
        self.model = SigmaModel(config)
        self.vocab_size = config.vocab_size
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def _prepare_cache_for_generation(self, generation_config, model_kwargs, *args, **kwargs):
        """`generate` gets our cache unless the caller chose another."""
        chosen = generation_config.cache_implementation is not None or model_kwargs.get(CACHE_NAME) is not None
        if generation_config.use_cache and not chosen:
            model_kwargs[CACHE_NAME] = DiffKVCache(self.config)
        return super()._prepare_cache_for_generation(generation_config, model_kwargs, *args, **kwargs)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        cache: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        output_attentions: bool | None = False,
        output_hidden_states: bool | None = False,
        *,
        num_items_in_batch: int | Tensor | None = None,
        past_key_values: Cache | None = None,
        return_dict: bool = True,
    ) -> CausalLMOutputWithPast:
        """Logits of every position, or of the last `logits_to_keep`; with `labels` the mean loss per token.

        `past_key_values` is what transformers before 5.24 calls `cache`. There is no `**kwargs`: a keyword that is
        not known here would be an answer computed without it.
        """
        outputs = self.model(
            input_ids,
            attention_mask,
            position_ids,
            given_cache(cache, past_key_values),
            inputs_embeds,
            use_cache,
            bool(output_attentions),
            bool(output_hidden_states),
            return_dict=return_dict,
        )
        keep = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        logits = self.lm_head(outputs.last_hidden_state[:, keep])
        loss = None
        if labels is not None:
            loss = self.loss_function(
                logits=logits, labels=labels, vocab_size=self.config.vocab_size, num_items_in_batch=num_items_in_batch
            )
        return CausalLMOutputWithPast(
            loss=loss,
            logits=logits,
            hidden_states=outputs.hidden_states,
            attentions=outputs.attentions,
            **{CACHE_NAME: outputs.get(CACHE_NAME)},
        )


AutoConfig.register("sigma", SigmaConfig)
AutoModel.register(SigmaConfig, SigmaModel)
AutoModelForCausalLM.register(SigmaConfig, SigmaForCausalLM)
