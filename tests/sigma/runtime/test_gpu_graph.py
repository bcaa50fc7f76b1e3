"""The decode step captured in a CUDA graph, on a GPU, against the eager loop."""

import numpy as np
import pytest
import torch

from sigma.runtime import Runtime
from sigma.runtime.graph import KEPT_GRAPHS
from tests.sigma.runtime.steps import CHUNK, MODELS, PROMPT, decoded, model_of, tokens

GPU = torch.cuda.is_available()
SERIES = ((1, None), (2, None), (2, 5), (2, 15), (1, 5))  # (batch, top_k), over four capacities each


@pytest.fixture
def on_gpu(monkeypatch):
    """Runtimes of a model on the GPU: as a graph, uncaptured, or the eager loop."""
    if not GPU:
        pytest.skip("a CUDA graph needs a GPU")

    def make(model, kind: str, weights: str) -> Runtime:
        monkeypatch.setenv("SIGMA_CUDA_GRAPH", "0" if kind == "eager" else "1")
        runtime = Runtime.from_model(model, device="cuda", weights=weights)
        wanted = "triton, no CUDA graph (SIGMA_CUDA_GRAPH=0)" if kind == "eager" else "triton, CUDA graph"
        assert runtime.kernels == wanted
        if kind == "uncaptured":
            runtime.path.stream = None
        return runtime

    return make


@pytest.mark.gpu
@pytest.mark.parametrize("kind", ["uncaptured", "graph"])
@pytest.mark.parametrize("name", MODELS)
def test_the_step_is_the_eager_loop_on_a_gpu(name, kind, on_gpu):
    """Read `uncaptured` first: where it fails the step is wrong, where only `graph` fails the capture is."""
    model = model_of(name)
    runtime, eager = on_gpu(model, kind, "fp32"), on_gpu(model, "eager", "fp32")
    for batch, top_k in SERIES:
        ids = tokens(batch, PROMPT + 40).cuda()
        got, probes, cache = decoded(runtime, ids, top_k, probe_layer=1)
        wanted, eager_probes, eager_cache = decoded(eager, ids, top_k, probe_layer=1)
        torch.testing.assert_close(got, wanted, atol=1e-3, rtol=1e-3)
        assert cache.layers[0].capacity == 4 * CHUNK
        assert cache.bytes() == eager_cache.bytes()
        for probe, other in zip(probes, eager_probes):
            np.testing.assert_allclose(probe.scores, other.scores, atol=1e-4)
            if top_k is not None:
                np.testing.assert_array_equal(probe.positions, other.positions)
    assert runtime.kernels == "triton, CUDA graph"  # no capture failed on the way
    assert len(runtime.path.kept) <= KEPT_GRAPHS


@pytest.mark.gpu
@pytest.mark.parametrize("name", MODELS)
def test_bf16_replays_are_as_near_as_the_eager_loop_on_a_gpu(name, on_gpu):
    model = model_of(name)
    kinds = (("eager", "fp32"), ("graph", "bf16"), ("eager", "bf16"))
    truth, replayed, eager = (on_gpu(model, *kind) for kind in kinds)
    for batch, top_k in SERIES:
        ids = tokens(batch, PROMPT + 40).cuda()
        wanted = decoded(truth, ids, top_k)[0]
        errors = [(decoded(r, ids, top_k)[0] - wanted).square().mean().sqrt() for r in (replayed, eager)]
        assert errors[0] < 1.3 * errors[1], (batch, top_k)
    assert replayed.kernels == "triton, CUDA graph"


@pytest.mark.gpu
def test_a_replayed_step_waits_for_nothing_on_a_gpu(on_gpu):
    """Ids from the CPU: the host hands them over and goes on."""
    runtime = on_gpu(model_of("sigma"), "graph", "bf16")
    cache = runtime.new_cache()
    ids = tokens(1)
    runtime.prefill(ids[:, :PROMPT], cache)
    runtime.decode(ids[:, PROMPT : PROMPT + 1], cache)  # captures
    torch.cuda.set_sync_debug_mode("error")
    try:
        runtime.decode(ids[:, PROMPT + 1 : PROMPT + 2], cache)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.gpu
def test_a_replayed_step_repeats_itself_on_a_gpu(on_gpu):
    """The same step twice gives the same bits: a moving result would be a race inside the graph."""
    runtime = on_gpu(model_of("sigma"), "graph", "bf16")
    cache = runtime.new_cache()
    ids = tokens(1, 300).cuda()
    runtime.prefill(ids[:, :299], cache)
    for top_k in (None, 20):
        runs = []
        for _ in range(20):
            cache.keep_first(299)
            runs.append(runtime.decode(ids[:, 299:], cache, top_k=top_k)[0])
        assert all(torch.equal(run, runs[0]) for run in runs)
