"""Numbers that are not finite in the Triton kernels: compiled on a GPU, in Triton's interpreter elsewhere."""

import pytest
import torch

pytest.importorskip("triton")

import kernels
from tests.kernels.inputs import make_qkv

GPU = torch.cuda.is_available()
DEVICE = "cuda" if GPU else "cpu"
pytestmark = [*([pytest.mark.gpu] if GPU else []), pytest.mark.filterwarnings("ignore::RuntimeWarning")]
NAN, INF = float("nan"), float("inf")
OPERATIONS = {
    "decode": lambda q, k, v, **rest: kernels.decode_attention(q, k, v, **rest),
    "prefill": lambda q, k, v, **rest: kernels.prefill_attention(q, k, v, **rest),
    "selective": lambda q, k, v, **rest: kernels.selective_decode_attention(q, k, v, 5, **rest).out,
    "selective-plain": lambda q, k, v, **rest: (
        kernels.selective_decode_attention(q, k, v, 5, missing_mass="drop", **rest).out
    ),
}


@pytest.fixture(autouse=True)
def _triton(monkeypatch):
    monkeypatch.setenv("SIGMA_KERNELS", "triton")


def inputs(rows=70, t=1, b=1):
    q, k, v = (x.to(DEVICE) for x in make_qkv((6, 2, 3), t, rows, b=b, d_k=16))
    q[..., 0] = 1
    return q, k, v


@pytest.mark.parametrize("operation", OPERATIONS)
def test_nan_that_is_used_shows(operation):
    for what in "qk":
        for row in (0, 3, 69):
            tensors = dict(zip("qkv", inputs()))
            tensors[what][:, 0, 0 if what == "q" else row] = NAN
            got = OPERATIONS[operation](*tensors.values())
            heads = 1 if what == "q" else 3
            assert got[:, :heads].isnan().all() and not got[:, heads:].isnan().any(), (what, row)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_infinite_scores(operation):
    q, k, v = inputs()
    k[:, 0, 3, 0] = INF
    got = OPERATIONS[operation](q, k, v)
    assert got[:, :3].isnan().all() and got[:, 3:].isfinite().all()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_rows_of_minus_infinity_weigh_nothing(operation):
    q, k, v = inputs()
    few = OPERATIONS[operation](q, k[:, :, 30:], v[:, :, 30:])
    k[:, :, :30, 0] = -INF
    torch.testing.assert_close(OPERATIONS[operation](q, k, v), few, atol=1e-3, rtol=0)


def test_rows_are_counted_by_place_not_by_score():
    q, k, v = inputs(12, t=3)
    k[:, :, :9, 0] = -INF
    positions = kernels.selective_decode_attention(q, k, v, 10).positions
    for j, current in enumerate((9, 10, 11)):
        assert (positions[0, :, j] >= 0).sum(-1).tolist() == [min(10, current) + 1] * 6


@pytest.mark.parametrize("operation", OPERATIONS)
def test_memory_that_may_not_be_used(operation):
    q, k, v = inputs(b=2)
    lengths = torch.tensor([31, 70], device=DEVICE)
    clean = OPERATIONS[operation](q, k, v, lengths=lengths)
    k[0, :, 31:], v[0, :, 31:] = NAN, NAN
    assert torch.equal(OPERATIONS[operation](q, k, v, lengths=lengths), clean)


def test_rows_that_are_not_fetched_are_not_used():
    q, k, v = inputs()
    clean = kernels.selective_decode_attention(q, k, v, 5)
    fetched = torch.zeros(71, dtype=torch.bool, device=DEVICE)
    fetched[clean.positions.long().flatten()] = True
    v[:, :, ~fetched[:70]] = NAN
    assert torch.equal(kernels.selective_decode_attention(q, k, v, 5).out, clean.out)
