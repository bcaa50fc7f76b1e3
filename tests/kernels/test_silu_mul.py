"""silu(gate) * up: every back end against the fp32 reference, and the reference against the formula in fp64."""

import pytest
import torch

import kernels
from kernels.swiglu import reference
from tests.kernels.inputs import assert_close_enough, dtype_id

GPU = torch.cuda.is_available()
DEVICE = "cuda" if GPU else "cpu"
DTYPES = [torch.bfloat16, torch.float16, torch.float32]


@pytest.fixture(params=["reference", "cpu", "triton"])
def backend(request, monkeypatch):
    if request.param == "triton":
        pytest.importorskip("triton")
    if request.param == "cpu" and GPU:
        pytest.skip("the tensors are on a GPU")
    monkeypatch.setenv("SIGMA_KERNELS", request.param)
    return request.param


def stacked(*shape, dtype=torch.float32):
    """Gates and factors of every size, large negative gates too: their exponential overflows."""
    x = torch.randn(*shape, generator=torch.Generator().manual_seed(0)) * 8
    x[..., 0] = -200.0
    return x.to(DEVICE, dtype)


def test_the_reference_is_the_formula():
    x = stacked(2, 3, 192)
    gate, up = x.double().chunk(2, -1)
    torch.testing.assert_close(reference.silu_mul(x).double(), gate / (1 + (-gate).exp()) * up, atol=1e-5, rtol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES, ids=dtype_id)
@pytest.mark.parametrize("shape", [(10,), (2, 3, 192), (1, 3000), (5, 2)], ids=str)
def test_every_backend_is_the_reference(backend, shape, dtype):
    x = stacked(*shape, dtype=dtype)
    truth = reference.silu_mul(x.float())
    gate, up = x.chunk(2, -1)
    out = kernels.silu_mul(x)
    assert out.dtype == dtype
    assert out.shape == (*shape[:-1], shape[-1] // 2)
    assert_close_enough(out, truth, gate * torch.sigmoid(gate) * up)


def test_strides_are_free(backend):
    x = stacked(6, 2, 40).transpose(0, 1)
    torch.testing.assert_close(kernels.silu_mul(x), reference.silu_mul(x.contiguous()))


def test_gradients_are_the_references(backend):
    x = stacked(3, 20).requires_grad_()
    seed = torch.randn(3, 10, generator=torch.Generator().manual_seed(1)).to(DEVICE)
    (truth,) = torch.autograd.grad(reference.silu_mul(x), x, seed)
    (got,) = torch.autograd.grad(kernels.silu_mul(x), x, seed)
    torch.testing.assert_close(got, truth)


def test_choice_follows_the_environment(monkeypatch):
    """16 bits on a CPU are computed in 16 bits, the reference's in fp32: the two can be told apart."""
    x = stacked(64, 64, dtype=torch.bfloat16).cpu()
    gate, up = x.chunk(2, -1)
    assert torch.equal(kernels.silu_mul(x), torch.nn.functional.silu(gate) * up)
    monkeypatch.setenv("SIGMA_KERNELS", "reference")
    assert torch.equal(kernels.silu_mul(x), reference.silu_mul(x))
    assert not torch.equal(reference.silu_mul(x), torch.nn.functional.silu(gate) * up)
    monkeypatch.setenv("SIGMA_KERNELS", "fast")
    with pytest.raises(ValueError, match="fast"):
        kernels.silu_mul(x)


def test_a_compiler_sees_through_it():
    """No opaque node: the two operations stay open to fusion."""
    nodes = []

    def recording(graph, examples):
        nodes.extend(str(node.target) for node in graph.graph.nodes)
        return graph

    x = stacked(3, 20)
    torch._dynamo.reset()
    got = torch.compile(lambda x: kernels.silu_mul(x) * 2, fullgraph=True, backend=recording)(x)
    torch.testing.assert_close(got, reference.silu_mul(x) * 2)
    assert any("silu" in node for node in nodes)
    assert not any("diffqkv" in node for node in nodes)


@pytest.mark.parametrize(
    "x, message",
    [
        (torch.zeros(3, 5), r"\(3, 5\)"),
        (torch.zeros(3, 0), r"\(3, 0\)"),
        (torch.zeros(0, 4), r"\(0, 4\)"),
        (torch.zeros(()), r"\(\)"),
        (torch.zeros(3, 4).double(), "float64"),
        (torch.zeros(3, 4).int(), "int32"),
    ],
    ids=["odd", "no-columns", "no-rows", "scalar", "fp64", "integers"],
)
def test_bad_arguments_are_named(x, message):
    with pytest.raises(ValueError, match=message):
        kernels.silu_mul(x)
