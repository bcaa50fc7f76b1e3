"""Tokens drafted behind the newest one: each is computed as if those before it had been taken one by one."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kernels import native
from sigma.runtime import Runtime, SequenceStep, Trace
from sigma.runtime.graph import GraphPath
from tests.sigma.runtime.test_together import check_same_probe, filled, native_code, runtime_of, threads  # noqa: F401

TOKENS = (3, 77, 5, 5, 120, 9, 0, 159)
READS = [(None, None), (None, 2), (5, 1), (36, 0), (10_000, 1), (1, None), (7, 0, "mean", 0.0), (7, 2, "mean", 0.02)]


def steps_of(tokens, cache, read):
    top_k, layer, *how = read
    return [SequenceStep(token, cache, top_k, Trace(layer, *how), i > 0) for i, token in enumerate(tokens)]


def one_by_one(runtime, tokens, cache, read):
    """(logits, probe, cache bytes) of each."""
    found = []
    for token in tokens:
        ((logits, probe),) = runtime.decode_many(steps_of([token], cache, read))
        found.append((logits, probe, cache.bytes()))
    return found


def taken(runtime, steps, found, past):
    """As `one_by_one`, of a step with drafted tokens."""
    for i, (step, (logits, probe)) in enumerate(zip(steps, found)):
        assert not (step.drafted and probe)
        probe = runtime.taken(step) if step.drafted else probe
        yield logits, probe, step.cache.bytes(past + i + 1)


def check_exact(runtime, length, read, others=()):
    """A step with all the tokens, beside others, is as many steps; what is not kept leaves no trace."""
    drafted, alone = (filled(runtime, [length])[0] for _ in range(2))
    beside = filled(runtime, others)
    steps = steps_of(TOKENS, drafted, read)
    found = runtime.decode_many([*steps, *(SequenceStep(7, cache) for cache in beside)])
    wanted = one_by_one(runtime, TOKENS, alone, read)
    for (logits, probe, held), (right, seen, counted) in zip(
        taken(runtime, steps, found, length), wanted, strict=False
    ):
        assert torch.equal(logits, right)
        check_same_probe(probe, seen)
        # The sums of V rows are there as soon as one token of the step needs them.
        assert replace(held, allocated=0) == replace(counted, allocated=0)
    assert drafted.length == length + len(TOKENS)
    for mine, other in zip(drafted.layers, alone.layers):
        assert torch.equal(mine.keys, other.keys) and torch.equal(mine.values, other.values)
    for cache in (drafted, alone):
        cache.keep_first(length + 3)
    again = [runtime.decode_many(steps_of([8], cache, read))[0] for cache in (drafted, alone)]
    assert torch.equal(again[0][0], again[1][0])
    check_same_probe(again[0][1], again[1][1])
    assert drafted.bytes() == alone.bytes()


@pytest.mark.parametrize("read", READS, ids=str)
@pytest.mark.parametrize("length", [1, 33, 1031])
def test_a_step_of_several_is_as_many_steps_bit_for_bit(length, read, threads, native_code):  # noqa: F811
    threads(2)
    check_exact(runtime_of("9/1/3+augq", "int4"), length, read)


@pytest.mark.parametrize("weights", ["int4", "bf16", "fp32"])
@pytest.mark.parametrize("name", ["9/3/3", "9/1/3+half-k", "4/2/1"])
def test_for_every_kind_of_model_and_beside_others(name, weights, threads, native_code):  # noqa: F811
    threads(2)
    check_exact(runtime_of(name, weights), 250, (40, 1, "mean", 0.0), others=(1, 300))


@pytest.fixture(params=["eager", "graph"])
def torch_runtime(request, monkeypatch):
    """Makes a runtime on torch operations, the GPU's step included, which runs uncaptured here."""
    monkeypatch.setenv("SIGMA_NATIVE", "0")
    native.reset()

    def make(*arguments) -> Runtime:
        runtime = runtime_of(*arguments)
        if request.param == "graph":
            runtime.path = GraphPath(runtime.compiled)
        return runtime

    yield make
    native.reset()


@pytest.mark.parametrize("count", [2, 8])
@pytest.mark.parametrize("read", READS, ids=str)
def test_torch_operations_agree_within_their_tolerance(read, count, torch_runtime):
    runtime, tokens, length = torch_runtime("9/1/3+augq", "fp32"), TOKENS[:count], 33
    assert 0 < runtime.draft_margin < 0.01
    drafted, alone = (filled(runtime, [length])[0] for _ in range(2))
    steps = steps_of(tokens, drafted, read)
    found = runtime.decode_many(steps)
    wanted = one_by_one(runtime, tokens, alone, read)
    for (logits, probe, held), (right, seen, counted) in zip(taken(runtime, steps, found, length), wanted, strict=True):
        torch.testing.assert_close(logits, right, atol=runtime.draft_margin, rtol=0)
        assert (held.tokens, held.k_resident, held.k_read) == (counted.tokens, counted.k_resident, counted.k_read)
        assert (held.v_read, held.v_distinct) == (counted.v_read, counted.v_distinct)
        if probe is not None:
            np.testing.assert_allclose(probe.scores, seen.scores, atol=1e-4)
            np.testing.assert_allclose(probe.captured, seen.captured, atol=1e-4)
            assert (probe.positions is None) == (seen.positions is None)
            if probe.positions is not None:
                np.testing.assert_array_equal(probe.positions, seen.positions)
    assert drafted.length == length + count
    for cache in (drafted, alone):
        cache.keep_first(length + 1)
    again = [runtime.decode_many(steps_of([8], cache, read))[0][0] for cache in (drafted, alone)]
    torch.testing.assert_close(*again, atol=runtime.draft_margin, rtol=0)


def test_the_graphs_step_leaves_no_rows_of_its_filling(monkeypatch):
    runtime = runtime_of("9/1/3+augq", "fp32")
    if not isinstance(runtime.path, GraphPath):
        monkeypatch.setenv("SIGMA_NATIVE", "0")
        native.reset()
        runtime = runtime_of("9/1/3+augq", "fp32")
        runtime.path = GraphPath(runtime.compiled)
    context = runtime.config.max_position_embeddings
    for length, rows in ((40, 8), (context - 3, 3)):  # at the context's end there is no room for any
        (cache,) = filled(runtime, [length])
        runtime.decode_many(steps_of(TOKENS[:3], cache, (None, None)))
        assert cache.length == length + 3
        assert [key[1] for key in runtime.path.kept][-1] == rows
    native.reset()


@pytest.mark.parametrize(
    "change, words",
    [
        (dict(drafted=True), "sequence 0: a drafted token must stand behind another of its cache"),
        (dict(top_k=3), "sequence 1: a drafted token must be read in the way of the one before it"),
        (dict(token=160), "sequence 1: token ids 160..160 are outside the vocabulary"),
        (dict(length=2047), "sequence 1: 2048 cached and 1 new tokens exceed the context of 2048"),
    ],
)
def test_a_draft_that_cannot_be_checked_changes_nothing(change, words):
    runtime = runtime_of("9/1/3+augq", "int4")
    (cache,) = filled(runtime, [change.get("length", 20)])
    before = cache.bytes()
    steps = [
        SequenceStep(4, cache, None, Trace(), change.get("drafted", False)),
        SequenceStep(change.get("token", 4), cache, change.get("top_k"), Trace(), True),
    ]
    with pytest.raises(ValueError, match=words):
        runtime.decode_many(steps)
    assert cache.bytes() == before
