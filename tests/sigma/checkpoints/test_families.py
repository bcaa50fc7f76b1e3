"""Every GQA family that conversion takes, as tiny random checkpoints of transformers' own classes."""

import json

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from sigma.checkpoints.load import CheckpointError, load_side
from sigma.conversion.convert import convert
from sigma.conversion.run import push
from sigma.convert import main as convert_command
from sigma.model.modeling import SigmaForCausalLM
from sigma.training.heal import main as heal_command
from tests.tiny import byte_tokenizer

FAMILIES = ("llama", "mistral", "qwen2", "qwen3")


@pytest.fixture(params=FAMILIES)
def folder(request, tmp_path):
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        request.param,
        vocab_size=259,
        hidden_size=96,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=6,
        num_key_value_heads=2,
        head_dim=16,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        tie_word_embeddings=request.param != "mistral",
        max_position_embeddings=512,
        initializer_range=0.15,
    )
    model = AutoModelForCausalLM.from_config(config)
    for name, parameter in model.named_parameters():  # biases and norms start trivial: make them matter
        if name.endswith("bias") or "norm" in name:
            parameter.data += torch.randn_like(parameter) * 0.3
    model.save_pretrained(tmp_path / request.param)
    byte_tokenizer().save_pretrained(tmp_path / request.param)
    return tmp_path / request.param


def ids(*shape):
    return torch.randint(3, 259, shape, generator=torch.Generator().manual_seed(1))


def test_our_class_reproduces_the_family(folder):
    ours = load_side(folder).dense()
    theirs = AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        torch.testing.assert_close(ours(ids(2, 40)).logits, theirs(ids(2, 40)).logits, atol=2e-5, rtol=1e-4)
    wanted = theirs.generate(ids(1, 8), max_new_tokens=12, do_sample=False, pad_token_id=0, eos_token_id=-1)
    assert torch.equal(ours.generate(ids(1, 8), max_new_tokens=12, do_sample=False, eos_token_id=-1), wanted)


def test_keeping_all_heads_loses_only_what_a_norm_does(folder):
    source = load_side(folder).dense()
    sigma = convert(source, ids(8, 64), 2)
    with torch.no_grad():
        want, got = source(ids(1, 64)).logits, sigma(ids(1, 64)).logits
    if source.config.qk_norm:  # a norm per token becomes its mean: close, not equal
        assert not sigma.config.qk_norm
        assert (want - got).square().mean() < 0.3 * (want - want.mean()).square().mean()
    else:
        torch.testing.assert_close(got, want, atol=2e-2, rtol=1e-2)


def test_a_converted_model_saves_loads_and_still_speaks(folder, tmp_path):
    source = load_side(folder).dense()
    sigma = convert(source, ids(8, 64), 1, augmented_query_dim=128)
    assert sigma.config.num_key_heads == 1 and sigma.config.num_value_heads == 2
    assert sigma.config.qkv_bias == source.config.qkv_bias
    sigma.save_pretrained(tmp_path / "sigma")
    byte_tokenizer().save_pretrained(tmp_path / "sigma")
    again = load_side(tmp_path / "sigma").dense()
    with torch.no_grad():
        torch.testing.assert_close(again(ids(1, 30)).logits, sigma(ids(1, 30)).logits, atol=1e-5, rtol=1e-5)
    assert isinstance(AutoModelForCausalLM.from_pretrained(tmp_path / "sigma"), SigmaForCausalLM)


@pytest.mark.parametrize("folder", ["mistral"], indirect=True)
def test_a_sliding_window_ends_the_context(folder):
    config = json.loads((folder / "config.json").read_text())
    config["sliding_window"] = 128
    (folder / "config.json").write_text(json.dumps(config))
    assert load_side(folder).config.max_position_embeddings == 128


@pytest.mark.parametrize("folder", ["llama"], indirect=True)
def test_another_family_is_named(folder):
    config = json.loads((folder / "config.json").read_text())
    config["model_type"] = "gpt2"
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="gpt2"):
        load_side(folder)


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("The quick brown fox jumps over the lazy dog, again and again and again. " * 60)
    return path


@pytest.mark.parametrize("folder", ["qwen2"], indirect=True)
def test_the_command_writes_a_folder_with_a_card(folder, text, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    dest = tmp_path / "out" / "tiny-sigma"
    options = [str(folder), str(dest), "--key-heads", "1", "--text", str(text), "--context", "64", "--windows", "8"]
    convert_command([*options, "--json"])
    figures = json.loads(capsys.readouterr().out)
    assert figures["kv_bytes_per_token_after"] == figures["kv_bytes_per_token_before"] * 3 // 4
    card = (dest / "README.md").read_text()
    assert "6 query, 1 key, 2 value" in card and "-25.0%" in card
    assert f"{figures['converted']['nll']:.4f}" in card and f"{figures['gqa_nll']:.4f}" in card
    assert load_side(dest).config.num_key_heads == 1
    with pytest.raises(SystemExit):
        convert_command(options)
    assert "not empty" in capsys.readouterr().err


@pytest.mark.parametrize("folder", ["qwen3"], indirect=True)
def test_a_healed_run_becomes_a_folder(folder, text, tmp_path, capsys):
    corpus = [json.dumps({"text": text.read_text() + str(i), "split": "train"}) for i in range(3)]
    (tmp_path / "corpus.jsonl").write_text("\n".join(corpus))
    heal_command(
        [str(tmp_path / "run"), "--base", str(folder), "--corpus", str(tmp_path / "corpus.jsonl"), "--length", "64"]
        + ["--layer-steps", "12", "--logit-steps", "12", "--layer-rate", "3e-3", "--logit-rate", "3e-3"]
        + ["--key-heads", "1", "--augmented-query-dim", "0", "--device", "cpu"]
    )
    dest = tmp_path / "healed"
    common = [str(folder), str(dest), "--text", str(text), "--context", "64", "--windows", "8", "--json"]
    convert_command([*common, "--healed", str(tmp_path / "run")])
    figures = json.loads(capsys.readouterr().out)
    assert figures["healed"]["kl"] < figures["converted"]["kl"]
    assert "converted and healed" in (dest / "README.md").read_text()
    again = [str(folder), str(tmp_path / "other"), *common[2:], "--healed", str(tmp_path / "nothing")]
    with pytest.raises(SystemExit):
        convert_command(again)
    said = capsys.readouterr()
    assert "no healing run" in said.out + said.err


def test_an_upload_that_fails_says_why(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match="is written, but could not be uploaded to 'someone/tiny'"):
        push(tmp_path, "someone/tiny")
