"""The settings of a turn: the tab's components come under the names that they have here."""

from dataclasses import fields, replace

import gradio as gr
import pytest

from sigma.events import PromptError
from tests.fake_engine import fake_info
from visualizers.chat.examples import read_examples
from visualizers.chat.settings import TurnSettings, with_example
from visualizers.chat.tab import chat_tab
from visualizers.shared.column_settings import ColumnSettings
from visualizers.shared.columns import COLUMNS, made_by

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


OWN = {"model": "model", "selective": "selective", "missing_mass": "missing-mass", "threshold": "threshold"}
OWN |= {name: name for name in ("temperature", "tuned", "system")}


def settings(**changes):
    given = dict(
        system="", tuned=False, lookup=True, selective="16", missing_mass="mean", threshold="0.01", layer=40, pictures=True, temperature=0.5, top_p=0.9, top_k=7, penalty=1.1,
        max_new_tokens=99, seed=3,
    )  # fmt: skip
    return TurnSettings(**given | changes)


def test_the_tab_gives_its_settings_in_the_order_of_their_names():
    with gr.Blocks():
        tab = chat_tab(INFOS, lambda conversation: None)
    both = [IDS[field.name] for field in fields(TurnSettings) if field.name not in COLUMNS]
    own = [f"{column}-{OWN[field.name]}" for column in COLUMNS for field in fields(ColumnSettings)]
    assert [part.elem_id for part in tab.settings] == both + own
    shown = ["" if part.value is None else part.value for part in tab.settings]
    assert shown == TurnSettings().values(), "what is shown first is the default"
    assert TurnSettings.read(*TurnSettings().values()) == TurnSettings()


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
        settings(**change).request({}, INFOS)


def test_without_a_model_any_k_may_be_asked_for():
    settings(selective="9000").request({})


@pytest.mark.parametrize("tuned", [True, False])
def test_the_request_says_whether_the_tuned_base_answers(tuned):
    messages = {"left": [{"role": "user", "content": "x"}]}
    infos = {side: replace(info, tuned="a tuned base") for side, info in INFOS.items()}
    assert settings(tuned=tuned).request(messages, infos).column("left").tuned is tuned
    assert settings(tuned=tuned).request(messages, INFOS).column("left").tuned is False


def asked(infos=INFOS, **changes):
    return settings(**changes).request({"left": [], "right": []}, infos)


def test_a_column_has_what_is_its_own_and_the_rest_from_both():
    right = ColumnSettings("sigma", "64", "drop", "0", "0", "same", "Be short.")
    request = asked(right=right, tuned=True, infos={s: replace(i, tuned="a tuned base") for s, i in INFOS.items()})
    left, right = request.column("left"), request.column("right")
    assert (left.selective_k, left.selective_missing_mass, left.selective_threshold) == (16, "mean", 0.01)
    assert (right.selective_k, right.selective_missing_mass, right.selective_threshold) == (64, "drop", 0)
    assert (left.sampling.temperature, right.sampling.temperature) == (0.5, 0)
    assert right.sampling.top_p == left.sampling.top_p == 0.9 and left.tuned and right.tuned
    assert settings(system="both", right=ColumnSettings("gqa", system="own")).systems() == {
        "left": "both",
        "right": "own",
    }


def test_one_model_twice_and_a_base_of_its_own():
    infos = {side: replace(info, tuned="a tuned base") for side, info in INFOS.items()}
    both = dict(left=ColumnSettings("gqa", tuned="tuned"), right=ColumnSettings("gqa"), infos=infos)
    assert [asked(**both).column(c).tuned for c in COLUMNS] == [True, False]
    off = dict(left=ColumnSettings("sigma", tuned="published"), tuned=True, infos=infos)
    assert [asked(**off).column(c).tuned for c in COLUMNS] == [False, True]
    assert not asked(left=ColumnSettings("sigma", tuned="tuned")).column("left").tuned, "these models have none"


def test_what_a_gqa_column_still_holds_of_selective_v_is_no_error():
    assert asked(right=ColumnSettings("gqa", "0", "keep", "x")).column("right").selective_k is None


@pytest.mark.parametrize(
    "own, words",
    [
        (ColumnSettings("llama"), "Right column: there is no model 'llama'; there are sigma, gqa"),
        (ColumnSettings(None), "Right column: there is no model 'None'"),
        (ColumnSettings("sigma", "0"), "Right column: Selective V: k must be at least 1, not 0"),
        (ColumnSettings("sigma", "9000"), "Right column: Selective V: k = 9,000 is more than the context"),
        (ColumnSettings("sigma", "many"), "Right column: Selective V: 'many' is neither off nor"),
        (ColumnSettings("sigma", missing_mass="keep"), "Right column: Missing mass must be one of"),
        (ColumnSettings("sigma", threshold="0.7"), "Right column: Threshold must be between 0 and 0.5"),
        (ColumnSettings("gqa", temperature="hot"), "Right column: Temperature must be a number"),
        (ColumnSettings("gqa", temperature="9"), "Right column: Temperature must be between 0 and 5"),
        (ColumnSettings("gqa", tuned="maybe"), "Right column: the base must be one of tuned, published"),
    ],
)
def test_what_a_column_cannot_be_is_named_with_the_column(own, words):
    with pytest.raises(PromptError, match=words):
        asked(right=own)


def test_every_example_can_be_answered_and_one_sets_a_model_beside_itself():
    chosen = settings(left=ColumnSettings("gqa", "32"), temperature=0, missing_mass="renormalize", threshold="0")
    for example in read_examples():
        shown = with_example(chosen, example)
        request = shown.request({column: [] for column in COLUMNS}, INFOS)
        if example["label"] == "k = 16 beside all rows":
            assert [one["label"] for one in made_by(request).values()] == ["Sigma (k = 16)", "Sigma (all rows)"]
        else:
            assert [request.column(column).model for column in COLUMNS] == ["sigma", "gqa"]
        assert (shown.layer, shown.max_new_tokens) == (chosen.layer, chosen.max_new_tokens)
