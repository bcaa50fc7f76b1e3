"""Selective V fetching: which rows are kept, what they weigh, and what was captured."""

import pytest
import torch

import kernels
from kernels import native
from kernels.decode import reference as decode_reference
from kernels.selective import cpu, reference
from kernels.selective import native as native_selective
from kernels.selective.missing_mass import MISSING_MASS
from kernels.selective.sums import earlier_sum
from tests.kernels.inputs import HEADS, assert_close_enough, dtype_id, heads_id, make_qkv, naive

PATHS = {"native": native_selective.selective_decode_attention, "torch": cpu.selective_decode_attention}


@pytest.fixture(params=PATHS)
def path(request):
    if request.param == "native" and native.library() is None:
        pytest.skip(f"no native code: {native.status()}")
    return PATHS[request.param]


def kept_scores(q, k, positions):
    """Sorted scores of the kept rows: near-ties may go either way in another summation order."""
    scores = decode_reference.masked_scores(q, k, None, None)
    held = scores.gather(-1, positions.long().clamp(min=0)).masked_fill(positions < 0, float("-inf"))
    return held.sort(-1).values


def assert_same(got, truth, q, k, v):
    assert got.positions.dtype == torch.int32
    assert got.positions.shape == truth.positions.shape
    assert ((got.positions >= 0) == (truth.positions >= 0)).all()
    torch.testing.assert_close(kept_scores(q, k, got.positions), kept_scores(q, k, truth.positions), atol=1e-5, rtol=0)
    torch.testing.assert_close(got.captured, truth.captured, atol=1e-5, rtol=1e-5)
    assert_close_enough(got.out, truth.out, naive(q, k, v), atol=1e-5)


def test_reference_by_hand():
    """Scores 3, 1, 2, 2, 0 and top-2: rows 0 and 2 (the tie goes to the lower index), plus the current row 4."""
    k = torch.tensor([3.0, 1.0, 2.0, 2.0, 0.0]).view(1, 1, 5, 1)
    v = torch.tensor([10.0, 20.0, 30.0, 40.0, 50.0]).view(1, 1, 5, 1)
    weights = k.flatten().softmax(0)
    kept = weights[[0, 2, 4]]
    got = reference.selective_decode_attention(torch.ones(1, 1, 1, 1), k, v, 2, scale=1.0, missing_mass="drop")
    assert got.positions.flatten().tolist() == [0, 2, 4]
    torch.testing.assert_close(got.captured.flatten()[0], kept.sum())
    torch.testing.assert_close(got.out.flatten()[0], (kept * torch.tensor([10.0, 30.0, 50.0])).sum())
    again = reference.selective_decode_attention(torch.ones(1, 1, 1, 1), k, v, 2, scale=1.0)
    torch.testing.assert_close(again.out, got.out / got.captured[..., None])


def test_the_mean_by_hand():
    """As above: the weights of rows 1 and 3 go to their mean, 30. And two queries, the first of which sees row 3 last."""
    k = torch.tensor([3.0, 1.0, 2.0, 2.0, 0.0]).view(1, 1, 5, 1)
    v = torch.tensor([10.0, 20.0, 30.0, 40.0, 50.0]).view(1, 1, 5, 1)
    one = torch.ones(1, 1, 2, 1)
    got = reference.selective_decode_attention(one, k, v, 2, scale=1.0, missing_mass="mean")
    weights = k.flatten().softmax(0)
    last = (weights[[0, 2, 4]] * torch.tensor([10.0, 30.0, 50.0])).sum() + weights[[1, 3]].sum() * 30
    early = k.flatten()[:4].softmax(0)  # rows 0 and 2 and its own, 3: row 1 is alone outside, and is its own mean
    torch.testing.assert_close(got.out.flatten(), torch.stack([(early * v.flatten()[:4]).sum(), last]))


@pytest.mark.parametrize("missing_mass", MISSING_MASS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32], ids=dtype_id)
@pytest.mark.parametrize("heads", HEADS, ids=heads_id)
@pytest.mark.parametrize(
    "top_k, rows", [(1, 1), (1, 2), (3, 17), (16, 65), (100, 101), (100, 102), (7, 1500), (100, 2500)]
)
def test_against_reference(path, heads, top_k, rows, dtype, missing_mass):
    q, k, v = make_qkv(heads, 1, rows, dtype=dtype, spare=5)
    truth = reference.selective_decode_attention(q.float(), k.float(), v.float(), top_k, missing_mass=missing_mass)
    assert_same(path(q, k, v, top_k, missing_mass=missing_mass), truth, q, k, v)


