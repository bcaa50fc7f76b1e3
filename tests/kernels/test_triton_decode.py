"""The Triton decode kernel against the fp32 reference: on a GPU as compiled, elsewhere in Triton's interpreter."""

import pytest
import torch

pytest.importorskip("triton")

import kernels
from kernels import backends, triton_launch
from kernels.decode import reference
from kernels.decode import triton as kernel
from kernels.splits import Tile, plan_heads
from tests.kernels.inputs import HEADS, assert_close_enough, dtype_id, heads_id, make_qkv, naive

GPU = torch.cuda.is_available()
DEVICE = "cuda" if GPU else "cpu"
# The interpreter multiplies the bit patterns of bf16.
DTYPES = [torch.bfloat16, torch.float16, torch.float32] if GPU else [torch.float16, torch.float32]
pytestmark = [pytest.mark.gpu] if GPU else []

SMALL_TILE = Tile(block_n=16, num_warps=4, num_stages=2, resident=1)


def on_device(*tensors):
    return [x.to(DEVICE) for x in tensors]


def launch(q, k, v, *, splits, lengths=None, tile=SMALL_TILE):
    """(out, lse) with small tiles and a given number of splits: many seams on few rows."""
    plan = plan_heads(q.shape[1], k.shape[1], v.shape[1], q.shape[2], v.shape[3], q.element_size())
    return kernel.launch(q, k, v, q.shape[3] ** -0.5, lengths, True, plan, tile, splits)


@pytest.fixture
def poisoned(monkeypatch):
    """Memory that the wrapper asks for is full of NaN: a result that is not written shows."""
    plain = torch.Tensor.new_empty

    def new_empty(self, *shape, **rest):
        made = plain(self, *shape, **rest)
        return made.fill_(float("nan")) if made.is_floating_point() else made

    monkeypatch.setattr(torch.Tensor, "new_empty", new_empty)


@pytest.mark.parametrize("dtype", DTYPES, ids=dtype_id)
@pytest.mark.parametrize("heads", [*HEADS, (64, 1, 64), (8, 1, 1)], ids=heads_id)
@pytest.mark.parametrize("t, rows", [(1, 1), (1, 131), (3, 77), (16, 50)])
def test_close_to_fp32(poisoned, heads, t, rows, dtype):
    q, k, v = on_device(*make_qkv(heads, t, rows, d_k=16, d_v=32, dtype=dtype))
    truth, truth_lse = reference.decode_attention(q.float(), k.float(), v.float(), return_lse=True)
    out, lse = kernel.decode_attention(q, k, v, return_lse=True)
    assert out.dtype == dtype
    assert_close_enough(out.cpu(), truth.cpu(), naive(q.cpu(), k.cpu(), v.cpu()))
    torch.testing.assert_close(lse, truth_lse, atol=1e-5, rtol=1e-6)


@pytest.mark.parametrize(
    "d_k, d_v", [(32, 32), (64, 64), (96, 96), (128, 128), (192, 192), (256, 256), (32, 64), (20, 7), (192, 128)]
)
@pytest.mark.parametrize("dtype", DTYPES, ids=dtype_id)
def test_head_dims(poisoned, d_k, d_v, dtype):
    q, k, v = on_device(*make_qkv((9, 1, 3), 2, 70, d_k=d_k, d_v=d_v, dtype=dtype))
    truth = reference.decode_attention(q.float(), k.float(), v.float())
    assert_close_enough(kernel.decode_attention(q, k, v).cpu(), truth.cpu(), naive(q.cpu(), k.cpu(), v.cpu()))


@pytest.mark.parametrize("splits", [1, 2, 5, 9])
@pytest.mark.parametrize("heads, t", [((9, 1, 3), 1), ((6, 3, 2), 4), ((4, 2, 1), 16)], ids=str)
def test_splits_give_the_same(poisoned, heads, t, splits):
    """More splits than tiles leaves empty ones; a split that lies in a query's future gives it nothing."""
    q, k, v = on_device(*make_qkv(heads, t, 83, b=2, d_k=16, d_v=24))
    truth, truth_lse = reference.decode_attention(q, k, v, return_lse=True)
    out, lse = launch(q, k, v, splits=splits)
    torch.testing.assert_close(out, truth, atol=1e-5, rtol=0)
    torch.testing.assert_close(lse, truth_lse, atol=1e-5, rtol=0)


