"""A tuning run's minima in a checkpoint folder."""

import json

import pytest
import torch

from sigma.checkpoints.base import CheckpointError, sha256_of
from sigma.checkpoints.load import PACKED_FILE
from sigma.checkpoints.tuned import SIGMA, TUNED_FILE, write_tuned
from sigma.training.publish import counted, main, publish

BASE = "ab" * 32


def run_folder(path, base=BASE, steps=3, start=None):
    path.mkdir()
    write_tuned(path / TUNED_FILE, {"model.layers.0.mlp.up_proj.weight": torch.ones(4, 2)}, base, "a tuned base")
    rows = [{"step": i, "steps": 9, "tokens": 10 * i, "loss": {"lessons gqa": 3.0 - i}} for i in range(1, steps + 1)]
    (path / "record.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    lineage = {"recipe": {"rate": 0.1}, "commit": "abc", **({"start": start} if start else {})}
    (path / "run.json").write_text(json.dumps(lineage))
    return path


@pytest.fixture
def dest(tmp_path):
    folder = tmp_path / "sigma"
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps({"name": "S", "base": {"file": "x", "sha256": BASE}}))
    (folder / PACKED_FILE).write_bytes(b"a Sigma")
    return folder


def test_the_minima_and_what_made_them(tmp_path, dest):
    run = run_folder(tmp_path / "run")
    main([str(run), str(dest), "--json"])
    manifest = json.loads((dest / "manifest.json").read_text())
    tuned = manifest["tuned"]
    assert (
        manifest["name"] == "S" and tuned["name"] == "a tuned base" and tuned["sha256"] == sha256_of(dest / TUNED_FILE)
    )
    assert tuned["numbers"] == {"shared": 8, "gqa": 0, "sigma": 0}
    assert (tuned["tokens"], tuned["steps"], tuned["planned_steps"]) == (30, 3, 9)
    assert (
        tuned["loss_first"] == {"lessons gqa": 1.0}
        and (dest / TUNED_FILE).read_bytes() == (run / TUNED_FILE).read_bytes()
    )
    assert sorted(p.name for p in dest.iterdir()) == ["manifest.json", PACKED_FILE, TUNED_FILE]


def test_changed_minima_are_counted_by_whose_they_are():
    names = ("model.layers.0.self_attn.v_proj.weight", "model.layers.0.self_attn.q_proj.weight")
    changes = {names[0]: torch.ones(2, 3), names[1]: torch.ones(4, 5), SIGMA + names[1]: torch.ones(1, 7)}
    assert counted(changes) == {"shared": 6, "gqa": 20, "sigma": 7}


def test_a_run_that_went_on_from_another_names_it(tmp_path, dest):
    first = publish(run_folder(tmp_path / "one"), dest)
    second = publish(run_folder(tmp_path / "two", start=first["sha256"]), dest)
    assert second["start"] == first
    other = publish(run_folder(tmp_path / "three", start="00" * 32), dest)
    assert other["start"] == {"sha256": "00" * 32}


def test_a_folder_without_a_sigma_takes_no_minima(tmp_path, dest):
    (dest / PACKED_FILE).unlink()
    with pytest.raises(CheckpointError, match="no packed checkpoint"):
        publish(run_folder(tmp_path / "run"), dest)


def test_minima_of_another_base_and_an_empty_run_are_refused(tmp_path, dest):
    before = (dest / "manifest.json").read_bytes()
    with pytest.raises(CheckpointError, match="cdcdcdcdcdcd"):
        publish(run_folder(tmp_path / "run", base="cd" * 32), dest)
    with pytest.raises(CheckpointError, match="no step"):
        publish(run_folder(tmp_path / "empty", steps=0), dest)
    with pytest.raises(CheckpointError, match="cannot be read"):
        publish(tmp_path, dest)
    assert (dest / "manifest.json").read_bytes() == before
    assert sorted(p.name for p in dest.iterdir()) == ["manifest.json", PACKED_FILE]
