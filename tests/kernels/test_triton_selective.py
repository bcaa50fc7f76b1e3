"""The Triton selective kernels against the fp32 reference: on a GPU as compiled, elsewhere in Triton's interpreter."""

import pytest
import torch

pytest.importorskip("triton")

import kernels
from kernels.decode import reference as decode_reference
from kernels.selective import reference
from kernels.selective import triton as kernel
from kernels.selective.missing_mass import MISSING_MASS
from kernels.selective.sums import earlier_sum
from tests.kernels.inputs import HEADS, assert_close_enough, dtype_id, heads_id, make_qkv, naive

GPU = torch.cuda.is_available()
DEVICE = "cuda" if GPU else "cpu"
DTYPES = [torch.bfloat16, torch.float16, torch.float32] if GPU else [torch.float16, torch.float32]
pytestmark = [pytest.mark.gpu] if GPU else []

# How the choice is made: through the block maxima, through groups of them, by the fallback when too many rows reach the
# floor, or at once.
WAYS = {
    "blocks": dict(direct=0, capacity=64),
    "groups": dict(direct=0, capacity=64, tile=16),
    "overflow": dict(direct=0, capacity=2),
    "direct": dict(direct=10_000, capacity=2),
}


@pytest.fixture(params=WAYS)
def way(request):
    return WAYS[request.param]


@pytest.fixture(autouse=True)
def poisoned(monkeypatch):
    """Workspace and results start as NaN, and whole numbers as a row far outside: nothing unwritten may be used."""
    plain = torch.Tensor.new_empty

    def new_empty(self, *shape, **rest):
        made = plain(self, *shape, **rest)
        return made.fill_(float("nan") if made.is_floating_point() else 1 << 30) if made.numel() else made

    monkeypatch.setattr(torch.Tensor, "new_empty", new_empty)


def on_device(*tensors):
    return [x.to(DEVICE) for x in tensors]


def launch(q, k, v, top_k, way, *, lengths=None, splits=2, **how):
    way = {"tile": 256, "missing_mass": "renormalize", "threshold": 0.0, "v_sum": None} | way | how
    return kernel.launch(q, k, v, top_k, q.shape[3] ** -0.5, lengths, splits=splits, **way)


def assert_same(got, truth, q, k, v):
    """Near-ties may go either way in another summation order, so the kept scores are compared, not the rows."""
    scores = decode_reference.masked_scores(q, k, None, None)

    def kept(positions):
        held = scores.gather(-1, positions.long().clamp(min=0)).masked_fill(positions < 0, float("-inf"))
        return held.sort(-1).values

    assert got.positions.dtype == torch.int32
    assert got.positions.shape == truth.positions.shape
    assert ((got.positions >= 0) == (truth.positions >= 0)).all()
    torch.testing.assert_close(kept(got.positions), kept(truth.positions), atol=1e-5, rtol=0)
    torch.testing.assert_close(got.captured, truth.captured, atol=1e-5, rtol=1e-5)
    assert_close_enough(got.out.cpu(), truth.out.cpu(), naive(q.cpu(), k.cpu(), v.cpu()))


@pytest.mark.parametrize("missing_mass", MISSING_MASS)
@pytest.mark.parametrize("heads, d_k, d_v", [((3, 1, 3), 64, 64), ((4, 4, 1), 20, 7)], ids=str)
@pytest.mark.parametrize("top_k, rows", [(1, 3), (3, 200), (40, 131)])
def test_against_reference(way, heads, d_k, d_v, top_k, rows, missing_mass):
    q, k, v = on_device(*make_qkv(heads, 1, rows, d_k=d_k, d_v=d_v, spare=5))
    truth = reference.selective_decode_attention(q, k, v, top_k, missing_mass=missing_mass)
    assert_same(launch(q, k, v, top_k, way, missing_mass=missing_mass), truth, q, k, v)


@pytest.mark.parametrize("dtype", DTYPES, ids=dtype_id)
@pytest.mark.parametrize("heads", [(6, 3, 2), (9, 1, 3)], ids=heads_id)
def test_dtypes(heads, dtype):
    q, k, v = on_device(*make_qkv(heads, 1, 200, dtype=dtype, spare=5))
    truth = reference.selective_decode_attention(q.float(), k.float(), v.float(), 3)
    assert_same(launch(q, k, v, 3, WAYS["blocks"]), truth, q, k, v)


