"""The Triton prefill kernels, forward and backward, against the fp32 reference: compiled on a GPU, else interpreted."""

import pytest
import torch

pytest.importorskip("triton")

import kernels
from kernels import backends
from kernels.prefill import reference
from kernels.prefill import triton as kernel
from kernels.prefill.triton_plan import MAX_DIMS, Blocks, backward_blocks, backward_units, forward_blocks
from kernels.splits import SHARED_KIB
from tests.kernels.inputs import assert_close_enough, dtype_id, heads_id, make_qkv, naive

GPU = torch.cuda.is_available()
DEVICE = "cuda" if GPU else "cpu"
# The interpreter multiplies the bit patterns of bf16.
DTYPES = [torch.bfloat16, torch.float16, torch.float32] if GPU else [torch.float16, torch.float32]
pytestmark = [pytest.mark.gpu] if GPU else []

# As `tests.kernels.inputs.HEADS` with fewer query heads: the interpreter is slow.
HEADS = [(6, 1, 3), (6, 3, 3), (8, 1, 4), (10, 2, 5), (6, 3, 2), (4, 4, 1), (3, 3, 3)]

# Small blocks: many seams on few rows. m is not n, so that a mix-up shows.
SMALL = Blocks(m=32, n=16, num_warps=4, num_stages=1)


def on_device(*tensors):
    return [None if x is None else x.to(DEVICE) for x in tensors]


def launch(q, k, v, lengths=None, scale=None):
    """(out, lse) with small blocks, on the CPU."""
    scale = q.shape[3] ** -0.5 if scale is None else scale
    out, lse = kernel.forward(*on_device(q, k, v, lengths), scale, True, SMALL)
    return out.cpu(), lse.cpu()


@pytest.fixture
def poisoned(monkeypatch):
    """Memory that the wrapper asks for is full of NaN: a result that is not written shows."""
    plain = torch.Tensor.new_empty

    def new_empty(self, *shape, **rest):
        made = plain(self, *shape, **rest)
        return made.fill_(float("nan")) if made.is_floating_point() else made

    monkeypatch.setattr(torch.Tensor, "new_empty", new_empty)


@pytest.mark.usefixtures("poisoned")
@pytest.mark.parametrize("dtype", DTYPES, ids=dtype_id)
@pytest.mark.parametrize("heads", HEADS, ids=heads_id)
def test_close_to_fp32(heads, dtype):
    """An odd chunk behind an odd past, in views of a cache with NaN behind."""
    q, k, v = make_qkv(heads, 33, 51, d_k=32, d_v=16, dtype=dtype, spare=9)
    out, lse = launch(q, k, v)
    truth, true_lse = reference.prefill_attention(q.float(), k.float(), v.float(), return_lse=True)
    assert_close_enough(out, truth, naive(q, k, v))
    torch.testing.assert_close(lse, true_lse, atol=1e-5, rtol=1e-5)


@pytest.mark.usefixtures("poisoned")
@pytest.mark.parametrize("t, rows", [(1, 1), (1, 40), (16, 16), (17, 17), (31, 64), (64, 64), (65, 81), (2, 130)])
def test_lengths_and_offsets(t, rows):
    q, k, v = make_qkv((6, 1, 3), t, rows, d_k=16)
    truth, true_lse = reference.prefill_attention(q, k, v, return_lse=True)
    out, lse = launch(q, k, v)
    torch.testing.assert_close(out, truth, atol=1e-5, rtol=0)
    torch.testing.assert_close(lse, true_lse, atol=1e-5, rtol=0)


@pytest.mark.parametrize("d_k, d_v", [(96, 96), (192, 64), (32, 64), (20, 7), (256, 128), (6, 10)])
def test_widths(d_k, d_v):
    q, k, v = make_qkv((6, 2, 3), 19, 37, d_k=d_k, d_v=d_v, dtype=torch.float16)
    truth = reference.prefill_attention(q.float(), k.float(), v.float())
    assert_close_enough(launch(q, k, v)[0], truth, naive(q, k, v))


