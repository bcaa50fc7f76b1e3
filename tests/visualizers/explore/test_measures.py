import numpy as np
import pytest

from visualizers.explore import measures


def rows(*weights):
    return np.array(weights, np.float32)


def test_the_grid_of_k_ends_at_all_earlier_rows():
    assert measures.k_grid(1) == [1] and measures.k_grid(2) == [1] and measures.k_grid(3) == [1, 2]
    assert measures.k_grid(5) == [1, 2, 4] and measures.k_grid(70) == [1, 2, 4, 8, 16, 32, 64, 69]


def test_chosen_rows_are_the_best_earlier_ones_and_the_own():
    weights = rows([0.1, 0.4, 0.1, 0.3, 0.1], [0.2, 0.2, 0.2, 0.2, 0.2])
    assert measures.choose(weights, 2).tolist() == [[0, 1, 0, 1, 1], [1, 1, 0, 0, 1]]  # ties: the lowest index
    assert measures.choose(weights, 99).all()
    with pytest.raises(ValueError, match="at least 1"):
        measures.choose(weights, 0)


def test_captured_mass_and_smallest_k_agree():
    rng = np.random.default_rng(0)
    weights = rng.dirichlet(np.full(40, 0.1), 9).astype(np.float32)
    for k in (1, 5, 39, 100):
        chosen = measures.choose(weights, k)
        assert measures.captured_curve(weights, [k])[:, 0] == pytest.approx((weights * chosen).sum(1), abs=1e-5)
    smallest = measures.smallest_k(weights, 0.9)
    for head, k in enumerate(smallest):
        assert measures.captured_curve(weights, [int(k)])[head, 0] >= 0.9 - 1e-6
        if k > 1:
            assert measures.captured_curve(weights, [int(k) - 1])[head, 0] < 0.9


def test_one_token():
    weights = rows([1.0])
    assert measures.choose(weights, 4).tolist() == [[True]]
    assert measures.captured_curve(weights, [1, 2]).tolist() == [[1, 1]]
    assert measures.smallest_k(weights).tolist() == [1] and measures.entropy_bits(weights).tolist() == [0]


def test_entropy_and_divergence_have_their_known_values():
    even, one, other = rows([0.25] * 4), rows([1, 0, 0, 0]), rows([0, 1, 0, 0])
    assert measures.entropy_bits(even)[0] == pytest.approx(2) and measures.entropy_bits(one)[0] == 0
    assert measures.jensen_shannon(one, one)[0] == 0 and measures.jensen_shannon(one, other)[0] == pytest.approx(1)
    assert 0 < measures.jensen_shannon(one, even)[0] < 1
    with pytest.raises(ValueError, match="shape"):
        measures.jensen_shannon(one, rows([1, 0]))


def test_sharing_counts_rows_per_value_head():
    marks = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1], [0, 0, 1, 1]], bool)
    found = measures.sharing(marks, 2)
    assert found == {"requested": [4, 3], "distinct": [3, 2], "shared": [1, 1, 1, 1]}
    assert measures.sharing(marks, 4)["shared"] == [0, 0, 0, 0]
    with pytest.raises(ValueError, match="evenly"):
        measures.sharing(marks, 3)


@pytest.mark.parametrize(
    "a,b,at", [([1, 2], [1, 2], None), ([1, 2], [1, 3], 1), ([1], [1, 3], 1), ([], [], None), ([], [4], 0)]
)
def test_where_texts_part(a, b, at):
    assert measures.first_difference(a, b) == at
