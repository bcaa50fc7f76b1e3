"""The ops of `kernels.ops`: what their fake kernels promise, one node per front door in a compiled graph, gradients."""

from contextlib import contextmanager
from importlib import import_module
from types import SimpleNamespace

import pytest
import torch
from torch.library import opcheck

import kernels
import kernels.ops  # defines torch.ops.diffqkv
from kernels import backends
from kernels.prefill import backward, reference
from kernels.selective import reference as selective_reference
from sigma.model.attention import diffqkv_attention
from sigma.model.cache import DiffKVCache
from tests.kernels.inputs import make_qkv
from tests.tiny import tiny_model

OPS = torch.ops.diffqkv
LENGTHS = torch.tensor([9, 5])
NEEDS_INTERPRETER = pytest.mark.skipif(torch.cuda.is_available(), reason="CPU tensors: Triton's interpreter only")
BACKENDS = ["cpu", "reference", pytest.param("triton", marks=NEEDS_INTERPRETER)]


@pytest.fixture(autouse=True)
def _fresh_graphs():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def qkv(t=3, rows=9, *, needs_grad=False, **rest):
    return [x.requires_grad_(needs_grad) for x in make_qkv((6, 1, 3), t, rows, b=2, **{"d_k": 16, "d_v": 8, **rest})]


def append_arguments():
    """Caches that are views of `[b, T, h, d]` buffers, as a GPU has them."""
    q, k, v = qkv(2, 2)
    angles = torch.linspace(0, 3, 12)[:, None] * torch.ones(1, 16)
    caches = torch.zeros(2, 9, 1, 16).transpose(1, 2), torch.zeros(2, 9, 3, 8).transpose(1, 2)
    return q, k, v, angles.cos(), angles.sin(), *caches


def compiled(function, backend="eager", **options):
    """`function` as one graph, and the names of our ops in every graph made from it."""
    names = []

    def recording(graph, examples):
        names.append([str(node.target).split(".")[1] for node in graph.graph.nodes if "diffqkv." in str(node.target)])
        return torch._dynamo.lookup_backend(backend)(graph, examples)

    return torch.compile(function, fullgraph=True, backend=recording, **options), names


# What the fake kernels promise: shapes, types, strides, mutation, with fixed and with symbolic sizes


@pytest.mark.parametrize("needs_grad", [False, True], ids=["", "grad"])
@pytest.mark.parametrize("return_lse", [False, True], ids=["out", "lse"])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@pytest.mark.parametrize("name", ["decode_attention", "prefill_attention"])
def test_opcheck(name, lengths, return_lse, needs_grad):
    opcheck(getattr(OPS, name).default, (*qkv(needs_grad=needs_grad), None, lengths, return_lse))


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@pytest.mark.parametrize("top_k", [3, 50])
def test_opcheck_selective(top_k, lengths):
    opcheck(OPS.selective_decode_attention.default, (*qkv(), top_k, None, True, lengths))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
def test_opcheck_append(backend, lengths, monkeypatch):
    monkeypatch.setenv("SIGMA_KERNELS", backend)
    opcheck(OPS.append_rope.default, (*append_arguments(), lengths))


@pytest.mark.parametrize("return_lse", [False, True], ids=["out", "lse"])
def test_opcheck_backward(return_lse):
    q, k, v = qkv()
    out, lse = OPS.prefill_attention(q, k, v, None, LENGTHS, return_lse)
    dlse = torch.randn_like(lse) if return_lse else None
    opcheck(OPS.attention_backward.default, (torch.randn_like(out), dlse, q, k, v, out, lse, None, LENGTHS))


@NEEDS_INTERPRETER
@pytest.mark.parametrize("name", ["decode_attention", "prefill_attention"])
def test_opcheck_of_triton(name, monkeypatch):
    monkeypatch.setenv("SIGMA_KERNELS", "triton")
    tests = ("test_schema", "test_faketensor")
    opcheck(getattr(OPS, name).default, (*qkv(), None, LENGTHS, True), test_utils=tests)