@pytest.mark.usefixtures("poisoned")
@pytest.mark.parametrize("layout", ["bhtd", "bthd"])
def test_sequences_of_unequal_length_hide_nan(layout):
    lengths = torch.tensor([20, 61, 33])
    q, k, v = make_qkv((6, 1, 3), 20, 61, b=3, d_k=16, d_v=32, layout=layout)
    for s, length in enumerate(lengths.tolist()):
        k[s, :, length:], v[s, :, length:] = float("nan"), float("nan")
    truth, true_lse = reference.prefill_attention(q, k, v, lengths=lengths, return_lse=True)
    out, lse = launch(q, k, v, lengths)
    torch.testing.assert_close(out, truth, atol=1e-5, rtol=0)
    torch.testing.assert_close(lse, true_lse, atol=1e-5, rtol=0)


@pytest.mark.filterwarnings("ignore:divide by zero")
def test_impossible_lengths_on_the_device_do_no_harm():
    """Unchecked there: beyond the buffer counts as the whole buffer, below t leaves queries that see nothing."""
    q, k, v = make_qkv((3, 1, 3), 20, 40, b=3, d_k=16)
    out, lse = launch(q, k, v, torch.tensor([10_000, 5, -7]))
    truth, true_lse = reference.prefill_attention(q[:1], k[:1], v[:1], return_lse=True)
    torch.testing.assert_close(out[:1], truth, atol=1e-5, rtol=0)
    torch.testing.assert_close(lse[:1], true_lse, atol=1e-5, rtol=0)
    assert out[1, :, :15].abs().max() == 0
    assert (lse[1, :, :15] == float("-inf")).all()
    short = reference.prefill_attention(q[1:2, :, 15:], k[1:2, :, :5], v[1:2, :, :5])
    torch.testing.assert_close(out[1:2, :, 15:], short, atol=1e-5, rtol=0)
    assert out[2].abs().max() == 0


@pytest.mark.parametrize("scale", [0.0, 3.0, -1.0])
def test_scale_and_large_scores(scale):
    q, k, v = make_qkv((3, 1, 3), 17, 50, d_k=16)
    k[:, :, 3] *= 20
    truth = reference.prefill_attention(q.double(), k.double(), v.double(), scale=scale)
    out = kernel.prefill_attention(*on_device(q, k, v), scale=scale)
    torch.testing.assert_close(out.cpu(), truth.float(), atol=2e-4, rtol=0)


def gradients(function, inputs, dout, dlse, **rest):
    """Gradients of out and, unless dlse is None, of the LSE."""
    inputs = [x.detach().clone().requires_grad_() for x in inputs]
    out, lse = function(*inputs, return_lse=True, **rest)
    results, seeds = ([out], [dout]) if dlse is None else ([out, lse], [dout, dlse])
    return [x.cpu() for x in torch.autograd.grad(results, inputs, seeds)]


@pytest.mark.usefixtures("poisoned")
@pytest.mark.parametrize("units", [1, 3, 9])
@pytest.mark.parametrize("t, rows", [(33, 33), (18, 35)])
def test_gradients(units, t, rows, monkeypatch):
    """Whole groups per program, groups cut in parts, one query head per program: the same sums over the groups."""
    monkeypatch.setattr(kernel, "backward_units", lambda *_: units)
    monkeypatch.setattr(kernel, "backward_blocks", lambda *_: (SMALL, SMALL))
    q, k, v = make_qkv((9, 1, 3), t, rows, d_k=16, d_v=24)
    dout, dlse = torch.randn(1, 9, t, 24), torch.randn(1, 9, t)
    truth = gradients(reference.prefill_attention, (q, k, v), dout, dlse)
    got = gradients(kernel.prefill_attention, on_device(q, k, v), *on_device(dout, dlse))
    for one, other in zip(got, truth):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-4)


