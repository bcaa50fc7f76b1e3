import json
from dataclasses import replace

import pytest

from sigma.events import SIDES, ChatRequest, Sampling
from tests.fake_engine import FakeEngine, cache_bytes, fake_info
from visualizers.shared.columns import made_by
from visualizers.shared.metrics import SideMeter
from visualizers.shared.turn_view import TurnView


def request(prompt="What is a GPU?", k=None, layer=12, **sampling):
    return ChatRequest({side: [{"role": "user", "content": prompt}] for side in SIDES}, Sampling(**sampling), k, layer)


def played(engine, ask):
    view = TurnView(0.0, tuple(ask.messages))
    for n, event in enumerate(engine.stream(ask)):
        view.feed(event, n * 0.01)
    return view


def test_speed_is_decode_tokens_over_own_compute_time():
    view = played(FakeEngine(words=21), request())
    figures = view.sides["sigma"].meter.figures()
    # 20 steps of 20 ms after step 0; the two sides alternate, so the wall shows one step of a side every 20 ms.
    assert figures["rate"] == pytest.approx(50)
    assert figures["wall_rate"] == pytest.approx(50, rel=0.01)
    assert figures["first"] == pytest.approx(2.5)
    assert figures["phase"] == "done" and figures["finish"] == "stop"


def test_the_account_of_prompt_lookup_is_a_figure_where_it_was_asked_for():
    asked = replace(request(), lookup=True)
    figures = played(FakeEngine(words=21), asked).sides["gqa"].meter.figures()
    assert figures["lookup"] == {"steps": 10, "drafted": 40, "accepted": 10, "off": ""}
    assert "lookup" not in played(FakeEngine(words=21), request()).sides["gqa"].meter.figures()


def test_step_0_is_no_decode_step():
    view = played(FakeEngine(words=1), request(max_new_tokens=1))
    meter = view.sides["gqa"].meter
    assert meter.tokens_per_second is None and meter.wall_tokens_per_second is None
    assert meter.figures()["finish"] == "length"


@pytest.mark.parametrize("side,key_heads", [("sigma", 1), ("gqa", 3)])
def test_bytes_follow_the_formula(side, key_heads):
    figures = played(FakeEngine(words=30), request()).sides[side].meter.figures()
    assert figures["k"] == 30 * figures["context"] * key_heads * 64 * 2
    assert figures["v"] == 30 * figures["context"] * 3 * 64 * 2


def test_selective_v_reads_less_and_keeps_all():
    view = played(FakeEngine(words=60), request(k=16))
    sigma, gqa = (view.sides[side].meter.figures() for side in SIDES)
    assert sigma["v"] == gqa["v"] and sigma["v_read"] == 30 * 9 * 17 * 64 * 2
    assert gqa["v_read"] == gqa["v"]
    assert "V rows 17 of" in view.summary() and "finished" in view.summary()


def test_a_phase_before_the_prompt_is_waiting():
    assert SideMeter(0.0).figures()["phase"] == "waiting"
    assert TurnView(0.0).summary() == ""


@pytest.mark.parametrize("tokens", [60, 180, 1000, 8000])
def test_payload_stays_under_ten_kilobytes(tokens):
    view = played(FakeEngine(words=8), request(prompt=" ".join(["word"] * tokens), k=64))
    view.describe({side: fake_info(side) for side in SIDES})
    assert len(view.payload().encode()) < 10_000
    picture = json.loads(view.payload())
    assert picture["sides"]["sigma"]["attention"]["tokens"] == picture["sides"]["sigma"]["figures"]["context"]


def test_cache_bytes_are_positive_at_one_token():
    assert cache_bytes("sigma", 1, 16).v_read == 30 * 9 * 1 * 64 * 2


def test_the_payload_has_what_the_cache_formula_needs():
    view = played(FakeEngine(words=3), request(k=16))
    view.describe({side: fake_info(side) for side in SIDES})
    view.made = made_by(request(k=16))
    picture = json.loads(view.payload())
    assert {side: made["selective_k"] for side, made in picture["made"].items()} == {"sigma": 16, "gqa": None}
    info = picture["info"]["gqa"]
    one = info["layers"] * info["kv_itemsize"] * info["key_heads"] * info["key_head_dim"]
    assert picture["sides"]["gqa"]["figures"]["k"] == one * picture["sides"]["gqa"]["figures"]["context"]
