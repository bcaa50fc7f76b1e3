"""`python -m sigma.serving.export`: a folder that transformers and vLLM load, from packed and full checkpoints of ours."""

import json

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from sigma import SigmaConfig, preset
from sigma.checkpoints.load import load_pair
from sigma.serving import export
from tests.real import need_default_pair
from tests.tiny import byte_tokenizer, side_of, tiny_model


@pytest.fixture
def full(tmp_path):
    """A full tiny checkpoint on disk, fp32."""

    def build(**changes):
        model = tiny_model(num_key_heads=1, augmented_query_dim=24, **changes)
        model.save_pretrained(tmp_path / "full")
        byte_tokenizer().save_pretrained(tmp_path / "full")
        return model, tmp_path / "full"

    return build


def test_the_folder_is_the_model_in_bf16(full, tmp_path, capsys):
    model, source = full()
    export.main([str(tmp_path / "out"), "--checkpoint", str(source), "--json"])
    result = json.loads(capsys.readouterr().out)
    found = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype="auto")
    assert found.dtype == torch.bfloat16 and found.config.architectures == ["SigmaForCausalLM"]
    state = found.state_dict()
    for name, tensor in model.state_dict().items():
        assert torch.equal(state[name], tensor.to(torch.bfloat16)), name
    assert found.config.num_key_heads == 1 and found.config.augmented_query_dim == 24
    stored = sum(p.numel() for p in model.parameters())  # tied: the table once
    assert result["bytes"] == 2 * stored
    assert result["kv_bytes_per_token"] == sum(model.config.kv_bytes(1)) == result["tensor_parallel"][0][3]
    assert {path.name for path in tmp_path.iterdir()} == {"full", "out"}


def test_tokenizer_and_end_token_go_along(full, tmp_path):
    _, source = full()
    export.main([str(tmp_path / "out"), "--checkpoint", str(source)])
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    messages = [{"role": "user", "content": "Hi"}]
    want = byte_tokenizer().apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    assert tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False) == want
    assert json.loads((tmp_path / "out" / "generation_config.json").read_text())["eos_token_id"] == 2


def test_it_says_how_to_serve_and_how_to_get_vllm(full, tmp_path, capsys, monkeypatch):
    _, source = full()
    monkeypatch.setattr(export, "has_vllm", lambda: False)
    export.main([str(tmp_path / "out"), "--checkpoint", str(source)])
    text = capsys.readouterr().out
    assert "vLLM is not installed here" in text and export.REQUIREMENTS in text
    assert f"api_server --model {tmp_path / 'out'}" in text
    page = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "| 1 | 1 | 3 |" in page and "9 query, 1 key and 3 value heads" in page
    monkeypatch.setattr(export, "has_vllm", lambda: True)
    export.main([str(tmp_path / "again"), "--checkpoint", str(source)])
    assert "not installed" not in capsys.readouterr().out


def test_selective_v_is_named(full, tmp_path, capsys):
    _, source = full(selective_v_top_k=5)
    export.main([str(tmp_path / "out"), "--checkpoint", str(source)])
    assert "selective_v_top_k is 5: vLLM fetches all V rows" in capsys.readouterr().out


def test_packed_tensors_are_written_plain(tmp_path):
    side = side_of(tiny_model(num_key_heads=3), "tiny")
    size = export.write_folder(tmp_path / "out", side, torch.float32)
    found = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype="auto")
    assert found.dtype == torch.float32 and size == 4 * sum(p.numel() for p in found.parameters())
    for name, packed in side.tensors.items():
        assert torch.equal(found.state_dict()[name], packed.dequantize())


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--tuned", "some.safetensors"], "this one is full"),
        (["--side", "gqa"], "needs --base"),
        (["--checkpoint", "/nowhere/at/all"], "There is no file or folder"),
    ],
)
def test_what_cannot_be_written_is_one_line(full, tmp_path, capsys, arguments, words):
    _, source = full()
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        export.main([str(tmp_path / "out"), "--checkpoint", str(source), *arguments])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1 and not (tmp_path / "out").exists()


def test_unmappable_heads_and_a_full_folder_are_refused(full, tmp_path, capsys):
    _, source = full()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("kept")
    with pytest.raises(SystemExit):
        export.main([str(tmp_path / "out"), "--checkpoint", str(source)])
    assert "is not empty" in capsys.readouterr().err
    other = tiny_model(num_key_heads=9, num_value_heads=3)
    other.save_pretrained(tmp_path / "more-k")
    byte_tokenizer().save_pretrained(tmp_path / "more-k")
    with pytest.raises(SystemExit):
        export.main([str(tmp_path / "new"), "--checkpoint", str(tmp_path / "more-k")])
    assert "num_key_heads 9 beside num_value_heads 3" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"full", "out", "more-k"}
    assert (tmp_path / "out" / "mine.txt").read_text() == "kept"


def test_a_preset_is_shapes_alone(tmp_path, capsys):
    export.main([str(tmp_path / "out"), "--preset", "sigma-10b"])
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["config.json"]
    assert SigmaConfig.from_pretrained(tmp_path / "out").to_dict() | {"dtype": None, "architectures": None} == (
        preset("sigma-10b").to_dict() | {"dtype": None, "architectures": None}
    )
    assert "--load-format dummy" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        export.main([str(tmp_path / "other"), "--preset", "sigma-10b", "--side", "gqa"])
    assert "--preset is shapes alone" in capsys.readouterr().err


@pytest.mark.base
@pytest.mark.parametrize("tuned", ["off", "auto"])
def test_the_default_pair_with_and_without_tuning(tmp_path, capsys, tuned):
    need_default_pair()
    export.main([str(tmp_path / "out"), "--tuned", tuned, "--json"])
    result = json.loads(capsys.readouterr().out)
    assert result["kv_bytes_per_token"] == 16_384
    found = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype="auto").state_dict()
    side = load_pair(tuned=tuned).sigma
    for name in ("model.layers.7.self_attn.q_gate_proj.weight", "model.layers.7.mlp.up_proj.weight"):
        assert torch.equal(found[name], side.tensors[name].dequantize().to(torch.bfloat16)), name
    assert ("tuned" in result["name"]) == (tuned == "auto")
