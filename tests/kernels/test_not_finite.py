"""Numbers that are not finite: NaN where the reference gives NaN, and nothing from memory that a query may not use."""

import pytest
import torch

import kernels
from kernels import native
from tests.kernels.inputs import heads_id, make_qkv

NAN, INF = float("nan"), float("inf")
PATHS = ["reference", "torch", "native"]
OPERATIONS = {
    "decode": lambda q, k, v, **rest: kernels.decode_attention(q, k, v, **rest),
    "prefill": lambda q, k, v, **rest: kernels.prefill_attention(q, k, v, **rest),
    "selective": lambda q, k, v, **rest: kernels.selective_decode_attention(q, k, v, 5, **rest).out,
    "selective-plain": lambda q, k, v, **rest: (
        kernels.selective_decode_attention(q, k, v, 5, missing_mass="drop", **rest).out
    ),
}


@pytest.fixture(params=PATHS)
def path(request, monkeypatch):
    """Each way that a CPU computes: the reference, torch without a compiler, the C++ kernels."""
    if request.param == "reference":
        monkeypatch.setenv("SIGMA_KERNELS", "reference")
    if request.param == "torch":
        monkeypatch.setattr(native, "function", lambda *_: None)
    return request.param


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_reported_case(path, operation, dtype):
    """q of ones, K of zeros, NaN in row 3: 19.92 and 13.33 came out, as maximum and clamp dropped the NaN."""
    q, k, v = torch.ones(1, 1, 1, 4, dtype=dtype), torch.zeros(1, 1, 40, 4, dtype=dtype), torch.ones(1, 1, 40, 4)
    k[:, :, 3] = NAN
    assert OPERATIONS[operation](q, k, (v * torch.arange(40.0)[:, None]).to(dtype)).isnan().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rows", [1, 6, 40, 300, 1500])  # one row, one vector, many blocks, several threads
