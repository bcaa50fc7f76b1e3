"""A packed checkpoint whose layers get their source's queries and keys back."""

import json

import pytest
import torch

from sigma.checkpoints.base import CheckpointError, sha256_of
from sigma.checkpoints.load import PACKED_FILE, load_pair
from sigma.checkpoints.tuned import SIGMA, TUNED_FILE, read_tuned, write_tuned
from sigma.conversion.convert import convert
from sigma.training import keep
from sigma.training.pack import pack_query_path, write_checkpoint
from tests.tiny import byte_tokenizer, tiny_model

SHA = "0" * 64
LAST = "model.layers.2.self_attn."


@pytest.fixture
def folders(tmp_path):
    """(a GQA folder, a packed Sigma made of it with tuned minima)."""
    model = tiny_model(num_key_heads=3, num_hidden_layers=3, hidden_size=144, head_dim=16, initializer_range=0.1)
    model.save_pretrained(tmp_path / "gqa")
    byte_tokenizer().save_pretrained(tmp_path / "gqa")
    windows = torch.randint(3, 259, (6, 64), generator=torch.Generator().manual_seed(1))
    student, packed = convert(model, windows, 1, 192), tmp_path / "packed"
    manifest = {"name": "tiny", "base": {"file": "x", "sha256": SHA}, "healing": {"tokens": 7}, "figures": {"old": {}}}
    manifest["tuned"] = {"sha256": "before", "tokens": 9}
    write_checkpoint(packed, student, pack_query_path(student, windows), manifest)
    changes = {f"{SIGMA}model.layers.{i}.self_attn.k_proj.weight": torch.full((16, 4), 0.5) for i in range(3)}
    write_tuned(packed / TUNED_FILE, changes, SHA, "a tuned base", sha256_of(packed / PACKED_FILE))
    (packed / "README.md").write_text("a card")
    return tmp_path / "gqa", packed


def test_kept_layers_are_the_bases_and_the_others_stay(folders, tmp_path, capsys):
    gqa, packed = folders
    text = tmp_path / "words.txt"
    text.write_text("The kernel schedules work for many cores. " * 400)
    dest = tmp_path / "kept"
    options = ["--layers", "2", "--base", str(gqa), "--text", str(text), "--windows", "2", "--json"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keep, "WINDOW", 96)
        keep.main([str(packed), str(dest), *options])
    told = json.loads(capsys.readouterr().out)
    assert told["key_heads"] == [1, 1, 3] and told["kv_bytes_per_token"] == (5 + 9) * 16 * 2
    before, after = load_pair(str(packed), str(gqa)), load_pair(str(dest), str(gqa))
    assert after.sigma.config.augmented_query_dims == (192, 192, None)
    for name, tensor in after.sigma.tensors.items():
        if name.startswith(LAST):
            assert tensor is after.gqa.tensors[name]
        elif "q_gate" in name or "k_proj" in name:
            torch.testing.assert_close(tensor.dequantize(), before.sigma.tensors[name].dequantize())
    changes, name = read_tuned(dest / TUNED_FILE, SHA, sha256_of(dest / PACKED_FILE))
    assert name == "a tuned base" and len(changes) == 2 and not any(LAST in matrix for matrix in changes)
    manifest = json.loads((dest / "manifest.json").read_text())
    assert manifest["healing"] == {"tokens": 7}
    assert manifest["figures"] == told["figures"] and manifest["figures"]["words"]["tokens"] == 2 * 96
    numbers = {"shared": 0, "gqa": 0, "sigma": 2 * 16 * 4}
    assert manifest["tuned"] == {"sha256": sha256_of(dest / TUNED_FILE), "tokens": 9, "numbers": numbers}
    assert (dest / "README.md").read_text() == "a card"
    keep.keep(dest, tmp_path / "more", [0], str(gqa))
    assert load_pair(str(tmp_path / "more"), str(gqa)).sigma.config.key_heads == (3, 1, 3)


def test_what_cannot_be_kept_is_said_and_leaves_nothing(folders, tmp_path):
    gqa, packed = folders
    with pytest.raises(ValueError, match="layer 3 cannot be kept: there are 0 to 2"):
        keep.keep(packed, tmp_path / "kept", [3], str(gqa))
    with pytest.raises(ValueError, match="all layers would be kept"):
        keep.keep(packed, tmp_path / "kept", [0, 1, 2], str(gqa))
    with pytest.raises(ValueError, match=r"missing\.txt"):
        keep.keep(packed, tmp_path / "kept", [1], str(gqa), [tmp_path / "missing.txt"])
    with pytest.raises(ValueError, match="exists"):
        keep.keep(packed, packed, [1], str(gqa))
    with pytest.raises(CheckpointError, match="cannot be read"):
        keep.keep(gqa, tmp_path / "kept", [1], str(gqa))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gqa", "packed"]
