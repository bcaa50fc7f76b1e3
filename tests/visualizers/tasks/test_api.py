"""The endpoint that judges, through gradio_client."""

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError


@pytest.fixture(scope="module")
def client(tasks_site):
    return Client(tasks_site[1], verbose=False)


CASE = {"question": "What is 3 plus 4?", "numbers": [3, 4], "kind": "sum", "truth": "7"}


def test_the_endpoint_judges_without_a_model(client, tasks_engine):
    asked = len(tasks_engine.requests)
    verdict = client.predict("small", CASE, "It is 7.", api_name="/judge")
    assert verdict["task"] == "small" and verdict["scores"]["Exact"] == {"value": 1.0, "reason": "equal"}
    assert [part["name"] for part in verdict["parts"]] == ["number", "comparison"]
    assert client.predict("small", {**CASE, "truth": ""}, "7", api_name="/judge")["scores"]["Exact"]["value"] is None
    assert len(tasks_engine.requests) == asked


@pytest.mark.parametrize(
    "arguments,message",
    [
        (("none", CASE, "7"), "There is no task 'none'"),
        (("broken", CASE, "7"), "wasmtime is missing"),
        (("small", {"question": "x"}, "7"), "'numbers' is not a list"),
        (("small", ["x"], "7"), "case must be a JSON object"),
        (("small", {**CASE, "question": "x" * 300_000}, "7"), "at most 200,000"),
        (("small", CASE, 7), "answer must be a text"),
    ],
)
def test_bad_calls_are_explained(client, arguments, message):
    with pytest.raises(AppError, match=message):
        client.predict(*arguments, api_name="/judge")
