"""Inputs shared by the kernel tests: unequal heads, cache views, and memory past the length full of NaN."""

import torch

HEADS = [(9, 1, 3), (9, 3, 3), (32, 4, 16), (40, 8, 20), (6, 3, 2), (4, 4, 1), (8, 8, 2), (5, 5, 5)]
DTYPES = [torch.bfloat16, torch.float16, torch.float32]


def heads_id(heads: tuple[int, int, int]) -> str:
    return "q{}k{}v{}".format(*heads)


def dtype_id(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def make_qkv(heads, t, rows, *, b=1, d_k=64, d_v=None, dtype=torch.float32, spare=0, layout="bhtd", seed=0):
    """q, k, v; k and v are views of a buffer with `spare` more rows, all NaN, in layout bhtd or bthd."""
    generator = torch.Generator().manual_seed(seed)
    n_q, n_k, n_v = heads
    d_v = d_k if d_v is None else d_v

    def normal(*shape):
        return torch.randn(*shape, generator=generator).to(dtype)

    def cache(n, d):
        buffer = torch.full((b, n, rows + spare, d), float("nan"), dtype=dtype)
        if layout == "bthd":
            buffer = torch.full((b, rows + spare, n, d), float("nan"), dtype=dtype).transpose(1, 2)
        buffer[:, :, :rows] = normal(b, n, rows, d)
        return buffer[:, :, :rows]

    return normal(b, n_q, t, d_k) * 2, cache(n_k, d_k), cache(n_v, d_v)


def naive(q, k, v, scale=None):
    """The textbook way in the inputs' own dtype, heads repeated: its error against fp32 is the yardstick for ours."""
    n_q, t, d_k = q.shape[1:]
    rows = k.shape[2]
    k = k.repeat_interleave(n_q // k.shape[1], 1)
    v = v.repeat_interleave(n_q // v.shape[1], 1)
    scores = (q @ k.mT) * (d_k**-0.5 if scale is None else scale)
    seen = torch.ones(t, rows, dtype=torch.bool).tril(rows - t)
    return scores.masked_fill(~seen, float("-inf")).softmax(-1) @ v


def assert_close_enough(got, truth, same_dtype, atol=1e-5):
    """max|got - fp32 truth| <= 2 max|same-dtype naive - fp32 truth| + atol, and nothing is NaN."""
    assert not got.isnan().any()
    assert got.shape == truth.shape
    bound = 2 * (same_dtype.float() - truth.float()).abs().max().item() + atol
    error = (got.float() - truth.float()).abs().max().item()
    assert error <= bound, f"error {error:.3g} over the bound {bound:.3g}"