@pytest.mark.parametrize("where", ["first", "middle", "last"])
@pytest.mark.parametrize("what", ["q", "k", "v"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_nan_that_is_used_shows(path, operation, what, where, rows, dtype):
    tensors = dict(zip("qkv", make_qkv((6, 2, 3), 1, rows, d_k=16, dtype=dtype)))
    row = 0 if what == "q" else {"first": 0, "middle": rows // 2, "last": rows - 1}[where]
    if what == "v" and operation.startswith("selective") and where != "last":
        row = int(kernels.selective_decode_attention(*tensors.values(), 5).positions[0, 0, 0, 0])  # one that is fetched
    tensors[what][:, 0, row] = NAN
    got = OPERATIONS[operation](*tensors.values())
    heads = {"q": 1, "k": 3, "v": 2}[what]  # query heads that use head 0
    if what == "v" and operation.startswith("selective"):
        heads = 1  # its neighbours may have chosen other rows
    assert got[:, :heads].isnan().all()
    if what != "v":
        assert not got[:, heads:].isnan().any()


@pytest.mark.parametrize("rows", [1, 40])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_nan_in_a_head_shared_by_all(path, operation, rows):
    """9 / 1 / 3: the shape that torch's fused kernel takes."""
    for what, at in (("q", 0), ("k", rows - 1)):
        tensors = dict(zip("qkv", make_qkv((9, 1, 3), 1, rows, d_k=16)))
        tensors[what][:, 0, at] = NAN
        got = OPERATIONS[operation](*tensors.values())
        assert got[:, 0].isnan().all() and (what == "q" or got.isnan().all())


@pytest.mark.parametrize("what", ["q", "k"])
@pytest.mark.parametrize("value", [INF, -INF])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_infinities_as_in_the_reference(path, operation, what, value, monkeypatch):
    """An infinite score: inf - inf in the softmax. Minus infinity: a row of weight 0. In q: scores of both signs."""
    q, k, v = make_qkv((6, 2, 3), 1, 300, d_k=16)
    q[..., 0] = 1
    (q if what == "q" else k)[:, 0, 0, 0] = value
    got = OPERATIONS[operation](q, k, v)
    monkeypatch.setenv("SIGMA_KERNELS", "reference")
    truth = OPERATIONS[operation](q, k, v)
    assert truth.isnan().any() == (what == "q" or value == INF)
    torch.testing.assert_close(got, truth, equal_nan=True, atol=1e-4, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_infinite_values(path, operation, dtype):
    """The newest row is always read; equal scores give every row its weight."""
    q, k, v = make_qkv((6, 2, 3), 1, 40, d_k=16, dtype=dtype)
    k.zero_()
    v[:, :, 39, 2] = -INF
    got = OPERATIONS[operation](q, k, v)
    assert (got[..., 2] == -INF).all() and got[..., 3:].isfinite().all()


@pytest.mark.parametrize("heads", [(6, 2, 3), (9, 1, 3)], ids=heads_id)
@pytest.mark.parametrize("rows", [5, 40, 1500])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_nothing_to_see_is_nan(path, operation, rows, heads):
    q, k, v = make_qkv(heads, 1, rows, d_k=16)
    q[..., 0], k[..., 0] = 1, -INF
    assert OPERATIONS[operation](q, k, v).isnan().all()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_blocks_of_minus_infinity_weigh_nothing(path, operation):
    """A kernel meets them first, or last, or in a thread of their own."""
    for hidden in (slice(0, 700), slice(700, 1400), slice(256, 512)):
        q, k, v = make_qkv((6, 2, 3), 1, 1500, d_k=16)
        q[..., 0] = 1
        seen = torch.ones(1500, dtype=torch.bool)
        seen[hidden] = False
        few = OPERATIONS[operation](q, k[:, :, seen], v[:, :, seen])
        k[:, :, hidden, 0] = -INF
        torch.testing.assert_close(OPERATIONS[operation](q, k, v), few, atol=1e-4, rtol=0)


@pytest.mark.parametrize("scores", ["one", "most", "all"])
def test_rows_are_counted_by_place_not_by_score(path, scores):
    """With a score of minus infinity the reference once kept a row fewer than the kernels."""
    q, k, v = make_qkv((6, 2, 3), 3, 12, d_k=16)
    q[..., 0] = 1
    k[:, :, {"one": slice(3, 4), "most": slice(0, 9), "all": slice(0, 12)}[scores], 0] = -INF
    positions = kernels.selective_decode_attention(q, k, v, 10).positions
    assert positions.shape[-1] == 11
    for j, current in enumerate((9, 10, 11)):
        kept = positions[0, :, j]
        assert (kept >= 0).sum(-1).tolist() == [min(10, current) + 1] * 6
        assert all(row[row >= 0].tolist() == sorted(set(row[row >= 0].tolist())) for row in kept)
        assert all(int(row.max()) == current for row in kept)


@pytest.mark.parametrize("value", [NAN, INF])
def test_rows_that_are_not_fetched_are_not_used(path, value):
    q, k, v = make_qkv((6, 2, 3), 2, 300, d_k=16)
    clean = kernels.selective_decode_attention(q, k, v, 5)
    fetched = torch.zeros(301, dtype=torch.bool)
    fetched[clean.positions.long().flatten()] = True
    v[:, :, ~fetched[:300]] = value
    again = kernels.selective_decode_attention(q, k, v, 5)
    assert torch.equal(again.out, clean.out) and torch.equal(again.positions, clean.positions)


@pytest.mark.parametrize("value", [NAN, INF])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_memory_past_the_length_is_not_used(path, operation, value):
    q, k, v = make_qkv((6, 2, 3), 2, 300, b=2, d_k=16)
    lengths = torch.tensor([131, 300])
    clean = OPERATIONS[operation](q, k, v, lengths=lengths)
    k[0, :, 131:], v[0, :, 131:] = value, value
    assert torch.equal(OPERATIONS[operation](q, k, v, lengths=lengths), clean)


@pytest.mark.parametrize("rows", [5, 40, 300])
def test_weights_of_the_picture(path, rows):
    q, k, _ = make_qkv((6, 2, 3), 1, rows, d_k=16)
    k[:, 0, 2] = NAN
    weights = kernels.attention_weights(q, k)
    assert weights[:, :3].isnan().all() and weights[:, 3:].isfinite().all()


@pytest.mark.parametrize("operation", ["decode", "prefill"])
def test_log_sum_exp(path, operation):
    q, k, v = make_qkv((6, 2, 3), 1, 300, d_k=16)
    q[..., 0] = 1
    k[:, 0, 7], k[:, 1, :, 0] = NAN, -INF
    lse = OPERATIONS[operation](q, k, v, return_lse=True)[1]
    assert lse[:, :3].isnan().all() and (lse[:, 3:] == -INF).all()


def test_silu_mul_and_append_pass_nan_on(path):
    x = torch.ones(2, 64)
    x[0, 3], x[1, 40] = NAN, NAN
    out = kernels.silu_mul(x)
    assert out.isnan().nonzero().tolist() == [[0, 3], [1, 8]]
    q, k, v = (torch.ones(1, n, 1, 16) for n in (6, 2, 3))
    k[0, 1, 0, 5] = NAN
    k_cache, v_cache = torch.zeros(1, 2, 9, 16), torch.zeros(1, 3, 9, 16)
    table = torch.ones(9, 16)
    assert kernels.append_rope(q, k, v, table, table, k_cache, v_cache).isfinite().all()
    assert k_cache.isnan().nonzero().tolist() == [[0, 1, 8, 5], [0, 1, 8, 13]] and v_cache.isfinite().all()
