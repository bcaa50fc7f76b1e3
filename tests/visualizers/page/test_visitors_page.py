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
    one.wait_answer("sigma", "word1.2")
    two.wait_answer("sigma", "word1.2")
    assert len(engine.open_now()) == 2
    engine.delay = 0.0
    one.wait_over()
    two.wait_over()
    assert "pears" not in one.answer("sigma") + one.answer("gqa")
    assert "apples" not in two.answer("sigma") + two.answer("gqa")
    assert len(set(engine.sessions[-2:])) == 2


def test_closing_the_tab_frees_the_cache_and_the_session(visit, engine):
    engine.words, engine.delay = 500, 0.1
    visitor = visit()
    visitor.send("goodbye")
    visitor.wait_answer("sigma", "heard")
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
        visitor.wait_text("#chat-sigma", "recorded run")
        visitor.send("early bird")
        visitor.wait_text("#notice", "Loading the model")
        visitor.wait_answer("gqa", "heard: early bird")
        visitor.page.wait_for_selector('#status-chip[data-phase="ready"]')
        assert "ready: cpu, reference kernels, int4 weights" in visitor.page.locator("#status-chip").inner_text()
        visitor.wait_over()
        # Waiting for the model is no time to the first token.
        assert visitor.figure("sigma", "first") < 100
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
        visitor.page.wait_for_function("document.querySelector('#notice').innerText.includes('no such folder')")
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
