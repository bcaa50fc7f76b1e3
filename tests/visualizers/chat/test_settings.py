"""The settings of a turn: the tab's components come under the names that they have here."""

from dataclasses import fields, replace

import gradio as gr
import pytest

from sigma.events import PromptError
from tests.fake_engine import fake_info
from visualizers.chat.settings import TurnSettings
from visualizers.chat.tab import chat_tab

INFOS = {side: fake_info(side) for side in ("sigma", "gqa")}
IDS = {
    "system": "system",
    "tuned": "tuned",
    "lookup": "lookup",
    "selective": "selective",
    "missing_mass": "missing-mass",
    "threshold": "threshold",
    "layer": "layer",
    "pictures": "live-pictures",
    "temperature": "temperature",
    "top_p": "top-p",
    "top_k": "top-k",
    "penalty": "penalty",
    "max_new_tokens": "max-tokens",
    "seed": "seed",
}


def settings(**changes):
    given = dict(
        system="", tuned=False, lookup=True, selective="16", missing_mass="mean", threshold="0.01", layer=40, pictures=True, temperature=0.5, top_p=0.9, top_k=7, penalty=1.1,
        max_new_tokens=99, seed=3,
    )  # fmt: skip
    return TurnSettings(**given | changes)


def test_the_tab_gives_its_settings_in_the_order_of_their_names():
    with gr.Blocks():
        tab = chat_tab(INFOS, lambda conversation: None)
    assert [part.elem_id for part in tab.settings] == [IDS[field.name] for field in fields(TurnSettings)]


def test_a_request_holds_every_setting():
    request = settings().request({"left": [], "right": []}, INFOS)
    left, right = request.column("left"), request.column("right")
    assert (left.model, right.model) == ("sigma", "gqa") and request.probe_layer == 29, "the last layer there is"
    assert (left.selective_k, left.selective_missing_mass, left.selective_threshold) == (16, "mean", 0.01)
    assert right.selective_k is None and right.sampling == left.sampling
    told = left.sampling
    assert (told.temperature, told.top_p, told.top_k, told.repetition_penalty) == (0.5, 0.9, 7, 1.1)
    assert (told.max_new_tokens, told.seed) == (99, 3)
    assert request.lookup and not settings(lookup=False).request({}, INFOS).lookup
    assert settings(pictures=False).request({}, INFOS).probe_layer is None


@pytest.mark.parametrize(
    "change",
    [
        {"selective": "0"},
        {"temperature": 6},
        {"layer": -1},
        {"selective": "9000"},
        {"missing_mass": "keep"},
        {"threshold": "x"},
        {"threshold": 0.7},
    ],
)
def test_what_cannot_be_used_is_found_before_the_turn(change):
    with pytest.raises(PromptError):
        settings(**change).check(INFOS)


def test_without_a_model_any_k_may_be_asked_for():
    settings(selective="9000").check(None)


@pytest.mark.parametrize("tuned", [True, False])
def test_the_request_says_whether_the_tuned_base_answers(tuned):
    messages = {"left": [{"role": "user", "content": "x"}]}
    infos = {side: replace(info, tuned="a tuned base") for side, info in INFOS.items()}
    assert settings(tuned=tuned).request(messages, infos).column("left").tuned is tuned
    assert settings(tuned=tuned).request(messages, INFOS).column("left").tuned is False
