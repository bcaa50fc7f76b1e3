"""vLLM's own CPU attention on Sigma's cache: one pass per V slot, with the query heads that read it.

A page is, per K head, `block` rows of K and then `block` rows of each of its V heads. vLLM's kernel takes one stride and
one width for K and V, so K and a V head of the same width are two offsets into the same page; a V head p times as wide
as K is p such planes. No byte is padded; what is computed twice is the scores of wider V heads (p times).
"""

from __future__ import annotations

import torch
from vllm import _custom_ops as ops
from vllm.config import get_layers_from_vllm_config
from vllm.model_executor.layers.attention import Attention
from vllm.v1.attention.backends.cpu_attn import (
    CPUAttentionBackend,
    CPUAttentionBackendImpl,
    CPUAttentionMetadataBuilder,
)


def planes(kv_cache: torch.Tensor, d: int) -> tuple[torch.Tensor, ...]:
    """[blocks, n_k, block, d + planes * d] -> K and the V planes, each [blocks, n_k, block, d]."""
    blocks, heads, block, wide = kv_cache.shape
    return kv_cache.view(blocks, heads, block * (wide // d), d).split(block, dim=2)


def check_widths(d_k: int, head_dim: int) -> None:
    """Raises ValueError, with the numbers, for widths that vLLM's CPU kernel cannot read."""
    sizes = CPUAttentionBackend.get_supported_head_sizes()
    if d_k not in sizes:
        raise ValueError(f"vLLM's CPU attention has no kernel for key_head_dim {d_k}; there are {sizes}")
    if head_dim % d_k:
        raise ValueError(
            f"vLLM's CPU attention reads K and V in rows of one width: head_dim {head_dim} is no multiple of "
            f"key_head_dim {d_k} (its GPU attention reads both)"
        )


class SlotsBackend(CPUAttentionBackend):
    """The CPU backend with several V heads beside a K head."""

    @staticmethod
    def get_name() -> str:
        return "CUSTOM"  # vLLM's name for what comes from outside

    @staticmethod
    def get_impl_cls():
        return SlotsImpl

    @staticmethod
    def get_builder_cls():
        return SlotsBuilder


class SlotsBuilder(CPUAttentionMetadataBuilder):
    """Plans the kernel's work for the query heads of one pass."""

    def __init__(self, kv_cache_spec, layer_names, vllm_config, device):
        super().__init__(kv_cache_spec, layer_names, vllm_config, device)
        layers = get_layers_from_vllm_config(vllm_config, Attention, layer_names)
        (slots,) = {layer.impl.slots for layer in layers.values()}
        self.num_heads //= slots


class SlotsImpl(CPUAttentionBackendImpl):
    """Writes K once and every V plane; attends once per plane. `slots`: V heads beside a K head."""

    def __init__(self, *args, slots: int, **kwargs):
        super().__init__(*args, **kwargs)
        self.slots = slots

    def do_kv_cache_update(self, layer, key, value, kv_cache, slot_mapping):
        """key [t, n_k, d_k], value [t, n_k, slots * d_v] into the pages."""
        k, *rest = planes(kv_cache, self.head_size)
        values = value.unflatten(-1, (len(rest), self.head_size))
        for i, v in enumerate(rest):  # the kernel writes both: K is written again, in place
            ops.cpu_attn_reshape_and_cache(
                key,
                values[:, :, i],
                k,
                v,
                slot_mapping,
                layer.isa,
                k_scale=layer._k_scale_float,
                v_scale=layer._v_scale_float,
                kv_cache_dtype=self.kv_cache_dtype,
            )

    def forward(
        self, layer, query, key, value, kv_cache, attn_metadata, output, output_scale=None, output_block_scale=None
    ):
        """query [t, n_q, d_k] -> output [t, n_q, slots * d_v], of which only each head's own slot is written."""
        if output_scale is not None or output_block_scale is not None:
            raise NotImplementedError("Sigma's attention on a CPU gives no quantized output")
        if attn_metadata is None:  # vLLM warms up
            return output
        n, d = attn_metadata.num_actual_tokens, self.head_size
        k, *rest = planes(kv_cache, d)
        pieces = len(rest) // self.slots
        # the query heads of a K head lie slot by slot
        q = query[:n].view(n, self.num_kv_heads, self.slots, -1, d)
        out = output[:n].view(n, self.num_kv_heads, self.slots, -1, len(rest), d)
        for slot in range(self.slots):
            part = q[:, :, slot].flatten(1, 2).contiguous()
            result = torch.empty_like(part)
            for plane in range(slot * pieces, (slot + 1) * pieces):
                self.attend(layer, part, k, rest[plane], result, attn_metadata)
                out[:, :, slot, :, plane] = result.view(n, self.num_kv_heads, -1, d)
        return output

    def attend(self, layer, query, k, v, output, metadata) -> None:
        """vLLM's kernel on one plane."""
        ops.cpu_attention_with_kv_cache(
            query=query,
            key_cache=k,
            value_cache=v,
            output=output,
            query_start_loc=metadata.query_start_loc,
            seq_lens=metadata.seq_lens,
            scale=self.scale,
            causal=metadata.causal,
            alibi_slopes=None,
            sliding_window=-1,
            block_table=metadata.block_table,
            softcap=0,
            scheduler_metadata=metadata.scheduler_metadata,
            s_aux=None,
            dynamic_causal=metadata.dynamic_causal,
            k_scale=layer._k_scale_float,
            v_scale=layer._v_scale_float,
            kv_cache_dtype=self.kv_cache_dtype,
        )
