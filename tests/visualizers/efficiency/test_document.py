"""The long document: what ships, what is asked, what is measured, and rows that the session keeps."""

import csv
import io
import json

import pytest

from sigma.checkpoints.base import cached_base
from sigma.events import SIDES, PromptError
from tests.fake_engine import FakeEngine, cache_bytes
from tests.real import need_default_pair
from tests.visualizers.efficiency.test_lab import drained, loaded
from visualizers.efficiency import document as module
from visualizers.efficiency.document import (
    MOST_CHARACTERS,
    QUESTIONS,
    TOKENS,
    ask,
    checked,
    document,
    messages,
    place_of,
)
from visualizers.efficiency.document_tables import answered_html, answered_payload
from visualizers.efficiency.lab import Lab


def asked(engine, question="What is a needle?", session="s"):
    return drained(ask(engine, question, session))


def test_the_document_answers_its_own_questions_at_different_depths():
    places = [place_of(sentence) for sentence in QUESTIONS.values()]
    assert all(0 < place < 1 for place in places) and max(places) - min(places) > 0.2
    assert "```" not in document() and len(document()) > 20_000


def test_it_has_about_6_000_tokens_of_the_default_model_and_fits_with_the_longest_question():
    need_default_pair()
    from sigma.checkpoints.tokenizer import tokenizer_from_gguf
    from sigma.engine.prompts import prompt_ids

    tokenizer = tokenizer_from_gguf(cached_base())
    tokens = len(prompt_ids(tokenizer, messages("What is it?"), 8192))
    assert 5_500 <= tokens <= 6_500
    assert len(prompt_ids(tokenizer, messages("w " * (MOST_CHARACTERS // 2)), 8192)) + TOKENS <= 8192


def test_two_questions_begin_alike_up_to_the_question():
    one, other = (messages(question)[0]["content"] for question in ("Who?", "Where?"))
    common = next(i for i, (a, b) in enumerate(zip(one, other)) if a != b)
    assert common >= len(document()) and one[common:].startswith("o?")


def test_both_sides_are_measured_and_the_session_is_the_engines():
    engine = FakeEngine(words=30)
    said, answered = asked(engine)
    assert engine.sessions == ["s"] and not engine.open_now()
    fractions = [part for _, part in said]
    assert fractions == sorted(fractions) and fractions[-1] == 1 and "reads 64 of" in said[2][0]
    for side, figures in zip(SIDES, answered.sides):
        held = cache_bytes(side, figures.prompt_tokens + figures.new_tokens - 1, None)
        assert figures.resident_bytes == held.k_resident + held.v_resident
        assert figures.new_tokens == 30 and figures.finish == "stop" and figures.tok_s == pytest.approx(50)
        assert figures.first_ms == pytest.approx(0.5 + 2 * -(-figures.prompt_tokens // 64)) and figures.text
    assert answered.sentence == QUESTIONS["What is a needle?"]


def test_closing_it_frees_the_engine():
    engine = FakeEngine()
    going = ask(engine, "What?", "s")
    next(going)
    assert engine.open_now()
    going.close()
    assert not engine.open_now()


@pytest.mark.parametrize("question, words", [("", "Write a question"), ("  \n", "Write a question"), (None, "Write a question"), (7, "must be a text"), ("w" * (MOST_CHARACTERS + 1), "2,001 characters")])  # fmt: skip
def test_a_question_that_cannot_be_asked_is_refused(question, words):
    with pytest.raises(PromptError, match=words):
        checked(question)


def test_without_a_model_or_with_too_small_a_context_it_says_so(monkeypatch):
    with pytest.raises(PromptError, match="No model is loaded"):
        next(Lab(loaded(error=ValueError("no weights"))).document("What?", "s"))
    monkeypatch.setattr(module, "document", lambda: "word " * 9_000)
    with pytest.raises(PromptError, match="context holds 8,192"):
        next(Lab(loaded(FakeEngine())).document("What?", "s"))


def test_a_later_question_reads_only_itself_on_real_models(monkeypatch):
    """Tiny real models: the rows of the document are computed once, and a question gets the answer that it gets afresh."""
    from sigma.engine.engine import Model, SigmaEngine
    from sigma.runtime import Runtime
    from tests.tiny import side_of, tiny_model

    monkeypatch.setattr(module, "document", lambda: "A text that is read once. " * 8)
    shapes = {"sigma": dict(seed=1, num_key_heads=1, augmented_query_dim=108), "gqa": dict(num_key_heads=3)}
    models = {}
    for name, changes in shapes.items():
        side = side_of(tiny_model(**changes), f"tiny {name}")
        models[name] = Model(side, Runtime(side.config, side.tensors, weights="fp32"))
    engine = SigmaEngine(models)
    try:
        _, first = asked(engine, "Who?")
        _, second = asked(engine, "Where is it?")
        _, fresh = asked(engine, "Where is it?", "another")
        for one, two, new in zip(first.sides, second.sides, fresh.sides):
            assert one.reused == new.reused == 0
            assert two.reused >= len(module.document()) and two.prompt_tokens - two.reused < 90
            assert two.text == new.text and two.resident_bytes == new.resident_bytes
        engine.release("s")
        assert asked(engine, "Where is it?")[1].sides[0].reused == 0
    finally:
        engine.close()


def test_tables_escape_and_name_every_figure():
    engine = FakeEngine(words=12)
    engine._answer = lambda side, messages: ["<b>no</b>"]
    rows = [asked(engine)[1], asked(engine, "<i>own</i> question?")[1]]
    html = answered_html(rows)
    assert "<b>no</b>" not in html and "&lt;i&gt;own" in html and html.count("measured now") == 3
    assert "The text says, at" in html and html.index("2. ") < html.index("1. What is a needle?")
    told = json.loads(answered_payload(rows))
    saved = list(csv.DictReader(io.StringIO(told["csv"])))
    assert len(saved) == 4 and saved[0]["tok_s"] == "" and saved[3]["question"] == "<i>own</i> question?"
    assert json.loads(told["json"])[0]["reused"] == 0 and told["file"] == "long-document"
