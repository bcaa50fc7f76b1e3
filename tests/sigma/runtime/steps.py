"""Models and decode steps shared by the tests of the GPU's step, on a CPU and on a GPU."""

import torch

from sigma.model.cache import DiffKVCache
from tests.tiny import tiny_model

MODELS = {
    "gqa": dict(num_key_heads=3),
    "sigma": dict(num_key_heads=1, augmented_query_dim=108),
    "layers-differ": dict(num_key_heads=[1, 3], augmented_query_dim=[108, None]),
    "half-k": dict(num_key_heads=1, key_head_dim=4, augmented_query_dim=108),
    "wide-k": dict(num_key_heads=1, key_head_dim=12, augmented_query_dim=108),
    "mha-untied": dict(num_key_heads=9, num_value_heads=9, tie_word_embeddings=False),
    "biases-norms": dict(num_key_heads=3, qkv_bias=True, qk_norm=True),
}
PROMPT, STEPS, CHUNK = 13, 7, 16  # the buffers grow from 16 to 32 rows in between


def model_of(name: str, **changes):
    model = tiny_model(**MODELS[name], **changes)
    for parameter in model.parameters():
        if parameter.dim() == 1:  # norms of all ones would hide a forgotten one
            parameter.data.uniform_(0.5, 1.5)
    return model


def tokens(batch: int, length: int = PROMPT + STEPS) -> torch.Tensor:
    return torch.randint(0, 259, (batch, length), generator=torch.Generator().manual_seed(1))


@torch.inference_mode()
def decoded(runtime, ids, top_k=None, prompt=PROMPT, **options):
    """Logits [b, steps, vocab] and probes of each token behind the prompt, and the cache."""
    cache = DiffKVCache(runtime.config, CHUNK)
    runtime.prefill(ids[:, :prompt], cache)
    for layer in cache.layers:  # memory that nobody wrote may hold anything
        layer.k_buffer[:, :, prompt:] = layer.v_buffer[:, :, prompt:] = float("nan")
    steps = [runtime.decode(ids[:, i : i + 1], cache, top_k=top_k, **options) for i in range(prompt, ids.shape[1])]
    return torch.stack([logits for logits, _ in steps], 1), [probe for _, probe in steps], cache
