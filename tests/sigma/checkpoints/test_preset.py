"""Presets: the paper's shapes with random weights, one object where two models have the same tensor, refused where they do not fit."""

import math

import pytest
import torch

from sigma.checkpoints import preset
from sigma.checkpoints.base import CheckpointError
from sigma.checkpoints.files import expected_shapes
from sigma.checkpoints.load import Pair, Side, load_pair
from sigma.checkpoints.preset import CONTEXT, NOTE, Place, preset_pair
from sigma.engine.models import made
from sigma.model.configuration import SigmaConfig
from sigma.model.presets import PRESETS
from sigma.runtime import Runtime

CPU = Place()


class Words:
    """What a preset takes of a tokenizer."""

    bos_token_id, eos_token_id, pad_token_id = 1, 2, None


SMALL = dict(
    vocab_size=300, num_hidden_layers=2, hidden_size=64, intermediate_size=96, num_attention_heads=8, num_value_heads=4,
    head_dim=32, rope_theta=1e4, max_position_embeddings=1 << 20, tie_word_embeddings=False,
)  # fmt: skip


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A pair of the paper's kind that a test can run."""
    monkeypatch.setitem(PRESETS, "sigma-small", dict(SMALL, num_key_heads=2, augmented_query_dim=96))
    monkeypatch.setitem(PRESETS, "std-small", dict(SMALL, num_key_heads=4))
    monkeypatch.setitem(preset._TWINS, "sigma-small", "std-small")


def pair(place=CPU, checkpoint="preset:sigma-small", base=None) -> Pair:
    return Pair(*(Side(*one, Words()) for one in preset_pair(checkpoint, base, Words(), place)))


def test_a_sigma_stands_beside_its_own_std_and_says_what_it_is():
    both = pair()
    assert both.sigma.name == "Sigma-SMALL, random" and both.gqa.name == "STD-SMALL, random"
    assert (both.sigma.config.num_key_heads, both.gqa.config.num_key_heads) == (2, 4)
    assert both.sigma.config.augmented_query_dim == 96 and both.gqa.config.augmented_query_dim is None
    for side in (both.sigma, both.gqa):
        assert {name: tensor.shape for name, tensor in side.tensors.items()} == expected_shapes(side.config)
        assert side.config.max_position_embeddings == CONTEXT and side.config.eos_token_id == 2


def test_what_both_have_is_held_once_and_drawn_alike_every_time():
    both, again = pair(), pair()
    own = {name for name, tensor in both.sigma.tensors.items() if both.gqa.tensors.get(name) is not tensor}
    assert own and all(part in ("k_proj", "q_gate_proj", "q_up_proj", "q_down_proj", "q_proj") for part in
                       {name.split(".")[-2] for name in own}), own  # fmt: skip
    for name, tensor in both.sigma.tensors.items():
        assert torch.equal(tensor.dequantize(), again.sigma.tensors[name].dequantize()), name
    different = [
        tensor.dequantize() for name, tensor in both.sigma.tensors.items() if name.endswith("mlp.up_proj.weight")
    ]
    assert not torch.equal(*different)


def test_the_four_bits_have_the_mean_and_spread_that_are_meant():
    weights = pair().sigma.tensors["lm_head.weight"].dequantize()
    assert abs(weights.mean()) < 5 * preset.SPREAD / math.sqrt(weights.numel())
    assert weights.std() == pytest.approx(preset.SPREAD, rel=0.02)


@pytest.mark.parametrize("weights", ["int4", "bf16", "fp32"])
def test_it_runs_and_stays_finite(weights):
    both = pair(Place(weights=weights))
    models, tuned = made(both, both, "cpu", weights, lambda *_: None)
    assert not tuned
    for model in models.values():
        cache = model.runtime.new_cache()
        logits = model.runtime.prefill(torch.arange(20)[None], cache)
        logits, _ = model.runtime.decode(torch.tensor([[5]]), cache, top_k=4)
        assert logits.isfinite().all() and logits.std() > 0.01


def test_no_norm_or_residual_grows_out_of_bounds_at_the_papers_depth():
    config = SigmaConfig(
        **dict(SMALL, num_hidden_layers=32, num_key_heads=2, augmented_query_dim=96, max_position_embeddings=64)
    )
    tensors = {name: preset._drawn(name, shape, 32, Place()) for name, shape in expected_shapes(config).items()}
    runtime = Runtime(config, tensors)
    logits = runtime.prefill(torch.arange(30)[None], runtime.new_cache(), all_logits=True)
    assert logits.isfinite().all() and logits.abs().max() < 100


def test_the_papers_sizes_are_counted_and_refused_with_the_numbers(monkeypatch):
    monkeypatch.setattr(preset, "free_bytes", lambda device: 2**30)
    with pytest.raises(
        CheckpointError,
        match=r"Sigma-10B beside STD-10B: 10,\d{3},\d{3},\d{3} .* in 4 bits need 1\d\.\d GiB .*1\.0 GiB are free",
    ):
        pair(checkpoint="preset:sigma-10b")
    with pytest.raises(CheckpointError, match=r"16 bits need"):
        pair(Place(weights="bf16"), "preset:sigma-1.5b")
    monkeypatch.setattr(preset, "free_bytes", lambda device: None)
    assert pair().sigma.name


@pytest.mark.parametrize(
    "checkpoint, base, said",
    [
        ("preset:sigma-2b", None, r"no preset 'sigma-2b'; there are sigma-1.5b, .* Did you mean sigma-\S+b\?"),
        ("preset:", None, "no preset ''"),
        (None, "preset:std-1.5b", "goes with another one"),
        ("preset:sigma-small", "owner/model", "goes with another one"),
    ],
)
def test_a_name_that_is_none_and_a_real_model_beside_it(checkpoint, base, said):
    with pytest.raises(CheckpointError, match=said):
        pair(checkpoint=checkpoint, base=base)


@pytest.mark.base
def test_the_loader_takes_it_with_the_default_bases_tokenizer():
    found = load_pair("preset:sigma-small")
    assert len(found.sigma.tokenizer("What is a GPU?").input_ids) < 12
    assert found.tuning.state == "off" and found.sigma.manifest == found.gqa.manifest == {"note": NOTE}
