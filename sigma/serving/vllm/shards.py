"""Which heads a tensor-parallel rank computes and caches, and what that costs. Numbers only: neither vLLM nor torch.

A query head i reads K head i * n_k // n_q and V head i * n_v // n_q (paper, Eq. 3), so a contiguous run of query heads
needs contiguous runs of both. vLLM's cache knows one kind of KV head: here it is a K head beside the V heads that share
it (`slots`), as wide as K plus all of them. With more ranks than K heads every K head lies on several ranks; its V heads
are dealt out among them and only with more ranks than V heads lie on several too.

    32 / 4 / 16 heads on 4 ranks: 8 query heads, 1 K head, 4 V heads each      on 8: 4 query heads, 1 (shared) K, 2 V
"""

from __future__ import annotations

from dataclasses import dataclass

from sigma.model.configuration import SigmaConfig

VOCABULARY_MULTIPLE = 64  # vLLM pads the vocabulary to it before the ranks share it


@dataclass(frozen=True, slots=True)
class Shard:
    """Heads on each rank. `k_copies`, `v_copies`: the ranks that hold the same K head, the same V head."""

    q_heads: int
    k_heads: int
    v_heads: int
    k_copies: int
    v_copies: int

    @property
    def slots(self) -> int:
        """V heads beside each K head, each read by its own q_heads / k_heads / slots query heads."""
        return self.v_heads // self.k_heads

    def slot_of(self, q_head: int) -> int:
        """Which V head beside its K head one of this rank's query heads reads."""
        return q_head * self.v_heads // self.q_heads % self.slots


def check_mappable(config: SigmaConfig) -> None:
    """Raises ValueError, with the numbers, for a configuration that vLLM's cache cannot hold at its size."""
    for key_heads in config.key_heads:
        if config.num_value_heads % key_heads == 0:
            continue
        raise ValueError(
            f"vLLM cannot hold num_key_heads {key_heads} beside num_value_heads {config.num_value_heads}: a K "
            f"head is cached with the V heads that share it, so the second must be a multiple of the first"
        )


def shard(config: SigmaConfig, ranks: int = 1) -> Shard:
    """What each of `ranks` tensor-parallel ranks holds of a layer. Raises ValueError, with the numbers, where they do not divide it.

    Of a model whose layers differ, give `SigmaConfig.of_layer`.
    """
    check_mappable(config)
    config.one_for_all_layers("the heads of a rank")
    if ranks < 1:
        raise ValueError(f"the tensor-parallel size must be at least 1, got {ranks}")
    n_q, n_k, n_v = config.num_attention_heads, config.num_key_heads, config.num_value_heads
    divided = {
        "num_attention_heads": n_q,
        "augmented_query_dim": config.augmented_query_dim or 0,
        "intermediate_size": config.intermediate_size,
        f"vocab_size (padded to a multiple of {VOCABULARY_MULTIPLE})": padded_vocabulary(config),
    }
    for name, size in divided.items():
        if size % ranks:
            raise ValueError(f"{name} {size} must be a multiple of the tensor-parallel size {ranks}")
    for name, heads in (("num_key_heads", n_k), ("num_value_heads", n_v)):
        if heads % ranks and ranks % heads:
            raise ValueError(
                f"of {name} {heads} and the tensor-parallel size {ranks} one must be a multiple of the other"
            )
    k_copies, v_copies = max(1, ranks // n_k), max(1, ranks // n_v)
    return Shard(n_q // ranks, n_k * k_copies // ranks, n_v * v_copies // ranks, k_copies, v_copies)


def possible_ranks(config: SigmaConfig, most: int = 64) -> list[int]:
    """The tensor-parallel sizes up to `most` that `shard` accepts."""
    found = []
    for ranks in range(1, min(most, config.num_attention_heads) + 1):
        try:
            shards(config, ranks)
        except ValueError:
            continue
        found.append(ranks)
    return found


def shards(config: SigmaConfig, ranks: int = 1) -> list[Shard]:
    """`shard` of every layer."""
    made: dict[tuple[int, int | None], Shard] = {}
    each = list(zip(config.key_heads, config.augmented_query_dims))
    for layer, kind in enumerate(each):
        if kind not in made:
            made[kind] = shard(config.of_layer(layer), ranks)
    return [made[kind] for kind in each]


def cache_bytes(config: SigmaConfig, ranks: int = 1, itemsize: int = 2) -> int:
    """Bytes of K and V that a token takes on each rank, over all layers; on one rank Eq. 1's."""
    rows = (held.k_heads * config.key_head_dim + held.v_heads * config.head_dim for held in shards(config, ranks))
    return sum(rows) * itemsize


def weight_bytes(config: SigmaConfig, ranks: int = 1, itemsize: int = 2) -> int:
    """Bytes of weights on each rank as this plugin lays them out (fold.py): norms whole, all matrices shared out."""
    tables = (1 if config.tie_word_embeddings else 2) * padded_vocabulary(config) // ranks * config.hidden_size
    layers = sum(_layer_weights(config, *one, ranks) for one in zip(shards(config, ranks), config.augmented_query_dims))
    return (layers + tables + config.hidden_size) * itemsize


def _layer_weights(config: SigmaConfig, held: Shard, wide: int | None, ranks: int) -> int:
    """Weights of one layer on each rank."""
    hidden, d_k = config.hidden_size, config.key_head_dim
    kv = held.k_heads * d_k + held.v_heads * config.head_dim
    if wide is None:
        query = held.q_heads * d_k * (hidden + config.qkv_bias)
    else:
        query = wide // ranks * (2 * (hidden + config.qkv_bias) + config.num_attention_heads * d_k)
    layer = query + kv * (hidden + config.qkv_bias) + held.q_heads * config.head_dim * hidden
    layer += 3 * config.intermediate_size // ranks * hidden
    return layer + 2 * hidden + (2 * config.head_dim if config.qk_norm else 0)


def padded_vocabulary(config: SigmaConfig) -> int:
    """Rows of the embedding as vLLM keeps it."""
    return -(-config.vocab_size // VOCABULARY_MULTIPLE) * VOCABULARY_MULTIPLE
