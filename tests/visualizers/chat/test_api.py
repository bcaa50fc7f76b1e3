"""The named endpoint through gradio_client."""

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError


@pytest.fixture(scope="module")
def client(site):
    return Client(site[1], verbose=False)


def test_only_these_endpoints_are_named(client):
    assert set(client.view_api(return_format="dict")["named_endpoints"]) == {"/chat", "/judge"}


def test_chat_answers_one_side(client, engine):
    text = client.predict("hello there", "gqa", 12, 0.0, None, api_name="/chat")
    assert text.startswith("GQA 135M heard: hello there")
    assert list(engine.requests[-1].messages) == ["gqa"] and engine.sessions[-1] is None
    assert not engine.open_now()


def test_chat_has_defaults_and_both_sides(client, engine):
    assert client.predict("plain", api_name="/chat").startswith("Sigma 135M heard: plain")
    both = client.predict("x", side="both", selective_k=4, api_name="/chat")
    assert both.startswith("[sigma]\nSigma") and "\n\n[gqa]\nGQA" in both
    assert engine.requests[-1].selective_k == 4


@pytest.mark.parametrize(
    "arguments,message",
    [
        (dict(prompt=" "), "Write a prompt"),
        (dict(prompt="x", side="left"), "sigma, gqa or both"),
        (dict(prompt="x", max_new_tokens=4096), "between 1 and 2048"),
        (dict(prompt="x", selective_k=0), "at least 1"),
    ],
)
def test_bad_arguments_are_explained(client, arguments, message):
    with pytest.raises(AppError, match=message):
        client.predict(**arguments, api_name="/chat")


def test_an_engine_error_is_not_leaked(client, engine):
    engine.fail_next = RuntimeError("secret path")
    with pytest.raises(AppError) as caught:
        client.predict("x", api_name="/chat")
    assert "secret" not in str(caught.value)
