"""Packed matrices mean what they say; GGUF files are read exactly; files on disk survive and fail loudly."""

import os
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from sigma.quantization import (
    Dense,
    GroupInt8,
    Int4,
    Int8,
    load_packed,
    quantize_int4,
    quantize_int8,
    read_gguf,
    save_packed,
)
from sigma.quantization.packed import pack_nibbles, unpack_nibbles

Type = gguf.GGMLQuantizationType
HEADS, KV_HEADS, DIM, HIDDEN, INNER, VOCAB = 4, 2, 16, 64, 96, 40


def matrix(rows: int, cols: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, cols, generator=torch.Generator().manual_seed(seed)) * 0.1


def test_nibbles_put_the_even_column_low():
    values = torch.arange(16).view(1, 16)
    assert pack_nibbles(values)[0, 1] == 2 | 3 << 4
    assert torch.equal(unpack_nibbles(pack_nibbles(values)), values.to(torch.uint8))


def test_int8_is_within_half_a_step():
    weight = matrix(7, 64)
    packed = quantize_int8(weight)
    assert packed.shape == (7, 64)
    assert packed.nbytes == 7 * 64 + 7 * 2
    step = weight.abs().amax(1, keepdim=True) / 127
    assert ((packed.dequantize() - weight).abs() <= step * 0.52).all()


@pytest.mark.parametrize("group", [32, 64])
def test_int4_beats_plain_rounding(group):
    weight = matrix(24, 128)
    packed = quantize_int4(weight, group)
    assert packed.shape == (24, 128)
    assert packed.nbytes == 24 * 128 // 2 + 2 * 24 * 128 // group * 2
    groups = weight.view(24, -1, group)
    low, high = groups.amin(-1, keepdim=True), groups.amax(-1, keepdim=True)
    plain = ((groups - low) / (high - low) * 15).round() / 15 * (high - low) + low
    error = (packed.dequantize() - weight).norm()
    assert error < (plain.view_as(weight) - weight).norm()
    assert error < 0.1 * weight.norm()


def test_a_group_that_does_not_tile_is_halved():
    assert quantize_int4(matrix(4, 96), 64).group == 32
    assert quantize_int4(matrix(4, 144), 64).group == 16


def test_int4_of_constant_rows_is_exact_to_fp16():
    weight = torch.tensor([0.0, 0.25, -1.0]).view(3, 1).expand(3, 64).contiguous()
    torch.testing.assert_close(quantize_int4(weight).dequantize(), weight, atol=1e-3, rtol=1e-3)


def test_offsets_are_kept_exactly():
    rows, cols = torch.full((48,), 4.0), matrix(1, 64, 3)[0]
    learned = matrix(48, 64) * 0.01
    weight = learned + 3.5 * torch.eye(48, 64) + torch.outer(rows, cols)
    packed = quantize_int4(weight, 32, identity=3.5, rank_one=(rows, cols))
    assert (packed.dequantize() - weight).norm() < 0.1 * learned.norm()
    assert (quantize_int4(weight, 32).dequantize() - weight).norm() > learned.norm()


def test_error_feedback_lowers_the_output_error():
    inputs = matrix(400, 128, 1) @ matrix(128, 128, 2)
    weight = matrix(40, 128)
    plain = quantize_int4(weight, 32).dequantize() - weight
    fed = quantize_int4(weight, 32, hessian=inputs.T @ inputs).dequantize() - weight
    assert (inputs @ fed.T).norm() < 0.8 * (inputs @ plain.T).norm()


def test_error_feedback_takes_inputs_that_never_fire():
    inputs = matrix(200, 64, 1)
    inputs[:, 5:20] = 0
    packed = quantize_int4(matrix(8, 64), 32, hessian=inputs.T @ inputs)
    assert packed.dequantize().isfinite().all()


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="100 columns are not divisible into groups of 64 or its halves"):
        quantize_int4(matrix(4, 100))
    with pytest.raises(ValueError, match="finite"):
        quantize_int8(torch.full((2, 2), float("nan")))
    with pytest.raises(ValueError, match=r"\[64, 64\], got \(3, 3\)"):
        quantize_int4(matrix(4, 64), hessian=torch.eye(3))
    with pytest.raises(ValueError, match=r"Int8.scale must be torch.float16 \(2,\)"):
        Int8(torch.zeros(2, 4, dtype=torch.int8), torch.zeros(3).half())


