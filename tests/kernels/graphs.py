"""Inputs and graphs shared by the tests of the ops, of the traced front doors and of their gradients."""

import pytest
import torch

import kernels
import kernels.ops  # defines torch.ops.diffqkv
from tests.kernels.inputs import make_qkv

OPS = torch.ops.diffqkv
LENGTHS = torch.tensor([9, 5])
NEEDS_INTERPRETER = pytest.mark.skipif(torch.cuda.is_available(), reason="CPU tensors: Triton's interpreter only")
BACKENDS = ["cpu", "reference", pytest.param("triton", marks=NEEDS_INTERPRETER)]


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


def gradients(function, inputs, dout, dlse=None):
    leaves = [x.detach().clone().requires_grad_() for x in inputs]
    out, lse = function(*leaves)
    results, seeds = ([out], [dout]) if dlse is None else ([out, lse], [dout, dlse])
    return torch.autograd.grad(results, leaves, seeds)


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
