"""The minimum bytes and operations, against figures worked out by hand."""

import pytest

from kernels.roofline import Heads, decode_cost, paper_variants, selective_cost

ROWS = 65_536


@pytest.mark.parametrize(
    "variant, megabytes", [("gqa", 268.4), ("diffqkv", 167.8), ("diffqkv-halfk", 151.0)], ids=lambda x: str(x)
)
def test_full_attention_bytes(variant, megabytes):
    cost = decode_cost(paper_variants()[variant], ROWS)
    assert round(cost.cache_bytes / 1e6, 1) == megabytes
    assert cost.total_bytes - cost.cache_bytes == cost.query_bytes < 10_000


def test_selective_bytes():
    cost = selective_cost(paper_variants()["diffqkv"], ROWS, 100)
    assert cost.v_bytes == 32 * 101 * 64 * 2
    assert cost.k_bytes == 65_536 * 4 * 64 * 2
    assert round(cost.total_bytes / 1e6, 1) == 34.0
    through_memory = selective_cost(paper_variants()["diffqkv"], ROWS, 100, score_passes=2)
    assert round((through_memory.cache_bytes + through_memory.score_bytes) / 1e6, 1) == 50.7


def test_small_case_by_hand():
    """9/1/3 heads, d 64, 10 rows in bf16: K 10*64*2, V 10*3*64*2; 2 operations per multiply-add."""
    cost = decode_cost(Heads(9, 1, 3, 64, 64), 10)
    assert (cost.k_bytes, cost.v_bytes, cost.score_bytes) == (1280, 3840, 0)
    assert cost.query_bytes == 9 * 128 * 2
    assert cost.operations == 2 * 9 * 10 * 128
    assert Heads(9, 1, 3, 64, 64).cache_bytes_per_token() == 512


def test_causal_queries_share_the_cache():
    one, four = (decode_cost(Heads(9, 1, 3, 64, 64), 10, t=t) for t in (1, 4))
    assert four.cache_bytes == one.cache_bytes
    assert four.operations == 2 * 9 * (7 + 8 + 9 + 10) * 128


def test_top_k_beyond_the_rows():
    cost = selective_cost(Heads(9, 1, 3, 64, 64), 3, 100, t=2)
    assert cost.v_bytes == 9 * (2 + 3) * 64 * 2


def test_time_is_the_larger_bound():
    cost = decode_cost(paper_variants()["gqa"], ROWS)
    assert cost.seconds(4.3e12) == pytest.approx(62.4e-6, rel=0.01)
    assert cost.seconds(4.3e12, 1e9) == pytest.approx(cost.operations / 1e9)


@pytest.mark.parametrize("bad", [{"t": 0}, {"t": 11}])
def test_impossible_shapes(bad):
    with pytest.raises(ValueError, match=str(bad["t"])):
        decode_cost(Heads(9, 1, 3, 64, 64), 10, **bad)
    with pytest.raises(ValueError, match="top_k"):
        selective_cost(Heads(9, 1, 3, 64, 64), 10, 0)
