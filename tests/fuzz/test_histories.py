"""A few histories of the cache and of the engine, always the same ones."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.fuzz.histories import HISTORIES

EXAMPLES = {"histories.cache": 25, "histories.batch": 6}


@pytest.mark.parametrize("name", HISTORIES)
def test_a_few_histories(name):
    few = settings(
        max_examples=EXAMPLES[name],
        stateful_step_count=25,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(HISTORIES[name], settings=few)
