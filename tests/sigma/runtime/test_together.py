"""Several sequences in one step: each gets what it gets alone, bit for bit, whatever the others are."""

import numpy as np
import pytest
import torch

from kernels import native
from sigma.model.cache import DiffKVCache
from sigma.quantization import quantize_int8
from sigma.runtime import Runtime, SequenceStep, Trace
from tests.sigma.runtime.test_runtime import packed_tensors, tiny

CONTEXT = 2048
RAGGED = (1, 700, 33, 2000, 256, 16, 1031, 2, 64)  # some are cut among the threads, some are not
READS = ((None, None), (5, 1), (None, 2), (300, None), (10_000, 0), (1, 0), (None, 0))  # (top_k, probed layer)


@pytest.fixture
def native_code():
    """Torch's products depend on the number of rows, and its path takes one sequence after the other."""
    native.reset()
    if native.status().startswith("torch"):
        pytest.skip(native.status())


@pytest.fixture
def threads():
    """Set the number of threads; it is put back."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def runtime_of(name: str, weights: str, **how) -> Runtime:
    model = tiny(name, max_position_embeddings=CONTEXT, **how)
    packed = packed_tensors(model)
    if not model.config.tie_word_embeddings:
        packed["lm_head.weight"] = quantize_int8(model.lm_head.weight.detach())
    return Runtime(model.config, packed, weights=weights)


def filled(runtime: Runtime, lengths) -> list[DiffKVCache]:
    """A cache of each length, with rows of its own."""
    caches = []
    for i, length in enumerate(lengths):
        cache, generator = runtime.new_cache(), torch.Generator().manual_seed(i)
        cache.reserve(1, length, runtime.dtype, runtime.device)
        for layer in cache.layers:
            for buffer in (layer.k_buffer, layer.v_buffer):
                buffer.normal_(generator=generator)
        cache.advance(length)
        caches.append(cache)
    return caches


def check_as_alone(runtime: Runtime, lengths, reads, steps: int = 2) -> None:
    together, alone = filled(runtime, lengths), filled(runtime, lengths)
    for turn in range(steps):
        tokens = [(7 * i + turn) % 160 for i in range(len(lengths))]
        asked = [
            SequenceStep(token, cache, top_k, Trace(layer, *how))
            for token, cache, (top_k, layer, *how) in zip(tokens, together, reads, strict=True)
        ]
        found = runtime.decode_many(asked)
        for i, ((top_k, layer, *how), cache) in enumerate(zip(reads, alone)):
            options = dict(zip(("missing_mass", "threshold"), how))
            logits, probe = runtime.decode(
                torch.tensor([[tokens[i]]]), cache, top_k=top_k, probe_layer=layer, **options
            )
            assert torch.equal(found[i][0], logits), (turn, i, lengths[i])
            check_same_probe(found[i][1], probe)
            assert together[i].bytes() == cache.bytes()
            for mine, other in zip(together[i].layers, cache.layers):
                assert torch.equal(mine.keys, other.keys) and torch.equal(mine.values, other.values)


def check_same_probe(found, wanted) -> None:
    assert (found is None) == (wanted is None)
    if wanted is not None:
        assert found.layer == wanted.layer
        for name in ("scores", "positions", "captured"):
            np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))


@pytest.mark.parametrize("weights", ["int4", "bf16", "fp32"])
@pytest.mark.parametrize("name", ["9/1/3+augq", "9/3/3", "9/1/3+half-k", "4/2/1"])
def test_each_gets_what_it_gets_alone(name, weights, threads):
    threads(2)
    check_as_alone(runtime_of(name, weights), RAGGED, [READS[i % len(READS)] for i in range(len(RAGGED))])


@pytest.mark.parametrize("threshold", [0.0, 0.01])
@pytest.mark.parametrize("missing_mass", ["drop", "renormalize", "mean"])
def test_whatever_becomes_of_the_missing_mass(missing_mass, threshold, threads):
    threads(2)
    how = dict(selective_v_missing_mass=missing_mass, selective_v_threshold=threshold)
    reads = [(5, None), (300, 1), (None, 0), (10_000, None)]
    check_as_alone(runtime_of("9/1/3+augq", "int4", **how), (700, 33, 1031, 2), reads)


def test_each_says_what_becomes_of_its_own_missing_mass(threads):
    threads(2)
    reads = [(5, None, "mean", 0.01), (30, 1, "drop", 0.0), (5, 0), (10_000, 2, "mean", 0.001), (None, None)]
    check_as_alone(runtime_of("9/1/3+augq", "int4"), (700, 33, 1031, 64, 9), reads)


@pytest.mark.parametrize("cores", [1, 3])
def test_on_however_many_cores(cores, threads, path):
    threads(cores)
    check_as_alone(runtime_of("9/1/3+augq", "int4"), RAGGED[:4], READS[:4], steps=1)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7, 8, 17])
def test_however_many_there_are(count, threads):
    threads(2)
    lengths = [(1, 900, 40, 13)[i % 4] + i for i in range(count)]
    check_as_alone(runtime_of("9/1/3+augq", "int4"), lengths, [READS[i % len(READS)] for i in range(count)], steps=1)


def test_one_call_of_equal_lengths_is_each_alone(threads, native_code):
    """`decode` with a batch: the rows of one cache are as much apart as those of several."""
    threads(2)
    runtime = runtime_of("9/1/3+augq", "int4")
    ids = torch.randint(0, 160, (5, 41), generator=torch.Generator().manual_seed(0))
    together = runtime.new_cache()
    runtime.prefill(ids[:, :40], together)
    found, _ = runtime.decode(ids[:, 40:], together, top_k=7)
    for i in range(5):
        cache = runtime.new_cache()
        runtime.prefill(ids[i : i + 1, :40], cache)
        assert torch.equal(found[i : i + 1], runtime.decode(ids[i : i + 1, 40:], cache, top_k=7)[0])


@pytest.mark.parametrize(
    "change, words",
    [
        (dict(fill=CONTEXT), f"sequence 1: {CONTEXT} cached and 1 new tokens exceed the context of {CONTEXT}"),
        (dict(token=160), "sequence 1: token ids 160..160 are outside the vocabulary of 160"),
        (dict(top_k=0), "sequence 1: top_k must be None or at least 1, got 0"),
        (dict(probe_layer=3), "sequence 1: probe_layer 3 is not among the 3 layers"),
        (dict(shared=True), "two of the sequences share a cache"),
    ],
)
def test_a_sequence_that_cannot_be_stepped_is_named_and_the_others_are_as_they_were(change, words, path):
    runtime = runtime_of("9/1/3+augq", "int4")
    caches = filled(runtime, (30, change.get("fill", 12), 50))
    before = [cache.bytes() for cache in caches]
    bad = caches[0] if change.get("shared") else caches[1]
    steps = [
        SequenceStep(3, caches[0]),
        SequenceStep(change.get("token", 4), bad, change.get("top_k"), Trace(change.get("probe_layer"))),
        SequenceStep(5, caches[2]),
    ]
    with pytest.raises(ValueError, match=words):
        runtime.decode_many(steps)
    assert [cache.bytes() for cache in caches] == before
    found = runtime.decode_many([steps[0], steps[2]])
    for (logits, _), cache, token in zip(found, filled(runtime, (30, 1, 50))[::2], (3, 5)):
        assert torch.equal(logits, runtime.decode(torch.tensor([[token]]), cache)[0])


def test_no_memory_for_one_leaves_all_as_they_were(monkeypatch, native_code):
    runtime = runtime_of("9/1/3+augq", "int4")
    caches = filled(runtime, (30, 256, 50))
    lengths = [cache.length for cache in caches]

    def full(*_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(caches[2], "reserve", full)
    with pytest.raises(RuntimeError, match="allocate"):
        runtime.decode_many([SequenceStep(1, cache) for cache in caches])
    assert [cache.length for cache in caches] == lengths


def test_nobody_is_nothing():
    assert runtime_of("9/3/3", "int4").decode_many([]) == []
