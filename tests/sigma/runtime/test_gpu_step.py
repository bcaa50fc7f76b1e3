"""The decode step of a GPU: on a CPU uncaptured against the eager loop and the readable model, on a GPU as a graph."""

import logging

import numpy as np
import pytest
import torch

from kernels import native
from sigma.model.cache import CACHE_NAME, DiffKVCache
from sigma.runtime import Runtime, graph
from sigma.runtime.graph import KEPT_GRAPHS, GraphPath, GraphUnavailable, unavailable
from sigma.runtime.trace import distinct_rows
from tests.sigma.runtime.steps import CHUNK, MODELS, PROMPT, decoded, model_of, tokens
from tests.tiny import tiny_model


@pytest.fixture
def runtime_of(monkeypatch):
    """A runtime on the torch path, with the GPU's step in it, uncaptured, or without."""

    def make(model, stepping: bool = True, **options) -> Runtime:
        runtime = Runtime.from_model(model, **{"weights": "fp32", **options})
        runtime.path = GraphPath(runtime.compiled) if stepping else runtime.compiled
        return runtime

    monkeypatch.setenv("SIGMA_NATIVE", "0")
    native.reset()
    yield make
    native.reset()


@pytest.fixture(params=["cpu", "reference", "triton"])
def backend(request):
    if request.param == "triton":
        pytest.importorskip("triton")
    return request.param


@pytest.mark.parametrize("top_k", [None, 5, 15, 400])
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("name", MODELS)
def test_the_step_is_the_eager_loop_and_the_model(name, batch, top_k, runtime_of):
    """top_k 15 is everything at first, and a selection once the buffers have grown."""
    model = model_of(name, selective_v_top_k=top_k)
    ids = tokens(batch)
    runtime = runtime_of(model)
    got, probes, cache = decoded(runtime, ids, top_k, probe_layer=1)
    eager, eager_probes, eager_cache = decoded(runtime_of(model, stepping=False), ids, top_k, probe_layer=1)
    torch.testing.assert_close(got, eager, atol=1e-4, rtol=1e-4)
    with torch.inference_mode():
        past = model(ids[:, :PROMPT])[CACHE_NAME]
        wanted = [model(ids[:, i : i + 1], cache=past).logits[:, -1] for i in range(PROMPT, ids.shape[1])]
    torch.testing.assert_close(got, torch.stack(wanted, 1), atol=2e-4, rtol=2e-4)
    assert cache.layers[0].capacity == 2 * CHUNK
    assert len(runtime.path.kept) == 2
    assert cache.bytes() == eager_cache.bytes()
    for probe, eager_probe in zip(probes, eager_probes):
        np.testing.assert_allclose(probe.scores, eager_probe.scores, atol=3e-5)
        np.testing.assert_allclose(probe.captured, eager_probe.captured, atol=1e-5)
        assert (probe.positions is None) == (eager_probe.positions is None)
        if top_k is not None:
            np.testing.assert_array_equal(probe.positions, eager_probe.positions)


