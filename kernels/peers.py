"""Other people's attention behind one signature, for `kernels.bench`: only what is importable takes part.

A peer is prepared once per set of inputs and then called without arguments, so that planning and layout changes stay
outside the clock; what a user would pay at every step (expanding K) stays inside. Inputs are q `[b, n_q, t, d]`,
k `[b, n_k, T, d]`, v `[b, n_v, T, d]`, the t queries being the last positions: t = 1 (decode) or t = T (prefill).
Every call returns `[b, n_q, t, d]`; the bench compares it with ours before it times it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

import torch
import torch.nn.functional as F

Call = Callable[[], torch.Tensor]
Prepare = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], Call]


@dataclass(frozen=True, slots=True)
class Peer:
    """name: as printed. variants: head layouts of `kernels.cost.paper_variants` that it serves.

    module: what must be importable. batches: whether b > 1 works. ValueError from `prepare` means "not this shape".
    """

    name: str
    prepare: Prepare
    variants: tuple[str, ...] = ("gqa",)
    operations: tuple[str, ...] = ("decode", "prefill")
    devices: tuple[str, ...] = ("cuda",)
    module: str | None = None
    batches: bool = True


def peers(operation: str, variant: str, device: str, b: int) -> list[Peer]:
    """Those that can run the operation on such heads, on this machine."""
    return [
        peer
        for peer in _PEERS
        if variant in peer.variants
        and operation in peer.operations
        and device in peer.devices
        and (b == 1 or peer.batches)
        and (peer.module is None or find_spec(peer.module) is not None)
    ]


def _sdpa(backend: str | None = None) -> Prepare:
    def prepare(q, k, v):
        causal = q.shape[2] > 1
        if backend is None:
            return lambda: F.scaled_dot_product_attention(q, k, v, is_causal=causal, enable_gqa=True)
        from torch.nn.attention import SDPBackend, sdpa_kernel

        chosen = getattr(SDPBackend, backend)

        def call():
            with sdpa_kernel(chosen):
                return F.scaled_dot_product_attention(q, k, v, is_causal=causal, enable_gqa=True)

        return call

    return prepare


def _expanded(q, k, v):
    """DiffQKV without a kernel for it: repeat K up to V's heads, then SDPA."""
    group = v.shape[1] // k.shape[1]
    causal = q.shape[2] > 1
    return lambda: F.scaled_dot_product_attention(
        q, k.repeat_interleave(group, 1), v, is_causal=causal, enable_gqa=True
    )


def _bmm(q, k, v):
    """Two batched matrix products, the query heads that share a head folded into rows; decode only."""
    b, n_q, t, d = q.shape
    n_k, n_v, rows = k.shape[1], v.shape[1], k.shape[2]

    def call():
        scores = q.reshape(b, n_k, n_q // n_k * t, d) @ k.mT
        weights = (scores * d**-0.5).softmax(-1, dtype=torch.float32).to(q.dtype)
        return (weights.view(b, n_v, n_q // n_v * t, rows) @ v).view(b, n_q, t, v.shape[3])

    return call


_flex_shape: list[tuple] = []


def _flex_attention(q, k, v):
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    # torch.compile gives up after a few shapes and would then run the slow eager form: start afresh with every shape.
    shape = q.shape, k.shape, q.dtype
    if _flex_shape != [shape]:
        torch.compiler.reset()
        _flex_shape[:] = [shape]
    compiled = torch.compile(flex_attention, dynamic=False)
    mask = None
    if q.shape[2] > 1:
        t = q.shape[2]
        mask = create_block_mask(lambda b, h, i, j: i >= j, None, None, t, t, device=q.device)
    return lambda: compiled(q, k, v, block_mask=mask, enable_gqa=True)


def _flash(module: str) -> Prepare:
    """flash_attn, and flex_head_fa, which kept its functions (arXiv 2501.13629 measures with it)."""

    def prepare(q, k, v):
        library = import_module(module)
        turned = [x.transpose(1, 2) for x in (q, k, v)]
        # With a cache flash_attn splits the rows over the multiprocessors; without one it would use 32 of them.
        function = library.flash_attn_with_kvcache if q.shape[2] == 1 else library.flash_attn_func
        return lambda: function(*turned, causal=True).transpose(1, 2)

    return prepare


def _flashinfer(q, k, v):
    import flashinfer

    b, n_q, t, d = q.shape
    n_k, rows = k.shape[1:3]
    queries, keys, values = (x.transpose(1, 2) for x in (q, k, v))
    if t > 1:
        query, key, value = queries[0], keys[0], values[0]
        if b > 1:
            raise ValueError(f"b = {b}")
        return lambda: flashinfer.single_prefill_with_kv_cache(query, key, value, causal=True).transpose(0, 1)[None]
    if b == 1:
        query, key, value = queries[0, 0], keys[0], values[0]
        return lambda: flashinfer.single_decode_with_kv_cache(query, key, value, use_tensor_cores=True)[None, :, None]
    page = 64
    if rows % page:
        raise ValueError(f"T = {rows} is no multiple of {page}")
    pages = rows // page
    wrapper = flashinfer.BatchDecodeWithPagedKVCacheWrapper(
        torch.empty(128 << 20, dtype=torch.uint8, device=q.device), "NHD", use_tensor_cores=True
    )
    steps = torch.arange(b + 1, dtype=torch.int32, device=q.device) * pages
    indices = torch.arange(b * pages, dtype=torch.int32, device=q.device)
    last = torch.full((b,), page, dtype=torch.int32, device=q.device)
    wrapper.plan(steps, indices, last, n_q, n_k, d, page, q_data_type=q.dtype, kv_data_type=k.dtype)
    cache = tuple(x.reshape(b * pages, page, n_k, d) for x in (keys, values))
    return lambda: wrapper.run(queries[:, 0], cache)[:, :, None]


_PEERS = [
    Peer("torch sdpa", _sdpa(), devices=("cpu", "cuda")),
    Peer("torch sdpa flash", _sdpa("FLASH_ATTENTION")),
    Peer("torch sdpa cudnn", _sdpa("CUDNN_ATTENTION")),
    Peer("torch bmm", _bmm, operations=("decode",), devices=("cpu", "cuda"), variants=("gqa", "diffqkv")),
    Peer("torch expand-k", _expanded, variants=("diffqkv",), devices=("cpu", "cuda")),
    Peer("flex_attention", _flex_attention),
    Peer("flash_attn", _flash("flash_attn"), module="flash_attn"),
    Peer("flex_head_fa", _flash("flex_head_fa"), module="flex_head_fa", variants=("gqa", "diffqkv")),
    Peer("flashinfer", _flashinfer, module="flashinfer"),
]
