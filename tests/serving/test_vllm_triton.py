"""vLLM's Triton kernels for unequal widths on Sigma's pages, interpreted: what its GPU path would compute.

Nothing of this project runs here but the layout of the page and the choice of a head's slot: both are what model.py relies on.
"""

import importlib.util
import os
import sys
import types

import pytest
import torch

from kernels.decode.reference import decode_attention
from sigma import SigmaConfig
from sigma.serving.vllm.shards import shard

pytestmark = pytest.mark.skipif(
    not (importlib.util.find_spec("vllm") and importlib.util.find_spec("triton"))
    or not os.environ.get("TRITON_INTERPRET"),
    reason="vLLM is not installed here (tests/serving/vllm.sh), or Triton is not interpreted",
)
PAGE = 16


@pytest.fixture(scope="module")
def kernels():
    """(write, attend) of vLLM, which hides Triton from machines without a GPU."""
    import triton
    import triton.language as tl
    import vllm.triton_utils as hidden

    shown = types.ModuleType("vllm.triton_utils")
    shown.__dict__.update({name: value for name, value in vars(hidden).items() if not name.startswith("__")})
    shown.triton, shown.tl, shown.HAS_TRITON = triton, tl, True
    sys.modules["vllm.triton_utils"] = shown
    try:
        from vllm.v1.attention.ops.triton_reshape_and_cache_flash import triton_reshape_and_cache_flash_diffkv as write
        from vllm.v1.attention.ops.triton_unified_attention_diffkv import unified_attention_diffkv as attend
    finally:
        sys.modules["vllm.triton_utils"] = hidden
    return write, attend


@pytest.mark.parametrize(
    "heads, d_k, d_v, lengths, new, segments",
    [
        ((9, 1, 3), 64, 64, [37, 20], [37, 5], 0),
        ((9, 1, 3), 64, 64, [37, 20], [1, 1], 4),
        ((32, 4, 16), 64, 64, [33], [9], 0),
        ((32, 4, 16), 64, 64, [40], [1], 4),
        ((32, 4, 16), 128, 128, [20], [1], 4),
        ((8, 2, 4), 32, 64, [37, 20], [1, 1], 4),
        ((8, 2, 4), 32, 64, [21], [21], 0),
    ],
)
def test_attention_on_pages_of_k_and_wide_v(kernels, heads, d_k, d_v, lengths, new, segments):
    write, attend = kernels
    n_q, n_k, n_v = heads
    config = SigmaConfig(
        num_attention_heads=n_q, num_key_heads=n_k, num_value_heads=n_v, head_dim=d_v, key_head_dim=d_k, vocab_size=64
    )
    held = shard(config)
    torch.manual_seed(0)
    pages = [-(-length // PAGE) for length in lengths]
    cache = torch.full((sum(pages) + 1, n_k, PAGE, d_k + held.slots * d_v), float("nan"))
    table, slots, free = torch.zeros(len(lengths), max(pages), dtype=torch.int32), [], 1
    for i, (length, count) in enumerate(zip(lengths, pages)):
        table[i, :count] = torch.arange(free, free + count)
        slots += [int(table[i, p // PAGE]) * PAGE + p % PAGE for p in range(length)]
        free += count
    cache[1:] = 0.0  # vLLM clears its cache
    k, v = torch.randn(sum(lengths), n_k, d_k), torch.randn(sum(lengths), n_v, d_v)
    rows, one = cache.transpose(1, 2), torch.ones(1)
    write(k, v.view(-1, n_k, held.slots * d_v), rows, torch.tensor(slots), "auto", one, one)
    q, wide = torch.randn(sum(new), n_q, d_k), held.slots * d_v
    out = torch.full((sum(new), n_q, wide), float("nan"))
    padded = 1 << (wide - 1).bit_length()
    split = {
        "seq_threshold_3D": 8,
        "num_par_softmax_segments": segments,
        "softmax_segm_output": torch.zeros(sum(new), n_q, segments, padded),
        "softmax_segm_max": torch.zeros(sum(new), n_q, segments),
        "softmax_segm_expsum": torch.zeros(sum(new), n_q, segments),
    }
    attend(
        q=q,
        k=rows[..., :d_k],
        v=rows[..., d_k:],
        out=out,
        cu_seqlens_q=torch.tensor([0, *torch.tensor(new).cumsum(0)], dtype=torch.int32),
        seqused_k=torch.tensor(lengths, dtype=torch.int32),
        softmax_scale=config.scale,
        causal=True,
        window_size=(-1, -1),
        block_table=table,
        softcap=0.0,
        max_seqlen_q=max(new),
        **(split if segments else {}),
    )
    own = out.view(-1, n_q, held.slots, d_v)[:, range(n_q), [held.slot_of(i) for i in range(n_q)]]
    asked = cached = 0
    for length, t in zip(lengths, new):
        want = decode_attention(
            q[asked : asked + t].transpose(0, 1)[None],
            k[cached : cached + length].transpose(0, 1)[None],
            v[cached : cached + length].transpose(0, 1)[None],
        )[0].transpose(0, 1)
        assert torch.allclose(own[asked : asked + t], want, atol=1e-5)
        asked, cached = asked + t, cached + length
