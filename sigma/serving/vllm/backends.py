"""Which attention of vLLM reads a cache whose K and V heads have different widths.

CPU: slots (cpu.py). GPU: equal widths go to whatever vLLM chooses; unequal ones to FlashAttention 3 where it has such a
kernel (Hopper, K at most 64 wide, V at most 512; bf16 and fp16), else to vLLM's Triton kernel, which takes any.
"""

from __future__ import annotations

import torch

FLASH, TRITON = "FLASH_ATTN_DIFFKV", "TRITON_ATTN_DIFFKV"
FLASH_WIDEST_K, FLASH_WIDEST_V = 64, 512


def unequal_backend(d_k: int, d_v: int, hopper: bool, dtype: torch.dtype, wanted: str | None = None) -> str:
    """Name of the GPU backend for K heads `d_k` and V heads `d_v` wide; `wanted` is the user's choice, if any.

    Raises ValueError for a choice that cannot read unequal widths.
    """
    if wanted is not None:
        if wanted not in (FLASH, TRITON):
            raise ValueError(
                f"attention backend {wanted} cannot read K {d_k} and V {d_v} wide; {TRITON} or {FLASH} can"
            )
        return wanted
    fits = hopper and d_k <= FLASH_WIDEST_K and d_v <= FLASH_WIDEST_V and dtype in (torch.bfloat16, torch.float16)
    return FLASH if fits else TRITON


def backend_for(d_k: int, d_v: int):
    """vLLM's backend class for K heads `d_k` wide beside V heads `d_v` wide, all slots together; None is vLLM's choice.

    Called while vLLM builds a layer, under its current configuration.
    """
    from vllm.config import get_current_vllm_config
    from vllm.platforms import current_platform
    from vllm.v1.attention.backends.registry import AttentionBackendEnum

    if current_platform.is_cpu():
        from sigma.serving.vllm.cpu import SlotsBackend

        return SlotsBackend
    if d_k == d_v:
        return None
    config = get_current_vllm_config()
    wanted = config.attention_config.backend
    hopper = current_platform.is_device_capability_family(90)
    name = unequal_backend(d_k, d_v, hopper, config.model_config.dtype, None if wanted is None else wanted.name)
    backend = AttentionBackendEnum[name].get_class()
    if name == FLASH and wanted is None and not backend.is_supported_on_current_device(d_k, d_v, has_sinks=False):
        backend = AttentionBackendEnum[TRITON].get_class()  # vLLM was built without FlashAttention 3
    backend.set_head_size_v(d_v)  # of the class: all layers are alike
    return backend