@pytest.mark.usefixtures("poisoned")
@pytest.mark.parametrize("heads", [(10, 2, 5), (6, 3, 2), (4, 4, 1), (2, 2, 2)], ids=heads_id)
def test_gradients_of_all_head_counts(heads):
    """b > 1 with lengths: NaN behind them stays out, and those rows get a gradient of exactly zero."""
    lengths = torch.tensor([29, 18])
    q, k, v = make_qkv(heads, 17, 29, b=2, d_k=16)
    dout = torch.randn(2, heads[0], 17, 16)
    truth = gradients(reference.prefill_attention, (q, k, v), dout, None, lengths=lengths)
    k[1, :, 18:], v[1, :, 18:] = float("nan"), float("nan")
    got = gradients(kernel.prefill_attention, on_device(q, k, v), *on_device(dout), None, lengths=lengths.to(DEVICE))
    for one, other in zip(got, truth):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-4)
    assert got[1][1, :, 18:].abs().max() == got[2][1, :, 18:].abs().max() == 0


@pytest.mark.parametrize("d, dtype", [(260, torch.float16), (132, torch.float32)])
def test_wider_heads_go_to_the_reference(d, dtype):
    q, k, v = on_device(*make_qkv((3, 1, 3), 3, 5, d_k=d, dtype=dtype))
    assert not kernel.serves(q, v)
    torch.testing.assert_close(kernel.prefill_attention(q, k, v), reference.prefill_attention(q, k, v))


@pytest.mark.parametrize("dtype", [dtype for dtype in DTYPES if dtype != torch.float32], ids=dtype_id)
def test_gradients_in_half_precision(dtype):
    inputs = make_qkv((6, 1, 3), 21, 30, d_k=32, dtype=dtype)
    dout = torch.randn(1, 6, 21, 32).to(dtype)
    truth = gradients(reference.prefill_attention, [x.float() for x in inputs], dout.float(), None)
    got = gradients(kernel.prefill_attention, on_device(*inputs), *on_device(dout), None)
    leaves = [x.clone().requires_grad_() for x in inputs]
    plain = torch.autograd.grad(naive(*leaves), leaves, dout)
    for one, other, yardstick in zip(got, truth, plain):
        assert one.dtype == dtype
        assert_close_enough(one, other, yardstick, atol=1e-3)


def test_front_door(monkeypatch):
    """Through the front door, with strides that the kernel cannot take as they are and an expanded gradient."""
    monkeypatch.setenv("SIGMA_KERNELS", "triton")
    assert backends.chosen_backend("prefill_attention", torch.device(DEVICE)) == "triton"
    q, k, v = on_device(*make_qkv((6, 1, 3), 18, 18, d_k=16))
    leaves = [x.mT.contiguous().mT.requires_grad_() for x in (q, k, v)]
    truth = torch.autograd.grad(reference.prefill_attention(*leaves).sum(), leaves)
    out = kernels.prefill_attention(*leaves)
    assert out.transpose(1, 2).is_contiguous()
    for one, other in zip(torch.autograd.grad(out.sum(), leaves), truth):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-4)


def test_same_inputs_give_the_same_bits():
    q, k, v = on_device(*make_qkv((6, 1, 3), 20, 20, d_k=16))
    runs = [gradients(kernel.prefill_attention, (q, k, v), torch.ones_like(q), None) for _ in range(2)]
    assert all(torch.equal(one, other) for one, other in zip(*runs))


@pytest.mark.parametrize("target", SHARED_KIB)
def test_plans_fit_every_target(target):
    for itemsize in (2, 4):
        for d in (d for d in (16, 64, 96, 128, 192, 256) if d <= MAX_DIMS[itemsize]):
            plans = [forward_blocks(d, d, itemsize, t, target) for t in (1, 30, 4096)]
            for blocks in (*plans, *backward_blocks(d, d, itemsize, target)):
                assert min(blocks.m, blocks.n) >= 16
            kept = plans[-1].m + plans[-1].num_stages * plans[-1].n * 2
            assert itemsize * d * kept <= SHARED_KIB[target] * 1024
            assert plans[0].m == 16


@pytest.mark.parametrize(
    "heads, programs, units",
    [
        ((9, 1, 3), 1000, 1),
        ((9, 1, 3), 100, 3),
        ((9, 1, 3), 1, 9),
        ((32, 4, 16), 64, 8),
        ((40, 8, 20), 100, 4),
        ((40, 8, 20), 10, 40),
        ((5, 5, 5), 1, 5),
    ],
)
def test_backward_units(heads, programs, units):
    assert backward_units(*heads, programs, 132) == units
