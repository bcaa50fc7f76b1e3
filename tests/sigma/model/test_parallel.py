"""The model on several processes (tensor parallelism over gloo) and on several devices (`device_map`)."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from sigma.model.parallel import check_split
from tests.sigma.model.ranks import CASES, GREEDY, HEADS, model_of
from tests.sigma.model.test_modeling import SHAPES
from tests.tiny import tiny_model

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module", params=[2, 4], ids="{} processes".format)
def ranks(request, tmp_path_factory):
    """(number of processes, what each wrote)."""
    pytest.importorskip("accelerate", reason="transformers spreads a model only with accelerate")
    if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
        pytest.skip("this torch has no gloo")
    folder = tmp_path_factory.mktemp("ranks")
    done = subprocess.run(
        [sys.executable, "-m", "tests.sigma.model.ranks", str(request.param), str(folder)],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"},
        **dict(cwd=ROOT, capture_output=True, text=True, timeout=900),
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return request.param, [json.loads((folder / f"{rank}.json").read_text()) for rank in range(request.param)]


@pytest.mark.parametrize("case", CASES)
def test_processes_together_are_one_process(ranks, case):
    for row in (wrote[case] for wrote in ranks[1]):
        assert row["logits"] < 1e-4 and row["same_text"]


@pytest.mark.parametrize("case", CASES)
def test_a_process_caches_the_heads_that_its_queries_read(ranks, case):
    processes, wrote = ranks
    config = model_of(CASES[case]).config
    n_k = [max(1, n // processes) for n in config.key_heads]
    n_v = max(1, config.num_value_heads // processes)
    for row in (one[case] for one in wrote):
        assert row["keys"] == [[2, heads, 20, config.key_head_dim] for heads in n_k]
        assert row["values"] == [2, n_v, 20, config.head_dim]
        assert row["bytes"] == 2 * 20 * 4 * (sum(n_k) * config.key_head_dim + 2 * n_v * config.head_dim)


@pytest.mark.parametrize("case", CASES)
def test_processes_together_learn_and_save_as_one(ranks, case):
    for row in (wrote[case] for wrote in ranks[1]):
        assert row["gradients"] < 1e-4 and row["same_saved"]


def test_heads_that_cannot_be_shared_are_refused_with_the_numbers(ranks):
    processes, wrote = ranks
    for refused in (one["refused"] for one in wrote):
        assert f"q_proj.weight: 9 heads over {processes} processes" in refused["queries"]
        assert f"q_down_proj.weight: 9 heads over {processes} processes" in refused["augmented-queries"]
        assert f"k_proj.weight: 3 heads over {processes} processes" in refused["keys"]


def test_which_heads_can_be_shared():
    for heads, processes in ((8, 8), (8, 2), (2, 8), (1, 3)):
        check_split("k_proj", heads, processes, may_repeat=True)
    for heads, processes, may_repeat in ((3, 2, True), (4, 6, True), (6, 4, True), (2, 8, False), (9, 2, False)):
        with pytest.raises(ValueError, match=f"q: {heads} heads over {processes} processes"):
            check_split("q", heads, processes, may_repeat)


def test_the_plan_names_what_the_model_has():
    for case in (*CASES.values(), {**SHAPES["half-k"], **dict(num_attention_heads=8)}):
        model = tiny_model(**{**HEADS, **case})
        names = {re.sub(r"\.\d+\.", ".*.", name) for name, _ in model.model.named_modules()}
        plan = model.config.base_model_tp_plan
        assert set(plan) <= names
        linear = {n for n, m in model.model.named_modules() if isinstance(m, torch.nn.Linear)}
        assert {re.sub(r"\.\d+\.", ".*.", name) for name in linear} <= set(plan)
        assert "base_model_tp_plan" not in model.config.to_dict()


@pytest.fixture(params=SHAPES)
def saved(request, tmp_path):
    """(a model, the folder that it is saved in)."""
    model = tiny_model(**SHAPES[request.param])
    model.save_pretrained(tmp_path / "model")
    return model, tmp_path / "model"


def test_layers_on_several_devices_are_one_model(saved, tmp_path):
    """Without a second device the second layer lies on the disk: it is moved in for its step as from another device."""
    pytest.importorskip("accelerate", reason="device_map needs accelerate")
    model, folder = saved
    second = "cuda:0" if torch.cuda.is_available() else "disk"
    places = {"model.embed_tokens": "cpu", "model.layers.0": "cpu", "model.norm": "cpu", "lm_head": "cpu"}
    places["model.layers.1"] = second
    placed = AutoModelForCausalLM.from_pretrained(folder, device_map=places, offload_folder=tmp_path / "disk")
    assert placed.hf_device_map["model.layers.1"] == second
    prompt = torch.randint(3, 259, (2, 12), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        torch.testing.assert_close(placed(prompt).logits.cpu(), model(prompt).logits, atol=1e-4, rtol=1e-4)
    options = dict(attention_mask=torch.ones_like(prompt), **GREEDY)
    assert torch.equal(placed.generate(prompt, **options), model.generate(prompt, **options))


def test_no_layer_is_cut_in_two(saved):
    accelerate = pytest.importorskip("accelerate", reason="device_map needs accelerate")
    model, _ = saved
    layer, other = (sum(p.nbytes for p in layer.parameters()) for layer in model.model.layers)
    embedding = model.model.embed_tokens.weight.nbytes
    parted = False
    for halves in range(1, 9):
        room = {"cpu": embedding + halves * layer // 2, "disk": 10**9}
        places = accelerate.infer_auto_device_map(model, room, no_split_module_classes=model._no_split_modules)
        layers = {name: place for name, place in places.items() if name.startswith("model.layers")}
        assert set(layers) <= {"model.layers", "model.layers.0", "model.layers.1"}, places
        parted |= len(set(layers.values())) == 2
    # With some room the first layer lies here and the second there; of unlike ones accelerate keeps both together, as it
    # leaves room for the largest.
    assert parted == (layer == other)
