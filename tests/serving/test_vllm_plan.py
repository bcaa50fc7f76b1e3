"""How a Sigma is laid out for vLLM: ranks played through in torch beside our own attention, the bytes, the refusals."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from kernels.decode.reference import decode_attention
from sigma import SigmaConfig, preset
from sigma.model.modeling import SigmaAttention, rope_tables, rotate
from sigma.serving.vllm import register
from sigma.serving.vllm.backends import FLASH, TRITON, unequal_backend
from sigma.serving.vllm.fold import folded, in_names, in_sizes, stored_names
from sigma.serving.vllm.shards import cache_bytes, check_mappable, possible_ranks, shard, shards, weight_bytes
from tests import house
from tests.serving.vllm_models import SHAPES

ROOT = Path(__file__).parents[2]
WIDTH = 48


def config(q, k, v, d=8, **changes) -> SigmaConfig:
    given = dict(
        vocab_size=1000,
        hidden_size=WIDTH,
        intermediate_size=96,
        num_hidden_layers=1,
        num_attention_heads=q,
        num_key_heads=k,
        num_value_heads=v,
        head_dim=d,
    )
    return SigmaConfig(**{**given, **changes})


CASES = {
    "plain query": (config(8, 2, 4), (1, 2, 4, 8)),
    "augmented query": (config(8, 2, 4, augmented_query_dim=32), (1, 2, 4, 8)),
    "the default model's heads": (config(9, 1, 3, augmented_query_dim=36, vocab_size=960), (1, 3)),
    "the paper's heads": (config(32, 4, 16, augmented_query_dim=64, vocab_size=2048), (1, 2, 4, 8, 16, 32)),
    "GQA": (config(6, 2, 2, vocab_size=960), (1, 2, 3, 6)[:2]),
    "MHA": (config(4, 4, 4), (1, 2, 4)),
    "half K dim, plain query": (config(8, 2, 4, key_head_dim=4), (1, 2, 4)),
    "half K dim, augmented query": (config(8, 2, 4, key_head_dim=4, augmented_query_dim=32), (1, 2, 4)),
    "half K dim, biases": (config(8, 2, 4, key_head_dim=4, qkv_bias=True), (1, 4)),
    "biases, augmented query": (config(8, 2, 4, qkv_bias=True, augmented_query_dim=32), (1, 4)),
    "normalised queries and keys": (config(8, 2, 4, qk_norm=True, augmented_query_dim=32), (1, 2, 4)),
    "K wider than V": (config(8, 2, 4, key_head_dim=12), (1, 2)),
    "a scale of its own": (config(8, 2, 4, attention_scale=0.7), (2,)),
}
RUNS = [pytest.param(c, ranks, id=f"{name}, {ranks} ranks") for name, (c, sizes) in CASES.items() for ranks in sizes]


def attention(c: SigmaConfig) -> SigmaAttention:
    torch.manual_seed(0)
    layer = SigmaAttention(c, 0)
    for tensor in layer.parameters():
        torch.nn.init.normal_(tensor, std=0.3)
    return layer


def one_rank(c, ranks, rank, layer, parts, x, positions):
    """What model.py does on a rank, up to its share of the sum over the ranks behind `o_proj`."""
    held = shard(c, ranks)
    d_k, d_v = c.key_head_dim, c.head_dim

    def rows(name):
        weight, bias = (parts.get(f"{name}.{kind}") for kind in ("weight", "bias"))
        return F.linear(x, weight.chunk(ranks)[rank], None if bias is None else bias.chunk(ranks)[rank])

    if c.augmented_query_dim is None:
        q = rows("q_proj")
    else:  # an all-reduce gives every rank all heads, and it keeps its own
        q = sum(
            F.linear(
                F.silu(F.linear(x, *share(parts, "q_gate_proj", ranks, r)))
                * F.linear(x, *share(parts, "q_up_proj", ranks, r)),
                parts["q_down_proj.weight"].chunk(ranks, dim=1)[r],
            )
            for r in range(ranks)
        ).chunk(ranks, dim=-1)[rank]
    q, k, v = (
        t.unflatten(-1, (-1, d)).transpose(0, 1)[None]
        for t, d in ((q, d_k), (rows("k_proj"), d_k), (rows("v_proj"), d_v))
    )
    assert (q.shape[1], k.shape[1], v.shape[1]) == (held.q_heads, held.k_heads, held.v_heads)
    if c.qk_norm:
        q, k = layer.q_norm(q), layer.k_norm(k)
    q, k = (rotate(t, *rope_tables(c, positions[None])) for t in (q, k))
    wide = v.view(1, held.k_heads, held.slots, -1, d_v).transpose(2, 3).flatten(3)  # one head as vLLM caches it
    out = decode_attention(q, k, wide, scale=c.scale)
    slots = [held.slot_of(i) for i in range(held.q_heads)]
    own = out.unflatten(-1, (held.slots, d_v))[0][range(held.q_heads), :, slots]
    return F.linear(own.transpose(0, 1).flatten(1), layer.o_proj.weight.chunk(ranks, dim=1)[rank])


def share(parts, name, ranks, rank):
    bias = parts.get(f"{name}.bias")
    return parts[f"{name}.weight"].chunk(ranks)[rank], None if bias is None else bias.chunk(ranks)[rank]


@pytest.mark.parametrize("c, ranks", RUNS)
@torch.no_grad()
def test_the_ranks_together_are_our_attention(c, ranks):
    layer = attention(c)
    t = 11
    x, positions = torch.randn(t, WIDTH), torch.arange(t)
    q, k, v = layer.query(x[None]), layer.key(x[None]), layer.v_proj(x[None]).view(1, t, -1, c.head_dim).transpose(1, 2)
    q, k = (rotate(y, *rope_tables(c, positions[None])) for y in (q, k))
    want = layer.o_proj(decode_attention(q, k, v, scale=c.scale).transpose(1, 2).flatten(2))[0]
    stored = {f"layers.0.self_attn.{name}": tensor for name, tensor in layer.state_dict().items()}
    parts = {name.partition(".self_attn.")[2]: tensor for name, tensor in folded(c, ranks, stored.items())}
    for name, size in zip(in_names(c), in_sizes(c, ranks)):
        assert parts[f"{name}.weight"].shape == (size, WIDTH)
    assert not any("expand" in name for name in parts)
    got = sum(one_rank(c, ranks, rank, layer, parts, x, positions) for rank in range(ranks))
    assert torch.allclose(got, want, rtol=1e-4, atol=1e-4 * float(want.abs().max()))


def test_other_tensors_pass_through_and_an_incomplete_layer_is_named():
    c = config(8, 2, 4, augmented_query_dim=32)
    stored = [(f"model.layers.3.self_attn.{name}", tensor) for name, tensor in attention(c).state_dict().items()]
    others = [("model.norm.weight", torch.ones(2)), ("model.layers.3.mlp.up_proj.weight", torch.ones(3))]
    names = [name for name, _ in folded(c, 1, [*others, *stored], torch.bfloat16)]
    assert [name for name, _ in others] == names[:2] and "model.layers.3.self_attn.o_proj.weight" in names
    assert {t.dtype for n, t in folded(c, 1, stored, torch.bfloat16) if "o_proj" not in n} == {torch.bfloat16}
    without = [(name, tensor) for name, tensor in stored if "q_up" not in name]
    with pytest.raises(ValueError, match=r"model\.layers\.3\.self_attn\. lacks q_up_proj\.weight"):
        list(folded(c, 1, without))
    assert len(stored_names(c)) == 6


def test_layers_that_differ_are_folded_and_counted_each_by_itself():
    c = config(8, [2, 4, 2], 4, num_hidden_layers=3, augmented_query_dim=[32, None, 32])
    torch.manual_seed(0)
    layers = [SigmaAttention(c, i) for i in range(3)]
    stored = [
        (f"model.layers.{i}.self_attn.{name}", tensor)
        for i, layer in enumerate(layers)
        for name, tensor in layer.state_dict().items()
    ]
    got = dict(folded(c, 1, stored))
    for i in range(3):
        own = c.of_layer(i)
        rows = [got[f"model.layers.{i}.self_attn.{name}.weight"] for name in in_names(own)]
        assert [len(weight) for weight in rows] == in_sizes(own, 1)
        names = {n.partition(".self_attn.")[2] for n in got if n.startswith(f"model.layers.{i}.")}
        assert ("q_down_proj.weight" in names) == (i != 1)
    assert torch.equal(got["model.layers.1.self_attn.q_proj.weight"], layers[1].q_proj.weight)
    assert cache_bytes(c) == sum(c.kv_bytes(1)) and cache_bytes(c, 4) == 2 * 8 * (3 * 1 + 3 * 1)
    each = [config(8, n, 4, augmented_query_dim=wide) for n, wide in zip(c.key_heads, c.augmented_query_dims)]
    tables = 2 * (1024 + 1) * WIDTH  # the vocabulary's and the last norm, in bf16
    assert weight_bytes(c) - tables == sum(weight_bytes(one) - tables for one in each)
    assert [held.k_heads for held in shards(c, 2)] == [1, 2, 1] and possible_ranks(c) == [1, 2, 4, 8]
    with pytest.raises(ValueError, match="layers are alike"):
        shard(c)
    with pytest.raises(ValueError, match="num_key_heads 8 beside num_value_heads 4"):
        check_mappable(config(8, [2, 8], 4, num_hidden_layers=2))


@pytest.mark.parametrize("name", ["sigma-10b", "sigma-1.5b", "sigma-135m", "gqa-135m", "std-10b"])
def test_a_rank_alone_holds_the_formula_s_bytes(name):
    c = preset(name)
    assert cache_bytes(c) == sum(c.kv_bytes(1))
    assert cache_bytes(c, itemsize=4) == sum(c.kv_bytes(1, 4))


def test_bytes_on_eight_ranks():
    sigma, gqa = preset("sigma-10b"), preset("std-10b")
    assert [cache_bytes(sigma, n) for n in (1, 2, 4, 8, 16)] == [163_840, 81_920, 40_960, 24_576, 16_384]
    assert [cache_bytes(gqa, n) for n in (1, 8, 16)] == [262_144, 32_768, 16_384]
    held = shard(sigma, 8)
    assert (held.q_heads, held.k_heads, held.v_heads, held.k_copies, held.v_copies) == (4, 1, 2, 2, 1)


@pytest.mark.parametrize(
    "c", [config(8, 2, 4), config(8, 2, 4, augmented_query_dim=32, qkv_bias=True), config(8, 2, 4, qk_norm=True)]
)
def test_weight_bytes_are_those_of_the_folded_tensors(c):
    layer = attention(c)
    stored = {f"layers.0.self_attn.{name}": tensor for name, tensor in layer.state_dict().items()}
    folded_size = sum(tensor.numel() for _, tensor in folded(c, 1, stored.items()))
    rest = 3 * 96 * WIDTH + 2 * WIDTH + WIDTH + 1024 * WIDTH  # MLP, norms, last norm, the padded and tied table
    assert weight_bytes(c) == 2 * (folded_size + rest)


@pytest.mark.parametrize(
    "c, ranks, words",
    [
        (config(8, 4, 2), 1, "num_key_heads 4 beside num_value_heads 2"),
        (config(9, 1, 3), 2, "num_attention_heads 9 must be a multiple of the tensor-parallel size 2"),
        (config(8, 2, 4, augmented_query_dim=33), 2, "augmented_query_dim 33"),
        (config(12, 2, 4, vocab_size=960), 3, "of num_key_heads 2 and the tensor-parallel size 3"),
        (config(8, 2, 4, intermediate_size=97), 2, "intermediate_size 97"),
        (config(9, 1, 3), 3, r"vocab_size \(padded to a multiple of 64\) 1024"),
        (config(8, 2, 4), 0, "at least 1, got 0"),
    ],
)
def test_refusals_carry_the_numbers(c, ranks, words):
    with pytest.raises(ValueError, match=words):
        shard(c, ranks)


def test_possible_ranks():
    assert possible_ranks(preset("sigma-135m")) == [1, 3]
    assert possible_ranks(preset("sigma-10b")) == [1, 2, 4, 8, 16, 32]
    with pytest.raises(ValueError):
        check_mappable(config(8, 4, 2))


def test_the_gpu_backend_is_chosen_by_what_fits():
    half = torch.bfloat16
    assert unequal_backend(64, 192, True, half) == FLASH
    assert unequal_backend(64, 192, False, half) == TRITON
    assert unequal_backend(64, 192, True, torch.float32) == TRITON
    assert unequal_backend(128, 512, True, half) == TRITON
    assert unequal_backend(64, 576, True, half) == TRITON
    assert unequal_backend(128, 256, False, half, wanted=FLASH) == FLASH
    with pytest.raises(ValueError, match="FLASHINFER cannot read K 64 and V 192 wide"):
        unequal_backend(64, 192, True, half, wanted="FLASHINFER")


GIGABYTES_USED = 0.9 * 80  # of each GPU, by vLLM


def test_the_readme_s_table_is_computed():
    text = (ROOT / "sigma/serving/vllm/README.md").read_text("utf-8")
    rows = [re.findall(r"-?\d[\d,.]*", line) for line in text.splitlines() if re.match(r"\| \d+ \|", line)]
    assert [int(row[0]) for row in rows] == [1, 2, 4, 8]
    sigma, gqa = preset("sigma-10b"), preset("std-10b")
    for row in rows:
        ranks, replicas = int(row[0]), int(row[1])
        held = shard(sigma, ranks)
        assert replicas * ranks == 8 and [int(row[2]), int(row[3])] == [held.k_heads, held.v_heads]
        figures = row[4:6], row[7:9], row[9:11]
        for c, (cache, weights, tokens) in zip((sigma, gqa), zip(*figures)):
            assert int(cache.replace(",", "")) == cache_bytes(c, ranks)
            size = weight_bytes(c, ranks)
            assert float(weights) == pytest.approx(size / 1e9, abs=0.005)
            held_by_all = replicas * (GIGABYTES_USED * 1e9 - size) / cache_bytes(c, ranks)
            assert float(tokens) == pytest.approx(held_by_all / 1e6, abs=0.005)
        saved = cache_bytes(sigma, ranks) / cache_bytes(gqa, ranks) - 1
        assert float(row[6]) == pytest.approx(100 * saved)


def test_the_readme_s_measured_bytes_are_the_formula_s():
    text = (ROOT / "sigma/serving/vllm/README.md").read_text("utf-8")
    seen = 0
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) > 4 and (shape := SHAPES.get(cells[0].partition(",")[0])) is not None:
            seen += 1
            assert int(cells[4].replace(",", "")) == cache_bytes(SigmaConfig(**shape), int(cells[1]), 4), line
    assert seen == 17


def test_only_the_plugin_s_own_modules_name_vllm_and_the_rest_is_imported_without():
    own = {f"sigma.serving.vllm{part}" for part in ("", ".model", ".cpu", ".backends")}
    assert {module for module, _ in house.importers(house.python_files(ROOT), ("vllm",))} == own
    code = (
        "import sys; sys.modules['vllm'] = None\n"
        "import sigma.serving.vllm, sigma.serving.vllm.backends, sigma.serving.vllm.fold, sigma.serving.export"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=300)


def test_the_entry_point_is_the_plugin():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["entry-points"]["vllm.general_plugins"] == {"sigma": "sigma.serving.vllm:register"}
    assert callable(register)
