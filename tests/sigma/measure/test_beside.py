"""The benchmark of many chats beside a long prompt."""

import pytest

from sigma.events import PromptError
from sigma.measure import beside
from tests.sigma.engine.test_same_answers import make_engine


@pytest.fixture
def engine(monkeypatch):
    monkeypatch.setattr(beside, "QUIET_SECONDS", 0.3)
    monkeypatch.setattr(beside, "TOKENS_OF_SENTENCE", 110)  # the small test tokenizer's are single letters
    made = make_engine("fp32")
    yield made
    made.close()


def test_gaps_alone_and_while_a_prompt_is_read(engine):
    said = []
    alone, reading = beside.beside(engine, ("sigma", "gqa"), 3, 400, said.append)
    assert (alone.name, alone.chats, alone.sides, alone.read) == ("alone", 3, 2, 0)
    assert reading.read >= 2 * 300 and len(said) == 3
    for row in (alone, reading):
        assert row.tokens > 0 and 0 < row.p50_ms <= row.p95_ms <= row.most_ms
        assert row.p50_ms <= row.side_p50_ms <= row.side_p95_ms <= row.side_most_ms
        assert tuple(row.figures().values()) == row.cells() and len(row.HEADER) == len(row.cells())
    assert engine.figures().answering == 0


def test_what_cannot_be_measured_is_refused(engine):
    for chats, tokens in ((0, 400), (2, 20)):
        with pytest.raises(PromptError, match="at least 1 chat"):
            beside.beside(engine, ("sigma",), chats, tokens)


def test_a_chat_that_fails_is_told(engine, monkeypatch):
    monkeypatch.setattr(beside, "CHAT_TOKENS", 0)
    with pytest.raises(RuntimeError, match="a chat failed"):
        beside.beside(engine, ("sigma",), 2, 400)
