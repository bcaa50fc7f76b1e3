"""What the benchmark of prompt lookup counts."""

import pytest

from sigma.events import PromptError
from sigma.measure import lookup
from tests.sigma.engine.test_same_answers import make_engine, user


@pytest.fixture
def engine(monkeypatch):
    monkeypatch.setattr(lookup, "WORKLOADS", {"one": [[user("over and over")], [user("x")]], "other": [[user("?")]]})
    made = make_engine("fp32")
    yield made
    made.close()


def test_gains_are_of_the_same_answers(engine):
    seen = []
    rows = lookup.gains(engine, ("gqa", "sigma"), 40, 2, None, seen.append)
    assert [(row.workload, row.side, row.answers) for row in rows] == [
        (name, side, count) for name, count in (("one", 2), ("other", 1)) for side in ("gqa", "sigma")
    ]
    assert seen == sorted(seen) and seen[-1] == 1
    for row in rows:
        assert row.same and 0 < row.tokens <= 39 * row.answers
        assert row.ratio == pytest.approx(row.lookup_tok_s / row.tok_s) and row.tokens_per_step >= 1
        assert row.accepted_percent is None or 0 <= row.accepted_percent <= 100
        assert tuple(row.figures().values()) == row.cells() and len(row.HEADER) == len(row.cells())


def test_what_cannot_be_timed_is_refused(engine):
    for tokens, repeats in ((1, 1), (8, 0)):
        with pytest.raises(PromptError, match="at least 2 tokens"):
            lookup.gains(engine, ("gqa",), tokens, repeats)


def test_an_answer_that_differs_is_told(engine, monkeypatch):
    whole = lookup.answered

    def answered(engine, request):
        found = whole(engine, request)
        if request.lookup:
            found.ids[-1] += 1
        return found

    monkeypatch.setattr(lookup, "answered", answered)
    assert not any(row.same for row in lookup.gains(engine, ("gqa",), 8, 1))
