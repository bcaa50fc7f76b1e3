"""Prefill attention: the C++ kernel and the folded and blocked torch paths against the fp32 reference."""

import pytest
import torch

import kernels
from kernels import native
from kernels.prefill import cpu, reference
from kernels.prefill import native as prefill
from tests.kernels.inputs import DTYPES, HEADS, assert_close_enough, dtype_id, heads_id, make_qkv, naive


def through_cpp(q, k, v, *, scale=None, lengths=None, return_lse=False):
    """The C++ kernel in fp32 too, which the front door leaves to torch; what it does not take (fp16) goes through it."""
    if q.dtype == torch.float32 and native.accepts(q, k, v):
        return prefill.launch(native.function("prefill", q.dtype), q, k, v, scale, lengths, return_lse)
    return prefill.prefill_attention(q, k, v, scale=scale, lengths=lengths, return_lse=return_lse)


@pytest.fixture(params=["native", "torch"])
def attend(request):
    """The function of one path."""
    if request.param == "native" and native.library() is None:
        pytest.skip(native.status())
    return through_cpp if request.param == "native" else cpu.prefill_attention


@pytest.mark.parametrize("dtype", DTYPES, ids=dtype_id)
@pytest.mark.parametrize("heads", HEADS, ids=heads_id)
@pytest.mark.parametrize("t, rows", [(1, 1), (1, 90), (17, 17), (130, 130), (40, 131), (70, 600)])
def test_close_to_fp32(attend, heads, t, rows, dtype):
    q, k, v = make_qkv(heads, t, rows, dtype=dtype, spare=9)
    truth = reference.prefill_attention(q.float(), k.float(), v.float())
    assert_close_enough(attend(q, k, v), truth, naive(q, k, v), atol=2e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32], ids=dtype_id)
@pytest.mark.parametrize("d_k, d_v", [(32, 64), (64, 32), (16, 48), (20, 48), (7, 1), (1, 130), (128, 128)])
@pytest.mark.parametrize("t", [33, 70])
def test_unequal_dims(attend, t, d_k, d_v, dtype):
    q, k, v = make_qkv((9, 1, 3), t, 70, d_k=d_k, d_v=d_v, dtype=dtype, layout="bthd", spare=3)
    truth = reference.prefill_attention(q.float(), k.float(), v.float())
    assert_close_enough(attend(q, k, v), truth, naive(q, k, v), atol=2e-5)


@pytest.mark.parametrize("return_lse", [False, True], ids=["out", "lse"])
@pytest.mark.parametrize("heads", [(9, 1, 3), (40, 8, 20)], ids=heads_id)
def test_query_blocks_meet(attend, heads, return_lse, monkeypatch):
    """Blocks smaller than t, with an offset and lengths: rows at the seams must see exactly their own past."""
    monkeypatch.setattr(cpu, "_QUERY_BLOCK", 16)
    monkeypatch.setattr(cpu, "_SCORE_BYTES", 4 * heads[0] * 420 * 16)
    q, k, v = make_qkv(heads, 90, 420, b=2, d_k=32)
    lengths = torch.tensor([420, 101])
    k[1, :, 101:], v[1, :, 101:] = float("nan"), float("nan")
    truth, lse = reference.prefill_attention(q, k, v, lengths=lengths, return_lse=True)
    got = attend(q, k, v, lengths=lengths, return_lse=return_lse)
    torch.testing.assert_close(got[0] if return_lse else got, truth, atol=1e-5, rtol=0)
    if return_lse:
        torch.testing.assert_close(got[1], lse, atol=1e-5, rtol=0)


@pytest.mark.parametrize("scale", [0.0, -0.3, 4.0])
def test_any_scale(attend, scale):
    q, k, v = make_qkv((6, 3, 2), 70, 300)
    truth = reference.prefill_attention(q, k, v, scale=scale)
    torch.testing.assert_close(attend(q, k, v, scale=scale), truth, atol=1e-4, rtol=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32], ids=dtype_id)
def test_large_scores_do_not_overflow(attend, dtype):
    """Scores of several hundred, rising with the row: every block of rows has a new maximum."""
    q, k, v = make_qkv((2, 1, 2), 40, 600, dtype=dtype)
    q[...], k[...] = 1, torch.arange(600).div(75)[None, None, :, None].expand_as(k).to(dtype)
    truth, lse = reference.prefill_attention(q.float(), k.float(), v.float(), scale=1.0, return_lse=True)
    got, got_lse = attend(q, k, v, scale=1.0, return_lse=True)
    # A score of 740 (base 2) has steps of 6e-5.
    assert_close_enough(got, truth, naive(q, k, v, scale=1.0), atol=2e-4)
    torch.testing.assert_close(got_lse, lse, atol=0, rtol=5e-3 if dtype == torch.bfloat16 else 1e-6)


def test_broken_rows_break_their_own_queries_only():
    """NaN in a K row: the queries that see it are NaN, the others are what they are. (torch's kernel breaks more.)"""
    if native.library() is None:
        pytest.skip(native.status())
    q, k, v = make_qkv((3, 1, 3), 80, 300)
    truth = reference.prefill_attention(q, k, v)
    k[:, :, 250] = float("nan")
    got = through_cpp(q, k, v)
    torch.testing.assert_close(got[:, :, :30], truth[:, :, :30], atol=1e-5, rtol=0)
    assert got[:, :, 30:].isnan().all()


def test_chunked_prefill_equals_one_prefill(attend):
    q, k, v = make_qkv((9, 1, 3), 96, 96)
    whole = attend(q, k, v)
    parts = [attend(q[:, :, i : i + 32], k[:, :, : i + 32], v[:, :, : i + 32]) for i in (0, 32, 64)]
    torch.testing.assert_close(torch.cat(parts, 2), whole, atol=1e-5, rtol=0)


def test_the_front_door_takes_the_native_kernel(monkeypatch):
    if native.library() is None:
        pytest.skip(native.status())
    called = []
    plain = prefill.launch
    monkeypatch.setattr(prefill, "launch", lambda *arguments: called.append(1) or plain(*arguments))
    q, k, v = make_qkv((9, 1, 3), 20, 40)
    for dtype in (torch.float32, torch.bfloat16):
        called.clear()
        q, k, v = (x.detach().to(dtype) for x in (q, k, v))
        kernels.prefill_attention(q, k, v)
        assert called
        kernels.prefill_attention(q.requires_grad_(), k, v).sum().backward()
        assert len(called) == 1  # autograd cannot follow it
        assert q.grad is not None
