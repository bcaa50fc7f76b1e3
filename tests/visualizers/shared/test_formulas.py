"""The cache formula: against the paper, against figures worked out by hand, and against itself."""

from dataclasses import replace

import pytest

from sigma.model.configuration import preset
from sigma.model.presets import PRESETS
from visualizers.shared.formulas import GIB, bytes_of, cache_cost, fit, longest, v_rows
from visualizers.shared.shapes import PAIRS, Layers, Shape, gqa_of, parameters, preset_shape
from visualizers.shared.units import binary, change, digits, spoken

TINY = Shape(layers=2, n_q=8, n_k=2, n_v=4, d_k=4, d_v=8)


def test_bytes_per_token_are_the_papers():
    assert cache_cost(preset_shape("sigma-1.5b"), 1).resident == 66_560  # section 3: 26 * (4 + 16) * 64 * 2
    assert cache_cost(preset_shape("std-1.5b"), 1).resident == 106_496


@pytest.mark.parametrize("name", ["sigma-1.5b", "sigma-10b"])
def test_the_limit_of_the_saving_is_eq_2(name):
    shape = preset_shape(name)
    assert 1 - cache_cost(shape, 77).resident / cache_cost(gqa_of(shape, 16), 77).resident == 0.375


@pytest.mark.parametrize("name", PAIRS)
def test_gqa_of_a_preset_is_its_own_preset(name):
    baseline = preset_shape(PAIRS[name][1])
    assert gqa_of(preset_shape(name), baseline.n_k) == baseline


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("tokens, top_k, batch", [(1, None, 1), (1, 100, 1), (50, 100, 3), (1000, 100, 2)])
def test_the_models_own_config_counts_the_same(name, tokens, top_k, batch):
    config, cost = preset(name), cache_cost(preset_shape(name), tokens, batch, 16, top_k)
    assert (cost.k_resident, cost.v_resident) == config.kv_bytes(tokens, 2, batch)
    assert cost.v_read == config.v_read_bytes(tokens, top_k, 2, batch)


def test_by_hand():
    cost = cache_cost(TINY, tokens=10, batch=3, bits=16, top_k=4)
    assert cost.k_resident == cost.k_read == 2 * 3 * 10 * 2 * 4 * 2
    assert cost.v_resident == 2 * 3 * 10 * 4 * 8 * 2
    assert cost.v_read == 2 * 3 * 8 * 5 * 8 * 2  # 8 query heads, 4 rows and the newest
    assert cost.read == cost.k_read + cost.v_read and cost.resident == cost.k_resident + cost.v_resident


KINDS = replace(TINY, window=4, others=(Layers(3, 1, 2, 6, 2), Layers(1, 8, 8, 2, 2, window=7)))


def test_layers_of_several_kinds_by_hand():
    cost = cache_cost(KINDS, tokens=5, batch=2, bits=16, top_k=3)
    assert cost.k_resident == cost.k_read == 2 * 2 * (2 * 4 * 2 * 4 + 3 * 5 * 1 * 6 + 1 * 5 * 8 * 2)
    assert cost.v_resident == 2 * 2 * (2 * 4 * 4 * 8 + 3 * 5 * 2 * 2 + 1 * 5 * 8 * 2)
    assert cost.v_read == 2 * 2 * 8 * 4 * (2 * 8 + 3 * 2 + 1 * 2)  # 8 query heads, 3 rows and the newest
    assert cache_cost(KINDS, 5).v_read == cache_cost(KINDS, 5).v_resident


def test_a_window_that_is_not_full_changes_nothing():
    wide = replace(TINY, window=100)
    assert cache_cost(wide, 100, 3, 8, 5) == cache_cost(TINY, 100, 3, 8, 5)
    assert cache_cost(wide, 101) == cache_cost(wide, 10_000) == cache_cost(TINY, 100)


def test_gqa_of_several_kinds_keeps_their_windows_and_own_heads():
    same = replace(TINY, n_v=2, d_k=12, others=(Layers(3, 2, 2, 6, 8, window=9), Layers(1, 8, 4, 2, 2)))
    grouped = gqa_of(same, 4)
    assert grouped.kinds == (Layers(2, 4, 4, 12, 8), Layers(3, 4, 4, 8, 8, 9), Layers(1, 8, 8, 2, 2))


