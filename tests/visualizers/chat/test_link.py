"""The Chat tab's address: written, read, and not believed."""

from dataclasses import replace
from urllib.parse import quote

import pytest

from tests.fake_engine import fake_info
from visualizers.chat.columns.link import FIRST, LONGEST, read, write
from visualizers.chat.settings import TurnSettings
from visualizers.shared.column_settings import ColumnSettings

INFOS = {side: fake_info(side) for side in ("sigma", "gqa")}


def test_the_first_settings_need_no_address():
    assert write(TurnSettings()) == "" and read("#chat").settings == FIRST
    assert write(TurnSettings(temperature=0.0, seed=0.0, selective="off")) == "", "a slider gives 0.0, which is 0"


def test_an_address_holds_what_differs_and_gives_it_back():
    chosen = TurnSettings(
        system="Be short & kind: 100 %?",
        temperature=0.7,
        max_new_tokens=64,
        pictures=False,
        left=ColumnSettings("sigma", "16", "mean", "0.001", "0", "published", "Only left\nreads this."),
        right=ColumnSettings("sigma", "off"),
    )
    address = write(chosen)
    assert address.startswith("#chat?") and "right=sigma" in address and "left_missing=mean" in address
    assert "left=" not in address and "top_p" not in address, "as it is at first"
    found = read(address, INFOS)
    assert found.settings == chosen and not found.problems and not found.prompt


def test_a_prompt_comes_along_and_names_that_are_no_settings_are_left_alone():
    found = read(f"#chat?wide=left&prompt={quote('What is a GPU?')}&later=1&left_later=2&middle_selective=3")
    assert found.settings == FIRST and found.prompt == "What is a GPU?" and not found.problems


@pytest.mark.parametrize("address", ["", "#", "#explore?left=gqa", "#chatter", "#memory?x=1", None, 5])
def test_other_addresses_are_not_the_chats(address):
    assert read(address) is None


@pytest.mark.parametrize(
    "wish, words",
    [
        ("left=llama", "Left column: there is no model 'llama'; there are sigma, gqa."),
        ("left_selective=0", "Left column: Selective V: k must be at least 1, not 0."),
        ("left_selective=-4", "at least 1"),
        ("left_selective=8193", "k = 8,193 is more than the context of 8,192 tokens"),
        ("left_selective=1e3", "neither off nor a whole number"),
        ("selective=0", "k must be at least 1"),
        ("left_missing=keep", "Left column: Missing mass must be one of"),
        ("right_threshold=7&right=sigma", "Right column: Threshold must be between 0 and 0.5"),
        ("right_temperature=hot", "Right column: Temperature must be a number"),
        ("left_base=x&left_tuned=maybe", "Left column: the base must be one of tuned, published"),
        ("right_selective=16", "Right column: selective V is Sigma's; GQA reads every V row."),
        ("layer=-1", "Probe layer"),
        ("tokens=many", "Max tokens must be a number"),
        ("seed=1.5", "Seed must be a whole number"),
        ("temperature=nan", "Temperature"),
        (f"prompt={'x' * 200_001}", "too long"),
        ("prompt=%20%20", "Write a prompt first"),
    ],
)
def test_what_cannot_be_used_is_told_and_the_first_setting_stands(wish, words):
    found = read("#chat?" + wish, INFOS)
    assert len(found.problems) == 1 and words in found.problems[0]
    assert replace(found.settings, right=FIRST.right) == FIRST and found.settings.right.selective == "same"


def test_what_can_be_used_of_a_link_is():
    found = read("#chat?left=gqa&left_temperature=0.5&right=sigma&right_selective=0&top_k=4&tuned=1", INFOS)
    assert found.settings.left == ColumnSettings("gqa", temperature="0.5")
    assert found.settings.right == ColumnSettings("sigma") and (found.settings.top_k, found.settings.tuned) == (4, True)
    (problem,) = found.problems
    assert problem.startswith("Right column: Selective V: k must be at least 1, not 0.")


def test_the_model_is_read_before_what_is_its_own():
    found = read("#chat?right_threshold=7&right_selective=8&right=sigma", INFOS)
    assert found.settings.right == ColumnSettings("sigma", "8") and len(found.problems) == 1


def test_an_address_without_end_is_not_read():
    found = read("#chat?system=" + "x" * LONGEST, INFOS)
    assert found.settings == FIRST and "too long" in found.problems[0]
