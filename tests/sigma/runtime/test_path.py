"""The contract of the paths: the same methods, and results that mean the same, whichever code runs."""

import inspect

import pytest
import torch

from kernels import native
from sigma.model.cache import DiffKVCache
from sigma.quantization import Dense
from sigma.runtime.graph import GraphPath
from sigma.runtime.native import NativePath
from sigma.runtime.path import Path
from sigma.runtime.torch_path import TorchPath
from sigma.runtime.trace import Trace
from tests.tiny import tiny_model

METHODS = [name for name, member in vars(Path).items() if inspect.isfunction(member) and not name.startswith("_")]
PATHS = {
    "native": lambda *model: NativePath(*model, torch.float32, False),
    "torch": lambda *model: TorchPath(*model, torch.float32, torch.device("cpu"), False),
    "graph": lambda *model: GraphPath(PATHS["torch"](*model)),
}


@pytest.fixture(params=PATHS)
def path(request) -> Path:
    if request.param == "native" and native.status().startswith("torch"):
        pytest.skip(native.status())
    model = model_of()
    with torch.inference_mode():
        return PATHS[request.param](model.config, {name: Dense(x) for name, x in model.state_dict().items()})


def model_of():
    return tiny_model(num_key_heads=1, augmented_query_dim=108)


def test_there_is_something_to_hold():
    assert METHODS == ["run", "head", "decode", "decode_many", "decode_draft", "weight_pointers"]


@pytest.mark.parametrize("kind", [NativePath, TorchPath, GraphPath])
@pytest.mark.parametrize("name", METHODS)
def test_the_signature_is_the_contracts(kind, name):
    assert Path in kind.__mro__
    found, wanted = inspect.signature(getattr(kind, name)), inspect.signature(getattr(Path, name))
    assert found == wanted


@torch.inference_mode()
def test_the_results_mean_the_same(path):
    """`run` leaves the last norm to `head`, and `decode` is both: each against the model."""
    model, cache = model_of(), DiffKVCache(model_of().config)
    ids = torch.randint(0, 259, (2, 12), generator=torch.Generator().manual_seed(1))
    wanted = model(ids).logits
    layers = model.model(ids[:, :11], output_hidden_states=True)
    hidden = path.run(ids[:, :11], cache, Trace(), None)
    torch.testing.assert_close(model.model.norm(hidden), layers.last_hidden_state, atol=1e-4, rtol=1e-4)
    assert hidden.square().mean().sqrt() != pytest.approx(1, abs=0.05)  # or a norm more would not show
    logits = path.head(hidden)
    assert logits.dtype == torch.float32
    torch.testing.assert_close(logits, wanted[:, :11], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(path.decode(ids[:, 11:], cache, Trace(), None), wanted[:, 11], atol=1e-4, rtol=1e-4)
    assert cache.length == 12
    assert set(path.weight_pointers()) >= {"model.norm.weight", "model.layers.0.mlp.down_proj.weight"}
    assert path.kernels
