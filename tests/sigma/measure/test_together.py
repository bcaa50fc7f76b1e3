"""What `sigma.bench --batch` counts and times, on tiny real models."""

import pytest
import torch

from sigma.measure.together import Together, filled, kv_bytes, seconds, time_together, weight_bytes
from sigma.runtime import Runtime
from tests.tiny import side_of, tiny_model


@pytest.fixture
def sides():
    made = {}
    for name, changes in (("gqa", dict(num_key_heads=3)), ("sigma", dict(num_key_heads=1, augmented_query_dim=108))):
        side = side_of(tiny_model(**changes), name)
        made[name] = (side, Runtime(side.config, side.tensors, weights="fp32"))
    return made


def test_a_step_reads_the_weights_once_and_the_cache_of_each(sides):
    side, runtime = sides["sigma"]
    assert weight_bytes(side) == sum(x.nbytes for x in side.tensors.values())  # tied: the head is the embedding
    cache = filled(runtime, torch.arange(20, 60)[None], 3)[2]
    runtime.decode(torch.tensor([[5]]), cache, top_k=7)
    read = cache.bytes()
    assert kv_bytes(side, runtime, 41, 1, 7) == read.k_read + read.v_read
    assert kv_bytes(side, runtime, 41, 5, None) == 5 * (read.k_resident + read.v_resident)


def test_the_caches_are_apart_and_as_before(sides):
    _, runtime = sides["gqa"]
    caches = filled(runtime, torch.arange(20, 60)[None], 3)
    assert len({cache.layers[0].k_buffer.data_ptr() for cache in caches}) == 3
    before = [cache.layers[1].keys.clone() for cache in caches]
    assert seconds(runtime, caches, 4, None) > 0
    for cache, keys in zip(caches, before):
        assert cache.length == 40 and torch.equal(cache.layers[1].keys, keys)


def test_every_number_of_answers_is_timed_on_both_sides(sides):
    parts = []
    rows = time_together(sides, 30, 3, [1, 4], 5, 2, parts.append)
    assert [(row.side, row.answers) for row in rows] == [("gqa", 1), ("sigma", 1), ("gqa", 4), ("sigma", 4)]
    for row in rows:
        assert row.tok_s * row.step_ms == pytest.approx(1e3 * row.answers)
        assert len(row.cells()) == len(Together.HEADER) and set(row.figures()) >= {"side", "answers", "tok_s", "ratio"}
    assert [row.ratio for row in rows[:2]] == [1, 1]
    assert rows[2].kv_mb == pytest.approx(4 * rows[0].kv_mb) and parts[-1] == 1
