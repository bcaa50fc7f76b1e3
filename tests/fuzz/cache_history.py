"""Random histories of the KV cache beside lists of rows: a model that is too simple to be wrong."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sigma.model.cache import DiffKVCache

LAYERS = 2


@cache
def cache_config() -> Any:
    """A model whose K and V differ in heads and width."""
    from tests.tiny import tiny_model

    return tiny_model(num_key_heads=1, key_head_dim=4, num_hidden_layers=LAYERS).config


class CacheHistory(RuleBasedStateMachine):
    """`rows` is what the cache must hold: per sequence the numbers of its tokens, each of which makes its K and V."""

    made = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).made += 1
        self.config = cache_config()
        self.number = 0

    @initialize(batch=st.integers(1, 3), chunk=st.sampled_from((1, 4, 16)))
    def begin(self, batch: int, chunk: int) -> None:
        self.batch, self.cache = batch, DiffKVCache(self.config, chunk)
        self.rows: list[list[int]] = [[] for _ in range(batch)]

    def states(self, numbers: list[list[int]], layer: int) -> tuple[torch.Tensor, torch.Tensor]:
        """K [b, n_k, t, d_k] and V [b, n_v, t, d_v] of tokens by number: every value says whose it is, exactly in bf16."""
        numbers = torch.tensor(numbers, dtype=torch.float32)[:, None, :, None]
        c = self.config
        k = numbers + layer + torch.zeros(1, c.num_key_heads, 1, c.key_head_dim)
        v = (
            torch.arange(c.num_value_heads)[None, :, None, None] * 2
            - numbers
            + layer
            + torch.zeros(1, 1, 1, c.head_dim)
        )
        return k.bfloat16(), v.bfloat16()

    def fresh(self, tokens: int) -> list[list[int]]:
        """So many new tokens of each sequence."""
        found = [[(self.number + s * tokens + i) % 120 for i in range(tokens)] for s in range(len(self.rows))]
        self.number += tokens * len(self.rows)
        return found

    @rule(tokens=st.one_of(st.just(1), st.integers(1, 40)))
    def append(self, tokens: int) -> None:
        new = self.fresh(tokens)
        for layer in range(LAYERS):
            keys, values = self.cache.update(*self.states(new, layer), layer)
            assert keys.shape[2] == values.shape[2] == len(self.rows[0]) + tokens
        for mine, added in zip(self.rows, new):
            mine += added

    @rule(tokens=st.integers(1, 40))
    def write_into_reserved_rows(self, tokens: int) -> None:
        held = len(self.rows[0])
        self.cache.reserve(len(self.rows), tokens, torch.bfloat16, torch.device("cpu"))
        new = self.fresh(tokens)
        for number, layer in enumerate(self.cache.layers):
            assert layer.capacity >= held + tokens
            k, v = self.states(new, number)
            layer.k_buffer[:, :, held : held + tokens], layer.v_buffer[:, :, held : held + tokens] = k, v
        self.cache.advance(tokens)
        for mine, added in zip(self.rows, new):
            mine += added

    @rule(kept=st.integers(0, 90))
    def keep_first(self, kept: int) -> None:
        self.cache.keep_first(kept)
        self.rows = [mine[:kept] for mine in self.rows]

    @rule(dropped=st.integers(0, 90))
    def crop(self, dropped: int) -> None:
        self.cache.crop(-dropped)
        self.rows = [mine[: max(0, len(mine) - dropped)] for mine in self.rows]

    @rule(rows=st.integers(0, 60), step=st.sampled_from((1, 7, 16)))
    def take_as_filled(self, rows: int, step: int) -> None:
        held = len(self.rows[0])
        rows = min(rows, held)
        self.cache = self.cache.as_filled(rows, step)
        self.rows = [mine[:rows] for mine in self.rows] if rows else [[] for _ in self.rows]
        filled = DiffKVCache(self.config, self.cache.layers[0].chunk)
        for start in range(0, rows, step):
            for number in range(LAYERS):
                part = [mine[start : start + step] for mine in self.rows]
                filled.update(*self.states(part, number), number)
        if rows:
            assert self.cache.layers[0].capacity == filled.layers[0].capacity

    @precondition(lambda self: self.rows[0])
    @rule(data=st.data())
    def reorder(self, data: Any) -> None:
        order = data.draw(
            st.lists(st.integers(0, len(self.rows) - 1), min_size=len(self.rows), max_size=len(self.rows))
        )
        self.cache.reorder_cache(torch.tensor(order))
        self.rows = [list(self.rows[i]) for i in order]

    @precondition(lambda self: self.rows[0] and len(self.rows) <= 3)
    @rule(times=st.integers(1, 2))
    def repeat(self, times: int) -> None:
        self.cache.batch_repeat_interleave(times)
        self.rows = [list(mine) for mine in self.rows for _ in range(times)]

    @precondition(lambda self: self.rows[0])
    @rule(data=st.data())
    def leave(self, data: Any) -> None:
        chosen = data.draw(st.lists(st.integers(0, len(self.rows) - 1), min_size=1, max_size=3, unique=True))
        self.cache.batch_select_indices(torch.tensor(chosen))
        self.rows = [list(self.rows[i]) for i in chosen]

    @precondition(lambda self: self.rows[0])
    @rule()
    def ask_for_sums(self) -> None:
        sums = self.cache.value_sums()
        for number in range(LAYERS):
            _, v = self.states(self.rows, number)
            assert torch.equal(sums[number], v.double().sum(2))

    @rule()
    def free(self) -> None:
        self.cache.free()
        assert self.cache.bytes().allocated == 0
        self.rows = [[] for _ in self.rows]

    @invariant()
    def holds_what_was_put_in(self) -> None:
        if not hasattr(self, "rows"):
            return
        held, told = len(self.rows[0]), self.cache.bytes()
        assert self.cache.length == told.tokens == self.cache.get_seq_length() == held
        assert (told.k_resident, told.v_resident) == self.config.kv_bytes(held, 2, len(self.rows))
        assert told.allocated >= told.k_resident + told.v_resident
        if held:
            for number, layer in enumerate(self.cache.layers):
                k, v = self.states(self.rows, number)
                assert torch.equal(layer.keys, k) and torch.equal(layer.values, v)
