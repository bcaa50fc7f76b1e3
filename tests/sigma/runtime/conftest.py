"""The two ways through the model on a CPU."""

import pytest

from kernels import native


@pytest.fixture(params=["native", "torch"])
def path(request, monkeypatch):
    """The C++ path, then the torch path. A file whose every test runs on both: `pytest.mark.usefixtures("path")`."""
    if request.param == "torch":
        monkeypatch.setenv("SIGMA_NATIVE", "0")
    native.reset()
    yield request.param
    native.reset()
