"""The front doors under torch.compile and torch.export: one node each, equal results and gradients; and the model."""

from types import SimpleNamespace

import pytest
import torch

import kernels
from kernels.prefill import reference
from kernels.selective import reference as selective_reference
from sigma.model.attention import diffqkv_attention
from sigma.model.cache import DiffKVCache
from tests.kernels.graphs import (
    FRONT_DOORS,
    LENGTHS,
    NEEDS_INTERPRETER,
    OPS,
    append_arguments,
    compiled,
    gradients,
    qkv,
)
from tests.tiny import tiny_model

pytestmark = pytest.mark.usefixtures("fresh_graphs")


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@pytest.mark.parametrize("case", FRONT_DOORS)
def test_one_node_and_the_same_result(case, lengths, backend):
    function, nodes = FRONT_DOORS[case]
    inputs = (*qkv(), lengths)
    one_graph, names = compiled(function, backend)
    torch.testing.assert_close(one_graph(*inputs), function(*inputs), atol=1e-6, rtol=1e-6)
    assert names == [nodes]


def test_append_writes_to_the_callers_cache():
    *new, k_cache, v_cache = append_arguments()
    *_, k_truth, v_truth = append_arguments()
    one_graph, _ = compiled(lambda *all_of_it: kernels.append_rope(*all_of_it), "aot_eager")
    got = one_graph(*new, k_cache, v_cache, LENGTHS)
    torch.testing.assert_close(got, kernels.append_rope(*new, k_truth, v_truth, LENGTHS))
    assert k_truth.abs().sum() > 0
    assert torch.equal(k_cache, k_truth)
    assert torch.equal(v_cache, v_truth)


def test_a_growing_cache_needs_one_graph():
    one_graph, names = compiled(lambda q, k, v: kernels.decode_attention(q, k, v) * 2, dynamic=True)
    for rows in (9, 12, 30):
        q, k, v = qkv(rows=rows)
        torch.testing.assert_close(one_graph(q, k, v), kernels.decode_attention(q, k, v) * 2)
    assert len(names) == 1


@pytest.mark.parametrize("strict", [False, True])
def test_export(strict):
    class Attention(torch.nn.Module):
        def forward(self, q, k, v):
            return kernels.prefill_attention(q, k, v).transpose(1, 2) * 2

    inputs = tuple(qkv())
    program = torch.export.export(Attention(), inputs, strict=strict)
    assert [n for n in program.graph.nodes if n.target is OPS.prefill_attention.default]
    torch.testing.assert_close(program.module()(*inputs), Attention()(*inputs))


def test_bad_arguments_are_named_while_compiling():
    for function, message in [
        (lambda q, k, v: kernels.prefill_attention(q[:, :4], k, v), "4 query heads cannot share 3 value heads"),
        (lambda q, k, v: kernels.decode_attention(q, k[..., :8], v), "batch and key dim must agree"),
        (lambda q, k, v: kernels.selective_decode_attention(q, k, v, 0).out, "top_k must be at least 1, got 0"),
    ]:
        with pytest.raises(Exception, match=message):
            compiled(function)[0](*qkv())


@pytest.mark.parametrize("operation", [OPS.decode_attention, OPS.prefill_attention])
def test_lengths_are_read_when_the_op_runs(operation):
    with pytest.raises(ValueError, match="10 is beyond the buffer of 9"):
        operation(*qkv(), None, torch.tensor([9, 10]))


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("case", ["decode", "prefill", "selective"])
def test_gradients_of_a_compiled_front_door(case, backend):
    truths = {
        "decode": lambda *x: reference.prefill_attention(*x, lengths=LENGTHS) * 2,
        "prefill": lambda *x: reference.prefill_attention(*x, lengths=LENGTHS) * 2,
        "selective": lambda *x: selective_reference.selective_decode_attention(*x, 3, lengths=LENGTHS).out * 2,
    }
    inputs, seed = qkv(), torch.randn(2, 6, 3, 8)
    one_graph, names = compiled(FRONT_DOORS[case][0], backend)

    def run(*leaves):
        result = one_graph(*leaves, LENGTHS)
        return (result[0] if case == "selective" else result), None

    truth = gradients(lambda *x: (truths[case](*x), None), inputs, seed)
    for one, other in zip(gradients(run, inputs, seed), truth):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-4)
    assert names == [[] if case == "selective" else FRONT_DOORS[case][1]]


# The model


PLAIN = SimpleNamespace(selective_v_top_k=None)  # all that the attention function asks of its module


def attention(query, key, value):
    return diffqkv_attention(PLAIN, query, key, value, None, 0.25)[0]


@pytest.mark.parametrize("t, rows", [(9, 9), (3, 9)])
@pytest.mark.parametrize("backend", ["", pytest.param("triton", marks=NEEDS_INTERPRETER)])
def test_training_uses_our_backward_where_there_is_one(backend, t, rows, monkeypatch):
    monkeypatch.setenv("SIGMA_KERNELS", backend)
    inputs, seed = qkv(t, rows), torch.randn(2, t, 6, 8)
    assert kernels.has_own_backward(inputs[0], inputs[2]) == (backend == "triton")
    one_graph, names = compiled(attention)
    truth = gradients(lambda *x: (reference.prefill_attention(*x, scale=0.25).transpose(1, 2), None), inputs, seed)
    eager = gradients(lambda *x: (attention(*x), None), inputs, seed)
    traced = gradients(lambda *x: (one_graph(*x), None), inputs, seed)
    for one, two, other in zip(eager, traced, truth):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-4)
        torch.testing.assert_close(two, other, atol=2e-5, rtol=1e-4)
    assert names == [["prefill_attention"] if backend == "triton" else []]


@pytest.mark.parametrize("top_k, step", [(None, "decode_attention"), (5, "selective_decode_attention")])
def test_the_model_is_one_graph(top_k, step):
    """Prefill and decode steps through the cache, with our node in every layer."""
    model = tiny_model(num_key_heads=1, selective_v_top_k=top_k)
    assert model.config._attn_implementation == "diffqkv"
    ids = torch.randint(3, 259, (1, 21), generator=torch.Generator().manual_seed(3))
    one_graph, names = compiled(model)
    caches = DiffKVCache(model.config), DiffKVCache(model.config)
    with torch.no_grad():
        for start, stop in ((0, 20), (20, 21)):
            got = one_graph(ids[:, start:stop], cache=caches[0]).logits
            torch.testing.assert_close(got, model(ids[:, start:stop], cache=caches[1]).logits)
    assert names == [["prefill_attention"] * 2, [step] * 2]


def test_a_training_step_is_one_graph():
    model = tiny_model(num_key_heads=1, augmented_query_dim=108).train()
    ids = torch.randint(3, 259, (2, 20), generator=torch.Generator().manual_seed(3))
    losses = []
    for run in (model, compiled(model)[0]):
        model.zero_grad()
        losses.append(run(ids, labels=ids).loss)
        losses[-1].backward()
        losses.append(model.model.layers[0].self_attn.k_proj.weight.grad.clone())
    torch.testing.assert_close(losses[:2], losses[2:])
