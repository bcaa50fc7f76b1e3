"""Selective V in the lean runtime: the uses of the missing mass, the threshold, what a step asks for. Both code paths."""

import numpy as np
import pytest
import torch

from kernels.selective.missing_mass import MISSING_MASS
from sigma.model.cache import CACHE_NAME
from sigma.runtime import Runtime
from sigma.runtime.graph import GraphPath
from sigma.runtime.torch_path import TorchPath
from tests.sigma.runtime.test_runtime import tiny, tokens

pytestmark = pytest.mark.usefixtures("path")  # every test runs on the C++ path and on the torch path


@pytest.mark.parametrize("threshold", [0.0, 0.03])
@pytest.mark.parametrize("missing_mass", MISSING_MASS)
@pytest.mark.parametrize("name", ["9/1/3+augq", "9/1/3+half-k", "9/1/3+wide-k", "4/2/1"])
def test_selective_v_agrees_with_the_model(name, missing_mass, threshold):
    how = dict(selective_v_missing_mass=missing_mass, selective_v_threshold=threshold)
    model = tiny(name, selective_v_top_k=7, **how)
    ids = tokens(model, 2, 50)
    runtime = Runtime.from_model(model, weights="fp32")
    cache = runtime.new_cache()
    runtime.prefill(ids[:, :40], cache)
    with torch.inference_mode():
        past = model(ids[:, :40])[CACHE_NAME]
        for i in range(40, 50):
            wanted = model(ids[:, i : i + 1], cache=past).logits[:, -1]
            logits, _ = runtime.decode(ids[:, i : i + 1], cache, top_k=7)
            torch.testing.assert_close(logits, wanted, atol=2e-4, rtol=2e-4)


@pytest.mark.parametrize("stepping", [False, True], ids=["eager", "step"])
@pytest.mark.parametrize("missing_mass", MISSING_MASS)
def test_a_step_may_ask_for_another_use_of_the_mass(missing_mass, stepping):
    """What a step asks for is what a model gives that is configured so, whatever the model itself says."""
    ids = tokens(tiny("9/1/3+augq"), 2, 44)
    asked, own = [], []
    for how, found in (({}, asked), (dict(selective_v_missing_mass=missing_mass, selective_v_threshold=0.06), own)):
        runtime = Runtime.from_model(tiny("9/1/3+augq", **how), weights="fp32")
        if stepping and isinstance(runtime.compiled, TorchPath):
            runtime.path = GraphPath(runtime.compiled)
        cache = runtime.new_cache()
        runtime.prefill(ids[:, :40], cache)
        options = {} if how else dict(missing_mass=missing_mass, threshold=0.06)
        for i in range(40, 44):
            found.append(runtime.decode(ids[:, i : i + 1], cache, top_k=7, **options)[0])
            assert cache.bytes().v_read < runtime.config.v_read_bytes(i + 1, 7, 4, 2)  # some were too light
    torch.testing.assert_close(torch.stack(asked), torch.stack(own), atol=0, rtol=0)


@pytest.mark.parametrize("threshold", [1e-9, 0.02])
def test_rows_that_are_too_light_are_not_counted(threshold):
    """The same bytes as without a threshold where every row reaches it; the rows of each layer's probe where not."""
    model = tiny("9/1/3+augq")
    config, ids = model.config, tokens(model, 1, 33)
    runtime = Runtime.from_model(model, weights="bf16")
    cache = runtime.new_cache()
    runtime.prefill(ids[:, :32], cache)
    read = 0
    for layer in range(config.num_hidden_layers):
        cache.keep_first(32)
        _, probe = runtime.decode(ids[:, 32:], cache, top_k=500, threshold=threshold, probe_layer=layer)
        kept = (probe.positions >= 0).sum(1)
        np.testing.assert_array_equal(kept, (probe.scores[:, :32] >= threshold).sum(1) + 1)
        read += int(kept.sum()) * config.head_dim * 2
    assert cache.bytes().v_read == read
    assert (read < config.v_read_bytes(33, 500)) == (threshold == 0.02)
