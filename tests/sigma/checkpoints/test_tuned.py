"""Tuned minima: written, read, merged into a base, and refused where they do not belong."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from sigma.checkpoints.base import CheckpointError, sha256_of
from sigma.checkpoints.load import EMBEDDED, PACKED_FILE, load_pair, tuned_twin
from sigma.checkpoints.tuned import SIGMA, TUNED_FILE, read_tuned, rounded_rows, with_minima, write_tuned
from sigma.engine.engine import load_engine
from sigma.events import ChatRequest, PromptError, Sampling, StepEvent
from sigma.quantization import Dense, quantize_int4, quantize_int8, save_packed
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


def test_an_8_bit_matrix_takes_a_change_a_group_and_is_8_bit_again():
    torch.manual_seed(0)
    plain, change = quantize_int8(torch.randn(6, 64)), torch.randn(6, 2) * 0.1
    tuned = with_minima({"q": plain}, {"q": change})["q"]
    error = tuned.dequantize() - plain.dequantize() - change.repeat_interleave(32, 1)
    assert (error.abs() <= tuned.scale.float()[:, None] * 0.51).all() and tuned.nbytes == plain.nbytes


def test_minima_of_a_sigma_belong_to_that_sigma(tmp_path):
    path, changes = tmp_path / TUNED_FILE, {SIGMA + NAME: torch.ones(6, 2)}
    write_tuned(path, changes, "ab" * 32, "x", "ef" * 32)
    assert read_tuned(path, "ab" * 32, "ef" * 32)[0].keys() == changes.keys()
    with pytest.raises(CheckpointError, match=r"the Sigma checkpoint with sha256 efefefefefef.*not 010101"):
        read_tuned(path, "ab" * 32, "01" * 32)
    write_tuned(path, {NAME: torch.ones(6, 2)}, "ab" * 32, "x")
    assert read_tuned(path, "ab" * 32, "01" * 32)[0].keys() == {NAME}


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
    pair = load_pair()
    folder = tmp_path_factory.mktemp("tuned") / "sigma"
    folder.mkdir()
    for name in ("config.json", "manifest.json", PACKED_FILE):
        shutil.copy(EMBEDDED / name, folder)
    change = torch.full(pair.gqa.tensors["model.layers.29.mlp.down_proj.weight"].zero.shape, 0.05)
    base = sha256_of(Path(pair.gqa.manifest["path"]))
    write_tuned(folder / TUNED_FILE, {"model.layers.29.mlp.down_proj.weight": change}, base, "a tuned base")
    return folder


@pytest.mark.base
def test_both_sides_take_the_tuned_tensor_and_off_takes_none(folder):
    tuned, plain = load_pair(str(folder), tuned="auto"), load_pair(str(folder))
    name = "model.layers.29.mlp.down_proj.weight"
    assert tuned.tuning.state == "tuned" and tuned.gqa.name == "a tuned base" and plain.tuning.state == "off"
    assert tuned.gqa.tensors[name] is tuned.sigma.tensors[name]
    moved = tuned.gqa.tensors[name].dequantize() - plain.gqa.tensors[name].dequantize()
    assert moved.mean() == pytest.approx(0.05, rel=0.02)
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
    pair = load_pair(str(copy), tuned="auto")
    assert pair.tuning.state == "failed" and pair.tuning.words.startswith("Both sides run untuned: ")
    assert pair.gqa.name != "a tuned base"
    with pytest.raises(CheckpointError):
        load_pair(str(copy), tuned=str(copy / TUNED_FILE))


@pytest.mark.base
def test_a_twin_shares_all_but_what_was_tuned(folder):
    pair = load_pair(str(folder))
    twin = tuned_twin(pair, folder, "auto")
    name = "model.layers.29.mlp.down_proj.weight"
    assert twin.tuning.state == "tuned" and pair.gqa.name != twin.gqa.name == "a tuned base"
    assert twin.sigma.tensors[name] is twin.gqa.tensors[name] is not pair.gqa.tensors[name]
    for mine, theirs in ((twin.gqa, pair.gqa), (twin.sigma, pair.sigma)):
        assert {n for n in mine.tensors if mine.tensors[n] is not theirs.tensors[n]} == {name}
    assert tuned_twin(pair, folder, "off").gqa is pair.gqa


@pytest.mark.base
def test_queries_and_keys_are_each_sides_own(folder, tmp_path):
    copy = tmp_path / "sigma"
    shutil.copytree(folder, copy)
    plain = load_pair(str(folder))
    query, gate = (f"model.layers.3.self_attn.{part}.weight" for part in ("q_proj", "q_gate_proj"))
    changes = {
        query: torch.full(plain.gqa.tensors[query].zero.shape, 0.25),
        SIGMA + query: torch.full((576, 18), -0.25),
        SIGMA + gate: torch.full(plain.sigma.tensors[gate].zero.shape, 0.5),
    }
    base = sha256_of(Path(plain.gqa.manifest["path"]))
    write_tuned(copy / TUNED_FILE, changes, base, "a tuned base", sha256_of(copy / PACKED_FILE))
    tuned = load_pair(str(copy), tuned="auto")
    assert tuned.tuning.state == "tuned", tuned.tuning.words
    for side, name, moved in (("gqa", query, 0.25), ("sigma", query, -0.25), ("sigma", gate, 0.5)):
        one, other = (getattr(pair, side).tensors[name].dequantize() for pair in (tuned, plain))
        assert (one - other).mean() == pytest.approx(moved, rel=0.02)
    write_tuned(copy / TUNED_FILE, changes, base, "a tuned base", "ab" * 32)
    assert "made for the Sigma checkpoint with sha256 abab" in load_pair(str(copy), tuned="auto").tuning.words


@pytest.mark.base
def test_the_engine_answers_tuned_where_a_request_asks_for_it(folder):
    engine = load_engine(str(folder), device="cpu")
    try:
        assert engine.info("gqa").tuned == "a tuned base" and engine.info("sigma").tuned.endswith(", tuned")
        compiled = [engine.models["sigma"].runtime, engine.tuned["gqa"].runtime, engine.tuned["sigma"].runtime]
        plain, tuned_gqa, both = (runtime.weight_pointers() for runtime in compiled)
        moved = {name for name in plain if both[name] != plain[name]}
        assert moved == {"model.layers.29.mlp.down_proj.weight"} and all(both[n] == tuned_gqa[n] for n in moved)
        texts = {}
        for tuned in (False, True, False):
            messages = {"gqa": [{"role": "user", "content": "Name three planets."}]}
            request = ChatRequest(messages, Sampling(max_new_tokens=24), tuned=tuned)
            tokens = [e.token_id for e in engine.stream(request, "a session") if isinstance(e, StepEvent)]
            assert texts.setdefault(tuned, tokens) == tokens
        assert texts[True] != texts[False]
    finally:
        engine.close()


@pytest.mark.base
def test_an_engine_without_tuned_minima_says_so(folder):
    engine = load_engine(str(folder), device="cpu", tuned="off")
    try:
        assert engine.info("gqa").tuned == ""
        with pytest.raises(PromptError, match="no tuned minima"):
            engine.stream(ChatRequest({"gqa": [{"role": "user", "content": "x"}]}, tuned=True))
    finally:
        engine.close()