@pytest.mark.parametrize("layout", ["bhtd", "bthd"])
@pytest.mark.parametrize("splits", [1, 3])
@pytest.mark.parametrize("t", [1, 4])
def test_lengths_hide_nan(poisoned, t, splits, layout):
    lengths = torch.tensor([4, 100, 33, 65])
    q, k, v = make_qkv((9, 1, 3), t, 100, b=4, d_k=16, d_v=16, spare=30, layout=layout)
    for s, length in enumerate(lengths.tolist()):
        k[s, :, length:], v[s, :, length:] = float("nan"), float("nan")
    q, k, v, lengths = on_device(q, k, v, lengths)
    truth, truth_lse = reference.decode_attention(q, k, v, lengths=lengths, return_lse=True)
    out, lse = launch(q, k, v, splits=splits, lengths=lengths)
    torch.testing.assert_close(out, truth, atol=1e-5, rtol=0)
    torch.testing.assert_close(lse, truth_lse, atol=1e-5, rtol=0)


@pytest.mark.parametrize("splits", [1, 3])
def test_lengths_that_nobody_checked(poisoned, splits):
    """On the device a length may be anything: 0 and below give zeros, too much is cut to the buffer."""
    q, k, v = on_device(*make_qkv((9, 3, 3), 2, 40, b=3, d_k=16))
    out, lse = launch(q, k, v, splits=splits, lengths=torch.tensor([0, -5, 1 << 40], device=DEVICE))
    truth, truth_lse = reference.decode_attention(q[2:], k[2:], v[2:], return_lse=True)
    assert (out[:2] == 0).all()
    assert (lse[:2] == float("-inf")).all()
    torch.testing.assert_close(out[2:], truth, atol=1e-5, rtol=0)
    torch.testing.assert_close(lse[2:], truth_lse, atol=1e-5, rtol=0)


def test_fully_masked_query(poisoned):
    """A length below t (again only possible on the device): the queries before the first row see nothing."""
    q, k, v = on_device(*make_qkv((6, 3, 2), 4, 40, d_k=16))
    out, lse = launch(q, k, v, splits=2, lengths=torch.tensor([2], device=DEVICE))
    truth = reference.decode_attention(q[:, :, 2:], k[:, :, :2], v[:, :, :2])
    assert (out[:, :, :2] == 0).all()
    assert (lse[:, :, :2] == float("-inf")).all()
    torch.testing.assert_close(out[:, :, 2:], truth, atol=1e-5, rtol=0)


@pytest.mark.parametrize("scale", [0.01, 1.0, 3.0, -1.0])
def test_scale_and_large_scores(scale):
    q, k, v = on_device(*make_qkv((9, 1, 3), 1, 150))
    k[:, :, 120] *= 8
    truth = reference.decode_attention(q.double(), k.double(), v.double(), scale=scale)
    torch.testing.assert_close(kernel.decode_attention(q, k, v, scale=scale), truth.float(), atol=2e-4, rtol=0)


def test_strides_and_views():
    q, k, v = on_device(*make_qkv((9, 3, 3), 4, 50, b=2, d_k=16))
    truth = reference.decode_attention(q, k, v)
    turned = q.transpose(1, 2).contiguous().transpose(1, 2)
    torch.testing.assert_close(kernel.decode_attention(turned, k, v), truth, atol=1e-5, rtol=0)
    inner = [x.mT.contiguous().mT for x in (q, k, v)]
    torch.testing.assert_close(kernel.decode_attention(*inner), truth, atol=1e-5, rtol=0)


def test_infinity_stays_in_its_own_v_head():
    """All V heads of a K head go through one product; what one holds must not reach another's queries."""
    q, k, v = on_device(*make_qkv((9, 1, 3), 1, 40, d_k=16))
    truth = reference.decode_attention(q, k, v)
    v[:, 1, 7] = float("inf")
    out = kernel.decode_attention(q, k, v)
    others = [0, 1, 2, 6, 7, 8]
    torch.testing.assert_close(out[:, others], truth[:, others], atol=1e-5, rtol=0)


