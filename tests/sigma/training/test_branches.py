"""Rows that begin alike are computed together, and nothing that is learned from them changes."""

import pytest
import torch
import torch.nn.functional as F

from sigma.training.branches import (
    BRANCHES,
    LEAST_SHARED,
    MOST_ROWS,
    Group,
    Row,
    grouped,
    hidden_states,
    laid,
)
from tests.tiny import tiny_model

SHAPES = {
    "gqa": {"num_key_heads": 3},
    "sigma": {"num_key_heads": 1, "augmented_query_dim": 80},
    "half-k": {"num_key_heads": 1, "key_head_dim": 4},
}


def rows_with(beginning: tuple[int, ...], count: int, seed: int = 0) -> list[Row]:
    """Rows of various lengths behind the same tokens, the last three of each learned."""
    torch.manual_seed(seed)
    rests = [torch.randint(3, 259, (4 + 3 * i % 7,)).tolist() for i in range(count)]
    return [Row("cmdgen", (*beginning, *rest), len(beginning) + len(rest) - 3) for rest in rests]


def pieces() -> list[Group]:
    """Two groups with a beginning in common, and a row alone."""
    first, second = tuple(range(5, 25)), tuple(range(30, 47))
    return [
        Group(tuple(rows_with(first, 3)), 20),
        Group((Row("facts", (9, 8, 7, 6, 5), 2),), 0),
        Group(tuple(rows_with(second, 2, 1)), 17),
    ]


def whole(model, rows: list[Row]):
    """Loss of every row by itself, the plain way, in the order of the rows."""
    losses = []
    for row in rows:
        ids = torch.tensor(row.ids)
        logits = model(ids[None]).logits[0, row.start - 1 : -1]
        losses.append(F.cross_entropy(logits, ids[row.start :], reduction="none"))
    return torch.cat(losses)


def together(model, groups: list[Group]):
    model.config._attn_implementation = BRANCHES
    line = laid(groups)
    return F.cross_entropy(model.lm_head(hidden_states(model, line)), line.wanted, reduction="none")


@pytest.mark.parametrize("shape", SHAPES)
def test_losses_and_gradients_are_those_of_whole_rows(shape):
    alone, shared = tiny_model(**SHAPES[shape]).train(), tiny_model(**SHAPES[shape]).train()
    shared.load_state_dict(alone.state_dict())
    groups = pieces()
    want = whole(alone, [row for group in groups for row in group.rows])
    got = together(shared, groups)
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)
    want.sum().backward(), got.sum().backward()
    for (name, one), other in zip(alone.named_parameters(), shared.parameters()):
        torch.testing.assert_close(
            other.grad, one.grad, rtol=1e-3, atol=1e-3, msg=lambda text, name=name: f"{name}: {text}"
        )


def test_a_row_does_not_see_its_sisters():
    model, (group, *_) = tiny_model().eval(), pieces()
    before = together(model, [group])
    other = Row("cmdgen", (*group.rows[0].ids[:20], *(77,) * (len(group.rows[0].ids) - 20)), group.rows[0].start)
    after = together(model, [Group((other, *group.rows[1:]), 20)])
    assert not torch.equal(before[:3], after[:3])
    torch.testing.assert_close(before[3:], after[3:], rtol=0, atol=0)


def test_a_line_says_where_everything_stands():
    line = laid([Group((Row("facts", (5, 6, 7, 8), 3), Row("facts", (5, 6, 9, 4, 2), 3)), 2)])
    assert line.ids.tolist() == [[5, 6, 7, 8, 9, 4, 2]]
    assert line.positions.tolist() == [[0, 1, 2, 3, 2, 3, 4]]
    assert (line.predicting.tolist(), line.wanted.tolist()) == ([2, 4, 5], [8, 4, 2])
    assert line.layout == ((2, (2, 3)),)


def test_rows_that_begin_alike_stand_together_and_others_alone():
    first, second = tuple(range(5, 45)), tuple(range(100, 160))
    rows = [*rows_with(first, 4), *rows_with(second, 5), *(Row("facts", (n, 3, 4, 5, 2), 3) for n in (200, 201, 202))]
    groups = grouped(rows[::-1], 1000)
    assert sorted(row.ids for group in groups for row in group.rows) == sorted(row.ids for row in rows)
    assert sorted(group.shared for group in groups) == [0, 0, 0, 40, 60]
    assert sum(group.size for group in groups) == sum(len(row.ids) for row in rows) - 3 * 40 - 4 * 60


def test_what_a_group_shares_is_never_learned_and_never_predicts_what_is():
    same = tuple(range(5, 45))
    groups = grouped([Row("facts", same, 30), Row("facts", same, 35), Row("facts", same, 40)], 1000)
    for group in groups:
        assert all(group.shared < row.start for row in group.rows)
        assert all(row.ids[: group.shared] == group.rows[0].ids[: group.shared] for row in group.rows)


def test_groups_end_where_they_are_full():
    rows = rows_with(tuple(range(5, 45)), 30)
    assert {len(group.rows) for group in grouped(rows, 10_000)} <= set(range(1, MOST_ROWS + 1))
    assert all(group.size <= 70 for group in grouped(rows, 70))
    few = rows_with(tuple(range(5, 5 + LEAST_SHARED - 1)), 6)
    assert all(len(group.rows) == 1 for group in grouped(few, 10_000))


def test_a_layout_of_another_line_is_refused():
    model, groups = tiny_model().eval(), pieces()
    model.config._attn_implementation = BRANCHES
    line = laid(groups)
    other = laid(groups[:1])
    with pytest.raises(ValueError, match="layout"):
        hidden_states(model, type(line)(line.ids, line.positions, line.predicting, line.wanted, other.layout))
