"""Rotation and append: torch against the model's own rotation, the Triton kernel against torch."""

import pytest
import torch

from kernels import append_rope, backends
from kernels.append import reference
from tests.kernels.inputs import dtype_id, make_qkv

GPU = torch.cuda.is_available()
DEVICE = "cuda" if GPU else "cpu"
pytestmark = [pytest.mark.gpu] if GPU else []
DTYPES = [torch.bfloat16, torch.float16, torch.float32] if GPU else [torch.float16, torch.float32]


def tables(positions, d, dtype=torch.float32):
    angles = torch.arange(positions)[:, None] / 100.0 ** (torch.arange(0, d, 2) / d)
    angles = torch.cat((angles, angles), -1)
    return angles.cos().to(DEVICE, dtype), angles.sin().to(DEVICE, dtype)


def step(heads=(9, 1, 3), t=1, b=1, d_k=16, d_v=None, dtype=torch.float32, rows=20, layout="bhtd"):
    """New q, k, v of one step, and a cache that is full of NaN."""
    q, _, _ = make_qkv(heads, t, t, b=b, d_k=d_k, d_v=d_v, dtype=dtype)
    _, k, v = make_qkv(heads, t, t, b=b, d_k=d_k, d_v=d_v, dtype=dtype, seed=1)
    _, k_cache, v_cache = make_qkv(heads, t, rows, b=b, d_k=d_k, d_v=d_v, dtype=dtype, layout=layout)
    for cache in (k_cache, v_cache):
        cache.fill_(float("nan"))
    return [x.to(DEVICE) for x in (q, k, v, k_cache, v_cache)]


@pytest.fixture(params=["reference", "triton"])
def path(request, monkeypatch):
    if request.param == "triton":
        pytest.importorskip("triton")
    monkeypatch.setenv("SIGMA_KERNELS", request.param)
    return append_rope


def rotated_by_hand(x, cos, sin):
    """Complex numbers, one position: the pair (f, f + d/2) turns by one angle."""
    half = x.shape[-1] // 2
    turned = torch.complex(x[..., :half], x[..., half:]) * torch.complex(cos[:half], sin[:half])
    return torch.cat((turned.real, turned.imag), -1)


@pytest.mark.parametrize("lengths", [None, [7, 20]])
def test_rows_and_rotation(path, lengths):
    q, k, v, k_cache, v_cache = step(b=2, t=2, d_v=8)
    cos, sin = tables(30, 16)
    out = path(q, k, v, cos, sin, k_cache, v_cache, None if lengths is None else torch.tensor(lengths))
    for s, length in enumerate(lengths or [20, 20]):
        for j in range(2):
            row = length - 2 + j
            torch.testing.assert_close(out[s, :, j], rotated_by_hand(q[s, :, j], cos[row], sin[row]))
            torch.testing.assert_close(k_cache[s, :, row], rotated_by_hand(k[s, :, j], cos[row], sin[row]))
            assert torch.equal(v_cache[s, :, row], v[s, :, j])
        written = torch.zeros(20, dtype=torch.bool)
        written[length - 2 : length] = True
        for cache in (k_cache, v_cache):
            assert torch.equal(cache[s].isnan().all(-1).all(0).cpu(), ~written)


@pytest.mark.parametrize("layout", ["bhtd", "bthd"])
@pytest.mark.parametrize("dtype", DTYPES, ids=dtype_id)
@pytest.mark.parametrize("heads, t, d_k, d_v", [((32, 4, 16), 1, 64, 64), ((6, 3, 2), 3, 96, 20), ((4, 2, 1), 5, 6, 7)])
def test_triton_is_torch(monkeypatch, heads, t, d_k, d_v, dtype, layout):
    pytest.importorskip("triton")
    monkeypatch.setenv("SIGMA_KERNELS", "triton")
    q, k, v, k_cache, v_cache = step(heads, t, 2, d_k, d_v, dtype, layout=layout)
    lengths = torch.tensor([t, 11])
    cos, sin = tables(40, d_k, dtype)
    twin_k, twin_v = k_cache.clone(), v_cache.clone()
    truth = reference.append_rope(q, k, v, cos, sin, twin_k, twin_v, lengths)
    q, k = q.transpose(1, 2).contiguous().transpose(1, 2), k.mT.contiguous().mT
    got = append_rope(q, k, v, cos, sin, k_cache, v_cache, lengths)
    atol = torch.finfo(dtype).eps * 8  # one rounding of values up to 8
    torch.testing.assert_close(got, truth, atol=atol, rtol=0)
    torch.testing.assert_close(k_cache, twin_k, atol=atol, rtol=0, equal_nan=True)
    torch.testing.assert_close(v_cache, twin_v, atol=0, rtol=0, equal_nan=True)


