"""The check at the start: right kernels pass it, one made wrong is replaced and told everywhere, or nothing is served."""

import json
import logging

import pytest
import torch

from kernels import backends, native
from sigma.checkpoints.base import CheckpointError
from sigma.engine import self_check as checking
from sigma.engine.engine import Model, SigmaEngine
from sigma.engine.self_check import TOLERANCE, path_error, self_check
from sigma.events import ChatRequest, Sampling, StepEvent
from sigma.limits.current import using
from sigma.observe.health import health
from sigma.observe.meter import Meter
from sigma.quantization import Dense, quantize_int4
from sigma.runtime import Runtime
from sigma.runtime.native import NativePath
from sigma.runtime.torch_path import TorchPath
from tests.sigma.runtime.steps import MODELS, model_of
from tests.tiny import side_of, tiny_model
from visualizers.page.status import chip
from visualizers.shared.loader import EngineLoader


@pytest.fixture(autouse=True)
def trust(monkeypatch):
    """Nothing is distrusted before or after a test, and no way through the model was tried."""
    monkeypatch.setattr(backends, "_distrusted", set())
    monkeypatch.setattr(backends, "_registry", {name: {**row} for name, row in backends._registry.items()})
    native.reset()
    yield
    native.reset()


@pytest.fixture(params=["native", "torch"])
def way(request, monkeypatch):
    if request.param == "torch":
        monkeypatch.setenv("SIGMA_NATIVE", "0")
    elif native.library() is None:
        pytest.skip("no C++ compiler")
    return request.param


def pair(weights="fp32"):
    models = {}
    for name in ("sigma", "gqa"):
        side = side_of(model_of(name), f"tiny {name}")
        models[name] = Model(side, Runtime(side.config, side.tensors, weights=weights))
    return models


def greedy(engine):
    request = ChatRequest({"sigma": [{"role": "user", "content": "Hello"}]}, Sampling(max_new_tokens=12))
    return [event.token_id for event in engine.stream(request) if isinstance(event, StepEvent)]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("weights", ["fp32", "bf16", "int4"])
def test_right_kernels_are_found_right(way, name, weights):
    """Random weights are as sensitive to rounding as a model can be: the yardstick is plain torch then."""
    model = model_of(name)
    side = side_of(model, name)
    if not model.config.tie_word_embeddings:
        side.tensors["lm_head.weight"] = Dense(model.lm_head.weight.detach())
    if weights == "int4":
        for key, tensor in side.tensors.items():
            if len(tensor.shape) == 2 and "embed" not in key and tensor.shape[1] % 8 == 0:
                side.tensors[key] = quantize_int4(tensor.tensor, 8)
    runtime = Runtime(side.config, side.tensors, weights=weights)
    assert checking._difference(side, runtime, {}) == ""
    if weights == "fp32":
        assert path_error(side, runtime) < TOLERANCE["fp32"] / 3


def test_nothing_is_said_and_nothing_is_changed_where_all_agree(way):
    models = pair()
    before = {name: model.runtime for name, model in models.items()}
    assert self_check((models, {})) == ""
    assert all(models[name].runtime is before[name] for name in models) and not backends._distrusted


def test_a_wrong_way_through_the_model_is_replaced_by_plain_torch_that_answers_right(way, monkeypatch, caplog):
    wanted = greedy(SigmaEngine(pair()))
    if way == "native":
        forward = NativePath._forward
        monkeypatch.setattr(NativePath, "_forward", lambda self, *arguments: forward(self, *arguments).flip(-1))
    else:  # of the careful way the class is the same
        run = TorchPath.run

        def wrong(self, *arguments):
            hidden = run(self, *arguments)
            return hidden if self.kernels == "reference" else hidden.flip(-1)

        monkeypatch.setattr(TorchPath, "run", wrong)
    models = pair()
    with caplog.at_level(logging.WARNING):
        words = self_check((models, {}))
    assert "the Sigma side" in words and "the GQA side" in words and "off by" in words and "plain torch" in words
    assert words in caplog.text
    assert all(model.runtime.careful and model.runtime.kernels == "reference" for model in models.values())
    engine = SigmaEngine(models, warning=words)
    assert greedy(engine) == wanted and engine.info("gqa").warning == words


