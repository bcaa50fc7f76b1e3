"""Several visitors, visitors that leave, and a model that is not there yet."""

import time

import pytest

from tests.fake_engine import FakeEngine
from tests.visualizers.chat.test_chat_page import until
from tests.visualizers.server import launch

pytestmark = pytest.mark.browser


def test_two_visitors_stream_at_once_and_do_not_mix(visit, engine):
    engine.words, engine.delay = 80, 0.3  # slow until both were seen at once
    one, two = visit(), visit()
    one.send("apples only")
    two.send("pears only")
    one.wait_answer("left", "word1.2")
    two.wait_answer("left", "word1.2")
    assert len(engine.open_now()) == 2
    engine.delay = 0.0
    one.wait_over()
    two.wait_over()
    assert "pears" not in one.answer("left") + one.answer("right")
    assert "apples" not in two.answer("left") + two.answer("right")
    assert len(set(engine.sessions[-2:])) == 2


def waiting(visitor, side="left"):
    return visitor.page.locator(f"#chat-{side} .message.waiting")


@pytest.fixture
def two_before(visit, engine):
    """Two visitors who are being answered, and keep being."""
    engine.words, engine.delay = 2000, 0.1  # 256 tokens a side: a hundred seconds for the two
    before = [visit(), visit()]
    for visitor, prompt in zip(before, ("first", "second")):
        visitor.send(prompt)
        visitor.wait_answer("right", f"heard: {prompt}")
    return before


def test_a_visitor_behind_two_others_sees_the_prompt_and_who_is_before(visit, engine, two_before):
    third, fourth = visit(), visit()
    third.send("third")
    waiting(third).wait_for(timeout=5000)
    for side in ("left", "right"):
        assert "third" in third.answer(side) and waiting(third, side).inner_text() == "waiting: 2 before you"
    assert third.page.locator("#stop").is_visible() and third.page.locator("#prompt textarea").input_value() == ""
    assert third.page.locator("#chat-left .message.waiting button").count() == 0  # nothing to copy
    assert "queue" not in third.page.locator("body").inner_text()
    fourth.send("fourth")
    fourth.wait_answer("left", "waiting: 3 before you")
    two_before[0].page.locator("#stop").click()
    third.wait_answer("left", "heard: third")
    assert waiting(third).count() == 0
    fourth.wait_answer("left", "waiting: 2 before you")
    two_before[1].context.close()  # leaving is as good as Stop
    fourth.wait_answer("left", "heard: fourth")
    assert len(engine.open_now()) == 2


def test_stop_leaves_the_line_without_an_empty_turn(visit, engine, two_before):
    third, opened = visit(), len(engine.opened)
    third.send("never mind")
    waiting(third).wait_for(timeout=5000)
    third.page.locator("#stop").click()
    third.page.wait_for_selector("#send:visible", timeout=5000)
    third.wait_run("over")
    assert third.page.locator("#chat-left .message").count() == 0
    assert third.page.locator("#prompt textarea").input_value() == "never mind"
    fourth = visit()
    fourth.send("in place of the third")
    fourth.wait_answer("right", "waiting: 2 before you")
    for visitor in two_before:
        visitor.page.locator("#stop").click()
    fourth.wait_answer("right", "heard: in place of the third")
    assert len(engine.opened) == opened + 1 and len(engine.requests[-1].messages["right"]) == 1


def test_a_retry_that_is_stopped_in_the_line_keeps_the_old_answer(visit, engine):
    third = visit()
    third.send("keep this")
    third.wait_over()
    engine.words, engine.delay = 2000, 0.1
    for prompt in ("first", "second"):
        visitor = visit()
        visitor.send(prompt)
        visitor.wait_answer("right", f"heard: {prompt}")
    third.page.locator("#retry").click()
    waiting(third).wait_for(timeout=5000)
    assert "word1.5" not in third.answer("right")
    third.page.locator("#stop").click()
    third.wait_answer("right", "word1.5")
    assert third.page.locator("#chat-right .message").count() == 2
    assert third.page.locator("#prompt textarea").input_value() == ""


def test_closing_the_tab_frees_the_cache_and_the_session(visit, engine):
    engine.words, engine.delay = 500, 0.1
    visitor = visit()
    visitor.send("goodbye")
    visitor.wait_answer("left", "heard")
    session = engine.sessions[-1]
    assert engine.open_now()
    visitor.context.close()
    until(lambda: not engine.open_now() and session in engine.released, 15)


def test_a_prompt_sent_while_loading_is_answered_when_ready(visit):
    page, url, _ = launch(FakeEngine(words=20), load_seconds=5.0)
    try:
        visitor = visit(url)
        assert "loading model" in visitor.page.locator("#status-chip").inner_text()
        visitor.page.wait_for_selector('#live [data-source="recorded"]')
        visitor.wait_text("#chat-left", "recorded run")
        visitor.send("early bird")
        visitor.wait_text("#notice", "Loading the model")
        visitor.wait_answer("right", "heard: early bird")
        visitor.page.wait_for_selector('#status-chip[data-phase="ready"]')
        assert "ready: cpu, reference kernels, int4 weights" in visitor.page.locator("#status-chip").inner_text()
        visitor.wait_over()
        # Waiting for the model is no time to the first token.
        assert visitor.figure("left", "first") < 100
    finally:
        visitor.context.close()  # or its browser would miss the server
        page.close()


def test_a_model_that_cannot_be_loaded_is_explained(visit):
    page, url, loader = launch(FakeEngine(), fail=ValueError("checkpoint /none: no such folder"))
    try:
        assert loader.wait(5)
        visitor = visit(url)
        visitor.page.wait_for_selector('#status-chip[data-phase="failed"]')
        visitor.send("anyone there?")
        visitor.page.wait_for_function("document.querySelector('#notice')?.innerText.includes('no such folder')")
        assert visitor.page.locator("#prompt textarea").input_value() == "anyone there?"
    finally:
        visitor.context.close()  # or its browser would miss the server
        page.close()


def test_the_page_answers_before_the_model_is_loaded():
    begun = time.monotonic()
    page, _, loader = launch(FakeEngine(), load_seconds=30.0)
    try:
        assert time.monotonic() - begun < 15 and loader.status.phase == "loading"
    finally:
        page.close()
