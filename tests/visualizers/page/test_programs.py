"""The endpoints for programs besides `/chat` and `/judge`: through gradio_client."""

from dataclasses import replace

import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from tests.fake_engine import cache_bytes, fake_info
from visualizers.explore.told import KS
from visualizers.memory.models import MODELS


@pytest.fixture(scope="module")
def client(site):
    return Client(site[1], verbose=False)


def test_compare_measures_both_sides(client, engine):
    told = client.predict("hello there", 12, 4, api_name="/compare")
    assert told["kv_bytes_per_token"] == {"sigma": 30 * 256 * 2, "gqa": 30 * 384 * 2} and told["kv_saved"] == 0.3333
    for side in ("sigma", "gqa"):
        mine = told["sides"][side]
        assert mine["text"].startswith(f"{fake_info(side).name} heard: hello there") and mine["finish"] == "length"
        assert (mine["prompt_tokens"], mine["new_tokens"]) == (3, 12)
        assert mine["tokens_per_second"] == 50.0 and mine["first_token_ms"] == 2.5  # of 20, 0.5 and 2 ms a piece
        exact = cache_bytes(side, 3 + 11, 4)
        assert (mine["k_bytes"], mine["v_bytes_read_last_step"]) == (exact.k_resident, exact.v_read)
    assert engine.requests[-1].selective_k == 4 and not engine.open_now()
    assert client.predict("hello", api_name="/compare")["sides"]["gqa"]["new_tokens"] == 40


def test_attention_tells_the_heads_of_a_layer(client, engine):
    told = client.predict("one two three four", "sigma", 7, 3, 2, 5, api_name="/attention")
    assert told["tokens"] == len("<user> one two three four".split()) + 2 and told["v_rows_fetched_per_head"] == 3
    assert [head["value_head"] for head in told["heads"]] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert {head["key_head"] for head in told["heads"]} == {0}
    for head in told["heads"]:
        weights = [one["weight"] for one in head["strongest"]]
        assert len(weights) == 5 and weights == sorted(weights, reverse=True)
        fetched = [one for one in head["strongest"] if one["v_row_fetched"]]
        assert 2 <= len(fetched) <= 3 and sum(one["weight"] for one in fetched) <= head["captured"] + 1e-4
    words = {one["token"] for head in told["heads"] for one in head["strongest"]}
    assert words <= {"<user>", "one", " two", " three", " four", "Sigma", " 135M"} and len(words) > 2
    assert all(
        one["v_row_fetched"]
        for head in client.predict("x", "gqa", api_name="/attention")["heads"]
        for one in head["strongest"]
    )


def test_selective_v_is_reported_for_each_k(client, engine):
    told = client.predict("a b c d e f", 4, [2, 5, 1000], api_name="/selective_v")
    rows = told["rows"]
    assert told["tokens"] == 7 + 4 and [row["k"] for row in rows] == [2, 5, 10]
    masses, errors = ([row[name] for row in rows] for name in ("mass_captured_mean", "output_error_mean"))
    assert masses == sorted(masses) and masses[-1] == pytest.approx(1, abs=1e-4)
    assert errors == sorted(errors, reverse=True) and errors[-1] == pytest.approx(0, abs=1e-4)
    assert rows[0]["v_bytes_requested"] == cache_bytes("sigma", 11, 2).v_read
    assert told["v_bytes_all"] == cache_bytes("sigma", 11, None).v_read
    assert engine.released and not engine.open_now()
    assert len(client.predict("a " * 400, api_name="/selective_v")["rows"]) == len(KS)


def test_kv_memory_is_that_of_the_memory_tab(client):
    told = client.predict(
        "sigma-10b", {"context": 131072, "batch": 2, "kv": "fp8", "top_k": 100}, api_name="/kv_memory"
    )
    shape = MODELS["sigma-10b"].shape
    each = 131_072 * 2 * shape.layers
    assert told["bytes"]["k_resident"] == each * shape.n_k * shape.d_k
    assert told["bytes"]["v_resident"] == each * shape.n_v * shape.d_v
    assert told["bytes"]["v_read"] == 2 * shape.layers * shape.n_q * 101 * shape.d_v
    assert told["gqa"]["resident"] == each * 2 * 16 * shape.d_v and 0 < told["saved"] < told["read_saved"] < 1
    assert client.predict(api_name="/kv_memory")["tokens"] > 0
    empty = client.predict("sigma-1.5b", {"top_k": None, "context": "32k"}, api_name="/kv_memory")
    assert empty["selective_k"] is None and empty["tokens"] == 32_768


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("/compare", {"prompt": " "}, "Write a prompt"),
        ("/compare", {"prompt": "x", "selective_k": 9000}, "selective_k must be at most the context"),
        ("/attention", {"prompt": "x", "layer": 30}, "layer must be between 0 and 29"),
        ("/attention", {"prompt": "x", "side": "left"}, "side must be sigma or gqa"),
        ("/attention", {"prompt": "x", "max_new_tokens": 1}, "max_new_tokens must be between 2 and 256"),
        ("/attention", {"prompt": 5}, "prompt must be a text"),
        ("/selective_v", {"prompt": "x", "ks": []}, "ks must be a list"),
        ("/selective_v", {"prompt": "x", "ks": [0]}, "ks must be a list"),
        ("/selective_v", {"prompt": "x", "ks": ["8"]}, "ks must be a list"),
        ("/selective_v", {"ks": [8]}, "prompt is missing"),
        ("/kv_memory", {"preset": "gpt"}, "preset must be one of sigma-1.5b"),
        ("/kv_memory", {"fields": {"heads": 4}}, "no field 'heads'"),
        ("/kv_memory", {"fields": {"n_k": 3}}, "n_k: "),
        ("/kv_memory", {"fields": {"context": 0}}, "context: "),
        ("/kv_memory", {"fields": {"context": [1]}}, "context must be a number"),
        ("/kv_memory", {"fields": {"context": 0.5}}, "context: "),
        ("/kv_memory", {"fields": {"context": 1e300}}, "context: "),
        ("/kv_memory", {"fields": [1]}, "fields must be a JSON object"),
    ],
)
def test_a_wrong_call_is_a_sentence(client, engine, name, arguments, words):
    engine.opened.clear()
    with pytest.raises(AppError, match=words):
        client.predict(**arguments, api_name=name)
    assert not engine.opened


def test_captured_mass_of_a_head_is_what_its_fetched_rows_weigh():
    from sigma.events import AttentionProbe
    from visualizers.explore.told import told

    scores = np.float32([[0.5, 0.1, 0.2, 0.2]] * 9)
    positions = np.int32([[0, 3]] * 9)
    probe = AttentionProbe(0, scores, positions, scores[:, [0, 3]].sum(1))
    info = replace(fake_info("sigma"), layer_key_heads=(1,) * 29 + (3,))
    head, *others = told(info, 0, probe, ["a", "b", "c", "d"], 4)["heads"]
    assert {one["key_head"] for one in others} == {0}
    assert [one["key_head"] for one in told(info, 29, probe, [], 1)["heads"]] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert head["captured"] == pytest.approx(0.7)
    assert [(one["token"], one["v_row_fetched"]) for one in head["strongest"]] == [
        ("a", True),
        ("c", False),
        ("d", True),
        ("b", False),
    ]
