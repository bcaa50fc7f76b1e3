"""Exact bytes, chunked growth, crop, batch operations."""

import pytest
import torch

from sigma.model.cache import DiffKVCache
from tests.tiny import tiny_model


def filled(config, tokens, batch=1, chunk=16):
    cache = DiffKVCache(config, chunk)
    torch.manual_seed(0)
    k = torch.randn(batch, config.num_key_heads, tokens, config.key_head_dim, dtype=torch.bfloat16)
    v = torch.randn(batch, config.num_value_heads, tokens, config.head_dim, dtype=torch.bfloat16)
    for i in range(config.num_hidden_layers):
        cache.update(k, v, i)
    return cache, k, v


@pytest.mark.parametrize("tokens", [1, 15, 16, 17, 300])
@pytest.mark.parametrize("batch", [1, 3])
def test_bytes_are_the_formulas_and_the_tensors(tokens, batch):
    config = tiny_model(num_key_heads=1).config
    cache, k, v = filled(config, tokens, batch)
    bytes_ = cache.bytes()
    assert (bytes_.k_resident, bytes_.v_resident) == config.kv_bytes(tokens, 2, batch)
    assert (bytes_.k_resident, bytes_.v_resident) == (2 * k.nbytes, 2 * v.nbytes)
    assert bytes_.allocated >= bytes_.k_resident + bytes_.v_resident
    assert bytes_.tokens == tokens


def test_growth_keeps_the_rows_and_rarely_copies():
    config = tiny_model(num_key_heads=3).config
    cache, k, v = filled(config, 10)
    layer, moves = cache.layers[0], 0
    for _ in range(200):
        before = layer.k_buffer.data_ptr()
        keys, values = cache.update(k[:, :, :1], v[:, :, :1], 0)
        moves += layer.k_buffer.data_ptr() != before
    assert torch.equal(keys[:, :, :10], k) and torch.equal(values[:, :, :10], v)
    assert layer.length == 210 and moves <= 13


def test_crop_then_append_overwrites():
    config = tiny_model(num_key_heads=1).config
    cache, k, v = filled(config, 20)
    cache.keep_first(7)
    assert cache.length == 7 and cache.bytes().k_resident == config.kv_bytes(7)[0]
    keys, _ = cache.update(k[:, :, 10:13], v[:, :, 10:13], 0)
    assert torch.equal(keys, torch.cat((k[:, :, :7], k[:, :, 10:13]), 2))
    cache.crop(-2)
    assert cache.layers[0].length == 8


def test_crop_counts_as_transformers_does():
    """0 drops nothing (generate calls it), a positive number is refused: it once meant the rows to keep."""
    cache, *_ = filled(tiny_model(num_key_heads=1).config, 20)
    cache.crop(0)
    assert cache.length == 20
    cache.crop(-25)
    assert cache.length == 0
    with pytest.raises(ValueError, match=r"not 7; keep_first"):
        cache.crop(7)


def test_free_leaves_nothing():
    cache, *_ = filled(tiny_model(num_key_heads=1).config, 20)
    cache.note_read(1, 2, 3)
    cache.free()
    bytes_ = cache.bytes()
    assert bytes_ == type(bytes_)(0, 0, 0, 0, 0, 0, 0)


def test_unequal_rows_are_refused():
    config = tiny_model(num_key_heads=1).config
    with pytest.raises(ValueError, match="3 and 2"):
        DiffKVCache(config).update(torch.zeros(1, 1, 3, 8), torch.zeros(1, 3, 2, 8), 0)


def test_beam_search_uses_it():
    model = tiny_model(num_key_heads=1)
    out = model.generate(torch.tensor([[5, 6, 7]]), num_beams=3, max_new_tokens=5, do_sample=False, pad_token_id=2)
    assert out.shape[1] <= 8


@pytest.mark.parametrize("rows", [0, 16, 48, 160, 300])
def test_a_cache_as_filled_has_the_size_of_a_fresh_one(rows):
    """Kernels cut their work by the capacity: rows of a chat that grew long must not be summed in other parts."""
    config = tiny_model(num_key_heads=1).config
    long, k, v = filled(config, 300)
    fresh = DiffKVCache(config, 16)
    for start in range(0, rows, 32):
        for i in range(config.num_hidden_layers):
            fresh.update(k[:, :, start : min(start + 32, rows)], v[:, :, start : min(start + 32, rows)], i)
    again = long.as_filled(rows, 32)
    assert [layer.capacity for layer in again.layers] == [layer.capacity for layer in fresh.layers]
    assert again.length == rows and again.bytes() == fresh.bytes()
    if rows:
        assert all(torch.equal(layer.keys, k[:, :, :rows]) for layer in again.layers)
        assert all(torch.equal(layer.values, v[:, :, :rows]) for layer in again.layers)
        assert again.as_filled(rows, 32) is again
    assert long is again or long.bytes().allocated == 0


# The sums of V rows ---------------------------------------------------------------------------------------------------


def fresh_sums(cache):
    return torch.stack([layer.values.double().sum(2) for layer in cache.layers])


def append(cache, rows, seed):
    torch.manual_seed(seed)
    config, batch = cache.config, cache.layers[0].values.shape[0]
    for i in range(config.num_hidden_layers):
        k = torch.randn(batch, config.num_key_heads, rows, config.key_head_dim, dtype=torch.bfloat16)
        v = 1000 * torch.randn(batch, config.num_value_heads, rows, config.head_dim, dtype=torch.bfloat16)
        cache.update(k, v, i)


def test_the_sums_follow_the_cache():
    """Whatever happens to the rows: the same bits as a sum formed anew, so nothing drifts."""
    config = tiny_model(num_key_heads=1).config
    cache, *_ = filled(config, 20, batch=2)
    assert cache.sums is None  # nobody asked
    changes = [
        lambda: None,
        lambda: append(cache, 3, 1),
        lambda: [append(cache, 1, seed) for seed in range(40)],
        lambda: (cache.keep_first(7), append(cache, 30, 2)),  # longer than before the crop
        lambda: cache.keep_first(100),
        lambda: cache.crop(-4),
        lambda: [layer.keep_first(9) for layer in cache.layers],
        lambda: cache.reorder_cache(torch.tensor([1, 0])),
        lambda: cache.batch_repeat_interleave(2),
        lambda: cache.batch_select_indices(torch.tensor([3, 0, 0])),
        lambda: cache.keep_first(0),
        lambda: append(cache, 5, 3),
    ]
    for i, change in enumerate(changes):
        change()
        assert torch.equal(cache.value_sums(), fresh_sums(cache)), i
        assert (
            cache.bytes().allocated
            == sum(x.nbytes for layer in cache.layers for x in (layer.k_buffer, layer.v_buffer)) + cache.sums.nbytes
        )
    cache.free()
    assert cache.sums is None


def test_rows_that_someone_else_added_are_not_added_again():
    config = tiny_model(num_key_heads=1).config
    cache, *_ = filled(config, 20)
    sums = cache.value_sums()
    append(cache, 1, 1)
    sums += torch.stack([layer.values[:, :, -1].double() for layer in cache.layers])
    cache.summed_all(21)
    assert torch.equal(cache.value_sums(), fresh_sums(cache))


def test_a_copy_has_sums_of_its_own():
    cache, *_ = filled(tiny_model(num_key_heads=1).config, 100)
    cache.value_sums()
    copy = cache.as_filled(20, 16)
    assert copy is not cache and torch.equal(copy.value_sums(), fresh_sums(copy))
