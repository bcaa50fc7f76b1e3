"""Every kernel test starts from the plain choice of back end."""

import pytest
import torch


@pytest.fixture(autouse=True)
def _plain_choice(monkeypatch):
    """No test inherits a back end from the caller's environment."""
    monkeypatch.delenv("SIGMA_KERNELS", raising=False)


@pytest.fixture
def fresh_graphs():
    """No graph that an earlier test compiled, and none left behind."""
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()
