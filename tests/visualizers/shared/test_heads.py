import itertools
import re
from dataclasses import replace

import pytest

from tests.fake_engine import fake_info
from visualizers.shared.heads import describe_heads, head_groups, heads_svg


def test_groups_are_contiguous():
    assert [list(g) for g in head_groups(9, 3)] == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    with pytest.raises(ValueError, match="evenly"):
        head_groups(9, 2)


@pytest.mark.parametrize("side,keys", [("sigma", 1), ("gqa", 3)])
def test_the_drawing_counts_the_heads(side, keys):
    svg = heads_svg(fake_info(side))
    assert len(re.findall('class="head-k"', svg)) == keys
    assert len(re.findall('class="head-v"', svg)) == 3
    assert len(re.findall('class="head-q"', svg)) == 9
    plural = "s" if keys > 1 else ""
    assert describe_heads(fake_info(side)) == f"9 query heads share {keys} key head{plural} and 3 value heads"


def test_layers_that_differ_are_told():
    info = replace(fake_info("sigma"), layers=4, layer_key_heads=(1, 3, 1, 3))
    assert describe_heads(info) == "9 query heads share 1 key head (3 in 2 of the 4 layers) and 3 value heads"
    assert info.key_heads_of(1) == 3 and info.kv_bytes_per_token == (8 * 64 + 4 * 3 * 64) * 2
    assert fake_info("sigma").key_heads_of(7) == 1


@pytest.mark.parametrize("queries, keys, values", [(9, 1, 3), (32, 4, 16), (64, 8, 8), (1, 1, 1)])
def test_however_many_heads_there_are_they_fit_beside_the_name_and_do_not_touch(queries, keys, values):
    svg = heads_svg(replace(fake_info("sigma"), query_heads=queries, key_heads=keys, value_heads=values))
    assert float(re.search(r' width="([\d.]+)" height="\d+" role', svg)[1]) <= 184
    dots = [(float(x), float(r)) for x, r in re.findall(r'cx="([\d.]+)" cy="[\d.]+" r="([\d.]+)"', svg)]
    assert len(dots) == queries and all(b - a > r + s for (a, r), (b, s) in itertools.pairwise(dots))
    bars = [(float(x), float(w)) for x, w in re.findall(r'class="head-k" x="([\d.]+)" y="2" width="([\d.]+)"', svg)]
    assert (
        len(bars) == keys
        and all(w > 0 for _, w in bars)
        and all(a + w < b for (a, w), (b, _) in itertools.pairwise(bars))
    )
