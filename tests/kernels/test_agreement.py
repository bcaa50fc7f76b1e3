"""The check of the chosen kernels: it finds those that are wrong, in words, and their references serve from then on."""

import pytest
import torch

import kernels
from kernels import agreement, backends
from tests.kernels.inputs import make_qkv

CPU = torch.device("cpu")
HEADS = (9, 1, 3)


@pytest.fixture(autouse=True)
def table(monkeypatch):
    """A table of this test's own, and nothing distrusted before or after."""
    monkeypatch.setattr(backends, "_distrusted", set())
    monkeypatch.setattr(backends, "_registry", {name: {**row} for name, row in backends._registry.items()})
    return backends._registry


def check(dtype=torch.float32, heads=HEADS, d_k=64, d_v=64):
    return agreement.disagreements(CPU, dtype, heads, d_k, d_v)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
@pytest.mark.parametrize("shape", [((9, 1, 3), 64, 64), ((9, 3, 3), 64, 64), ((32, 4, 16), 64, 128), ((2, 1, 2), 6, 6)])
def test_the_kernels_of_this_machine_agree(dtype, shape):
    assert check(dtype, *shape) == []


def real(table, operation):
    return backends.implementation(operation, "cpu")


def one_row_less(f):
    """An attention kernel that forgets the newest row."""

    def wrong(q, k, v, *rest, lengths=None, **more):
        if lengths is not None:
            return f(q, k, v, *rest, lengths=lengths - 1, **more)
        return f(q, k[:, :, :-1], v[:, :, :-1], *rest, **more)

    return wrong


WRONG = {
    "decode_attention": one_row_less,
    "prefill_attention": lambda f: lambda q, k, v, scale=None, **more: f(q, k, v, scale=0.1, **more),
    "selective_decode_attention": lambda f: lambda q, k, v, top_k, **more: f(q, k, v, top_k - 1, **more),
    "attention_weights": lambda f: lambda q, k, **more: f(q, k, **more).roll(1, -1),
    "attention_squares": lambda f: lambda q, k, keys, width: f(q, k, keys, width, scale=0.1),
    "append_rope": lambda f: lambda q, k, v, cos, sin, *rest: f(q, k, v, cos, -sin, *rest),
    "silu_mul": lambda f: lambda x: f(x.flip(-1)),
}


@pytest.mark.parametrize("operation", WRONG)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
def test_a_kernel_made_wrong_is_found_and_no_other(table, operation, dtype):
    table[operation]["cpu"] = WRONG[operation](real(table, operation))
    (found,) = check(dtype)
    assert (found.operation, found.backend) == (operation, "cpu")
    assert "off by" in found.words or "not finite" in found.words


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda *_, **__: torch.full((1, 9, 1, 64), float("nan")), "not finite"),
        (lambda *_, **__: torch.zeros(1, 9, 1, 32), "is (1, 9, 1, 32) and not (1, 9, 1, 64)"),
        (lambda *_, **__: 1 / 0, "it failed (ZeroDivisionError: division by zero)"),
    ],
)
def test_what_is_wrong_is_said(table, wrong, words):
    table["decode_attention"]["cpu"] = wrong
    (found,) = check()
    assert words in found.words


def test_a_distrusted_kernel_is_not_called_any_more_whoever_chose_it(table, monkeypatch):
    q, k, v = make_qkv(HEADS, 1, 20)
    wanted = kernels.decode_attention(q, k, v)
    table["decode_attention"]["cpu"] = lambda *_, **__: pytest.fail("it was called")
    backends.distrust("decode_attention", "cpu")
    assert backends.chosen_backend("decode_attention", CPU) == "reference"
    assert backends.is_distrusted("decode_attention", CPU) and not backends.is_distrusted("silu_mul", CPU)
    torch.testing.assert_close(kernels.decode_attention(q, k, v), wanted, atol=1e-5, rtol=1e-5)
    monkeypatch.setenv("SIGMA_KERNELS", "cpu")
    assert backends.chosen_backend("decode_attention", CPU) == "reference"
    assert backends.chosen_backend("prefill_attention", CPU) == "cpu"
    backends.distrust_all()
    assert {backends.chosen_backend(name, CPU) for name in table} == {"reference"}
    assert check() == []  # there is nothing left to compare
