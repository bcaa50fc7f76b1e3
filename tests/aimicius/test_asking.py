"""A case asked prompt by prompt: one answer per side, its figures and its end, whatever becomes of the prompts."""

from collections import Counter

import pytest

from sigma.aimicius.answers import Answer
from sigma.aimicius.asking import stream, talks
from sigma.aimicius.contract import Ask, Case
from sigma.aimicius.evaluate import REFUSED, ask
from sigma.events import ChatRequest, PromptEvent, Sampling, StepEvent
from tests.aimicius.small_task import SmallTask
from tests.fake_engine import FakeEngine


class Chain(SmallTask):
    """Asks for a number, then so many times for the next one."""

    def dialogue(self, case, first, tries=None):
        said = yield Ask(first, "start: /[0-9]+/")
        for number in range(int(said.split()[-1])):
            said = yield Ask([{"role": "user", "content": f"next {number}"}], "start: /.+/", 6, f"\n{number}. ", ", ")
        return "\nend"


class Scripted(FakeEngine):
    """Answers by what `answer` gives for the side and its last message."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def _answer(self, side, messages):
        return self.answer(side, messages[-1]["content"]).split(" ")


CASE = Case("a", {"question": "How many?", "numbers": [1, 2], "kind": "sum"}, "3")
TASK = Chain()


def asked(answer, sides=("sigma", "gqa"), held=False, budget=100):
    engine = Scripted(answer)
    first = dict.fromkeys(sides, TASK.messages(CASE))
    found = talks(TASK, dict.fromkeys(sides, CASE), first)
    request = ChatRequest({}, Sampling(max_new_tokens=budget), tuned=True)
    return engine, found, list(stream(engine, found, request, held))


def texts(events):
    found = Counter()
    for event in events:
        if isinstance(event, StepEvent):
            found[event.side] = (found[event.side] or "") + event.text
    return dict(found)


def counts(side, prompt):
    return ("2" if side == "sigma" else "1") if prompt == "How many?" else f"a\nb {prompt[-1]}"


def test_leads_answers_and_the_end_make_one_answer_per_side():
    engine, found, events = asked(counts)
    assert texts(events) == {"sigma": "2\n0. a, b 0\n1. a, b 1\nend", "gqa": "1\n0. a, b 0\nend"}
    assert [len(talk.sent) for talk in found.values()] == [3, 2]
    assert sorted(tuple(r.messages) for r in engine.requests) == [("sigma",), ("sigma", "gqa"), ("sigma", "gqa")]
    assert all(request.tuned for request in engine.requests) and engine.closed == engine.completed


def test_a_side_begins_once_and_ends_once():
    _, _, events = asked(counts)
    for side in ("sigma", "gqa"):
        own = [event for event in events if event.side == side]
        assert sum(isinstance(event, PromptEvent) for event in own) == 1
        finished = [event for event in own if isinstance(event, StepEvent) and event.finish_reason]
        assert finished == [own[-1]] and own[-1].finish_reason == "stop"


def test_tokens_are_counted_through_and_first_ones_of_later_answers_have_no_time_of_a_step():
    _, _, events = asked(counts, ("sigma",))
    steps = [event for event in events if isinstance(event, StepEvent)]
    assert [event.step for event in steps] == list(range(len(steps)))
    assert [event.token_id == -1 for event in steps] == [False, True, False, True, False]


@pytest.mark.parametrize("held", [False, True])
def test_answers_are_held_to_each_prompts_form_if_they_are_held(held):
    engine, _, _ = asked(counts, ("gqa",), held)
    assert [request.grammar for request in engine.requests] == (
        ["start: /[0-9]+/", "start: /.+/"] if held else [None] * 2
    )


def test_the_budget_is_that_of_the_whole_answer_and_a_cut_answer_says_so():
    engine, _, events = asked(lambda side, prompt: "9" if prompt == "How many?" else "a b c", ("gqa",), budget=8)
    assert [request.sampling.max_new_tokens for request in engine.requests] == [8, 6, 4, 1]
    assert events[-1].finish_reason == "length" and not texts(events)["gqa"].endswith("end")
    _, _, events = asked(lambda side, prompt: "1" if prompt == "How many?" else "a " * 20, ("gqa",))
    assert events[-1].finish_reason == "length" and texts(events)["gqa"].endswith("end")


def test_giving_up_frees_the_cache():
    engine = Scripted(counts)
    events = stream(engine, talks(TASK, {"gqa": CASE}, {"gqa": TASK.messages(CASE)}), ChatRequest({}))
    for event in events:
        if isinstance(event, StepEvent) and "a" in event.text:
            break
    events.close()
    assert len(engine.opened) == len(engine.closed) == 2 and len(engine.completed) == 1


def test_one_answer_of_one_side():
    *events, answer = ask(Scripted(counts), "gqa", TASK, CASE)
    assert answer == Answer("1\n0. a, b 0\nend", "stop") and len(events) == 5
    refused = Case("b", {**CASE.fields, "question": "w " * 9000}, "3")
    assert list(ask(Scripted(counts), "gqa", TASK, refused))[-1] == Answer("", REFUSED)
