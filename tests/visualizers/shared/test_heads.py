import re

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
