"""Named configurations as plain numbers: the paper's (Table 14), its STD baseline (section 3), the page's default pair."""

from __future__ import annotations

_PAPER = dict(
    vocab_size=128_256,
    num_attention_heads=32,
    tie_word_embeddings=False,
    bos_token_id=128_000,
    eos_token_id=128_001,
    pad_token_id=128_001,
    max_position_embeddings=1_048_576,
)
_1_5B = dict(_PAPER, num_hidden_layers=26, hidden_size=2048, intermediate_size=6144, head_dim=64, rope_theta=50_000.0)
_10B = dict(
    _PAPER, num_hidden_layers=32, hidden_size=4096, intermediate_size=14_336, head_dim=128, rope_theta=500_000.0
)
_135M = dict(
    vocab_size=49_152,
    num_hidden_layers=30,
    hidden_size=576,
    intermediate_size=1536,
    num_attention_heads=9,
    num_value_heads=3,
    head_dim=64,
    rope_theta=100_000.0,
    max_position_embeddings=8192,
)

_KEPT = (8, 15, 17, 18)  # layers of Sigma-135M that keep their source's queries and keys: its card says why these

PRESETS: dict[str, dict] = {
    "sigma-1.5b": dict(_1_5B, num_key_heads=4, num_value_heads=16, augmented_query_dim=3072),
    "std-1.5b": dict(_1_5B, num_key_heads=16, num_value_heads=16),
    "sigma-10b": dict(_10B, num_key_heads=4, num_value_heads=16, augmented_query_dim=6144),
    "std-10b": dict(_10B, num_key_heads=16, num_value_heads=16),
    "sigma-135m": dict(
        _135M,
        num_key_heads=[3 if layer in _KEPT else 1 for layer in range(30)],
        augmented_query_dim=[None if layer in _KEPT else 864 for layer in range(30)],
    ),
    "gqa-135m": dict(_135M, num_key_heads=3),
}
