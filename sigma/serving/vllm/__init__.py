"""Sigma served by vLLM at its own cache size: a plugin, found by vLLM through the entry point `vllm.general_plugins`.

shards.py    which heads a tensor-parallel rank holds and what a token costs it; what vLLM cannot map
fold.py      a layer's query path folded into fewer matrices, K heads copied where there are more ranks than K heads
model.py     the model on vLLM's parallel layers
backends.py  which attention runs: stock, unequal widths (GPU), or slots (CPU)
cpu.py       vLLM's CPU attention on pages of K and several V heads, nothing padded

Only `register` is called from outside, by vLLM in each of its processes. Importing this package needs no vLLM.
"""

MODEL = "sigma.serving.vllm.model:SigmaForCausalLM"


def register() -> None:
    """Tell vLLM, and the transformers that it reads configurations with, what a Sigma is. Harmless when repeated."""
    from transformers import AutoConfig
    from vllm import ModelRegistry
    from vllm.transformers_utils.model_arch_config_convertor import (
        MODEL_ARCH_CONFIG_CONVERTORS,
        ModelArchConfigConvertorBase,
    )

    from sigma.model.configuration import SigmaConfig
    from sigma.serving.vllm.shards import check_mappable

    class SigmaArchitecture(ModelArchConfigConvertorBase):
        """What vLLM asks of a configuration before it has a model: the cached K heads and their width."""

        def get_total_num_kv_heads(self) -> int:
            check_mappable(self.hf_text_config)
            return max(self.hf_text_config.key_heads)

        def get_head_size(self) -> int:
            return self.hf_text_config.key_head_dim

    AutoConfig.register("sigma", SigmaConfig, exist_ok=True)
    MODEL_ARCH_CONFIG_CONVERTORS["sigma"] = SigmaArchitecture
    if "SigmaForCausalLM" not in ModelRegistry.get_supported_archs():
        ModelRegistry.register_model("SigmaForCausalLM", MODEL)