def test_gradients_and_wide_heads_go_to_the_reference():
    inputs = [x.requires_grad_() for x in on_device(*make_qkv((9, 1, 3), 2, 20, d_k=16))]
    truth = torch.autograd.grad(reference.decode_attention(*inputs).square().sum(), inputs)
    got = torch.autograd.grad(kernel.decode_attention(*inputs).square().sum(), inputs)
    torch.testing.assert_close(got, truth)
    wide = on_device(*make_qkv((4, 2, 2), 1, 20, d_k=264))
    torch.testing.assert_close(kernel.decode_attention(*wide), reference.decode_attention(*wide), atol=1e-5, rtol=0)


def test_dispatch(monkeypatch):
    gpu = torch.device("cuda")
    monkeypatch.setattr(backends, "_has_triton", lambda: True)
    assert backends.chosen_backend("decode_attention", gpu) == "triton"
    assert backends.chosen_backend("decode_attention", torch.device("mps")) == "reference"
    monkeypatch.setenv("SIGMA_KERNELS", "triton")
    q, k, v = on_device(*make_qkv((9, 3, 3), 1, 20, d_k=16))
    truth = reference.decode_attention(q, k, v)
    torch.testing.assert_close(kernels.decode_attention(q, k, v), truth, atol=1e-5, rtol=0)


def test_a_cpu_needs_the_interpreter(monkeypatch):
    monkeypatch.setattr(triton_launch.triton, "JITFunction", type(kernel._decode_kernel))
    with pytest.raises(RuntimeError, match="TRITON_INTERPRET=1"):
        triton_launch.device_limits.__wrapped__(torch.device("cpu"))


def test_bf16_in_the_interpreter_goes_to_the_reference():
    q, k, v = make_qkv((9, 1, 3), 1, 20, d_k=16, dtype=torch.bfloat16)
    assert torch.equal(kernel.decode_attention(q, k, v), reference.decode_attention(q, k, v))


@pytest.mark.skipif(not GPU, reason="needs a GPU")
@pytest.mark.parametrize("rows", [5000, 70_001])
@pytest.mark.parametrize("heads", [(32, 4, 16), (40, 8, 20)], ids=heads_id)
@pytest.mark.parametrize("dtype", DTYPES, ids=dtype_id)
@pytest.mark.parametrize("d", [64, 128])
def test_long_and_twice(heads, rows, dtype, d):
    """A result that moves between two runs on the same inputs is a race."""
    q, k, v = on_device(*make_qkv(heads, 1, rows, d_k=d, dtype=dtype, layout="bthd"))
    truth = reference.decode_attention(q.float(), k.float(), v.float())
    out = kernel.decode_attention(q, k, v)
    assert_close_enough(out.cpu(), truth.cpu(), naive(q.cpu(), k.cpu(), v.cpu()))
    assert torch.equal(out, kernel.decode_attention(q, k, v))


@pytest.mark.skipif(not GPU, reason="needs a GPU")
def test_offsets_beyond_int32():
    """1M rows * 16 heads * d 128 is 2^31 elements: the last rows lie past the reach of 32-bit offsets."""
    rows = (1 << 20) + 300
    v = torch.zeros(1, rows, 16, 128, device="cuda", dtype=torch.bfloat16).transpose(1, 2)
    k = torch.zeros(1, rows, 4, 128, device="cuda", dtype=torch.bfloat16).transpose(1, 2)
    q = torch.ones(1, 32, 1, 128, device="cuda", dtype=torch.bfloat16)
    k[:, :, -1], v[:, :, -1] = 40.0, 1.0
    torch.testing.assert_close(kernel.decode_attention(q, k, v), torch.ones_like(q))


@pytest.mark.skipif(not GPU, reason="needs a GPU")
def test_graph_with_growing_lengths():
    """One captured graph serves every length up to its buffer."""
    q, k, v = on_device(*make_qkv((32, 4, 16), 1, 4096, b=2, dtype=torch.bfloat16))
    lengths = torch.tensor([1, 1], device="cuda")
    kernel.decode_attention(q, k, v, lengths=lengths)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = kernel.decode_attention(q, k, v, lengths=lengths)
    for pair in ([1, 4096], [63, 64], [1000, 2049]):
        lengths.copy_(torch.tensor(pair))
        graph.replay()
        truth = reference.decode_attention(q.float(), k.float(), v.float(), lengths=lengths)
        torch.testing.assert_close(out.float(), truth, atol=2e-2, rtol=0)
