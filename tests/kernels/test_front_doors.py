"""The front doors: arguments that do not fit, and what importing the package costs."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import kernels
from kernels import guard
from tests.kernels.inputs import make_qkv

ROOT = Path(__file__).parents[2]
OPERATIONS = {
    "decode": lambda q, k, v, **rest: kernels.decode_attention(q, k, v, **rest),
    "prefill": lambda q, k, v, **rest: kernels.prefill_attention(q, k, v, **rest),
    "selective": lambda q, k, v, **rest: kernels.selective_decode_attention(q, k, v, 5, **rest),
    "weights": lambda q, k, v, **rest: kernels.attention_weights(q, k, **rest),
}


def zeros(*shape, dtype=torch.float32):
    return torch.zeros(*shape, dtype=dtype)


# name: (q, k, v or None for all operations, the numbers that the message must carry)
BAD = {
    "key-ratio": (zeros(1, 9, 1, 8), zeros(1, 2, 5, 8), zeros(1, 3, 5, 8), ["9", "2"]),
    "key-dim": (zeros(1, 9, 1, 8), zeros(1, 3, 5, 4), zeros(1, 3, 5, 8), ["(1, 9, 1, 8)", "(1, 3, 5, 4)"]),
    "batch": (zeros(2, 9, 1, 8), zeros(1, 3, 5, 8), zeros(1, 3, 5, 8), ["(2, 9, 1, 8)", "(1, 3, 5, 8)"]),
    "rank": (zeros(9, 1, 8), zeros(1, 3, 5, 8), zeros(1, 3, 5, 8), ["(9, 1, 8)"]),
    "empty": (zeros(1, 9, 1, 8), zeros(1, 3, 0, 8), zeros(1, 3, 0, 8), ["(1, 3, 0, 8)"]),
    "more-queries-than-rows": (zeros(1, 9, 4, 8), zeros(1, 3, 3, 8), zeros(1, 3, 3, 8), ["4", "3"]),
    "integers": (zeros(1, 9, 1, 8).int(), zeros(1, 3, 5, 8).int(), zeros(1, 3, 5, 8).int(), ["int32"]),
    "mixed": (zeros(1, 9, 1, 8), zeros(1, 3, 5, 8, dtype=torch.bfloat16), zeros(1, 3, 5, 8), ["bfloat16", "float32"]),
    "device": (zeros(1, 9, 1, 8), zeros(1, 3, 5, 8).to("meta"), zeros(1, 3, 5, 8), ["meta", "cpu"]),
}
BAD_VALUES = {
    "value-ratio": (zeros(1, 9, 1, 8), zeros(1, 3, 5, 8), zeros(1, 4, 5, 8), ["9", "4"]),
    "rows": (zeros(1, 9, 1, 8), zeros(1, 3, 5, 8), zeros(1, 3, 6, 8), ["(1, 3, 6, 8)", "(1, 3, 5, 8)"]),
    "value-dtype": (zeros(1, 9, 1, 8), zeros(1, 3, 5, 8), zeros(1, 3, 5, 8).half(), ["float16", "float32"]),
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("case", BAD)
def test_bad_arguments_are_named(operation, case):
    q, k, v, numbers = BAD[case]
    with pytest.raises(ValueError) as caught:
        OPERATIONS[operation](q, k, v)
    assert all(number in str(caught.value) for number in numbers), caught.value


@pytest.mark.parametrize("operation", ["decode", "prefill", "selective"])
@pytest.mark.parametrize("case", BAD_VALUES)
def test_bad_values_are_named(operation, case):
    q, k, v, numbers = BAD_VALUES[case]
    with pytest.raises(ValueError) as caught:
        OPERATIONS[operation](q, k, v)
    assert all(number in str(caught.value) for number in numbers), caught.value


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    "lengths, message",
    [
        ([6], "6 is beyond the buffer of 5"),
        ([1], "1 is less than the 2 queries"),
        ([-1], "-1 is less"),
        ([3, 3], r"int64 \[1\]"),
    ],
)
def test_bad_lengths(operation, lengths, message):
    q, k, v = make_qkv((9, 3, 3), 2, 5)
    with pytest.raises(ValueError, match=message):
        OPERATIONS[operation](q, k, v, lengths=torch.tensor(lengths))
    with pytest.raises(ValueError, match="int64"):
        OPERATIONS[operation](q, k, v, lengths=torch.tensor([3], dtype=torch.int32))
    with pytest.raises(ValueError, match="lengths is on meta"):
        OPERATIONS[operation](q, k, v, lengths=torch.tensor([3], device="meta"))


@pytest.mark.parametrize("top_k", [0, -3])
def test_top_k_must_be_positive(top_k):
    with pytest.raises(ValueError, match=str(top_k)):
        kernels.selective_decode_attention(*make_qkv((9, 3, 3), 1, 5), top_k)


@pytest.mark.parametrize("operation", ["decode", "selective"])
def test_decode_takes_few_queries(operation):
    with pytest.raises(ValueError, match="t = 17"):
        OPERATIONS[operation](*make_qkv((9, 3, 3), 17, 20))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_backend_gives_the_same(operation, monkeypatch):
    q, k, v = make_qkv((9, 1, 3), 2, 70)
    answers = []
    for backend in ("reference", "cpu"):
        monkeypatch.setenv("SIGMA_KERNELS", backend)
        answer = OPERATIONS[operation](q, k, v)
        answers.append(answer.out if operation == "selective" else answer)
    torch.testing.assert_close(*answers, atol=1e-5, rtol=0)


def run_python(code: str, *paths: Path) -> subprocess.CompletedProcess:
    setup = f"import sys; sys.path[:0] = {[str(p) for p in (*paths, ROOT)]!r}\n"
    return subprocess.run([sys.executable, "-c", setup + code], capture_output=True, text=True, timeout=120)


def test_import_is_light():
    answer = run_python(
        "import kernels; print(sorted({'torch', 'triton', 'transformers', 'numpy'} & set(sys.modules)))"
    )
    assert answer.stdout.strip() == "[]", answer.stderr


def test_transformers_imports_beside_our_package():
    """transformers probes a PyPI package of the same name and must not stumble over this one."""
    pytest.importorskip("transformers")
    code = "import kernels\nfrom transformers import LlamaForCausalLM\nprint(kernels.__file__)"
    answer = run_python(code)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip() == str(ROOT / "kernels" / "__init__.py")


def test_guard_finds_the_foreign_distribution(tmp_path):
    info = tmp_path / "kernels-0.9.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: kernels\nVersion: 0.9.0\n")
    answer = run_python("from kernels.guard import check_foreign_distribution as check; check()", tmp_path)
    assert "RuntimeError" in answer.stderr
    assert "kernels' 0.9.0" in answer.stderr
    assert "pip uninstall kernels" in answer.stderr


def test_guard_passes_without_it():
    guard.check_foreign_distribution()


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match="'nothing'"):
        kernels.nothing


def test_the_picture_of_the_weights_needs_no_triton_kernel(monkeypatch):
    monkeypatch.setenv("SIGMA_KERNELS", "triton")
    q, k, _ = make_qkv((9, 1, 3), 1, 30)
    weights = kernels.attention_weights(q, k)
    torch.testing.assert_close(weights.sum(-1), torch.ones(1, 9, 1))
