"""The real default models for tests: fetched once into the user's cache; skipped, with the reason, when they cannot be."""

import functools

import pytest

from sigma.checkpoints.base import fetch_base
from sigma.checkpoints.load import EMBEDDED, PACKED_FILE, CheckpointError


@functools.cache
def unavailable() -> str | None:
    """Why the default pair cannot be loaded here, or None."""
    if not (EMBEDDED / PACKED_FILE).exists():
        return f"there is no packed checkpoint in {EMBEDDED.name}"
    try:
        fetch_base()
    except CheckpointError as error:
        return str(error)
    return None


def need_default_pair() -> None:
    """Skip the calling test where the default pair is out of reach."""
    if reason := unavailable():
        pytest.skip(reason)
