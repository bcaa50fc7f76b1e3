"""Fixtures of the model's tests."""

import pytest

from tests.tiny import byte_tokenizer, tiny_model


@pytest.fixture
def tokenizer():
    return byte_tokenizer()


@pytest.fixture
def gqa():
    return tiny_model(num_key_heads=3)


@pytest.fixture
def sigma():
    return tiny_model(seed=1, num_key_heads=1, augmented_query_dim=108)
