"""What clients may ask: every wrong value is a sentence that names its field."""

import pytest

from sigma.engine.fields import FieldError
from sigma.events import Sampling
from sigma.serving.asked import AskedChat, AskedText

HELLO = [{"role": "user", "content": "Hello"}]


def chat(**body):
    return AskedChat.read({"model": "sigma", "messages": HELLO, **body})


def test_a_whole_request_reaches_the_engine():
    asked = chat(
        messages=[
            {"role": "developer", "content": "Be short."},
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {"role": "assistant", "content": "c"},
            {"role": "user", "content": "d"},
        ],
        temperature=0.5,
        top_p=0.9,
        top_k=4,
        repetition_penalty=1.1,
        seed=-1,
        max_tokens=3,
        max_completion_tokens=7,
        selective_k=16,
        selective_missing_mass="mean",
        selective_threshold=0.01,
        tuned=True,
        lookup=True,
        logprobs=True,
        top_logprobs=2,
        user="somebody",
        metadata={"a": "b"},
        presence_penalty=0,
        tools=[],
        response_format={"type": "text"},
    )
    request = asked.request()
    assert request.messages == {
        "sigma": [
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": "ab"},
            {"role": "assistant", "content": "c"},
            {"role": "user", "content": "d"},
        ]
    }
    assert request.sampling == Sampling(0.5, 0.9, 4, 1.1, 2**31 - 1, 7)
    assert (request.selective_missing_mass, request.selective_threshold) == ("mean", 0.01)
    assert request.lookup and not chat().request().lookup
    assert (request.selective_k, request.tuned, request.likeliest, request.grammar) == (16, True, 2, None)


def test_without_settings_an_answer_is_greedy_and_nulls_are_the_defaults():
    assert chat().request() == chat(temperature=None, stop=None, seed=None, tools=None, logprobs=None).request()
    assert chat().request().sampling == Sampling(max_new_tokens=256) and chat(stop="a").stop == ("a",)


def test_json_is_a_grammar():
    assert "%json" in chat(response_format={"type": "json_object"}).request().grammar
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "integer"}}}
    assert '{"type": "integer"}' in chat(response_format=schema).request().grammar


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"messages": None}, "messages", "missing"),
        ({"messages": []}, "messages", "at least one"),
        ({"messages": "x"}, "messages", "must be a list"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages", "messages[0].role"),
        ({"messages": [{"role": [], "content": "x"}]}, "messages", "messages[0].role"),
        ({"messages": [*HELLO, {"role": "user", "content": 5}]}, "messages", "messages[1].content"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages", "text only"),
        ({"messages": HELLO * 1001}, "messages", "1,001"),
        ({"model": 5}, "model", "must be a text"),
        ({"temperature": "0.5"}, "temperature", "a number"),
        ({"temperature": 9}, "temperature", "between 0 and 5"),
        ({"max_tokens": 0}, "max_tokens", "between 1 and 2048"),
        ({"max_completion_tokens": True}, "max_completion_tokens", "true or false"),
        ({"n": 2}, "n", "between 1 and 1"),
        ({"stream": "yes"}, "stream", "true or false"),
        ({"stop": ["a"] * 5}, "stop", "up to 4"),
        ({"stop": [""]}, "stop", "none of them empty"),
        ({"logprobs": 3}, "logprobs", "true or false"),
        ({"top_logprobs": 21}, "top_logprobs", "between 0 and 20"),
        ({"presence_penalty": 0.5}, "presence_penalty", "not supported"),
        ({"presence_penalty": False}, "presence_penalty", "not supported"),
        ({"tools": [{}]}, "tools", "not supported"),
        ({"logit_bias": {"5": 1}}, "logit_bias", "not supported"),
        ({"response_format": {"type": "xml"}}, "response_format", "json_schema"),
        ({"response_format": {"type": "json_schema"}}, "response_format", "json_schema"),
        ({"temprature": 1}, "temprature", "no field"),
        ({"stream_options": 5}, "stream_options", "a JSON object"),
    ],
)
def test_a_wrong_field_is_named(body, field, words):
    with pytest.raises(FieldError) as error:
        chat(**body)
    assert error.value.field == field and words in str(error.value) and "\n" not in str(error.value)


def test_a_text_is_continued_as_it_is():
    asked = AskedText.read({"model": "gqa", "prompt": ["x"], "logprobs": 0, "echo": True})
    request = asked.request()
    assert request.plain and request.messages == {"gqa": [{"role": "user", "content": "x"}]} and request.likeliest == 0
    for prompt in (["a", "b"], [1, 2], 5, None):
        with pytest.raises(FieldError) as error:
            AskedText.read({"model": "gqa", "prompt": prompt})
        assert error.value.field == "prompt"
