import pytest

from sigma.events import PromptError
from visualizers.shared.conversation import Conversation
from visualizers.shared.options import clean_prompt, make_request, make_sampling, number, parse_selective


def test_each_column_has_its_own_history_and_system_prompt():
    conversation = Conversation()
    conversation.begin("one").answers.update(left="s1", right="g1")
    conversation.begin("two", {"left": "be short", "right": ""})
    messages = conversation.messages()
    assert [m["content"] for m in messages["left"]] == ["be short", "one", "s1", "two"]
    assert [m["content"] for m in messages["right"]] == ["one", "g1", "two"]
    assert [m["content"] for m in conversation.shown("left")] == ["one", "s1", "two"]


def test_what_is_to_be_known_of_an_answer_stands_before_it_and_is_not_sent():
    conversation = Conversation()
    turn = conversation.begin("one")
    turn.notes = {"right": "tuned"}
    assert [m["role"] for m in conversation.shown("right")] == ["user"]
    turn.answers["right"] = "g1"
    assert [m["content"] for m in conversation.shown("right")] == ["one", "tuned", "g1"]
    turn.answers["left"] = "s1"
    assert [m["content"] for m in conversation.shown("left")] == ["one", "s1"]
    conversation.begin("two")
    assert [m["content"] for m in conversation.messages()["right"]] == ["one", "g1", "two"]


def test_a_turn_without_an_answer_is_not_sent():
    conversation = Conversation()
    conversation.begin("stopped at once").answers.update(left="", right="g1")
    conversation.begin("two")
    messages = conversation.messages()
    assert [m["content"] for m in messages["left"]] == ["two"]
    assert [m["content"] for m in messages["right"]] == ["stopped at once", "g1", "two"]


def test_an_answer_that_is_waited_for_says_so_and_a_turn_that_only_waited_is_gone():
    conversation = Conversation()
    turn = conversation.begin("one")
    turn.waiting = "waiting: 2 before you"
    assert [(m["role"], m["content"]) for m in conversation.shown("right")] == [
        ("user", "one"),
        ("waiting", turn.waiting),
    ]
    assert [m["role"] for m in conversation.messages()["right"]] == ["user"]
    turn.answers["right"] = "g1"
    assert [m["role"] for m in conversation.shown("right")] == ["user", "assistant"]
    conversation.drop(turn)
    conversation.drop(turn)
    assert not conversation.turns


def test_a_retry_that_only_waited_gives_the_old_answer_back():
    conversation = Conversation()
    conversation.begin("zero").answers.update(left="s0", right="g0")
    conversation.begin("one").answers.update(left="s1", right="g1")
    again = conversation.again({"left": "be short"})
    assert (again.prompt, again.systems) == ("one", {"left": "be short"})
    assert [m["content"] for m in conversation.shown("left")] == ["zero", "s0", "one"]
    conversation.drop(again)
    assert [m["content"] for m in conversation.shown("left")] == ["zero", "s0", "one", "s1"]


def test_clear_can_be_undone_until_the_next_prompt():
    conversation = Conversation()
    conversation.begin("one")
    conversation.clear()
    conversation.clear()
    assert not conversation.turns and conversation.cleared
    conversation.restore()
    assert conversation.turns[0].prompt == "one"
    conversation.clear()
    conversation.begin("two")
    conversation.restore()
    assert [t.prompt for t in conversation.turns] == ["two"]


def test_undo_returns_the_prompt():
    conversation = Conversation()
    assert conversation.undo() is None
    conversation.begin("one")
    assert conversation.undo() == "one" and not conversation.turns


def test_sessions_differ():
    assert Conversation().session != Conversation().session


@pytest.mark.parametrize(
    "raw,kept",
    [
        ("    def f():\r\n\treturn 1 \n", "    def f():\n\treturn 1 \n"),
        ("a\x00b\x1b[31mc", "ab[31mc"),
        ("x\u202ey", "xy"),
        ("héllo 🙂\tz", "héllo 🙂\tz"),
    ],
)
def test_control_characters_are_removed(raw, kept):
    assert clean_prompt(raw) == kept


@pytest.mark.parametrize("bad", [["a"], {"text": "a"}, True, 5, "", "  \n ", None, "\x00\x01", "x" * 200_001])
def test_prompts_that_cannot_be_sent(bad):
    with pytest.raises(PromptError):
        clean_prompt(bad)


def test_100_000_characters_may_be_sent():
    assert len(clean_prompt("y" * 100_000)) == 100_000


@pytest.mark.parametrize("value,rows", [("off", None), (None, None), ("", None), ("16", 16), (8192, 8192)])
def test_selective_values(value, rows):
    assert parse_selective(value, 8192) == rows


@pytest.mark.parametrize(
    "value,part",
    [
        ("0", "at least 1"),
        ("-3", "at least 1"),
        ("8193", "more than"),
        ("many", "neither"),
        (1.5, "neither"),
    ],
)
def test_selective_values_that_cannot_be(value, part):
    with pytest.raises(PromptError, match=part):
        parse_selective(value, 8192)


@pytest.mark.parametrize("value", ["x", None, float("nan"), float("inf"), -1, 6])
def test_numbers_out_of_range(value):
    with pytest.raises(PromptError, match="Temperature"):
        number(value, "Temperature", 0, 5)


def test_max_tokens_are_capped_on_the_server():
    with pytest.raises(PromptError, match="2048"):
        make_sampling(0, 1, 0, 1, 2049, 0)
    assert make_sampling(0, 1, 0, 1, 2048, None).seed is None


def test_the_probe_layer_must_exist():
    with pytest.raises(PromptError, match="Probe layer"):
        make_request({}, make_sampling(0, 1, 0, 1, 8, 0), "off", 30, 8192, 30)
