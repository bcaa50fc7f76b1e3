"""The ops of `kernels.ops`: what their fake kernels promise, with fixed and with symbolic sizes; their gradients."""

import pytest
import torch
from torch.library import opcheck

from kernels.prefill import backward, reference
from tests.kernels.graphs import (
    BACKENDS,
    LENGTHS,
    NEEDS_INTERPRETER,
    OPS,
    append_arguments,
    gradients,
    qkv,
)

pytestmark = pytest.mark.usefixtures("fresh_graphs")


# Shapes, types, strides and mutation


@pytest.mark.parametrize("needs_grad", [False, True], ids=["", "grad"])
@pytest.mark.parametrize("return_lse", [False, True], ids=["out", "lse"])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@pytest.mark.parametrize("name", ["decode_attention", "prefill_attention"])
def test_opcheck(name, lengths, return_lse, needs_grad):
    opcheck(getattr(OPS, name).default, (*qkv(needs_grad=needs_grad), None, lengths, return_lse))


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@pytest.mark.parametrize("top_k", [3, 50])
@pytest.mark.parametrize("missing_mass", ["renormalize", "mean"])
def test_opcheck_selective(missing_mass, top_k, lengths):
    v = qkv()[2]
    v_sum = torch.randn(v.shape[0], v.shape[1], v.shape[3]) if top_k == 3 else None
    opcheck(OPS.selective_decode_attention.default, (*qkv(), top_k, None, missing_mass, 0.01, v_sum, lengths))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
def test_opcheck_append(backend, lengths, monkeypatch):
    monkeypatch.setenv("SIGMA_KERNELS", backend)
    opcheck(OPS.append_rope.default, (*append_arguments(), lengths))


@pytest.mark.parametrize("return_lse", [False, True], ids=["out", "lse"])
def test_opcheck_backward(return_lse):
    q, k, v = qkv()
    out, lse = OPS.prefill_attention(q, k, v, None, LENGTHS, return_lse)
    dlse = torch.randn_like(lse) if return_lse else None
    opcheck(OPS.attention_backward.default, (torch.randn_like(out), dlse, q, k, v, out, lse, None, LENGTHS))


@NEEDS_INTERPRETER
@pytest.mark.parametrize("name", ["decode_attention", "prefill_attention"])
def test_opcheck_of_triton(name, monkeypatch):
    monkeypatch.setenv("SIGMA_KERNELS", "triton")
    tests = ("test_schema", "test_faketensor")
    opcheck(getattr(OPS, name).default, (*qkv(), None, LENGTHS, True), test_utils=tests)


@pytest.mark.parametrize("backend", BACKENDS)
def test_layouts_depend_on_no_backend(backend, monkeypatch):
    """Of a transposed q too, which the elementwise torch path would hand on."""
    monkeypatch.setenv("SIGMA_KERNELS", backend)
    q, k, v = qkv()
    q = q.transpose(1, 2).contiguous().transpose(1, 2)
    assert OPS.prefill_attention(q, k, v)[0].transpose(1, 2).is_contiguous()
    assert OPS.decode_attention(q, k, v)[0].is_contiguous()
    q, *rest = append_arguments()
    assert OPS.append_rope(q.transpose(1, 2).contiguous().transpose(1, 2), *rest).is_contiguous()


# Gradients


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "scale, return_lse, with_dlse",
    [(None, True, True), (None, False, False), (-0.3, True, False), (-0.3, False, False)],
    ids=["dlse", "no-lse", "negative", "negative-no-lse"],
)
@pytest.mark.parametrize("name", ["decode_attention", "prefill_attention"])
def test_gradients_are_the_references(name, scale, return_lse, with_dlse, backend, monkeypatch):
    monkeypatch.setenv("SIGMA_KERNELS", backend)
    monkeypatch.setattr(backward, "_SCORES", 2 * 6 * 29 * 4)  # blocks of 4 queries, a short one last
    inputs = qkv(11, 29, d_v=24)
    dout, dlse = torch.randn(2, 6, 11, 24), torch.randn(2, 6, 11) if with_dlse else None
    truth = gradients(lambda *x: reference.prefill_attention(*x, scale=scale, return_lse=True), inputs, dout, dlse)
    operation = getattr(OPS, name)
    got = gradients(lambda *x: operation(*x, scale, None, return_lse), inputs, dout, dlse)
    for one, other in zip(got, truth):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_stop_at_the_lengths(backend, monkeypatch):
    """NaN behind them stays out, and those rows get a gradient of exactly zero."""
    monkeypatch.setenv("SIGMA_KERNELS", backend)
    monkeypatch.setattr(backward, "_SCORES", 2 * 6 * 9 * 2)
    q, k, v = qkv()
    dout = torch.randn(2, 6, 3, 8)
    truth = gradients(lambda *x: reference.prefill_attention(*x, lengths=LENGTHS, return_lse=True), (q, k, v), dout)
    k[1, :, 5:], v[1, :, 5:] = float("nan"), float("nan")
    got = gradients(lambda *x: OPS.prefill_attention(*x, None, LENGTHS), (q, k, v), dout)
    for one, other in zip(got, truth):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-4)
    assert got[1][1, :, 5:].abs().max() == got[2][1, :, 5:].abs().max() == 0


def test_gradients_in_half_precision_are_rounded_once():
    q, k, v = qkv(dtype=torch.bfloat16)
    dout = torch.randn(2, 6, 3, 8).bfloat16()
    truth = gradients(
        lambda *x: reference.prefill_attention(*x, return_lse=True), [x.float() for x in (q, k, v)], dout.float()
    )
    for one, other in zip(gradients(lambda *x: OPS.prefill_attention(*x), (q, k, v), dout), truth):
        assert one.dtype == torch.bfloat16
        torch.testing.assert_close(one.float(), other, atol=1e-6, rtol=2**-8)


def test_the_selective_op_loses_no_gradient_in_silence():
    with pytest.raises(RuntimeError, match="no gradient"):
        OPS.selective_decode_attention(*qkv(needs_grad=True), 3)
    with torch.no_grad():
        OPS.selective_decode_attention(*qkv(needs_grad=True), 3)