def test_lengths_that_nobody_checked():
    """On the device a length may be anything: rows outside the cache or the tables are left out."""
    pytest.importorskip("triton")
    from kernels.append import triton as kernel

    q, k, v, k_cache, v_cache = step(b=4, rows=20)
    cos, sin = tables(15, 16)
    kernel.append_rope(q, k, v, cos, sin, k_cache, v_cache, torch.tensor([0, -7, 1 << 40, 16], device=DEVICE))
    assert k_cache.isnan().all()
    assert v_cache.isnan().all()


def test_then_decode(path):
    """Appending token after token and attending is the same as rotating everything at once."""
    from kernels.decode import reference as decode

    q, k, v = (x.to(DEVICE) for x in make_qkv((9, 1, 3), 6, 6, d_k=16))
    *_, k_cache, v_cache = step(rows=6)
    cos, sin = tables(6, 16)
    everything = (cos[None, None], sin[None, None])
    truth = decode.decode_attention(reference.rotated(q, *everything), reference.rotated(k, *everything), v)
    for i in range(6):
        lengths = torch.tensor([i + 1])
        now = slice(i, i + 1)
        turned = path(q[:, :, now], k[:, :, now], v[:, :, now], cos, sin, k_cache, v_cache, lengths)
        out = decode.decode_attention(turned, k_cache, v_cache.nan_to_num(), lengths=lengths)
        torch.testing.assert_close(out, truth[:, :, now], atol=1e-5, rtol=0)


def test_wide_heads_go_to_torch(path):
    """Head dims over 256 do not fit the kernel's tiles."""
    q, k, v, k_cache, v_cache = step((2, 1, 1), d_k=260, d_v=258, rows=4)
    cos, sin = tables(4, 260)
    torch.testing.assert_close(
        path(q, k, v, cos, sin, k_cache, v_cache)[0, 0, 0], rotated_by_hand(q[0, 0, 0], cos[3], sin[3])
    )
    assert torch.equal(v_cache[:, :, 3:], v)


def test_choice(monkeypatch):
    monkeypatch.setattr(backends, "_has_triton", lambda: True)
    assert backends.chosen_backend("append_rope", torch.device("cuda")) == "triton"
    assert backends.chosen_backend("append_rope", torch.device("cpu")) == "cpu"
    monkeypatch.setattr(backends, "_has_triton", lambda: False)
    assert backends.chosen_backend("append_rope", torch.device("cuda")) == "reference"
    monkeypatch.setitem(backends._registry, "append_rope", {"reference": lambda *_: "from the registry"})
    monkeypatch.setenv("SIGMA_KERNELS", "reference")
    *new, k_cache, v_cache = step(rows=20)
    assert append_rope(*new, *tables(30, 16), k_cache, v_cache) == "from the registry"
    monkeypatch.setenv("SIGMA_KERNELS", "fast")
    with pytest.raises(ValueError, match="fast"):
        append_rope(*new, *tables(30, 16), k_cache, v_cache)


def test_bad_arguments():
    q, k, v, k_cache, v_cache = step(rows=20)
    cos, sin = tables(30, 16)
    for arguments, message in [
        ((q, k[:, :, :0], v, cos, sin, k_cache, v_cache), r"k \(1, 1, 0, 16\) must be \(1, 1, 1, 16\)"),
        ((q, k, v[..., :8], cos, sin, k_cache, v_cache), r"v \(1, 3, 1, 8\)"),
        ((q, k, v, cos[:, :8], sin, k_cache, v_cache), r"\(30, 8\)"),
        ((q, k, v, cos[:10], sin[:10], k_cache, v_cache), "position 19 is beyond the 10"),
        ((q, k, v, cos, sin, k_cache, v_cache[:, :, :5]), r"\(1, 3, 5, 16\)"),
        ((q, k, v.half(), cos, sin, k_cache, v_cache), "float16"),
        ((q, k, v, cos, sin, k_cache, v_cache, torch.tensor([21])), "lengths 21 to 21"),
        ((q, k, v, cos, sin, k_cache, v_cache, torch.tensor([0])), "lengths 0 to 0"),
        ((q, k, v, cos, sin, k_cache, v_cache, torch.tensor([5, 5])), r"int64 \[1\]"),
        ((q[..., :15], k[..., :15], v, cos, sin, k_cache, v_cache), "15 must be even"),
    ]:
        with pytest.raises(ValueError, match=message):
            append_rope(*arguments)