@pytest.mark.parametrize("backend", BACKENDS)
def test_layouts_depend_on_no_backend(backend, monkeypatch):
    """Of a transposed q too, which the elementwise torch path would hand on."""
    monkeypatch.setenv("SIGMA_KERNELS", backend)
    q, k, v = qkv()
    q = q.transpose(1, 2).contiguous().transpose(1, 2)
    assert OPS.prefill_attention(q, k, v)[0].transpose(1, 2).is_contiguous()
    assert OPS.decode_attention(q, k, v)[0].is_contiguous()
    q, *rest = append_arguments()
    assert OPS.append_rope(q.transpose(1, 2).contiguous().transpose(1, 2), *rest).is_contiguous()


# The front doors under torch.compile and torch.export


def selective(q, k, v, lengths):
    result = kernels.selective_decode_attention(q, k, v, 3, lengths=lengths)
    return result.out * 2, result.captured, result.positions


def append(q, k, v, lengths):
    """q gives the new rows and the tables; the caches are made here: their content must leave the graph."""
    k_cache, v_cache = k.new_zeros(2, 9, 1, 16).transpose(1, 2), v.new_zeros(2, 9, 3, 8).transpose(1, 2)
    table = q[:, :, :2].reshape(24, 16)
    out = kernels.append_rope(q * 2, k[:, :, :3], v[:, :, :3], table, table, k_cache, v_cache, lengths)
    return out, k_cache * 2, v_cache * 2


# name: (function of q, k, v and lengths, our nodes in its graph)
FRONT_DOORS = {
    "decode": (lambda q, k, v, n: kernels.decode_attention(q, k, v, lengths=n) * 2, ["decode_attention"]),
    "decode-lse": (
        lambda q, k, v, n: kernels.decode_attention(q, k, v, lengths=n, return_lse=True),
        ["decode_attention"],
    ),
    "prefill": (lambda q, k, v, n: kernels.prefill_attention(q, k, v, lengths=n) * 2, ["prefill_attention"]),
    "prefill-lse": (
        lambda q, k, v, n: kernels.prefill_attention(q, k, v, lengths=n, return_lse=True),
        ["prefill_attention"],
    ),
    "selective": (selective, ["selective_decode_attention"]),
    "append": (append, ["append_rope"]),
    "weights": (lambda q, k, v, n: kernels.attention_weights(q, k, lengths=n) * 2, []),
}


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


# Gradients


def gradients(function, inputs, dout, dlse=None):
    leaves = [x.detach().clone().requires_grad_() for x in inputs]
    out, lse = function(*leaves)
    results, seeds = ([out], [dout]) if dlse is None else ([out, lse], [dout, dlse])
    return torch.autograd.grad(results, leaves, seeds)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "scale, return_lse, with_dlse",
    [(None, True, True), (None, False, False), (-0.3, True, False), (-0.3, False, False)],
    ids=["dlse", "no-lse", "negative", "negative-no-lse"],
)
@pytest.mark.parametrize("name", ["decode_attention", "prefill_attention"])
def test_gradients_are_the_references(name, scale, return_lse, with_dlse, backend, monkeypatch):
    monkeypatch.setenv("SIGMA_KERNELS", backend)
    monkeypatch.setattr(backward, "_SCORES", 2 * 6 * 29 * 4)  # blocks of 4 queries, a short one last
    inputs = qkv(11, 29, d_v=24)
    dout, dlse = torch.randn(2, 6, 11, 24), torch.randn(2, 6, 11) if with_dlse else None
    truth = gradients(lambda *x: reference.prefill_attention(*x, scale=scale, return_lse=True), inputs, dout, dlse)
    operation = getattr(OPS, name)
    got = gradients(lambda *x: operation(*x, scale, None, return_lse), inputs, dout, dlse)
    for one, other in zip(got, truth):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_stop_at_the_lengths(backend, monkeypatch):
    """NaN behind them stays out, and those rows get a gradient of exactly zero."""
    monkeypatch.setenv("SIGMA_KERNELS", backend)
    monkeypatch.setattr(backward, "_SCORES", 2 * 6 * 9 * 2)
    q, k, v = qkv()
    dout = torch.randn(2, 6, 3, 8)
    truth = gradients(lambda *x: reference.prefill_attention(*x, lengths=LENGTHS, return_lse=True), (q, k, v), dout)
    k[1, :, 5:], v[1, :, 5:] = float("nan"), float("nan")
    got = gradients(lambda *x: OPS.prefill_attention(*x, None, LENGTHS), (q, k, v), dout)
    for one, other in zip(got, truth):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-4)
    assert got[1][1, :, 5:].abs().max() == got[2][1, :, 5:].abs().max() == 0