@pytest.mark.parametrize("how", [{}, {"missing_mass": "mean"}, {"missing_mass": "mean", "threshold": 0.03}], ids=str)
@pytest.mark.parametrize("top_k", [2, 30])
def test_several_queries_and_lengths(way, top_k, how):
    lengths = torch.tensor([2, 40, 150])
    q, k, v = make_qkv((2, 1, 2), 2, 150, b=3, d_k=16, layout="bthd")
    for s, length in enumerate(lengths.tolist()):
        k[s, :, length:], v[s, :, length:] = float("nan"), float("nan")
    q, k, v, lengths = on_device(q, k, v, lengths)
    truth = reference.selective_decode_attention(q, k, v, top_k, lengths=lengths, **how)
    got = launch(q, k, v, top_k, way, lengths=lengths, splits=3, **how)
    assert torch.equal(got.positions, truth.positions)
    torch.testing.assert_close(got.captured, truth.captured, atol=1e-5, rtol=0)
    torch.testing.assert_close(got.out, truth.out, atol=1e-5, rtol=0)


def test_ties_go_to_the_lowest_index(way):
    """One single key everywhere: all blocks reach the floor, and the first k rows and the current one are kept."""
    q, k, v = on_device(torch.ones(1, 2, 1, 16), torch.ones(1, 1, 300, 16), torch.randn(1, 1, 300, 16))
    got = launch(q, k, v, 3, way)
    assert (got.positions.cpu() == torch.tensor([0, 1, 2, 299], dtype=torch.int32)).all()
    torch.testing.assert_close(got.captured.cpu(), torch.full((1, 2, 1), 4 / 300), atol=1e-5, rtol=1e-4)


def test_ties_at_the_threshold_only(way):
    """Scores 0, 1, 2 repeating, more 2s than k; and negative ones with both zeros on top."""
    levels = torch.arange(300).remainder(3).float()
    q, v = on_device(torch.ones(1, 1, 1, 16), torch.randn(1, 1, 300, 16))
    k = levels.view(1, 1, 300, 1).repeat(1, 1, 1, 16).to(DEVICE)
    rows = launch(q, k, v, 4, way).positions.flatten().tolist()
    assert rows == [2, 5, 8, 11, 299]
    below = torch.where(levels == 2, torch.tensor([0.0, -0.0]).repeat(150), levels - 5)
    k = below.view(1, 1, 300, 1).repeat(1, 1, 1, 16).to(DEVICE)
    assert launch(q, k, v, 4, way).positions.flatten().tolist() == rows


@pytest.mark.filterwarnings("ignore:invalid value")
def test_infinite_scores(way):
    """An overflow to infinity (fp16 models have them) must neither hang nor lead outside the buffer."""
    q, k, v = on_device(*make_qkv((2, 1, 2), 1, 200, d_k=16))
    k[:, :, 50] = float("inf")
    q = q.abs()
    rows = launch(q, k, v, 4, way).positions
    assert (rows[..., -1] == 199).all()
    assert ((rows >= 0) & (rows < 200)).all()
    assert (rows == 50).any(-1).all()


@pytest.mark.parametrize("order", ["rising", "falling", "negative", "middle"])
def test_neighbours_score_alike(way, order):
    """Real scores come in runs: the best rows then fill a few blocks, and a group of neighbours would hide most of them."""
    row = torch.arange(300.0)
    levels = {"rising": row, "falling": -row, "negative": row - 400, "middle": -(row - 150.4).abs()}[order] / 100
    q, v = on_device(torch.ones(1, 1, 1, 16), torch.randn(1, 1, 300, 16))
    k = levels.view(1, 1, 300, 1).repeat(1, 1, 1, 16).to(DEVICE)
    got, truth = launch(q, k, v, 11, way), reference.selective_decode_attention(q, k, v, 11)
    assert torch.equal(got.positions, truth.positions)
    torch.testing.assert_close(got.out, truth.out, atol=1e-5, rtol=0)


def test_nan_rows_are_kept_first(way):
    """A broken row shows in the output, as in full attention, and leads nowhere else."""
    q, k, v = on_device(*make_qkv((2, 1, 2), 1, 200, d_k=16))
    k[:, :, 60], k[:, :, 121] = float("nan"), float("nan")
    got = launch(q, k, v, 4, way)
    assert ((got.positions >= 0) & (got.positions < 200)).all()
    assert (got.positions.diff(dim=-1) > 0).all()
    assert (got.positions == 60).any(-1).all()
    assert (got.positions == 121).any(-1).all()
    assert got.out.isnan().all()


def test_lengths_that_nobody_checked(way):
    q, k, v = on_device(*make_qkv((2, 1, 2), 2, 100, b=3, d_k=16))
    got = launch(q, k, v, 4, way, lengths=torch.tensor([0, 1, 1 << 40], device=DEVICE))
    truth = reference.selective_decode_attention(q[2:], k[2:], v[2:], 4)
    assert (got.out[0] == 0).all()
    assert (got.captured[0] == 0).all()
    assert (got.positions[0] == -1).all()
    assert (got.positions[1, :, 1] == torch.tensor([0, -1, -1, -1, -1], device=DEVICE)).all()
    torch.testing.assert_close(got.out[2:], truth.out, atol=1e-5, rtol=0)


