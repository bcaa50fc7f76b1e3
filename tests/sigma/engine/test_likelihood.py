"""What the model itself gave each token, and texts continued without a template."""

import math

import pytest
import torch

from sigma.engine.engine import SigmaEngine
from sigma.engine.options import MOST_LIKELIEST
from sigma.engine.run import Model
from sigma.events import ChatRequest, PromptError, PromptEvent, Sampling, StepEvent
from sigma.runtime import Runtime
from tests.tiny import side_of, tiny_model


@pytest.fixture(scope="module")
def engine():
    side = side_of(tiny_model(num_key_heads=3), "gqa")
    engine = SigmaEngine({"gqa": Model(side, Runtime(side.config, side.tensors, weights="fp32"))})
    yield engine
    engine.close()


def told(engine, text="a question", sampling=None, **options):
    messages = {"gqa": [{"role": "user", "content": text}]}
    events = list(engine.stream(ChatRequest(messages, Sampling(max_new_tokens=5, **(sampling or {})), **options)))
    return events[0], [event for event in events if isinstance(event, StepEvent)]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sampling": {"temperature": 2.0, "top_k": 3, "repetition_penalty": 1.5, "seed": 1}},
        {"grammar": "start: /[a-z]{5}/"},
    ],
)
def test_a_likelihood_is_the_models_own_whatever_chose_the_token(engine, options):
    opening, steps = told(engine, likeliest=4, **options)
    runtime, ids = engine.models["gqa"].runtime, list(opening.token_ids)
    for step in steps:
        logits = runtime.prefill(torch.tensor([ids]), runtime.new_cache())[0].log_softmax(-1)
        values, likeliest = logits.topk(4)
        assert step.likelihood.taken == pytest.approx(float(logits[step.token_id]), abs=1e-3)
        assert [i for i, _ in step.likelihood.likeliest] == likeliest.tolist()
        assert [value for _, value in step.likelihood.likeliest] == pytest.approx(values.tolist(), abs=1e-3)
        ids.append(step.token_id)


def test_none_is_told_unless_asked_for_and_none_of_the_likeliest_is_fine(engine):
    assert all(step.likelihood is None for step in told(engine)[1])
    for step in told(engine, likeliest=0)[1]:
        assert step.likelihood.likeliest == () and math.isfinite(step.likelihood.taken)


@pytest.mark.parametrize("count", [-1, MOST_LIKELIEST + 1])
def test_too_many_are_refused(engine, count):
    with pytest.raises(PromptError, match=f"not of {count}"):
        told(engine, likeliest=count)


def test_a_plain_text_is_continued_without_a_template(engine):
    tokenizer = engine.models["gqa"].side.tokenizer
    opening, steps = told(engine, "  def f():\n", plain=True)
    assert isinstance(opening, PromptEvent) and list(opening.token_ids) == tokenizer("  def f():\n").input_ids
    assert len(told(engine, "  def f():\n")[0].token_ids) > len(opening.token_ids) and steps
    marker = tokenizer.eos_token
    ids = told(engine, f"a{marker}b", plain=True)[0].token_ids
    assert tokenizer.eos_token_id not in ids and tokenizer.decode(ids) == f"a{marker}b"


@pytest.mark.parametrize("text, words", [("  ", "empty"), ("x" * 5000, "The text has 5,000")])
def test_a_plain_text_that_cannot_be_continued(engine, text, words):
    with pytest.raises(PromptError, match=words):
        told(engine, text, plain=True)