def test_gradients_in_half_precision_are_rounded_once():
    q, k, v = qkv(dtype=torch.bfloat16)
    dout = torch.randn(2, 6, 3, 8).bfloat16()
    truth = gradients(
        lambda *x: reference.prefill_attention(*x, return_lse=True), [x.float() for x in (q, k, v)], dout.float()
    )
    for one, other in zip(gradients(lambda *x: OPS.prefill_attention(*x), (q, k, v), dout), truth):
        assert one.dtype == torch.bfloat16
        torch.testing.assert_close(one.float(), other, atol=1e-6, rtol=2**-8)


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


def test_the_selective_op_loses_no_gradient_in_silence():
    with pytest.raises(RuntimeError, match="no gradient"):
        OPS.selective_decode_attention(*qkv(needs_grad=True), 3)
    with torch.no_grad():
        OPS.selective_decode_attention(*qkv(needs_grad=True), 3)


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


def test_own_backward_by_device_type_and_width(monkeypatch):
    gpu, cpu = torch.device("cuda"), torch.device("cpu")
    monkeypatch.setattr(backends, "_has_triton", lambda: True)
    assert backends.has_own_backward_for(gpu, torch.bfloat16, 256, 64)
    assert not backends.has_own_backward_for(gpu, torch.bfloat16, 64, 257)
    assert not backends.has_own_backward_for(gpu, torch.float32, 129, 64)
    assert not backends.has_own_backward_for(gpu, torch.float64, 64, 64)
    assert not backends.has_own_backward_for(cpu, torch.float32, 64, 64)
    monkeypatch.setattr(backends, "_has_triton", lambda: False)
    assert not backends.has_own_backward_for(gpu, torch.bfloat16, 64, 64)


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


# Launches


@pytest.mark.parametrize(
    "home, names, call",
    [
        ("decode", ["_decode_kernel", "_combine_kernel"], lambda: kernels.decode_attention(*qkv(1, 600))),
        (
            "selective",
            ["_score_kernel", "choose_kernel"],
            lambda: kernels.selective_decode_attention(*qkv(1, 600), 3),
        ),
        ("append", ["_append_kernel"], lambda: kernels.append_rope(*append_arguments())),
        (
            "prefill",
            ["forward_kernel", "query_grad_kernel", "row_grad_kernel"],
            lambda: kernels.prefill_attention(*qkv(needs_grad=True)).sum().backward(),
        ),
        ("swiglu", ["_silu_mul_kernel"], lambda: kernels.silu_mul(torch.zeros(3, 8))),
    ],
    ids=["decode", "selective", "append", "prefill", "silu_mul"],
)
@NEEDS_INTERPRETER
def test_every_launch_runs_under_the_tensors_device(home, names, call, monkeypatch):
    """Triton launches on the current GPU, which need not be the tensors'."""
    module = import_module(f"kernels.{home}.triton")
    devices, launched = [], []

    @contextmanager
    def current(device):
        devices.append(device)
        yield
        devices.pop()

    class Kernel:
        def __init__(self, name):
            self.name = name

        def __getitem__(self, grid):
            return lambda *_, **__: launched.append((self.name, *devices))

    monkeypatch.setenv("SIGMA_KERNELS", "triton")
    monkeypatch.setattr(module, "current", current)
    for name in names:
        monkeypatch.setattr(module, name, Kernel(name))
    call()
    assert launched == [(name, torch.device("cpu")) for name in names]
