"""Arguments of another kind than an operation takes: the message names the argument and says what came."""

from fractions import Fraction

import numpy as np
import pytest
import torch

import kernels
from tests.kernels.inputs import make_qkv

pytestmark = pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
ATTENTION = {
    "decode": kernels.decode_attention,
    "prefill": kernels.prefill_attention,
    "selective": lambda q, k, v, **rest: kernels.selective_decode_attention(q, k, v, rest.pop("top_k", 5), **rest),
}
NOT_TENSORS = {
    "None": (None, "got None"),
    "list": ([5], "got list"),
    "numpy": (np.ones((1, 3, 5, 8), np.float32), "got numpy.ndarray"),
    "text": ("x", "got str"),
    "sparse": (torch.ones(1, 3, 5, 8).to_sparse(), "got a sparse_coo one"),
    "jagged": (torch.nested.nested_tensor([torch.ones(3, 8), torch.ones(2, 8)], layout=torch.jagged), "nested"),
}


def attention(**changes):
    return dict(zip("qkv", make_qkv((9, 3, 3), 1, 5, d_k=8))) | changes


def append(**changes):
    q, k, v = (torch.zeros(1, n, 1, 16) for n in (6, 2, 3))
    table = torch.zeros(9, 16)
    caches = dict(k_cache=torch.zeros(1, 2, 9, 16), v_cache=torch.zeros(1, 3, 9, 16))
    return dict(q=q, k=k, v=v, cos=table, sin=table, **caches) | changes


@pytest.mark.parametrize("kind", NOT_TENSORS)
@pytest.mark.parametrize("name", ["q", "k", "v", "lengths"])
@pytest.mark.parametrize("operation", ATTENTION)
def test_attention_takes_tensors(operation, name, kind):
    if (name, kind) == ("lengths", "None"):
        pytest.skip("no lengths: every row counts")
    wrong, said = NOT_TENSORS[kind]
    with pytest.raises(TypeError, match=rf"^{name} must be .*{said}"):
        ATTENTION[operation](**attention(**{name: wrong}))


@pytest.mark.parametrize("kind", NOT_TENSORS)
@pytest.mark.parametrize("name", ["q", "k", "lengths"])
def test_weights_take_tensors(name, kind):
    if (name, kind) == ("lengths", "None"):
        pytest.skip("no lengths: every row counts")
    wrong, said = NOT_TENSORS[kind]
    arguments = attention(**{name: wrong})
    arguments.pop("v")
    with pytest.raises(TypeError, match=rf"^{name} must be .*{said}"):
        kernels.attention_weights(**arguments)


@pytest.mark.parametrize("kind", NOT_TENSORS)
@pytest.mark.parametrize("name", [*append(), "lengths"])
def test_append_takes_tensors(name, kind):
    if (name, kind) == ("lengths", "None"):
        pytest.skip("no lengths: every row counts")
    wrong, said = NOT_TENSORS[kind]
    with pytest.raises(TypeError, match=rf"^{name} must be .*{said}"):
        kernels.append_rope(**append(**{name: wrong}))


@pytest.mark.parametrize("kind", NOT_TENSORS)
def test_silu_mul_takes_a_tensor(kind):
    wrong, said = NOT_TENSORS[kind]
    with pytest.raises(TypeError, match=rf"^gate_up must be .*{said}"):
        kernels.silu_mul(wrong)


@pytest.mark.parametrize("operation", ATTENTION)
@pytest.mark.parametrize(
    "scale, error, said",
    [
        ("x", TypeError, "got str"),
        (True, TypeError, "bool"),
        (torch.tensor(0.1), TypeError, "got torch.Tensor"),
        (1j, TypeError, "got complex"),
        (float("nan"), ValueError, "got nan"),
        (float("-inf"), ValueError, "got -inf"),
        (np.float32("nan"), ValueError, "got nan"),
    ],
)
def test_scale_is_a_finite_number(operation, scale, error, said):
    with pytest.raises(error, match=rf"^scale must be .*{said}"):
        ATTENTION[operation](**attention(scale=scale))
    with pytest.raises(error, match=rf"^scale must be .*{said}"):
        arguments = attention(scale=scale)
        arguments.pop("v")
        kernels.attention_weights(**arguments)


