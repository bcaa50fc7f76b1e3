"""A chat that a browser kept over a reload: what was shown is a conversation again, and nothing else is believed."""

import json

import pytest

from sigma.limits.current import using
from visualizers.chat.kept import BACK, BROKEN, WAITED, read_kept
from visualizers.chat.messages import pack_messages
from visualizers.shared.columns import COLUMNS
from visualizers.shared.conversation import Conversation

MADE = {column: {"model": "sigma", "label": "Sigma (k = 16)", "settings": "k = 16"} for column in COLUMNS}


def chat(*turns, notes=None):
    conversation = Conversation()
    for prompt, answer in turns:
        turn = conversation.begin(prompt)
        turn.notes = notes or {}
        turn.answers = {column: answer and f"{answer} {column}" for column in COLUMNS}
        if not answer:
            turn.waiting = "waiting: 2 before you"
    return conversation


def kept(conversation, **more):
    return json.dumps({**{c: pack_messages(conversation.shown(c)) for c in COLUMNS}, **more})


def test_what_was_shown_is_there_again_and_the_next_turn_knows_it():
    before = chat(("first \n\t`a` \U0001f600", "one"), ("second", "two"), notes={"left": "Sigma (k = 16)"})
    found = read_kept(kept(before, made=MADE, box="", running=False))
    assert [found.conversation.shown(c) for c in COLUMNS] == [before.shown(c) for c in COLUMNS]
    assert found.conversation.made == MADE and found.said == BACK and found.box == ""
    assert found.conversation.session != before.session
    found.conversation.begin("third")
    assert [m["content"] for m in found.conversation.messages()["right"]][-3:] == ["second", "two right", "third"]


def test_an_answer_that_was_being_written_is_kept_as_far_as_it_was():
    found = read_kept(kept(chat(("first", "as far as")), running=True))
    assert found.said == BROKEN and found.conversation.shown("left")[-1]["content"] == "as far as left"


def test_a_prompt_that_only_waited_is_in_the_box_again():
    found = read_kept(kept(chat(("first", "one"), ("waits", "")), running=True))
    assert (found.box, found.said, len(found.conversation.turns)) == ("waits", WAITED, 1)
    assert read_kept(kept(chat(("waits", "")), box="a draft", running=True)).box == "a draft"


def test_without_a_turn_only_the_draft_is_kept_and_nothing_is_said():
    found = read_kept(kept(chat(), box="half a questi"))
    assert (found.box, found.said, found.conversation.turns) == ("half a questi", "", [])


WHOLE = json.loads(kept(chat(("a", "b"))))


@pytest.mark.parametrize(
    "given",
    [
        None, "", 3, "{", "[]", "null", "[" * 100_000, "{}", '{"left": ""}',
        json.dumps({**WHOLE, "left": 3}),
        json.dumps({**WHOLE, "left": "zb"}),
        json.dumps({**WHOLE, "left": "ab"}),
        json.dumps({**WHOLE, "left": 'u"'}),
        json.dumps({**WHOLE, "left": "uother\nab"}),
        json.dumps({**WHOLE, "right": ""}),
        json.dumps({column: "\n".join(["ua", "ab"] * 501) for column in COLUMNS}),
    ],
    ids=range(16),
)  # fmt: skip
def test_anything_else_begins_a_new_chat(given):
    assert read_kept(given) is None


def test_what_a_browser_says_is_bounded_and_checked():
    whole = kept(chat(("a", "b" * 300)))
    with using(answer_characters=200):
        assert read_kept(whole) is None
    for made in (None, 3, {}, {"left": MADE["left"]}, {**MADE, "left": {"model": "<b>"}}):
        assert read_kept(kept(chat(("a", "b")), made=made)).conversation.made == {}
    long = {column: {"model": "gqa", "label": "x" * 999, "settings": 5} for column in COLUMNS}
    assert read_kept(kept(chat(("a", "b")), made=long)).conversation.made["left"] == {
        "model": "gqa", "label": "x" * 200, "settings": "",
    }  # fmt: skip
    surrogate = json.dumps(dict.fromkeys(COLUMNS, "ua\\ud800\nab"))
    assert read_kept(surrogate).conversation.turns[0].prompt == "a?"
