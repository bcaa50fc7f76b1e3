"""Prefill attention: the folded and the blocked torch paths against the fp32 reference."""

import pytest
import torch

import kernels
from kernels.prefill import cpu, reference
from tests.kernels.inputs import DTYPES, HEADS, assert_close_enough, dtype_id, heads_id, make_qkv, naive


@pytest.mark.parametrize("dtype", DTYPES, ids=dtype_id)
@pytest.mark.parametrize("heads", HEADS, ids=heads_id)
@pytest.mark.parametrize("t, rows", [(1, 1), (1, 90), (17, 17), (130, 130), (40, 131)])
def test_close_to_fp32(heads, t, rows, dtype):
    q, k, v = make_qkv(heads, t, rows, dtype=dtype, spare=9)
    truth = reference.prefill_attention(q.float(), k.float(), v.float())
    assert_close_enough(kernels.prefill_attention(q, k, v), truth, naive(q, k, v), atol=2e-5)


@pytest.mark.parametrize("d_k, d_v", [(32, 64), (64, 32), (16, 48), (20, 48)])
@pytest.mark.parametrize("t", [33, 70])
def test_unequal_dims(t, d_k, d_v):
    q, k, v = make_qkv((9, 1, 3), t, 70, d_k=d_k, d_v=d_v, dtype=torch.bfloat16)
    truth = reference.prefill_attention(q.float(), k.float(), v.float())
    assert_close_enough(kernels.prefill_attention(q, k, v), truth, naive(q, k, v))


@pytest.mark.parametrize("return_lse", [False, True], ids=["out", "lse"])
@pytest.mark.parametrize("heads", [(9, 1, 3), (40, 8, 20)], ids=heads_id)
def test_query_blocks_meet(heads, return_lse, monkeypatch):
    """Blocks smaller than t, with an offset and lengths: rows at the seams must see exactly their own past."""
    monkeypatch.setattr(cpu, "_QUERY_BLOCK", 16)
    monkeypatch.setattr(cpu, "_SCORE_BYTES", 4 * heads[0] * 120 * 16)
    q, k, v = make_qkv(heads, 50, 120, b=2, d_k=32)
    lengths = torch.tensor([120, 61])
    k[1, :, 61:], v[1, :, 61:] = float("nan"), float("nan")
    truth, lse = reference.prefill_attention(q, k, v, lengths=lengths, return_lse=True)
    got = kernels.prefill_attention(q, k, v, lengths=lengths, return_lse=return_lse)
    torch.testing.assert_close(got[0] if return_lse else got, truth, atol=1e-5, rtol=0)
    if return_lse:
        torch.testing.assert_close(got[1], lse, atol=1e-5, rtol=0)


def test_chunked_prefill_equals_one_prefill():
    q, k, v = make_qkv((9, 1, 3), 96, 96)
    whole = kernels.prefill_attention(q, k, v)
    parts = [kernels.prefill_attention(q[:, :, i : i + 32], k[:, :, : i + 32], v[:, :, : i + 32]) for i in (0, 32, 64)]
    torch.testing.assert_close(torch.cat(parts, 2), whole, atol=1e-5, rtol=0)