@pytest.mark.parametrize("how", [{}, {"selective_v_threshold": 0.05}], ids=["plain", "threshold"])
@pytest.mark.parametrize("batch", [1, 2])
def test_the_step_with_the_mean(batch, how, runtime_of, captures):
    """Steps, a crop, steps: captured and replayed, the sums follow as they do in the eager loop."""
    model = model_of("sigma", selective_v_top_k=5, selective_v_missing_mass="mean", **how)
    ids = tokens(batch)
    runtime, eager = runtime_of(model), runtime_of(model, stepping=False)
    runtime.path.stream = object()
    got, wanted = (decoded(r, ids, 5) for r in (runtime, eager))
    torch.testing.assert_close(got[0], wanted[0], atol=1e-4, rtol=1e-4)
    again = []
    for r, cache in ((runtime, got[2]), (eager, wanted[2])):
        assert cache.sums is not None
        with torch.inference_mode():
            fresh = torch.stack([layer.values.double().sum(2) for layer in cache.layers])
            torch.testing.assert_close(cache.value_sums(), fresh)
        cache.keep_first(PROMPT + 1)
        again.append([r.decode(ids[:, i : i + 1], cache, top_k=5)[0] for i in (3, 4)])
    torch.testing.assert_close(*again, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(again[0][1], decoded(runtime_of(model_of("sigma")), ids, 5)[0][:, 1], atol=1e-3)


@pytest.mark.parametrize("name, batch, top_k", [("sigma", 2, None), ("half-k", 1, 5)])
def test_every_back_end_serves_the_step(name, batch, top_k, backend, runtime_of, monkeypatch):
    """Two steps, the second in grown buffers: Triton's interpreter is slow."""
    model, ids = model_of(name), tokens(batch, CHUNK + 1)
    eager, _, _ = decoded(runtime_of(model, stepping=False), ids, top_k, CHUNK - 1)
    cache = DiffKVCache(model.config, CHUNK)
    runtime = runtime_of(model)
    runtime.prefill(ids[:, : CHUNK - 1], cache)
    monkeypatch.setenv("SIGMA_KERNELS", backend)
    steps = [runtime.decode(ids[:, i : i + 1], cache, top_k=top_k)[0] for i in (CHUNK - 1, CHUNK)]
    got = torch.stack(steps, 1)
    torch.testing.assert_close(got, eager, atol=1e-4, rtol=1e-4)


def test_the_step_begins_a_cache_and_follows_a_crop(runtime_of):
    model, ids = model_of("sigma"), tokens(1)
    runtime = runtime_of(model)
    cache = runtime.new_cache()
    for i in range(4):
        logits, _ = runtime.decode(ids[:, i : i + 1], cache)
    with torch.inference_mode():
        torch.testing.assert_close(logits, model(ids[:, :4]).logits[:, -1], atol=1e-4, rtol=1e-4)
        cache.keep_first(2)
        logits, _ = runtime.decode(ids[:, 9:10], cache)
        wanted = model(torch.cat((ids[:, :2], ids[:, 9:10]), 1)).logits[:, -1]
        torch.testing.assert_close(logits, wanted, atol=1e-4, rtol=1e-4)
    assert cache.length == 3


def test_bf16_stays_as_near_to_the_model_as_the_eager_loop(runtime_of):
    model, ids = model_of("sigma"), tokens(2)
    with torch.inference_mode():
        wanted = model(ids).logits[:, PROMPT:]
    errors = [
        (decoded(runtime_of(model, stepping, weights="bf16"), ids)[0] - wanted).square().mean().sqrt()
        for stepping in (True, False)
    ]
    assert errors[0] < 1.3 * errors[1]


class FakeGraph:
    """Replays by computing again, into the tensors of the capture."""

    def __init__(self, step, arguments):
        self.step, self.arguments = step, arguments

    def replay(self):
        again = graph.fused_step(*self.arguments)
        self.step.result.logits.copy_(again.logits)
        if again.values is not None:
            self.step.result.values.copy_(again.values)


@pytest.fixture
def captures(monkeypatch):
    """Makes a step believe in a GPU; the list fills with (batch, capacity, top_k) of every capture."""
    seen = []

    def capture(self, step, buffers, reading, sums):
        arguments = self.path, buffers, step.ids, step.lengths, reading, sums
        step.result, step.graph = graph.fused_step(*arguments), FakeGraph(step, arguments)
        seen.append((len(step.ids), buffers[0][0].shape[2], reading and reading.top_k))

    monkeypatch.setattr(GraphPath, "_capture", capture)
    return seen


def test_a_graph_is_captured_when_something_changes(captures, runtime_of):
    model, ids = model_of("sigma"), tokens(1)
    runtime = runtime_of(model)
    runtime.path.stream = object()
    eager, _, _ = decoded(runtime_of(model, stepping=False), ids)
    got, _, cache = decoded(runtime, ids)
    torch.testing.assert_close(got, eager, atol=1e-4, rtol=1e-4)
    assert captures == [(1, 16, None), (1, 32, None)]
    for top_k, captured in ((5, 1), (5, 0), (6, 1), (None, 0), (31, 0), (5, 0)):  # 31 of 32 rows is all of them
        before = len(captures)
        runtime.decode(ids[:, :1], cache, top_k=top_k)
        assert len(captures) - before == captured, top_k
    others = [runtime.new_cache() for _ in range(KEPT_GRAPHS)]
    for other in others:
        runtime.decode(ids[:, :1], other)
    assert len(runtime.path.kept) == KEPT_GRAPHS
    before = len(captures)
    runtime.decode(ids[:, :1], others[0])
    assert len(captures) == before
    runtime.decode(ids[:, :1], cache)  # the least recently used one went
    assert len(captures) == before + 1


def test_logits_belong_to_the_caller(captures, runtime_of):
    runtime, ids = runtime_of(model_of("gqa")), tokens(1)
    runtime.path.stream = object()
    cache = runtime.new_cache()
    first, _ = runtime.decode(ids[:, :1], cache)
    kept = first.clone()
    runtime.decode(ids[:, 1:2], cache)
    assert torch.equal(first, kept)


def test_without_a_graph_the_eager_loop_answers(runtime_of, monkeypatch, caplog):
    def fail(*_):
        raise GraphUnavailable("OutOfMemoryError: 2 MiB")

    model, ids = model_of("sigma"), tokens(1)
    runtime = runtime_of(model)
    runtime.compiled.kernels = "triton"
    runtime.path = GraphPath(runtime.compiled)
    assert runtime.kernels == "triton, CUDA graph"
    runtime.path.stream = object()
    monkeypatch.setattr(GraphPath, "_capture", fail)
    with caplog.at_level(logging.WARNING):
        got, _, cache = decoded(runtime, ids)
    torch.testing.assert_close(got, decoded(runtime_of(model, stepping=False), ids)[0])
    assert cache.length == ids.shape[1]
    assert runtime.kernels == "triton, no CUDA graph (OutOfMemoryError: 2 MiB)"
    assert [record.getMessage().count("OutOfMemoryError: 2 MiB") for record in caplog.records] == [1]


def test_reasons_against_a_graph(monkeypatch):
    config, device = model_of("gqa").config, torch.device("cuda")
    monkeypatch.delenv("SIGMA_KERNELS", raising=False)
    assert unavailable(config, torch.device("cpu")) == "cpu is not a GPU"
    monkeypatch.setenv("SIGMA_CUDA_GRAPH", "0")
    assert unavailable(config, device) == "SIGMA_CUDA_GRAPH=0"
    monkeypatch.delenv("SIGMA_CUDA_GRAPH")
    monkeypatch.setattr("kernels.backends._has_triton", lambda: False)
    assert unavailable(config, device) == "no Triton"
    monkeypatch.setattr("kernels.backends._has_triton", lambda: True)
    assert unavailable(config, device) is None
    monkeypatch.setenv("SIGMA_KERNELS", "reference")
    assert unavailable(config, device) == "SIGMA_KERNELS=reference"
    monkeypatch.delenv("SIGMA_KERNELS")
    assert unavailable(tiny_model(head_dim=258).config, device) == "head dim 258 is over the kernels' 256"


def test_distinct_rows_skip_padding():
    positions = torch.tensor([[0, 1, 5], [1, 2, -1], [0, 1, 5], [0, 1, 5]]).view(1, 1, 4, 1, 3)
    assert distinct_rows(positions, 6, 2) == 4 + 3


def test_ids_may_change_after_the_step(captures, runtime_of):
    """The step has its own copy of the ids, whichever device they came from."""
    runtime, ids = runtime_of(model_of("gqa")), tokens(1)
    runtime.path.stream = object()
    first, again = runtime.new_cache(), runtime.new_cache()
    token = ids[:, :1].clone()
    wanted, _ = runtime.decode(token, first)
    token.zero_()
    got, _ = runtime.decode(ids[:, :1], again)
    assert torch.equal(got, wanted)
    (step, *_) = runtime.path.kept.values()
    assert step.ids.data_ptr() != token.data_ptr()
    assert step.ids.item() == ids[0, 0]
