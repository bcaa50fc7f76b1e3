"""Maps of attention: every square holds the largest of its weights, whoever computes it."""

import pytest
import torch

import kernels
from kernels import native
from kernels.decode.reference import attention_weights, masked_scores
from tests.kernels.inputs import dtype_id, heads_id, make_qkv

NAN, INF = float("nan"), float("inf")


def plain(q, k, keys, width, scale=None):
    """Squares and LSE from all weights, cut by plain indexing."""
    weights, t = attention_weights(q, k, scale=scale), q.shape[2]
    down, across = -(-t // width), -(-(keys[1] - keys[0]) // width)
    squares = torch.zeros(*weights.shape[:2], down, across)
    for i in range(down):
        for j in range(across):
            low, high = keys[0] + j * width, min(keys[0] + (j + 1) * width, keys[1])
            squares[:, :, i, j] = weights[:, :, i * width : (i + 1) * width, low:high].amax((2, 3))
    return squares, masked_scores(q, k, scale, None).logsumexp(-1)


@pytest.fixture(params=["cpu", "reference"], autouse=True)
def path(request, monkeypatch):
    monkeypatch.setenv("SIGMA_KERNELS", request.param)
    return request.param


@pytest.mark.parametrize("heads", [(9, 1, 3), (9, 3, 3), (6, 2, 3), (5, 5, 5)], ids=heads_id)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32], ids=dtype_id)
@pytest.mark.parametrize(
    "t, rows, keys, width",
    [
        (1, 1, (0, 1), 1),
        (7, 300, (0, 300), 1),
        (300, 300, (0, 300), 1),
        (300, 300, (0, 300), 7),
        (130, 700, (0, 700), 16),
        (130, 700, (5, 600), 63),
        (200, 520, (300, 520), 33),
        (100, 290, (0, 290), 500),
        (90, 90, (89, 90), 64),
        (70, 400, (330, 400), 2),
    ],
)
def test_every_square_is_the_largest_of_its_weights(heads, dtype, t, rows, keys, width):
    q, k, _ = make_qkv(heads, t, rows, dtype=dtype, spare=3)
    got, sums = kernels.attention_squares(q, k, keys, width)
    meant, logs = plain(q, k, keys, width)
    torch.testing.assert_close(got, meant, rtol=2e-4, atol=1e-6)
    torch.testing.assert_close(sums, logs, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("d_k", [1, 20, 33, 96])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32], ids=dtype_id)
@pytest.mark.parametrize("layout", ["bhtd", "bthd"])
def test_any_head_dim_layout_batch_and_scale(d_k, dtype, layout):
    q, k, _ = make_qkv((6, 2, 2), 90, 200, b=2, d_k=d_k, dtype=dtype, layout=layout, spare=9)
    q = q.transpose(1, 2).contiguous().transpose(1, 2)
    for got, meant in zip(
        kernels.attention_squares(q, k, (10, 200), 12, scale=0.4), plain(q, k, (10, 200), 12, scale=0.4)
    ):
        torch.testing.assert_close(got, meant, rtol=1e-3, atol=1e-5)


def test_queries_whose_last_dimension_is_not_contiguous():
    q, k, _ = make_qkv((6, 2, 2), 50, 80)
    loose = q.transpose(2, 3).contiguous().transpose(2, 3)
    for got, meant in zip(kernels.attention_squares(loose, k, (0, 80), 9), plain(q, k, (0, 80), 9)):
        torch.testing.assert_close(got, meant)


def test_large_scores_keep_their_sum():
    q, k, _ = make_qkv((3, 1, 1), 80, 600)
    got, sums = kernels.attention_squares(q * 200, k, (0, 600), 30)
    meant, logs = plain(q * 200, k, (0, 600), 30)
    torch.testing.assert_close(sums, logs, rtol=1e-5, atol=1e-2)
    torch.testing.assert_close(got, meant, rtol=1e-2, atol=1e-5)


def test_nan_stays_where_it_is_seen():
    q, k, _ = make_qkv((6, 2, 3), 300, 300, d_k=16)
    k[:, 0, 100] = NAN
    got, sums = kernels.attention_squares(q, k, (0, 300), 10)
    assert sums[:, :3, 100:].isnan().all() and sums[:, :3, :100].isfinite().all() and sums[:, 3:].isfinite().all()
    assert got[:, :3, 10:, 0].isnan().all() and got[:, :3, :10].isfinite().all() and got[:, 3:].isfinite().all()
    q, k = q.abs() + 1, k.nan_to_num()
    k[:, 1] = -INF
    assert (kernels.attention_squares(q, k, (0, 300), 10)[1][:, 3:] == -INF).all()


def test_nothing_is_differentiated():
    q, k, _ = make_qkv((6, 2, 3), 4, 9)
    got, sums = kernels.attention_squares(q.requires_grad_(), k, (0, 9), 2)
    assert not got.requires_grad and not sums.requires_grad


def test_under_compile_the_reference_is_traced():
    q, k, _ = make_qkv((2, 1, 1), 4, 9)
    compiled = torch.compile(lambda q, k: kernels.attention_squares(q, k, (0, 9), 2), backend="eager")
    for got, meant in zip(compiled(q, k), plain(q, k, (0, 9), 2)):
        torch.testing.assert_close(got, meant)


@pytest.mark.parametrize(
    "keys, width, error, said",
    [
        ((0, 10), 2, ValueError, "keys 0 to 9 in squares of 2: k has rows 0 to 8"),
        ((-1, 9), 2, ValueError, "keys -1 to 8"),
        ((4, 4), 2, ValueError, "keys 4 to 3"),
        ((0, 9), 0, ValueError, "squares of 0"),
        ((0, 9), 2.0, TypeError, "width must be whole numbers, got float"),
        ((0, True), 2, TypeError, "got bool"),
        ([0, 9], 2, TypeError, "keys must be .first, last., got list"),
        (9, 2, TypeError, "got int"),
    ],
)
def test_a_window_that_is_none_is_named(keys, width, error, said):
    q, k, _ = make_qkv((6, 2, 3), 4, 9)
    with pytest.raises(error, match=said):
        kernels.attention_squares(q, k, keys, width)


def test_one_thread_and_many_give_the_same_bits(path):
    if path == "reference" or native.library() is None:
        pytest.skip("torch may cut its sums by threads")
    q, k, _ = make_qkv((9, 1, 3), 300, 700, dtype=torch.bfloat16)
    many, threads = kernels.attention_squares(q, k, (0, 700), 17), torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = kernels.attention_squares(q, k, (0, 700), 17)
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(a, b) for a, b in zip(many, one))


def test_the_bins_are_padded_as_in_the_source():
    source = (native._HERE / "squares" / "cpu.cpp").read_text()
    assert f"kBinPad = {native.SQUARES_BIN_PAD};" in source
