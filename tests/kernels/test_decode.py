"""Decode attention: every implementation against the fp32 reference."""

import pytest
import torch

import kernels
from kernels import native
from kernels.decode import cpu, reference
from kernels.decode import native as native_decode
from kernels.prefill import reference as prefill_reference
from tests.kernels.inputs import DTYPES, HEADS, assert_close_enough, dtype_id, heads_id, make_qkv, naive

PATHS = {"native": native_decode.decode_attention, "torch": cpu.decode_attention}


@pytest.fixture(params=PATHS)
def path(request):
    if request.param == "native" and native.library() is None:
        pytest.skip(f"no native code: {native.status()}")
    return PATHS[request.param]


@pytest.mark.parametrize("heads", HEADS, ids=heads_id)
@pytest.mark.parametrize("t, rows", [(1, 1), (1, 64), (1, 777), (3, 131), (16, 16), (16, 300)])
def test_references_agree(heads, t, rows):
    q, k, v = make_qkv(heads, t, rows, b=2, d_k=32, d_v=48)
    lengths = torch.tensor([rows, max(t, rows - 5)])
    for given in (None, lengths):
        one = reference.decode_attention(q, k, v, lengths=given, return_lse=True)
        other = prefill_reference.prefill_attention(q, k, v, lengths=given, return_lse=True)
        torch.testing.assert_close(one[0], other[0], atol=1e-5, rtol=0)
        torch.testing.assert_close(one[1], other[1], atol=1e-5, rtol=0)


def test_reference_is_torch_sdpa_when_heads_are_equal():
    q, k, v = make_qkv((4, 4, 4), 9, 9, b=2)
    truth = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    torch.testing.assert_close(reference.decode_attention(q, k, v), truth, atol=1e-5, rtol=0)


@pytest.mark.parametrize("dtype", DTYPES, ids=dtype_id)
@pytest.mark.parametrize("heads", HEADS, ids=heads_id)
@pytest.mark.parametrize("t, rows", [(1, 1), (1, 31), (1, 64), (1, 1027), (1, 2500), (2, 2), (5, 129), (16, 700)])
def test_close_to_fp32(path, heads, t, rows, dtype):
    q, k, v = make_qkv(heads, t, rows, dtype=dtype)
    truth = reference.decode_attention(q.float(), k.float(), v.float())
    assert_close_enough(path(q, k, v), truth, naive(q, k, v))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32], ids=dtype_id)
@pytest.mark.parametrize("d_k, d_v", [(32, 64), (64, 32), (64, 128), (80, 96), (6, 10), (128, 128), (20, 7), (256, 16)])
@pytest.mark.parametrize("heads", [(9, 1, 3), (40, 8, 20)], ids=heads_id)
def test_unequal_dims(path, heads, d_k, d_v, dtype):
    q, k, v = make_qkv(heads, 2, 203, d_k=d_k, d_v=d_v, dtype=dtype)
    truth = reference.decode_attention(q.float(), k.float(), v.float())
    assert_close_enough(path(q, k, v), truth, naive(q, k, v))


@pytest.mark.parametrize("layout", ["bhtd", "bthd"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32], ids=dtype_id)
@pytest.mark.parametrize("rows", [1, 63, 500, 1500])
def test_cache_views_with_nan_behind(path, rows, dtype, layout):
    q, k, v = make_qkv((9, 1, 3), 1, rows, dtype=dtype, spare=77, layout=layout)
    truth = reference.decode_attention(q.float(), k.float(), v.float())
    assert_close_enough(path(q, k, v), truth, naive(q, k, v))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32], ids=dtype_id)
@pytest.mark.parametrize("heads", [(9, 1, 3), (9, 3, 3), (40, 8, 20)], ids=heads_id)
@pytest.mark.parametrize("t", [1, 4])
def test_lengths_hide_nan(path, heads, t, dtype):
    lengths = torch.tensor([4, 640, 333, 65])
    q, k, v = make_qkv(heads, t, 640, b=4, dtype=dtype)
    for s, length in enumerate(lengths.tolist()):
        k[s, :, length:], v[s, :, length:] = float("nan"), float("nan")
    out = path(q, k, v, lengths=lengths)
    for s, length in enumerate(lengths.tolist()):
        one = q[s : s + 1], k[s : s + 1, :, :length], v[s : s + 1, :, :length]
        truth = reference.decode_attention(*(x.float() for x in one))
        assert_close_enough(out[s : s + 1], truth, naive(*one))


