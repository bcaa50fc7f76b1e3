"""Tuned minima: written, read, merged into a base, and refused where they do not belong."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from sigma.checkpoints.base import CheckpointError, sha256_of
from sigma.checkpoints.load import EMBEDDED, PACKED_FILE, load_pair
from sigma.checkpoints.tuned import TUNED_FILE, read_tuned, rounded_rows, with_minima, write_tuned
from sigma.quantization import Dense, quantize_int4, save_packed
from sigma.runtime import Runtime
from tests.real import need_default_pair

NAME = "model.layers.0.mlp.gate_proj.weight"


def base_tensors():
    torch.manual_seed(0)
    return {NAME: quantize_int4(torch.randn(6, 64), 32), "model.norm.weight": Dense(torch.ones(64))}


def test_a_change_is_added_to_the_minima_and_to_nothing_else():
    tensors, change = base_tensors(), torch.randn(6, 2) * 0.1
    tuned = with_minima(tensors, {NAME: change})
    got = tuned[NAME].dequantize() - tensors[NAME].dequantize()
    torch.testing.assert_close(got, change.repeat_interleave(32, 1), rtol=0, atol=2e-3)
    assert tuned[NAME].nibbles is tensors[NAME].nibbles and tuned[NAME].scale is tensors[NAME].scale
    assert tuned["model.norm.weight"] is tensors["model.norm.weight"] and tuned[NAME].nbytes == tensors[NAME].nbytes


@pytest.mark.parametrize("size", [0.0, 1e-9, 1e-5, 0.02, 3.0])
def test_rows_are_rounded_to_their_own_scale(size):
    change = torch.randn(5, 18, generator=torch.Generator().manual_seed(1)) * size
    change[2] = 0
    error = (rounded_rows(change).dequantize() - change).abs()
    assert (error <= change.abs().amax(1, keepdim=True) / 250 + 1e-7).all()


def test_what_is_written_is_read(tmp_path):
    change = torch.randn(6, 2) * 0.1
    write_tuned(tmp_path / TUNED_FILE, {NAME: change}, "ab" * 32, "a tuned base")
    changes, name = read_tuned(tmp_path / TUNED_FILE, "ab" * 32)
    assert name == "a tuned base" and torch.equal(changes[NAME], rounded_rows(change).dequantize())
    with pytest.raises(CheckpointError, match=r"abababababab.*cdcdcdcdcdcd"):
        read_tuned(tmp_path / TUNED_FILE, "cd" * 32)


def damaged(path: Path, how: str) -> None:
    if how == "missing":
        path.unlink()
    elif how == "truncated":
        path.write_bytes(path.read_bytes()[:-20])
    elif how == "pointer":
        path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    elif how == "other format":
        save_packed(path, base_tensors(), {"format": "sigma-packed-1"})
    else:
        path.write_bytes(b"")


DAMAGES = ("missing", "truncated", "pointer", "other format", "empty")


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_file_is_one_line(tmp_path, how):
    path = tmp_path / TUNED_FILE
    write_tuned(path, {NAME: torch.ones(6, 2)}, "ab" * 32, "x")
    damaged(path, how)
    with pytest.raises(CheckpointError) as error:
        read_tuned(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "changes", [{"model.norm.weight": torch.ones(6, 2)}, {NAME: torch.ones(5, 2)}, {"other": torch.ones(6, 2)}]
)
def test_minima_of_another_model_are_refused(changes):
    with pytest.raises(CheckpointError, match="do not fit the base"):
        with_minima(base_tensors(), changes)


def test_minima_that_are_no_numbers_are_refused():
    with pytest.raises(CheckpointError, match="not finite"):
        with_minima(base_tensors(), {NAME: torch.full((6, 2), torch.nan)})


# The default pair.


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The embedded Sigma with minima of our own beside it: one matrix of the last layer."""
    need_default_pair()
    pair = load_pair(tuned="off")
    folder = tmp_path_factory.mktemp("tuned") / "sigma"
    folder.mkdir()
    for name in ("config.json", "manifest.json", PACKED_FILE):
        shutil.copy(EMBEDDED / name, folder)
    change = torch.full(pair.gqa.tensors["model.layers.29.mlp.down_proj.weight"].zero.shape, 0.01)
    base = sha256_of(Path(pair.gqa.manifest["path"]))
    write_tuned(folder / TUNED_FILE, {"model.layers.29.mlp.down_proj.weight": change}, base, "a tuned base")
    return folder


@pytest.mark.base
def test_both_sides_take_the_tuned_tensor_and_off_takes_none(folder):
    tuned, plain = load_pair(str(folder)), load_pair(str(folder), tuned="off")
    name = "model.layers.29.mlp.down_proj.weight"
    assert tuned.tuning.state == "tuned" and tuned.gqa.name == "a tuned base" and plain.tuning.state == "off"
    assert tuned.gqa.tensors[name] is tuned.sigma.tensors[name]
    moved = tuned.gqa.tensors[name].dequantize() - plain.gqa.tensors[name].dequantize()
    assert moved.mean() == pytest.approx(0.01, rel=0.02)
    ids = torch.arange(8)[None]
    logits = [Runtime(p.gqa.config, p.gqa.tensors) for p in (tuned, plain)]
    logits = [runtime.prefill(ids, runtime.new_cache()) for runtime in logits]
    assert not torch.equal(*logits) and logits[0].isfinite().all()


@pytest.mark.base
@pytest.mark.parametrize("how", [*DAMAGES, "other base"])
def test_a_file_that_cannot_be_used_leaves_both_sides_untuned_and_says_so(folder, tmp_path, how):
    copy = tmp_path / "sigma"
    shutil.copytree(folder, copy)
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**manifest, "tuned": {"name": "a tuned base"}}))
    if how == "other base":
        write_tuned(copy / TUNED_FILE, {NAME: torch.ones(6, 2)}, "ab" * 32, "x")
    else:
        damaged(copy / TUNED_FILE, how)
    pair = load_pair(str(copy))
    assert pair.tuning.state == "failed" and pair.tuning.words.startswith("Both sides run untuned: ")
    assert pair.gqa.name != "a tuned base"
    with pytest.raises(CheckpointError):
        load_pair(str(copy), tuned=str(copy / TUNED_FILE))
