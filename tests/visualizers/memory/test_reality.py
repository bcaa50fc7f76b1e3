"""The formula against tensors: real caches of both sides, and the parameters of real models."""

import json
from dataclasses import replace

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from sigma.engine.engine import Model, SigmaEngine
from sigma.events import ChatRequest, Sampling, StepEvent
from sigma.model.configuration import preset
from sigma.model.modeling import SigmaForCausalLM
from sigma.model.presets import PRESETS
from sigma.runtime import Runtime
from tests.fake_engine import fake_info
from tests.tiny import side_of, tiny_model
from visualizers.memory.figures import check
from visualizers.memory.models import PUBLISHED
from visualizers.shared.formulas import cache_cost
from visualizers.shared.shapes import parameters, preset_shape, side_shape


@pytest.mark.parametrize("differ", [False, True], ids=["", "layers differ"])
@pytest.mark.parametrize("top_k", [None, 5])
def test_the_engines_measured_bytes_are_the_formulas(top_k, differ):
    """Every step of both sides: resident bytes from the tensors, read bytes from what the kernels requested."""
    models = {}
    own = dict(num_key_heads=[1, 3], augmented_query_dim=[40, None]) if differ else dict(num_key_heads=1)
    for name, changes in (("sigma", own), ("gqa", dict(num_key_heads=3))):
        side = side_of(tiny_model(**changes), name)
        models[name] = Model(side, Runtime(side.config, side.tensors, weights="fp32"))
    engine = SigmaEngine(models)
    messages = [{"role": "user", "content": "Count the bytes of this cache, please."}]
    request = ChatRequest(dict.fromkeys(models, messages), Sampling(max_new_tokens=6), top_k)
    steps = [event for event in engine.stream(request) if isinstance(event, StepEvent)]
    engine.close()
    assert {event.side for event in steps} == {"sigma", "gqa"} and len(steps) >= 4
    for event in steps:
        info, measured = engine.info(event.side), event.cache
        k = top_k if event.side == "sigma" else None
        cost = cache_cost(side_shape(info), measured.tokens, 1, 8 * info.kv_itemsize, k)
        assert (measured.k_resident, measured.v_resident) == (cost.k_resident, cost.v_resident)
        if event.step > 0:  # step 0 is sampled from the prefill's logits: it read nothing selectively
            assert (measured.k_read, measured.v_read) == (cost.k_read, cost.v_read)


@pytest.mark.parametrize("name", [*PRESETS, "half K dim"])
def test_parameters_are_those_of_the_model(name):
    config = preset("sigma-135m", key_head_dim=32) if name == "half K dim" else preset(name)
    with torch.device("meta"):
        model = SigmaForCausalLM(config)
    model.tie_weights()
    shape = preset_shape("sigma-135m" if name == "half K dim" else name)
    if name == "half K dim":
        shape = type(shape)(**{**{f: getattr(shape, f) for f in shape.__slots__}, "d_k": 32})
        shape = replace(shape, others=tuple(replace(kind, d_k=32) for kind in shape.others))
    assert sum(parameters(shape).values()) == sum(p.numel() for p in model.parameters())


CONFIGS = {
    "llama-3.1-8b": "llama",
    "qwen3-8b": "qwen3",
    "mistral-7b-v0.1": "mistral",
    "gemma-3-1b": "gemma3_text",
    "mimo-v2-flash": "mimo_v2_flash",
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_those_of_the_published_model(name):
    """transformers' own class with the preset's sizes; MiMo's are its class's defaults, experts and all."""
    shape = PUBLISHED[name].shape
    kinds = [kind for kind in shape.kinds for _ in range(kind.layers)]
    sizes = {
        "num_hidden_layers": len(kinds),
        "num_attention_heads": shape.n_q,
        "num_key_value_heads": shape.n_k,
        "head_dim": shape.d_k,
        "hidden_size": shape.hidden,
        "intermediate_size": shape.ffn,
        "vocab_size": shape.vocabulary,
        "tie_word_embeddings": shape.tied,
        "sliding_window": next((kind.window for kind in kinds if kind.window), None),
    }
    config = AutoConfig.for_model(CONFIGS[name], **sizes)
    if len(shape.kinds) > 1:
        local = config.layer_types.count("sliding_attention")
        assert [kind.layers for kind in shape.kinds] == [len(kinds) - local, local]
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    model.tie_weights()
    assert sum(parameters(shape).values()) == sum(p.numel() for p in model.parameters())
    projections = [layer.self_attn for layer in model.model.layers]
    assert sorted((p.k_proj.out_features, p.v_proj.out_features) for p in projections) == sorted(
        (kind.n_k * kind.d_k, kind.n_v * kind.d_v) for kind in kinds
    )


def test_the_check_compares_to_the_byte_and_ignores_nonsense():
    infos = {side: fake_info(side) for side in ("sigma", "gqa")}
    good = {"tokens": 10, "k": 30 * 10 * 64 * 2, "v": 30 * 10 * 3 * 64 * 2, "v_read": 5}
    lines = json.loads(check({"sigma": good, "gqa": {**good, "k": 7}}, infos))
    assert [line["same"] for line in lines] == [True, False]
    assert lines[1]["k"][1]["bytes"] == 30 * 10 * 3 * 64 * 2
    for wrong in (None, [], "x", {"sigma": 3}, {"sigma": {**good, "k": -1}}, {"sigma": {**good, "tokens": 0}}):
        assert json.loads(check(wrong, infos)) == []
    assert json.loads(check({"sigma": {**good, "v": float("inf")}, "gqa": {**good, "v": True}}, infos)) == []