@pytest.mark.parametrize("heads", HEADS, ids=heads_id)
@pytest.mark.parametrize("t, rows", [(1, 1), (1, 900), (4, 37)])
def test_lse(path, heads, t, rows):
    q, k, v = make_qkv(heads, t, rows, b=2)
    lengths = torch.tensor([rows, max(t, rows - 11)])
    _, truth = reference.decode_attention(q, k, v, lengths=lengths, return_lse=True)
    _, lse = path(q, k, v, lengths=lengths, return_lse=True)
    assert lse.dtype == torch.float32
    torch.testing.assert_close(lse, truth, atol=1e-5, rtol=0)


@pytest.mark.parametrize("scale", [0.01, 1.0, 3.0])
def test_scale_and_large_scores(path, scale):
    """Scores of several hundred: the softmax must neither overflow nor lose its maximum across blocks."""
    q, k, v = make_qkv((9, 1, 3), 1, 700)
    k[:, :, 650] *= 8
    truth = reference.decode_attention(q.double(), k.double(), v.double(), scale=scale)
    torch.testing.assert_close(path(q, k, v, scale=scale), truth.float(), atol=2e-4, rtol=0)


def test_strided_queries(path):
    q, k, v = make_qkv((9, 3, 3), 4, 100, b=2)
    turned = q.transpose(1, 2).contiguous().transpose(1, 2)
    torch.testing.assert_close(path(turned, k, v), path(q, k, v), atol=1e-6, rtol=0)
    inner = q.mT.contiguous().mT
    torch.testing.assert_close(path(inner, k, v), path(q, k, v), atol=1e-6, rtol=0)


@pytest.mark.parametrize("operation", [kernels.decode_attention, kernels.prefill_attention])
def test_gradients_are_not_lost(operation):
    inputs = [x.clone().requires_grad_() for x in make_qkv((9, 1, 3), 4, 40)]
    truth = torch.autograd.grad(reference.decode_attention(*inputs).square().sum(), inputs)
    got = torch.autograd.grad(operation(*inputs).square().sum(), inputs)
    for one, other in zip(got, truth):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


def test_last_dimension_not_contiguous():
    q, k, v = make_qkv((9, 3, 3), 1, 100)
    truth = reference.decode_attention(q, k, v)
    out = kernels.decode_attention(q, k.mT.contiguous().mT, v.mT.contiguous().mT)
    torch.testing.assert_close(out, truth, atol=1e-5, rtol=0)


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_any_number_of_threads(threads):
    """More threads than cores, than K heads, than blocks of rows: the split must still cover every row once."""
    before = torch.get_num_threads()
    q, k, v = make_qkv((9, 3, 3), 2, 1111, b=3)
    lengths = torch.tensor([2, 1111, 500])
    truth = reference.decode_attention(q, k, v, lengths=lengths)
    try:
        torch.set_num_threads(threads)
        out = kernels.decode_attention(q, k, v, lengths=lengths)
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(out, truth, atol=1e-5, rtol=0)


def test_weights_sum_to_one_and_give_the_output():
    q, k, v = make_qkv((9, 1, 3), 2, 50, b=2, dtype=torch.bfloat16)
    lengths = torch.tensor([50, 20])
    weights = kernels.attention_weights(q, k, lengths=lengths)
    assert weights.shape == (2, 9, 2, 50)
    assert weights.dtype == torch.float32
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 9, 2))
    assert weights[1, :, :, 20:].abs().max() == 0
    assert weights[0, :, 0, 49].abs().max() == 0
    out = weights @ v.repeat_interleave(3, 1).float()
    truth = reference.decode_attention(q.float(), k.float(), v.float(), lengths=lengths)
    torch.testing.assert_close(out, truth, atol=1e-5, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("heads, t, rows", [((9, 1, 3), 1, 5), ((9, 3, 3), 1, 77), ((8, 2, 4), 16, 333)])
def test_weights_match_the_reference(heads, t, rows, dtype):
    """Whole and part tiles, whole and part vectors; memory past a length is not even looked at."""
    q, k, _ = make_qkv(heads, t, rows, b=2, dtype=dtype)
    lengths = torch.tensor([rows, max(t, rows - 3)])
    truth = reference.attention_weights(q, k, lengths=lengths)
    k[1, :, lengths[1] :] = float("nan")
    torch.testing.assert_close(kernels.attention_weights(q, k, lengths=lengths), truth, atol=1e-6, rtol=1e-5)
