"""Healing on a lent GPU, dry: what travels, the run, what comes back; here on the CPU with a tiny model."""

import json

import pytest
import torch
from safetensors.torch import load_file

from sigma.conversion.convert import convert
from sigma.training import gpu
from sigma.training.gpu import bring_back, divergence, there, tokens_file, trusted_attention, windows_from
from sigma.training.losses import logit_loss
from sigma.training.pieces import INDEX, cut, joined
from sigma.training.recipe import Recipe
from sigma.training.start import end_of_run, trained_parameters
from tests.tiny import tiny_model

RECIPE = Recipe(
    length=32, batch=2, layer_steps=0, logit_rate=2e-3, shortest=16, reach=64, selective_every=4, selective_top_k=8
)


def random_windows(count=24, length=32, seed=1):
    return torch.randint(3, 259, (count, length), generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def sent(tmp_path, monkeypatch):
    """A folder as it lies there, whose base and start are a tiny teacher and its conversion."""
    teacher = tiny_model(num_key_heads=3)
    monkeypatch.setattr(gpu, "load_dense", lambda path: (tiny_model(num_key_heads=3), None))
    monkeypatch.setattr(
        gpu,
        "started_student",
        lambda path, teacher, calibration, recipe, previous: convert(teacher, random_windows(), 1, 80),
    )
    monkeypatch.setattr(gpu, "HELD_LENGTH", 32)
    monkeypatch.setattr(gpu, "FAR_LENGTH", 64)
    files = {
        gpu.BASE: b"a tiny model stands in",
        gpu.TRAINING: tokens_file(random_windows()),
        "held-out/docs": tokens_file(random_windows()[:4]),
        "held-out/far": tokens_file(random_windows(2, 64, seed=3)),
        "start/config.json": b"{}",
        "made.json": json.dumps({"commit": "abc", "start": {"recipe": {}, "tokens": 1}}).encode(),
    }
    cut(files, tmp_path / "sent", 1 << 20)
    return teacher, tmp_path


def test_a_run_there_lowers_the_loss_and_comes_back_whole(sent):
    teacher, room = sent
    found = there(room / "sent", room / "out", 60, RECIPE, "cpu", steps=24)
    assert found["kl"]["docs"]["after"] < found["kl"]["docs"]["before"]
    assert set(found["kl"]) == {"docs", "far"} and found["steps"] == 24 and found["attention"] == "diffqkv"
    assert bring_back(room / "out", room / "run") == found["tokens"]
    weights, progress = end_of_run(room / "run")
    student = convert(teacher, random_windows(), 1, 80)
    assert weights.keys() == trained_parameters(student).keys() and progress["step"] == found["steps"]
    student.load_state_dict(weights, strict=False)
    with torch.no_grad():
        after = divergence(student, teacher, random_windows()[:4])
    assert sum(after) / 4 == pytest.approx(found["kl"]["docs"]["after"], rel=0.03)  # the way back is in bf16
    rows = [json.loads(line) for line in (room / "run" / "record.jsonl").read_text().splitlines()]
    assert len(rows) == found["steps"] and rows[-1]["rate"] < 0.2 * RECIPE.logit_rate  # the cycle came to its end
    with pytest.raises(ValueError, match="holds a run already"):
        bring_back(room / "out", room / "run")


def test_results_are_files_that_a_transfer_takes(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "PIECE", 4000)
    weights = {f"layer.{i}": torch.randn(30, 30).bfloat16() for i in range(5)}
    gpu.write_results(tmp_path, weights, "", {})
    parts = sorted(tmp_path.glob("*.safetensors"))
    assert len(parts) == 3 and all(part.stat().st_size < 4400 for part in parts)
    assert {name for part in parts for name in load_file(part)} == weights.keys()
    with pytest.raises(ValueError, match="does not hold"):
        bring_back(tmp_path / "nothing", tmp_path / "run")


def test_kernels_that_disagree_or_fail_are_not_trusted(monkeypatch):
    teacher = tiny_model(num_key_heads=3)
    student = convert(teacher, random_windows(), 1, 80)
    trained_parameters(student)
    attention, apart = trusted_attention(student, teacher, random_windows(1))
    assert attention == "diffqkv" and apart < gpu.AGREE

    def wrong(student, teacher, ids, positions=None):
        loss = logit_loss(student, teacher, ids, positions)
        return loss * (2 if student.config._attn_implementation == "diffqkv" else 1)

    monkeypatch.setattr(gpu, "logit_loss", wrong)
    attention, apart = trusted_attention(student, teacher, random_windows(1))
    assert attention == "diffqkv_torch" and apart == pytest.approx(1.0, abs=0.05)

    def fails(student, *given):
        if student.config._attn_implementation == "diffqkv":
            raise RuntimeError("no kernel image is available for execution on the device")
        return logit_loss(student, *given)

    monkeypatch.setattr(gpu, "logit_loss", fails)
    assert trusted_attention(student, teacher, random_windows(1)) == ("diffqkv_torch", float("inf"))


def test_too_few_minutes_are_refused(sent):
    with pytest.raises(ValueError, match="minutes are too few"):
        there(sent[1] / "sent", sent[1] / "out", 0.0001, RECIPE, "cpu")
    with pytest.raises(ValueError, match="too few for batches"):
        there(sent[1] / "sent", sent[1] / "out", 1, Recipe(length=32, batch=100), "cpu")


def test_tokens_travel_as_sixteen_bits():
    windows = random_windows()
    windows[0, 0] = 65_535
    assert torch.equal(windows_from(tokens_file(windows), 32), windows)
    assert windows_from(tokens_file(windows), 50).shape == (15, 50)
    windows[0, 0] = 65_536
    with pytest.raises(ValueError, match="16 bits"):
        tokens_file(windows)


def test_pieces_come_together_and_a_missing_or_damaged_one_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("sigma.training.pieces._MOST", 1000)
    files = {"a": bytes(range(256)) * 12, "b/c": b"", "d": b"x" * 900}
    sizes = cut(files, tmp_path / "sent", 3000)
    calls = sorted((tmp_path / "sent").iterdir())
    assert len(calls) == len(sizes) > 1
    for call, size in zip(calls, sizes):
        assert sum(file.stat().st_size for file in call.iterdir()) == size <= 3000 and (call / INDEX).exists()
    assert joined(tmp_path / "sent") == files
    with pytest.raises(ValueError, match="use a new folder"):
        cut(files, tmp_path / "sent", 3000)
    with pytest.raises(ValueError, match="does not hold a piece"):
        cut(files, tmp_path / "small", 1000)
    piece = next(call / "00-001" for call in calls if (call / "00-001").exists())
    kept = piece.read_bytes()
    piece.write_bytes(kept[:-1] + b"?")
    with pytest.raises(ValueError, match="a is not what was sent"):
        joined(tmp_path / "sent")
    piece.unlink()
    with pytest.raises(ValueError, match="lacks 1 pieces"):
        joined(tmp_path / "sent")
    with pytest.raises(ValueError, match="not one call"):
        joined(tmp_path / "nothing")