def test_only_kept_rows_are_read(way):
    q, k, v = on_device(*make_qkv((3, 1, 3), 1, 200, d_k=16))
    chosen = reference.selective_decode_attention(q, k, v, 8)
    kept = torch.zeros(1, 3, 200, dtype=torch.bool, device=DEVICE)
    kept.scatter_(2, chosen.positions.long().view(1, 3, -1), True)
    v = v.masked_fill(~kept[..., None], float("nan"))
    torch.testing.assert_close(launch(q, k, v, 8, way).out, chosen.out, atol=1e-5, rtol=0)


def test_the_sum_is_used_and_not_where_nothing_is_left_out(way):
    q, k, v = on_device(*make_qkv((3, 1, 3), 1, 150, d_k=16))
    formed = launch(q, k, v, 8, way, missing_mass="mean")
    given = launch(q, k, v, 8, way, missing_mass="mean", v_sum=earlier_sum(v, 1))
    assert torch.equal(formed.out, given.out)
    other = launch(q, k, v, 8, way, missing_mass="mean", v_sum=earlier_sum(v, 1) + 100)
    assert not torch.allclose(formed.out, other.out, atol=0.1)
    broken = torch.full((1, 3, 16), float("nan"), device=DEVICE)
    every = [launch(q, k, v, 149, way, missing_mass=word, v_sum=broken) for word in ("drop", "mean")]
    assert torch.equal(every[0].out, every[1].out)


@pytest.mark.parametrize("top_k", [5, 60, 10_000])
def test_threshold(top_k):
    """By the public way: the selection of everything is one too."""
    q, k, v = on_device(*make_qkv((3, 1, 3), 1, 150, d_k=16))
    for word in MISSING_MASS:
        how = dict(missing_mass=word, threshold=0.01)
        truth = reference.selective_decode_attention(q, k, v, top_k, **how)
        got = kernel.selective_decode_attention(q, k, v, top_k, **how)
        assert torch.equal(got.positions, truth.positions)
        assert (got.positions < 0).any() == (top_k > 5)
        torch.testing.assert_close(got.captured, truth.captured, atol=1e-5, rtol=0)
        torch.testing.assert_close(got.out, truth.out, atol=1e-5, rtol=0)


@pytest.mark.parametrize("top_k", [49, 10_000])
def test_all_rows_is_full_attention(top_k):
    lengths = torch.tensor([50, 20], device=DEVICE)
    q, k, v = on_device(*make_qkv((9, 1, 3), 2, 50, b=2, d_k=16))
    truth = reference.selective_decode_attention(q, k, v, top_k, lengths=lengths)
    got = kernel.selective_decode_attention(q, k, v, top_k, lengths=lengths)
    assert torch.equal(got.positions, truth.positions)
    torch.testing.assert_close(got.captured, truth.captured, atol=1e-5, rtol=0)
    torch.testing.assert_close(got.out, truth.out, atol=1e-5, rtol=0)


def test_dispatch(monkeypatch):
    monkeypatch.setenv("SIGMA_KERNELS", "triton")
    q, k, v = on_device(*make_qkv((2, 1, 2), 1, 40, d_k=16))
    truth = reference.selective_decode_attention(q, k, v, 5)
    got = kernels.selective_decode_attention(q, k, v, 5)
    assert isinstance(got, kernels.SelectiveResult)
    assert torch.equal(got.positions, truth.positions)
    torch.testing.assert_close(got.out, truth.out, atol=1e-5, rtol=0)


@pytest.mark.skipif(not GPU, reason="needs a GPU")
@pytest.mark.parametrize("heads", HEADS, ids=heads_id)
@pytest.mark.parametrize("top_k, rows", [(100, 70_001), (2048, 70_001), (100, 2000)])
@pytest.mark.parametrize("dtype", DTYPES, ids=dtype_id)
def test_long_and_twice(heads, top_k, rows, dtype):
    """A result that moves between two runs on the same inputs is a race."""
    q, k, v = on_device(*make_qkv(heads, 1, rows, dtype=dtype, layout="bthd"))
    truth = reference.selective_decode_attention(q.float(), k.float(), v.float(), top_k)
    got = kernel.selective_decode_attention(q, k, v, top_k)
    assert_same(got, truth, q, k, v)
    again = kernel.selective_decode_attention(q, k, v, top_k)
    assert torch.equal(got.positions, again.positions)
    assert torch.equal(got.out, again.out)
