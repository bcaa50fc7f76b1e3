"""SigmaForCausalLM on vLLM's parallel layers: its Llama with DiffQKV attention, loaded from a full Sigma folder.

The cache keeps, per token, layer and K head, one key beside all V heads that share it: `head_size` d_k and `head_size_v`
slots * d_v, so it is Sigma's to the byte. A GPU backend sees one wide V head; every query head keeps its own slot of
the wide output. What the weights become on the way in: fold.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import torch
from torch import Tensor, nn
from vllm.compilation.decorators import support_torch_compile
from vllm.config import VllmConfig
from vllm.distributed import get_tensor_model_parallel_rank, get_tensor_model_parallel_world_size
from vllm.logger import init_logger
from vllm.model_executor.layers.activation import SiluAndMul
from vllm.model_executor.layers.attention import Attention
from vllm.model_executor.layers.layernorm import RMSNorm
from vllm.model_executor.layers.linear import MergedColumnParallelLinear, RowParallelLinear
from vllm.model_executor.layers.rotary_embedding import get_rope
from vllm.model_executor.models.llama import LlamaDecoderLayer, LlamaForCausalLM, LlamaModel
from vllm.model_executor.models.utils import AutoWeightsLoader, WeightsMapper, extract_layer_index
from vllm.platforms import current_platform

from sigma.model.configuration import SigmaConfig
from sigma.serving.vllm.backends import backend_for
from sigma.serving.vllm.fold import folded, in_names, in_sizes
from sigma.serving.vllm.shards import cache_bytes, shard, shards

logger = init_logger("vllm.sigma")


class SigmaAttention(nn.Module):
    """DiffQKV attention of one rank (paper, section 2; augmented query: App. E)."""

    def __init__(self, config: SigmaConfig, hidden_size, cache_config=None, quant_config=None, prefix="", **_):
        super().__init__()
        config = config.of_layer(extract_layer_index(prefix))
        self.rank, self.ranks = get_tensor_model_parallel_rank(), get_tensor_model_parallel_world_size()
        self.shard = held = shard(config, self.ranks)
        d_k, d_v = config.key_head_dim, config.head_dim
        self.d_k, self.d_v = d_k, d_v
        sizes = in_sizes(config, self.ranks)
        self.in_proj = MergedColumnParallelLinear(
            hidden_size, sizes, bias=config.qkv_bias, quant_config=quant_config, prefix=f"{prefix}.in_proj"
        )
        *query, k, v = (size // self.ranks for size in sizes)
        self.sizes = [sum(query), k, v]
        self.augmented = config.augmented_query_dim is not None
        if self.augmented:
            self.act_fn = SiluAndMul()
            self.q_down_proj = RowParallelLinear(
                config.augmented_query_dim,
                config.num_attention_heads * d_k,
                bias=False,
                quant_config=quant_config,
                prefix=f"{prefix}.q_down_proj",
            )
        self.qk_norm = config.qk_norm
        if config.qk_norm:
            self.q_norm = RMSNorm(d_k, eps=config.rms_norm_eps)
            self.k_norm = RMSNorm(d_k, eps=config.rms_norm_eps)
        self.rotary_emb = get_rope(
            d_k,
            max_position=config.max_position_embeddings,
            rope_parameters={"rope_type": "default", "rope_theta": config.rope_theta},
        )
        self.attn = self.attention(config, cache_config, quant_config, prefix)
        slots = [held.slot_of(i) for i in range(held.q_heads)]
        self.register_buffer("slot", torch.tensor(slots), persistent=False)
        self.register_buffer("head", torch.arange(held.q_heads), persistent=False)
        self.o_proj = RowParallelLinear(
            config.num_attention_heads * d_v,
            hidden_size,
            bias=False,
            quant_config=quant_config,
            prefix=f"{prefix}.o_proj",
        )

    def attention(self, config: SigmaConfig, cache_config, quant_config, prefix: str) -> Attention:
        """vLLM's attention layer, which owns the cache."""
        held, extra = self.shard, {}
        if current_platform.is_cpu():
            from sigma.serving.vllm.cpu import check_widths

            check_widths(self.d_k, self.d_v)
            extra = {"slots": held.slots}
        return Attention(
            held.q_heads,
            self.d_k,
            config.scale,
            num_kv_heads=held.k_heads,
            cache_config=cache_config,
            quant_config=quant_config,
            prefix=f"{prefix}.attn",
            attn_backend=backend_for(self.d_k, held.slots * self.d_v),
            head_size_v=held.slots * self.d_v,
            **extra,
        )

    def augment(self, gate_and_up: Tensor) -> Tensor:
        """q_down(silu(gate) * up), of which this rank keeps its own heads."""
        q, _ = self.q_down_proj(self.act_fn(gate_and_up.contiguous()))
        own = self.shard.q_heads * self.d_k
        return q if self.ranks == 1 else q.narrow(-1, self.rank * own, own).contiguous()

    def forward(self, positions: Tensor, hidden_states: Tensor) -> Tensor:
        projected, _ = self.in_proj(hidden_states)
        q, k, v = projected.split(self.sizes, dim=-1)
        if self.augmented:
            q = self.augment(q)
        if self.qk_norm:
            q = self.q_norm(q.unflatten(-1, (-1, self.d_k)).contiguous()).flatten(-2)
            k = self.k_norm(k.unflatten(-1, (-1, self.d_k)).contiguous()).flatten(-2)
        q, k = self.rotary_emb(positions, q, k)
        out = self.attn(q, k, v)
        if self.shard.slots > 1:
            wide = out.view(-1, self.shard.q_heads, self.shard.slots, self.d_v)
            out = wide[:, self.head, self.slot].flatten(1)
        out, _ = self.o_proj(out)
        return out


