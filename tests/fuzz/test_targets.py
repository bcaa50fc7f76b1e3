"""A few hundred cases of every target, always the same ones; and every case that ever failed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz import judges
from tests.fuzz.browser import NODE
from tests.fuzz.campaign import corpus_cases
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS

CASES = {"judges": 25, "queries": 60, "packing": 60, "tokens": 40}
SOME = 120


@pytest.fixture(scope="module", autouse=True)
def node():
    yield
    NODE.close()


@pytest.fixture(autouse=True)
def real_engines_afterwards():
    yield
    judges.restore()


def need(target: Target) -> None:
    try:
        target.needs()
    except LookupError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", TARGETS)
def test_a_few_cases(name):
    target = TARGETS[name]
    need(target)
    few = settings(
        max_examples=CASES.get(name.split(".")[0], SOME),
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )

    @few
    @given(target.cases)
    def check(case: Any) -> None:
        target.check(case)  # without the clock: a busy machine is no finding

    check()


@pytest.mark.parametrize("name,number,case", [pytest.param(*one, id=f"{one[0]}:{one[1]}") for one in corpus_cases()])
def test_a_case_that_failed_once(name, number, case):
    need(TARGETS[name])
    TARGETS[name].run(case)