@pytest.mark.parametrize("options", [{}, {"missing_mass": "mean"}, {"threshold": 0.02}], ids=str)
@pytest.mark.parametrize("top_k", [2, 30, 500])
def test_several_queries_and_lengths(path, top_k, options):
    lengths = torch.tensor([3, 40, 200])
    q, k, v = make_qkv((9, 1, 3), 3, 200, b=3)
    for s, length in enumerate(lengths.tolist()):
        k[s, :, length:], v[s, :, length:] = float("nan"), float("nan")
    truth = reference.selective_decode_attention(q, k, v, top_k, lengths=lengths, **options)
    got = path(q, k, v, top_k, lengths=lengths, **options)
    assert torch.equal(got.positions, truth.positions)
    torch.testing.assert_close(got.captured, truth.captured, atol=1e-5, rtol=0)
    torch.testing.assert_close(got.out, truth.out, atol=1e-5, rtol=0)


@pytest.mark.parametrize("rows", [20, 300, 3000])
def test_ties_go_to_the_lowest_index(path, rows):
    """Keys of one single value: every earlier row ties, so the first k and the current row are kept."""
    q = torch.ones(1, 9, 1, 16)
    k, v = torch.ones(1, 1, rows, 16), torch.randn(1, 3, rows, 16)
    got = path(q, k, v, 10)
    expected = torch.tensor([*range(10), rows - 1], dtype=torch.int32)
    assert (got.positions == expected).all()
    torch.testing.assert_close(got.captured, torch.full((1, 9, 1), 11 / rows), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("rows", [40, 2000])
def test_ties_at_the_threshold_only(path, rows):
    """Scores 0, 1, 2 repeating, more 2s than k: among equals the lowest rows, also across signs of zero."""
    levels = torch.arange(rows).remainder(3).float()
    levels[levels == 0] = -0.0
    k = levels.view(1, 1, rows, 1).repeat(1, 1, 1, 4).contiguous()
    got = path(torch.ones(1, 3, 1, 4), k, torch.randn(1, 1, rows, 8), 5)
    assert (got.positions == torch.tensor([2, 5, 8, 11, 14, rows - 1], dtype=torch.int32)).all()


@pytest.mark.parametrize("top_k", [299, 300, 10_000])
def test_all_rows_is_full_attention(path, top_k):
    q, k, v = make_qkv((9, 1, 3), 2, 300)
    got = path(q, k, v, top_k)
    torch.testing.assert_close(got.out, decode_reference.decode_attention(q, k, v), atol=1e-5, rtol=0)
    torch.testing.assert_close(got.captured, torch.ones(1, 9, 2), atol=1e-5, rtol=0)
    assert got.positions.shape == (1, 9, 2, 300)


def test_only_kept_rows_are_read(path):
    """V rows outside the choice may hold anything: they are not multiplied by zero, they are not touched."""
    q, k, v = make_qkv((9, 3, 3), 1, 800)
    chosen = reference.selective_decode_attention(q, k, v, 20)
    kept = torch.zeros(1, 3, 800, dtype=torch.bool)
    kept.scatter_(2, chosen.positions.long().view(1, 3, -1), True)
    poisoned = v.masked_fill(~kept[..., None], float("nan"))
    torch.testing.assert_close(path(q, k, poisoned, 20).out, chosen.out, atol=1e-5, rtol=0)


def test_current_row_is_kept_at_the_lowest_score(path):
    q, k, v = make_qkv((9, 1, 3), 1, 400)
    k[:, :, -1] = -20 * q.mean(1)
    assert (path(q, k, v, 8).positions[..., -1] == 399).all()


def test_public_name_returns_the_public_type():
    q, k, v = make_qkv((9, 1, 3), 1, 30)
    assert isinstance(kernels.selective_decode_attention(q, k, v, 4), kernels.SelectiveResult)


@pytest.mark.parametrize("missing_mass", MISSING_MASS)
def test_torch_path_has_the_references_gradients(missing_mass):
    """Without a C++ compiler this path also serves those who train through selective V."""
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.randn(1, h, t, 8, generator=generator, requires_grad=True) for h, t in ((4, 2), (2, 20), (4, 20))]
    grads = []
    for module in (cpu, reference):
        out = module.selective_decode_attention(*inputs, 5, scale=0.3, missing_mass=missing_mass).out
        grads.append(torch.autograd.grad(out.square().sum(), inputs))
    for ours, theirs in zip(*grads):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


# The mean of what is not fetched, and the threshold ---------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32], ids=dtype_id)
def test_a_kept_sum_is_the_sum_that_is_formed(path, dtype):
    q, k, v = make_qkv((9, 1, 3), 3, 200, b=2, dtype=dtype)
    lengths = torch.tensor([50, 200])
    for some in (None, lengths):
        formed = path(q, k, v, 6, missing_mass="mean", lengths=some)
        given = path(q, k, v, 6, missing_mass="mean", lengths=some, v_sum=earlier_sum(v, 3, some))
        assert torch.equal(formed.out, given.out)
    other = path(q, k, v, 6, missing_mass="mean", v_sum=earlier_sum(v, 3) + 100)
    assert not torch.allclose(other.out, formed.out, atol=0.1)  # it is used, not formed anew


