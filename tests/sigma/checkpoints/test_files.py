"""What checkpoint files say is read, or refused by name in one line; nothing is silently something else."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

from sigma.checkpoints.files import end_tokens
from sigma.checkpoints.load import CheckpointError, load_side
from sigma.convert import main as convert_command
from sigma.engine.run import Model
from sigma.training.corpus import read
from sigma.training.start import end_of_run
from tests.tiny import SPECIALS, TEMPLATE, byte_tokenizer


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=259,
        hidden_size=48,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=6,
        num_key_value_heads=2,
        head_dim=8,
        tie_word_embeddings=True,
        max_position_embeddings=128,
        initializer_range=0.15,
        eos_token_id=2,
    )
    LlamaForCausalLM(config).save_pretrained(tmp_path / "model")
    byte_tokenizer().save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def changed(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_every_end_token_of_the_generation_config_ends_an_answer(folder):
    changed(folder / "generation_config.json", eos_token_id=[2, 7, 9])
    assert Model(load_side(folder), SimpleNamespace(device=torch.device("cpu"))).stop_ids == {2, 7, 9}


@pytest.mark.parametrize("named, found", [((2, None), 2), ((None,), None), ((2, [2, 5]), [2, 5]), (([3], 3), 3)])
def test_end_tokens_of_all_places(named, found):
    assert end_tokens(10, *named) == found


@pytest.mark.parametrize("bad", [10, -1, "2", True, 1.0])
def test_an_end_token_outside_the_vocabulary_is_refused(bad):
    with pytest.raises(ValueError, match="end token"):
        end_tokens(10, [2, bad])


def test_a_head_of_its_own_is_read_though_the_config_ties_it(folder):
    tensors = load_file(folder / "model.safetensors")
    assert "lm_head.weight" not in tensors
    tensors["lm_head.weight"] = torch.randn(259, 48)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    theirs = LlamaForCausalLM.from_pretrained(folder)
    ours = load_side(folder)
    assert not ours.config.tie_word_embeddings
    ids = torch.randint(3, 259, (1, 12))
    with torch.no_grad():
        torch.testing.assert_close(ours.dense()(ids).logits, theirs(ids).logits, atol=1e-5, rtol=1e-5)


def test_converting_beyond_the_context_is_refused(folder, tmp_path, capsys):
    text = tmp_path / "text.txt"
    text.write_text("words and more words " * 200)
    with pytest.raises(SystemExit):
        convert_command(
            [str(folder), str(tmp_path / "out"), "--key-heads", "1", "--text", str(text), "--context", "129"]
        )
    assert "at most 128 tokens" in capsys.readouterr().err


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 99\n"


@pytest.mark.parametrize(
    "content, words",
    [
        (lambda whole: b"", "model.safetensors is empty"),
        (lambda whole: POINTER, "LFS pointer"),
        (lambda whole: whole[:5], "truncated"),
        (lambda whole: whole[:200], "truncated"),
        (lambda whole: whole[:-1], "truncated"),
        (lambda whole: whole + b"more", "damaged"),
        (lambda whole: b"\x08" + b"\0" * 7 + b"[1, 2]  ", "damaged"),
        (lambda whole: b"PK\x03\x04" * 50, "no safetensors"),
    ],
)
def test_damaged_weights(folder, content, words):
    path = folder / "model.safetensors"
    path.write_bytes(content(path.read_bytes()))
    refused(folder, words)


def refused(path, words):
    with pytest.raises(CheckpointError, match=words) as caught:
        load_side(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change, words",
    [
        (dict(hidden_size=96), "do not fit the config"),
        (dict(vocab_size=300), r"model.embed_tokens.weight is \[259, 48\], not \[300, 48\]"),
        (dict(intermediate_size=10**9), "do not fit"),
        (dict(num_hidden_layers=10**9), "at most 1000"),
        (dict(num_hidden_layers=1), "unexpected"),
        (dict(num_attention_heads=0), "cannot be loaded"),
        (dict(num_key_value_heads=-2), "cannot be loaded"),
        (dict(hidden_size="wide"), "cannot be loaded"),
        (dict(eos_token_id=259), "end token 259"),
        (dict(quantization_config={"quant_method": "gptq", "bits": 4}), "'gptq'"),
        (dict(quantization_config={"quant_method": "awq", "bits": 4}), "'awq'"),
        (dict(quantization_config="awq"), "cannot be loaded"),
        (dict(rope_parameters={"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 0.5}), "a part"),
    ],
)
def test_configs_that_do_not_fit(folder, change, words):
    changed(folder / "config.json", **change)
    refused(folder, words)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", POINTER, b"\xff\xfe", b"[" * 100_000])
@pytest.mark.parametrize("name", ["config.json", "generation_config.json"])
def test_damaged_settings(folder, name, content):
    (folder / name).write_bytes(content)
    refused(folder, name)


def test_quantized_tensors_without_a_word_in_the_config(folder):
    tensors = load_file(folder / "model.safetensors")
    name = "model.layers.0.mlp.up_proj.weight"
    save_file({**tensors, name: tensors[name].to(torch.int8)}, folder / "model.safetensors", metadata={"format": "pt"})
    refused(folder, "I8")


def test_a_missing_part_of_sharded_weights(folder):
    (folder / "model.safetensors").unlink()
    index = {"weight_map": {"model.norm.weight": "model-00001-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    refused(folder, "model-00001-of-00002.safetensors is missing")


@pytest.mark.parametrize("content", [b"", POINTER, b"{"])
def test_a_damaged_tokenizer(folder, content):
    (folder / "tokenizer.json").write_bytes(content)
    refused(folder, "cannot be loaded")


def gguf_model(path, leave_out=(), **extra):
    """A whole tiny GGUF model; `extra`: more keys of "llama." or "tokenizer.ggml.", `leave_out`: parts of the tokenizer."""
    from gguf import GGUFWriter

    writer = GGUFWriter(str(path), "llama")
    writer.add_embedding_length(32)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_feed_forward_length(48)
    writer.add_block_count(1)
    writer.add_context_length(64)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_bos_token_id(1)
    writer.add_chat_template(TEMPLATE)
    if "tokens" not in leave_out:
        writer.add_token_list([*SPECIALS, "<think>", "a", "b", "ab", "Ġ"])
    if "token_type" not in leave_out:
        writer.add_token_types([3, 3, 3, 4, 1, 1, 1, 1])
    if "merges" not in leave_out:
        writer.add_token_merges(["a b"])
    for key, value in {"tokenizer.ggml.eos_token_id": 2, **extra}.items():
        add = {float: writer.add_float32, str: writer.add_string}.get(type(value), writer.add_uint32)
        add(key, value)
    sizes = {"attn_q": (32, 32), "attn_k": (16, 32), "attn_v": (16, 32), "attn_output": (32, 32), "attn_norm": (32,)}
    sizes |= {"ffn_gate": (48, 32), "ffn_up": (48, 32), "ffn_down": (32, 48), "ffn_norm": (32,)}
    random = np.random.default_rng(0)
    tensors = {f"blk.0.{name}": size for name, size in sizes.items()} | {"token_embd": (8, 32), "output_norm": (32,)}
    for name, size in tensors.items():
        writer.add_tensor(f"{name}.weight", random.standard_normal(size).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_a_gguf_with_a_second_end_token_and_an_added_one(tmp_path):
    side = load_side(gguf_model(tmp_path / "m.gguf", **{"tokenizer.ggml.eot_token_id": 0}))
    assert side.config.eos_token_id == [2, 0]
    assert side.tokenizer("a<think>b").input_ids == [4, 3, 5]
    assert "<think>" not in side.tokenizer.all_special_tokens


def test_a_window_of_a_gguf_ends_its_context(tmp_path):
    side = load_side(gguf_model(tmp_path / "m.gguf", **{"llama.attention.sliding_window": 16}))
    assert side.config.max_position_embeddings == 16


@pytest.mark.parametrize(
    "key, value, words",
    [
        ("llama.rope.scale_linear", 4.0, "scaled rotary"),
        ("llama.rope.scaling.factor", 2.0, "scaled rotary"),
        ("llama.rope.scaling.type", "yarn", "scaled rotary"),
        ("llama.expert_count", 8, "expert_count = 8"),
        ("llama.logit_scale", 0.5, "logit_scale"),
        ("llama.attention.value_length", 4, "values of another width"),
        ("llama.feed_forward_length", 64, "do not fit"),
        ("tokenizer.ggml.eos_token_id", 8, "end token 8"),
        ("tokenizer.ggml.eot_token_id", 4_000_000_000, "end token"),
    ],
)
def test_a_gguf_that_says_what_is_not_read(tmp_path, key, value, words):
    refused(gguf_model(tmp_path / "m.gguf", **{key: value}), words)


def test_a_scale_of_one_scales_nothing(tmp_path):
    assert load_side(gguf_model(tmp_path / "m.gguf", **{"llama.rope.scale_linear": 1.0}))


@pytest.mark.parametrize("part", ["tokens", "token_type", "merges"])
def test_a_gguf_without_a_part_of_its_tokenizer(tmp_path, part):
    refused(gguf_model(tmp_path / "m.gguf", leave_out=(part,)), f"no tokenizer.ggml.{part}")


def test_a_gguf_that_was_not_fetched(tmp_path):
    (tmp_path / "m.gguf").write_bytes(POINTER)
    refused(tmp_path / "m.gguf", "LFS pointer")


@pytest.mark.parametrize("content", [b"", POINTER, b"PK\x03\x04" * 9])
def test_the_damaged_state_of_a_run(tmp_path, content):
    (tmp_path / "state.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"state\.pt cannot be loaded"):
        end_of_run(tmp_path)


def test_a_corpus_line_may_hold_a_line_separator(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "one\u2028two\x85three"}\n{"text": "four"}\r\n', encoding="utf-8")
    assert read(path) == ["one\u2028two\x85three", "four"]


@pytest.mark.parametrize(
    "row", ["{}", '"text"', "[1]", "7", "null", '{"text": null}', '{"text": ["a"]}', '{"text": "\\ud800"}']
)
def test_a_corpus_row_without_text_is_named(tmp_path, row):
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "fine"}\n' + row)
    with pytest.raises(ValueError, match=r"x\.jsonl, line 2: "):
        read(path)


def test_weights_in_a_form_that_can_hold_programs_are_not_read(folder):
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(tensors, folder / "pytorch_model.bin")
    refused(folder, "no weights as safetensors")