def some_tensors() -> dict:
    q8 = quantize_int8(matrix(8, 64))
    return {
        "plain": Dense(matrix(3, 5).to(torch.bfloat16)),
        "rows": q8,
        "groups": GroupInt8(q8.values, matrix(8, 2).half()),
        "four": quantize_int4(matrix(8, 64), 32),
        "offset": quantize_int4(matrix(8, 64), 64, identity=0.5, rank_one=(matrix(1, 8)[0], matrix(1, 64)[0])),
    }


def test_a_saved_file_comes_back_equal(tmp_path):
    tensors = some_tensors()
    path = tmp_path / "packed.safetensors"
    save_packed(path, tensors, {"name": "test"})
    found, metadata = load_packed(path)
    assert metadata == {"name": "test"}
    assert list(tmp_path.iterdir()) == [path]
    for name, packed in tensors.items():
        assert type(found[name]) is type(packed)
        assert found[name].nbytes == packed.nbytes
        assert torch.equal(found[name].dequantize(), packed.dequantize())


def test_a_damaged_or_foreign_file_is_refused(tmp_path):
    path = tmp_path / "packed.safetensors"
    save_packed(path, some_tensors(), {})
    whole = path.read_bytes()
    for size in (0, 5, 200, len(whole) - 10):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"packed.safetensors is truncated"):
            load_packed(path)
    save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match="without packed tensors"):
        load_packed(path)
    with pytest.raises(ValueError, match="no such file"):
        load_packed(tmp_path / "absent")


def permuted(weight: np.ndarray, heads: int) -> np.ndarray:
    """Rows as llama.cpp stores them: rotary pairs (f, f + d/2) side by side."""
    return weight.reshape(heads, 2, -1, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape)