@pytest.mark.parametrize("operation", ["decode_attention", "prefill_attention", "selective_decode_attention"])
def test_one_wrong_kernel_is_replaced_alone_where_that_is_enough(operation, monkeypatch):
    monkeypatch.setenv("SIGMA_NATIVE", "0")
    right = backends.implementation(operation, "cpu")
    calls = []

    def wrong(q, *rest, **more):
        calls.append(operation)
        return right(q * 0.5, *rest, **more)

    backends._registry[operation]["cpu"] = wrong
    models = pair()
    words = self_check((models, {}))
    assert f"{operation} (cpu): its result is off by" in words and "The reference serves instead" in words
    assert not any(model.runtime.careful for model in models.values())
    calls.clear()
    greedy(SigmaEngine(models))
    assert not calls
    assert self_check((models, {})) == ""  # what serves now agrees


def test_what_raises_in_the_check_is_wrong_too(way, monkeypatch):
    def broken(self, steps):
        raise RuntimeError("an illegal instruction in /home/somebody")

    monkeypatch.setattr(NativePath if way == "native" else TorchPath, "decode_many", broken)
    if way == "torch":  # the careful way is the same class
        with pytest.raises(CheckpointError, match="even plain torch"):
            self_check((pair(), {}))
        return
    words = self_check((pair(), {}))
    assert "it failed (RuntimeError)" in words and "somebody" not in words


def test_fail_serves_nothing_and_off_does_not_look(monkeypatch):
    backends._registry["silu_mul"]["cpu"] = lambda x: x[..., : x.shape[-1] // 2]
    with using(self_check="off"):
        assert self_check((pair(), {})) == "" and not backends._distrusted
    with using(self_check="fail"), pytest.raises(CheckpointError, match=r"silu_mul \(cpu\).*SIGMA_SELF_CHECK=fail"):
        self_check((pair(), {}))
    backends._distrusted.clear()
    assert self_check((pair(), {})).startswith("The check at the start found")


def test_the_page_the_health_and_a_second_side_tell_it(monkeypatch):
    """From an engine to what a visitor and an operator see."""
    backends._registry["decode_attention"]["cpu"] = lambda q, k, v, **_: torch.zeros_like(q)
    meter = Meter()

    def load(progress):
        models = pair()
        return meter.watched(SigmaEngine(models, warning=self_check((models, {}))))

    loader = EngineLoader(load, meter=meter).start()
    assert loader.wait(60) and loader.status.phase == "ready"
    html = chip(loader)
    assert 'data-phase="warned"' in html and "ready, with a warning" in html
    assert "decode_attention (cpu)" in html and 'role="alert"' in html
    found = health(loader)
    assert found.state == "degraded" and found.answers and "decode_attention" in " ".join(found.reasons)
    loader.engine.close()


def test_a_refusal_is_the_loaders_failure():
    backends._registry["silu_mul"]["cpu"] = lambda x: x[..., : x.shape[-1] // 2]

    def load(progress):
        models = pair()
        return SigmaEngine(models, warning=self_check((models, {})))

    with using(self_check="fail"):
        loader = EngineLoader(load).start()
        assert loader.wait(60) and loader.engine is None
    assert loader.status.phase == "failed" and "silu_mul" in loader.status.text
    assert health(loader).state == "degraded" and not health(loader).answers


def test_tensors_of_other_layers_are_not_touched():
    side = side_of(tiny_model(num_hidden_layers=5, num_key_heads=3), "five")

    class Untouched(Dense):
        def dequantize(self):
            raise AssertionError("a later layer was read")

    runtime = Runtime(side.config, side.tensors, weights="fp32")
    side.tensors = {
        name: Untouched(t.tensor) if name.startswith(("model.layers.2", "model.layers.4")) else t
        for name, t in side.tensors.items()
    }
    assert path_error(side, runtime) < TOLERANCE["fp32"]
    assert json.dumps(checking.first_layers(side)[0].to_dict())  # a configuration as any other
