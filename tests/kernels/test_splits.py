"""How decode is cut into programs: every query head once, every element read once where that is promised."""

import pytest

from kernels.configurations import DIMS, HEADS, QUERIES
from kernels.splits import SHARED_KIB, padded, plan_heads, plan_tile, shared_bytes, split_count
from tests.kernels.inputs import HEADS as TESTED
from tests.kernels.inputs import heads_id

ALL = list(dict.fromkeys([*HEADS, *TESTED, (7, 7, 1), (48, 3, 4), (128, 8, 16)]))


def programs(heads, plan):
    """(query heads, V heads) of each program, in the kernel's own arithmetic."""
    n_q, n_k, n_v = heads
    group_k, group_v = n_q // n_k, n_q // n_v
    for key in range(n_k):
        for chunk in range(plan.chunks):
            first = key * group_k + chunk * plan.heads
            served = range(first, min(first + plan.heads, (key + 1) * group_k))
            yield served, range(served[0] // group_v, served[-1] // group_v + 1)


@pytest.mark.parametrize("heads", ALL, ids=heads_id)
def test_every_query_head_once_and_its_v_head_beside_it(heads):
    n_q, n_k, n_v = heads
    for t in range(1, 17):
        for itemsize, d_v in ((2, 64), (2, 256), (4, 64), (4, 256), (2, 0)):
            plan = plan_heads(*heads, t, d_v, itemsize)
            served = [head for queries, _ in programs(heads, plan) for head in queries]
            assert served == list(range(n_q))
            assert plan.block_m >= max(16, plan.heads * t)
            for queries, values in programs(heads, plan):
                assert {head * n_v // n_q for head in queries} == set(values)
                assert {head * n_k // n_q for head in queries} == {queries[0] * n_k // n_q}
                assert not d_v or len(values) <= plan.slots


@pytest.mark.parametrize("heads", [(32, 4, 16), (9, 1, 3), (9, 3, 3), (32, 16, 16), (64, 8, 8)], ids=heads_id)
@pytest.mark.parametrize("d_v", [32, 64, 96, 128])
def test_everything_is_read_once_where_k_heads_hold_whole_v_heads(heads, d_v):
    plan = plan_heads(*heads, 1, d_v, 2)
    assert plan.chunks == 1
    values = [value for _, values in programs(heads, plan) for value in values]
    assert values == list(range(heads[2]))


def test_chunks_where_one_program_cannot_hold_the_values():
    """64/1/64: 64 V heads under one K head. V is still read once, K once per chunk."""
    plan = plan_heads(64, 1, 64, 1, 64, 2)
    assert plan.chunks == 8
    values = [value for _, values in programs((64, 1, 64), plan) for value in values]
    assert values == list(range(64))


@pytest.mark.parametrize("target", [*SHARED_KIB, "sm_75", "gfx1100"])
def test_tiles_fit_the_target(target):
    for heads in ALL:
        for t in QUERIES:
            for d_k, d_v in [*DIMS, (64, 0)]:
                for itemsize in (2, 4):
                    plan = plan_heads(*heads, t, d_v, itemsize)
                    tile = plan_tile(plan, d_k, d_v, itemsize, target)
                    width = padded(d_k) + (plan.slots * padded(d_v) if d_v else 0)
                    held = (tile.num_stages - 1) * tile.block_n * width * itemsize
                    assert held * tile.resident < shared_bytes(target), (heads, t, d_k, d_v, itemsize, tile)


def test_unknown_targets_get_the_smallest_memory():
    assert shared_bytes("sm_75") == shared_bytes("sm_86") == 99 * 1024
    assert shared_bytes("gfx90a") == 64 * 1024


def test_split_count():
    sm_90 = 264  # two programs on each of 132 multiprocessors
    assert split_count(1, 1, sm_90) == 1
    assert split_count(4, 4, sm_90) <= 4
    assert split_count(4, 1024, sm_90) == 64  # 65,536 rows: 256 programs, one wave of 16 tiles each
    assert split_count(4 * 32, 1024, sm_90) == 2  # 32 sequences fill the device almost alone
    assert split_count(10_000, 64, sm_90) == 1
    assert split_count(1, 1024, sm_90) > 132  # one program (9/1/3, one sequence) is spread over the whole device
    assert split_count(1, 10**6, sm_90) == sm_90
    assert split_count(1, 10**6, 4000) == 1024
    for bad in ((0, 1, 1), (1, 0, 1), (1, 1, 0)):
        with pytest.raises(ValueError, match="0"):
            split_count(*bad)


def test_few_programs_fill_one_wave():
    """Where the rows allow it, a launch that would leave the device half empty is split up to one full wave."""
    for programs_ in (1, 3, 4, 9, 32):
        assert 0.9 * 264 < programs_ * split_count(programs_, 4000, 264) <= 264
        for tiles in (1, 2, 7, 64):
            assert 1 <= split_count(programs_, tiles, 264) <= tiles
