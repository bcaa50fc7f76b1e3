"""Answers held to a grammar."""

import pytest
import torch

from sigma.engine.constrained import MAX_GRAMMAR, Constraint
from sigma.engine.engine import SigmaEngine
from sigma.engine.run import Model
from sigma.events import ChatRequest, DamagedStep, PromptError, Sampling, StepEvent
from sigma.runtime import Runtime
from tests.tiny import byte_tokenizer, side_of, tiny_model


@pytest.fixture(scope="module")
def engine():
    made = {}
    for name, heads in (("sigma", 1), ("gqa", 3)):
        side = side_of(tiny_model(num_key_heads=heads), name)
        made[name] = Model(side, Runtime(side.config, side.tensors))
    engine = SigmaEngine(made)
    yield engine
    engine.close()


def answer(engine, grammar, **sampling):
    messages = {side: [{"role": "user", "content": "a question"}] for side in ("sigma", "gqa")}
    request = ChatRequest(messages, Sampling(**{"max_new_tokens": 30, **sampling}), grammar=grammar)
    texts, reasons = {"sigma": "", "gqa": ""}, {}
    for event in engine.stream(request):
        if isinstance(event, StepEvent):
            texts[event.side] += event.text
            reasons[event.side] = event.finish_reason or reasons.get(event.side)
    return texts, reasons


@pytest.mark.parametrize("sampling", [{}, {"temperature": 1.0, "top_p": 0.9, "seed": 3}, {"repetition_penalty": 1.3}])
def test_every_answer_is_in_the_grammar(engine, sampling):
    texts, reasons = answer(engine, 'start: ("ab" | "cd") /[0-9]{3}/', **sampling)
    for side, text in texts.items():
        assert text[:2] in ("ab", "cd") and len(text) == 5 and text[2:].isdigit() and reasons[side] == "stop"


def test_the_limit_cuts_an_answer_and_says_so(engine):
    texts, reasons = answer(engine, "start: /[a-z]+/", max_new_tokens=4)
    assert set(reasons.values()) <= {"length", "stop"} and all(text.isalpha() for text in texts.values())
    texts, reasons = answer(engine, "start: /[a-z]{9}/", max_new_tokens=4)
    assert set(reasons.values()) == {"length"} and all(len(text) == 4 for text in texts.values())


@pytest.mark.parametrize(
    "grammar, words",
    [
        ("start: [", "cannot be used"),
        ("begin: /a/", "cannot be used"),
        ("", "cannot be used"),
        ("x" * (MAX_GRAMMAR + 1), "at most"),
    ],
)
def test_a_grammar_that_cannot_be_read_is_a_sentence(engine, grammar, words):
    with pytest.raises(PromptError, match=words):
        answer(engine, grammar)
    assert engine.cached_bytes() == 0


def test_a_grammar_that_allows_nothing_is_a_sentence(engine):
    with pytest.raises(PromptError, match=r"allows no answer|cannot be"):
        answer(engine, "start: /[^\\x00-\\U0010FFFF]/")


def test_only_what_may_follow_has_a_chance():
    constraint = Constraint(byte_tokenizer(), 'start: "no" | "yes"', 259, {2})
    logits = torch.zeros(1, 259)
    allowed = constraint.apply(logits).isfinite()[0].nonzero().flatten().tolist()
    assert byte_tokenizer().decode(allowed) in ("ny", "yn") and torch.equal(logits, torch.zeros(1, 259))
    for letter in "no":
        constraint.took(byte_tokenizer()(letter).input_ids[0])
    assert constraint.apply(logits).isfinite()[0].nonzero().flatten().tolist() == [2]
    constraint.took(200)
    with pytest.raises((DamagedStep, PromptError)):
        constraint.apply(logits)