def stacked(config: SigmaConfig) -> WeightsMapper:
    """Where the loader puts the folded projections: parts of `in_proj`, in their order, which layers may differ in."""
    parts = {
        f"layers.{layer}.self_attn.{name}": (f"layers.{layer}.self_attn.in_proj", i)
        for layer in range(config.num_hidden_layers)
        for i, name in enumerate(in_names(config.of_layer(layer)))
    }
    mlp = {".gate_proj": (".gate_up_proj", 0), ".up_proj": (".gate_up_proj", 1)}
    return WeightsMapper(orig_to_new_stacked={**parts, **mlp})


@support_torch_compile(
    dynamic_arg_dims={
        "input_ids": {0: "b"},
        "positions": {0: "b"},
        "intermediate_tensors": {0: "b"},
        "inputs_embeds": {0: "b"},
    }
)
class SigmaModel(LlamaModel):
    """vLLM's Llama decoder over Sigma's layers."""

    def load_weights(self, weights: Iterable[tuple[str, Tensor]]) -> set[str]:
        return AutoWeightsLoader(self).load_weights(weights, mapper=stacked(self.config))


class SigmaForCausalLM(LlamaForCausalLM):
    """The decoder with its head. Not for adapters (LoRA): the query path is folded."""

    hf_to_vllm_mapper = None
    packed_modules_mapping = {"gate_up_proj": ["gate_proj", "up_proj"]}
    supports_lora = False

    def __init__(self, *, vllm_config: VllmConfig, prefix: str = ""):
        config = vllm_config.model_config.hf_config
        if getattr(config, "quantization_config", None):
            raise ValueError(
                "vLLM cannot serve a quantized Sigma folder: the query path is folded while it loads. Export bf16 "
                "(python -m sigma.serving.export); vLLM can quantize it as it loads (--quantization fp8)"
            )
        config.hidden_act = "silu"  # vLLM's Llama layer asks; a Sigma has no other
        super().__init__(
            vllm_config=vllm_config,
            prefix=prefix,
            layer_type=partial(LlamaDecoderLayer, attn_layer_type=SigmaAttention),
        )
        self.dtype = vllm_config.model_config.dtype
        if get_tensor_model_parallel_rank() == 0:
            said(config, get_tensor_model_parallel_world_size(), self.dtype)

    def _init_model(self, vllm_config, prefix="", layer_type=LlamaDecoderLayer):
        return SigmaModel(vllm_config=vllm_config, prefix=prefix, layer_type=layer_type)

    def load_weights(self, weights: Iterable[tuple[str, Tensor]]) -> set[str]:
        """Load a Sigma folder's tensors, each layer's attention folded on the way."""
        ranks, device = get_tensor_model_parallel_world_size(), next(self.parameters()).device
        return AutoWeightsLoader(self).load_weights(folded(self.config, ranks, weights, self.dtype, device))


def said(config: SigmaConfig, ranks: int, dtype: torch.dtype) -> None:
    """Tell the log what a token costs, and what of the configuration is not done here."""
    held = shards(config, ranks)
    logger.info(
        "Sigma: %s K heads %d wide and %d V heads %d wide per rank, %d bytes of K and V per token and rank",
        " or ".join(str(heads) for heads in sorted({layer.k_heads for layer in held})),
        config.key_head_dim,
        held[0].v_heads,
        config.head_dim,
        cache_bytes(config, ranks, dtype.itemsize),
    )
    if config.selective_v_top_k is not None:
        logger.warning(
            "selective_v_top_k is %d: vLLM fetches all V rows instead, so answers are those of full attention",
            config.selective_v_top_k,
        )
