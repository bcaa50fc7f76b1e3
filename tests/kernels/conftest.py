"""Every kernel test starts from the plain choice of back end."""

import pytest


@pytest.fixture(autouse=True)
def _plain_choice(monkeypatch):
    """No test inherits a back end from the caller's environment."""
    monkeypatch.delenv("SIGMA_KERNELS", raising=False)