@pytest.mark.parametrize(
    "shape", [TINY, KINDS, replace(TINY, window=5), replace(TINY, window=5, others=(Layers(1, 1, 1, 2, 2, 9),))]
)
@pytest.mark.parametrize("room", [0, 100, 1535, 1536, 2000, 3777, 100_000])
def test_the_longest_context_fits_and_one_more_token_does_not(shape, room):
    most = longest(shape, room, 2, 8)
    if most is None:
        assert cache_cost(shape, 10**6, 2, 8).resident <= room and all(kind.window for kind in shape.kinds)
    else:
        assert most == 0 or cache_cost(shape, most, 2, 8).resident <= room
        assert cache_cost(shape, most + 1, 2, 8).resident > room


def test_types_scale_the_bytes():
    by_bits = {bits: cache_cost(TINY, 10, 1, bits).resident for bits in (32, 16, 8, 4)}
    assert by_bits[32] == 2 * by_bits[16] == 4 * by_bits[8] == 8 * by_bits[4]
    with pytest.raises(ValueError, match="3 values of 4 bits"):
        bytes_of(3, 4)


def test_selective_rows_end_at_the_cache():
    (kind,) = TINY.kinds
    assert v_rows(8, kind, 10, None) == 40
    assert v_rows(8, kind, 10, 100) == v_rows(8, kind, 10, 9) == 80  # more than all rows once: heads do not share
    assert v_rows(8, kind, 1, 5) == 8
    assert v_rows(8, replace(kind, window=6), 10, 100) == 48 and v_rows(8, replace(kind, window=6), 10, None) == 24


@pytest.mark.parametrize("wrong", [dict(tokens=0), dict(tokens=5, batch=0), dict(tokens=5, top_k=0)])
def test_nothing_below_one(wrong):
    with pytest.raises(ValueError, match="at least 1"):
        cache_cost(TINY, **wrong)


def test_what_fits():
    one = cache_cost(TINY, 100).resident
    found = fit(TINY, memory=10 * one + 7, weights=3 * one, tokens=100, batch=2, bits=16)
    assert (found.sequences, found.context, found.room) == (7, 350, 7 * one + 7)
    none = fit(TINY, memory=5, weights=6, tokens=100, batch=1, bits=16)
    assert (none.sequences, none.context, none.room) == (0, 0, 0)


def test_parameters_of_the_paper_and_of_the_default_model():
    assert sum(parameters(preset_shape("gqa-135m")).values()) == 134_515_008  # SmolLM2-135M's own count
    assert 10.2e9 < sum(parameters(preset_shape("sigma-10b")).values()) < 10.8e9


def test_text():
    assert [digits(v) for v in (0, 8.125, 41.66, 416.2, 9.996, 41_600.4)] == [
        "0",
        "8.13",
        "41.7",
        "416",
        "10.0",
        "41,600",
    ]
    assert binary(1023) == "0.999 KiB" and binary(512) == "512 B" and binary(GIB * 5) == "5.00 GiB"
    assert binary(1 << 62) == "4.00 EiB"
    assert spoken(1) == "1 byte" and spoken(GIB) == "1.00 gibibytes"
    assert change(5, 8) == "−37.5 %" and change(8, 5) == "+60.0 %" and change(0, 0) == "0 %"


def test_a_key_wider_than_a_value_has_a_query_as_wide():
    wide = replace(preset_shape("gqa-135m"), d_k=96)
    plain = parameters(preset_shape("gqa-135m"))["attention"]
    assert parameters(wide)["attention"] - plain == wide.layers * wide.hidden * (wide.n_q + wide.n_k) * (96 - 64)
    other = replace(wide, others=(Layers(wide.layers, wide.n_k, wide.n_v, 96, 64, window=8),))
    assert parameters(other)["attention"] == 2 * parameters(wide)["attention"]
    assert parameters(other)["norms"] == (4 * wide.layers + 1) * wide.hidden
    assert parameters(replace(other, counted=7)) == {"given": 7}