def write_gguf(path: Path, kind: Type, architecture: str = "llama", without: str = "", tied: bool = True) -> dict:
    """A one-layer model with random weights; returns our name -> the fp32 values that the file holds."""
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_block_count(1)
    writer.add_context_length(128)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(50_000.0)
    writer.add_bos_token_id(1)
    queries, keys = HEADS * DIM, KV_HEADS * DIM
    shapes = {
        "attn_q": (queries, HIDDEN, "self_attn.q_proj"),
        "attn_k": (keys, HIDDEN, "self_attn.k_proj"),
        "attn_v": (keys, HIDDEN, "self_attn.v_proj"),
        "attn_output": (HIDDEN, queries, "self_attn.o_proj"),
        "ffn_gate": (INNER, HIDDEN, "mlp.gate_proj"),
        "ffn_up": (INNER, HIDDEN, "mlp.up_proj"),
        "ffn_down": (HIDDEN, INNER, "mlp.down_proj"),
    }
    expected = {}
    for i, (name, (rows, cols, ours)) in enumerate(shapes.items()):
        weight = matrix(rows, cols, i).numpy()
        heads = {"attn_q": HEADS, "attn_k": KV_HEADS}.get(name)
        raw = gguf.quantize(permuted(weight, heads) if heads else weight, kind)
        if name != without:
            writer.add_tensor(f"blk.0.{name}.weight", raw, raw_dtype=kind)
        # Quantization works along columns, so it commutes with a permutation of rows.
        expected[f"model.layers.0.{ours}.weight"] = gguf.dequantize(gguf.quantize(weight, kind), kind)
    for name, ours in (("attn_norm", "input_layernorm"), ("ffn_norm", "post_attention_layernorm")):
        expected[f"model.layers.0.{ours}.weight"] = np.linspace(0.5, 1.5, HIDDEN, dtype=np.float32)
        writer.add_tensor(f"blk.0.{name}.weight", expected[f"model.layers.0.{ours}.weight"])
    expected["model.norm.weight"] = np.linspace(1, 2, HIDDEN, dtype=np.float32)
    writer.add_tensor("output_norm.weight", expected["model.norm.weight"])
    for name, ours in (("token_embd", "model.embed_tokens"), *(() if tied else (("output", "lm_head"),))):
        raw = gguf.quantize(matrix(VOCAB, HIDDEN, len(name)).numpy(), Type.Q8_0)
        writer.add_tensor(f"{name}.weight", raw, raw_dtype=Type.Q8_0)
        expected[f"{ours}.weight"] = gguf.dequantize(raw, Type.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return expected


@pytest.mark.parametrize("kind", [Type.F32, Type.F16, Type.BF16, Type.Q8_0, Type.Q4_0, Type.Q4_1, Type.Q5_1])
def test_gguf_means_what_its_own_library_says(tmp_path, kind):
    expected = write_gguf(tmp_path / "m.gguf", kind, tied=kind != Type.F16)
    config, tensors, metadata = read_gguf(tmp_path / "m.gguf")
    assert metadata["general.architecture"] == "llama"
    assert (config.num_attention_heads, config.num_key_heads, config.num_value_heads) == (HEADS, KV_HEADS, KV_HEADS)
    assert (config.head_dim, config.intermediate_size, config.vocab_size) == (DIM, INNER, VOCAB)
    assert (config.rope_theta, config.rms_norm_eps, config.max_position_embeddings) == (50_000.0, 1e-5, 128)
    assert config.tie_word_embeddings == (kind != Type.F16)
    assert set(tensors) == set(expected)
    for name, values in expected.items():
        # Only the sum m + 8 d of Q4_1 is rounded, to fp16; other kinds are exact but for Q5_1's scales times fp16.
        atol = {Type.Q4_1: 2e-4, Type.Q5_1: 2e-4}.get(kind, 0)
        np.testing.assert_allclose(tensors[name].dequantize().numpy(), values, rtol=0, atol=atol, err_msg=name)
    kept = tensors["model.layers.0.self_attn.q_proj.weight"]
    assert type(kept) is {Type.Q4_0: Int4, Type.Q4_1: Int4, Type.Q8_0: GroupInt8}.get(kind, Dense)


def test_gguf_that_cannot_be_used_is_refused(tmp_path):
    path = tmp_path / "m.gguf"
    write_gguf(path, Type.Q4_1)
    whole = path.read_bytes()
    for size in (300, len(whole) // 2, len(whole) - 4000):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"m.gguf is truncated"):
            read_gguf(path)
    path.write_bytes(b"PK\3\4" + bytes(100))
    with pytest.raises(ValueError, match="not a GGUF file"):
        read_gguf(path)
    write_gguf(path, Type.Q4_1, architecture="mamba")
    with pytest.raises(ValueError, match="architecture 'mamba' is not supported"):
        read_gguf(path)
    write_gguf(path, Type.Q4_1, without="ffn_up")
    with pytest.raises(ValueError, match=r"1 tensors are missing, the first is model.layers.0.mlp.up_proj.weight"):
        read_gguf(path)
    with pytest.raises(ValueError, match="no such file"):
        read_gguf(tmp_path / "absent.gguf")


def base_file() -> Path | None:
    if os.environ.get("SIGMA_BASE_GGUF"):
        return Path(os.environ["SIGMA_BASE_GGUF"])
    try:
        from sigma.checkpoints.load import cached_base
    except ImportError:
        return None
    return cached_base()


@pytest.mark.base
def test_the_base_equals_transformers_own_reading():
    path = base_file()
    if path is None or not path.is_file():
        pytest.skip("the base weights are not on this machine (SIGMA_BASE_GGUF, or run the page once)")
    from transformers import AutoModelForCausalLM

    config, tensors, _ = read_gguf(path)
    raw = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
    up = raw["blk.7.ffn_up.weight"]
    wanted = torch.from_numpy(gguf.dequantize(up.data, up.tensor_type))
    torch.testing.assert_close(tensors["model.layers.7.mlp.up_proj.weight"].dequantize(), wanted, atol=1e-4, rtol=0)
    state = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32).state_dict()
    for layer in (0, config.num_hidden_layers - 1):
        for part in ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.down_proj"):
            name = f"model.layers.{layer}.{part}.weight"
            torch.testing.assert_close(tensors[name].dequantize(), state[name], atol=1e-4, rtol=0, msg=name)
    name = "model.embed_tokens.weight"
    torch.testing.assert_close(tensors[name].dequantize(), state[name], atol=1e-4, rtol=0)