@pytest.mark.parametrize("operation", ATTENTION)
def test_any_real_number_is_a_scale(operation):
    results = [ATTENTION[operation](**attention(scale=s)) for s in (1.0, 1, np.float32(1), np.float64(1), Fraction(1))]
    for other in results[1:]:
        first, other = (getattr(x, "out", x) for x in (results[0], other))
        assert torch.equal(first, other)


@pytest.mark.parametrize(
    "top_k, said", [(3.5, "float"), ("3", "str"), (None, "None"), (True, "bool"), (torch.tensor(3), "torch.Tensor")]
)
def test_top_k_is_a_whole_number(top_k, said):
    with pytest.raises(TypeError, match=f"^top_k must be a whole number, got {said}"):
        kernels.selective_decode_attention(**attention(top_k=top_k))


def test_top_k_beyond_every_number_of_rows():
    every, far = (kernels.selective_decode_attention(**attention(top_k=k)).out for k in (4, 1 << 70))
    assert torch.equal(every, far)


def test_the_missing_mass_is_one_of_three_words():
    with pytest.raises(ValueError, match=r"^missing_mass must be one of drop, renormalize, mean, got 'keep'"):
        kernels.selective_decode_attention(**attention(top_k=3, missing_mass="keep"))
    with pytest.raises(TypeError, match=r"^missing_mass must be a word, got bool"):
        kernels.selective_decode_attention(**attention(top_k=3, missing_mass=True))


@pytest.mark.parametrize(
    "threshold, error", [("1", TypeError), (True, TypeError), (-0.1, ValueError), (1.0, ValueError)]
)
def test_the_threshold_is_a_weight(threshold, error):
    with pytest.raises(error, match=r"^threshold must be a"):
        kernels.selective_decode_attention(**attention(top_k=3, threshold=threshold))
    with pytest.raises(ValueError, match=r"^threshold must be a weight from 0 to less than 1, got nan"):
        kernels.selective_decode_attention(**attention(top_k=3, threshold=float("nan")))


def test_a_sum_that_does_not_fit():
    v = attention()["v"]
    shape = v.shape[0], v.shape[1], v.shape[3]
    with pytest.raises(TypeError, match=r"^v_sum must be a torch.Tensor, got list"):
        kernels.selective_decode_attention(**attention(top_k=3, v_sum=[1.0]))
    for wrong in (torch.zeros(shape, dtype=torch.float64), torch.zeros(1, *shape)):
        with pytest.raises(ValueError, match=r"^v_sum must be float32 \("):
            kernels.selective_decode_attention(**attention(top_k=3, v_sum=wrong))


def test_flags_are_bools():
    for operation in ("decode", "prefill"):
        with pytest.raises(TypeError, match=r"^return_lse must be True or False, got None"):
            ATTENTION[operation](**attention(return_lse=None))


@pytest.mark.parametrize("name", ["k", "v"])
@pytest.mark.parametrize("change", [dict(dtype=torch.bfloat16), dict(device="meta")])
@pytest.mark.parametrize("operation", ATTENTION)
def test_one_type_and_one_device(operation, name, change):
    arguments = attention()
    arguments[name] = arguments[name].to(**change)
    with pytest.raises(ValueError, match=f"^{name} is .*{str(next(iter(change.values()))).removeprefix('torch.')}"):
        ATTENTION[operation](**arguments)


@pytest.mark.parametrize("name", ["k", "v", "k_cache", "v_cache", "cos", "sin"])
def test_append_on_one_device(name):
    with pytest.raises(ValueError, match=f"{name} (is )?.*meta"):
        kernels.append_rope(**append(**{name: append()[name].to("meta")}))


def test_append_has_no_gradient():
    """It writes in place: a leaf that requires a gradient ended in torch's own words about views, others in silence."""
    for name in ("q", "k", "v", "k_cache", "v_cache"):
        wanted = append(**{name: append()[name].requires_grad_()})
        with pytest.raises(ValueError, match="append_rope has no gradient"):
            kernels.append_rope(**wanted)
        with torch.no_grad():
            kernels.append_rope(**wanted)


def test_append_in_integers():
    whole = {name: x.int() if name not in ("cos", "sin") else x for name, x in append().items()}
    with pytest.raises(ValueError, match="int32 is not supported"):
        kernels.append_rope(**whole)