@pytest.mark.parametrize("rows", [1, 2, 300])
def test_nothing_outside_is_the_same_bits(path, rows):
    """With every row kept there is no mean, whatever the sum holds."""
    q, k, v = make_qkv((9, 1, 3), 1, rows)
    plain = path(q, k, v, rows, missing_mass="drop")
    got = path(q, k, v, rows, missing_mass="mean", v_sum=torch.full((1, 3, 64), float("nan")))
    assert torch.equal(got.out, plain.out)


@pytest.mark.parametrize("missing_mass", MISSING_MASS)
def test_equal_rows_outside_are_no_loss(path, missing_mass):
    """Where all V rows outside the choice are one vector, the mean gives full attention; dropping the mass does not."""
    q, k, v = make_qkv((6, 2, 6), 1, 400)  # heads that share V rows choose different ones
    kept = torch.zeros(1, 6, 400, dtype=torch.bool)
    kept.scatter_(2, reference.selective_decode_attention(q, k, v, 8).positions.long().view(1, 6, -1), True)
    v = torch.where(kept[..., None], v, torch.linspace(-3, 3, 64))
    full = decode_reference.decode_attention(q, k, v)
    error = (path(q, k, v, 8, missing_mass=missing_mass).out - full).abs().max()
    assert error < 1e-4 if missing_mass == "mean" else error > 0.05


def test_nan_outside_shows_in_the_mean_alone(path):
    """The sum holds every row; memory past the length, and rows that the first query does not see, are not in it."""
    q, k, v = make_qkv((6, 2, 3), 2, 300, d_k=16)
    chosen = reference.selective_decode_attention(q, k, v, 5).positions
    free = next(row for row in range(300) if not (chosen == row).any())
    v[:, 0, free, 3] = float("nan")
    got = path(q, k, v, 5, missing_mass="mean").out
    assert got[:, :2, :, 3].isnan().all() and got.isnan().sum() == 4
    assert path(q, k, v, 5, missing_mass="drop").out.isfinite().all()
    v[:, 0, free, 3], v[:, :, 299] = 0, float("nan")
    got = path(q, k, v, 5, missing_mass="mean").out
    assert got[:, :, 0].isfinite().all() and got[:, :, 1].isnan().all()


@pytest.mark.parametrize("missing_mass", MISSING_MASS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32], ids=dtype_id)
@pytest.mark.parametrize("heads", [(9, 1, 3), (40, 8, 20)], ids=heads_id)
@pytest.mark.parametrize("top_k", [5, 100, 1000])
def test_threshold(path, heads, top_k, dtype, missing_mass):
    """Rows below it are not kept, though they are among the best k; the current one stays, whatever it weighs."""
    q, k, v = make_qkv(heads, 1, 600, dtype=dtype)
    k[:, :, -1] = 0  # no weight to speak of
    weights = decode_reference.attention_weights(q, k)
    levels = weights.flatten().sort(descending=True).values
    threshold = float((levels[len(levels) // 20] + levels[len(levels) // 20 + 1]) / 2)  # a twentieth of all weights
    truth = reference.selective_decode_attention(
        q.float(), k.float(), v.float(), top_k, missing_mass=missing_mass, threshold=threshold
    )
    got = path(q, k, v, top_k, missing_mass=missing_mass, threshold=threshold)
    assert_same(got, truth, q, k, v)
    kept = got.positions >= 0
    many = (weights[..., :-1] >= threshold).sum(-1).clamp(max=top_k) + 1
    assert torch.equal(kept.sum(-1), many) and (many < top_k + 1).any() == (top_k > 5)
    assert (got.positions.masked_fill(~kept, 0).amax(-1) == 599).all()


def test_threshold_of_everything(path):
    """Where no earlier row weighs enough, the current one alone is left."""
    q, k, v = make_qkv((9, 1, 3), 1, 100)
    k.zero_()
    got = path(q, k, v, 20, threshold=0.5, missing_mass="renormalize")
    assert (got.positions[..., 0] == 99).all() and (got.positions[..., 1:] == -1).all()
    torch.testing.assert_close(got.out, v[:, :, -1:].repeat_interleave(3, 1))
    mean = path(q, k, v, 20, threshold=0.5, missing_mass="mean")
    torch.testing.assert_close(mean.out, v.mean(2, keepdim=True).repeat_interleave(3, 1), atol=1e-5, rtol=0)
