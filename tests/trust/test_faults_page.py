"""What goes wrong around an open page: it is loaded anew, loses its network, is hidden, its engine breaks. In a real browser.

Nothing that was shown is lost, the page says what happened, and the next question is answered, without a restart.
"""

import ctypes
import re
import time

import pytest

from sigma.engine.engine import Model, SigmaEngine
from sigma.runtime import Runtime
from tests.sigma.engine.test_same_answers import SHAPES
from tests.tiny import side_of, tiny_model
from tests.trust.recovery import recovery
from tests.visualizers.server import launch
from tests.visualizers.visitor import Visitor

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def quick():
    """Instead of the folder's: its page is not needed here."""


def shown(visitor):
    """All messages of both columns."""
    return [
        [message.inner_text() for message in visitor.page.locator(f"#chat-{side} .message-body").all()]
        for side in ("left", "right")
    ]


def anew(visitor):
    """Load the page anew. Gradio's own code complains of the streams that this ends; of nothing else."""
    visitor.page.reload(wait_until="load")
    own = re.compile("AbortError|aborted|Connection errored out")
    visitor.errors[:] = [error for error in visitor.errors if not own.search(error)]


def wait_words(visitor, words, timeout=20_000):
    visitor.wait_text("#notice", words, timeout)


def is_kept(before, after):
    """Whether every message is there again, an answer at least as far as it was."""
    return all(
        len(new) == len(old) and all(b.startswith(a) for a, b in zip(old, new))
        for old, new in zip(before, after, strict=True)
    )


def next_is_answered(visitor, engine, words="and then?"):
    engine.words, engine.delay = 30, 0.0
    visitor.page.wait_for_selector("#send:visible")
    visitor.send(words)
    visitor.wait_answer("left", "word")
    visitor.page.wait_for_function("document.querySelectorAll('#chat-right .message.assistant').length === 2")
    visitor.wait_over()
    asked = [message["content"] for message in engine.requests[-1].messages["left"]]
    assert asked[-1] == words and "heard: tell me" in asked[-2], "it is the same chat that goes on"


@pytest.fixture
def writing(visit, engine):
    """A visitor whose answer is being written."""
    engine.words, engine.delay = 400, 0.05
    visitor = visit()
    visitor.send("tell me")
    visitor.wait_answer("left", "word1.5")
    visitor.wait_answer("right", "word1.5")
    return visitor


def test_a_reload_in_mid_stream_keeps_the_chat_and_the_pictures(writing, engine):
    before = shown(writing)
    writing.page.locator("#prompt textarea").fill("half a question")
    with recovery("a reload in mid-stream"):
        anew(writing)
        wait_words(writing, "the chat is here again")
    assert is_kept(before, shown(writing)) and "Retry writes it again" in writing.notice()
    assert writing.page.locator("#prompt textarea").input_value() == "half a question"
    assert writing.page.locator("#live").locator('[data-source="live"]').count() == 1
    writing.page.wait_for_selector('#head-left [data-phase="stopped"]')
    assert writing.figure("left", "context") > 5
    deadline = time.monotonic() + 30
    while engine.open_now() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not engine.open_now(), "nobody hears the old answer"
    next_is_answered(writing, engine)


def test_a_chat_that_is_over_is_kept_and_a_cleared_one_is_not(visit, engine):
    engine.words = 20
    visitor = visit()
    visitor.send("tell me")
    visitor.wait_over()
    before = shown(visitor)
    anew(visitor)
    wait_words(visitor, "The page was loaded anew; the chat is here again.")
    assert shown(visitor) == before and "Retry" not in visitor.notice()
    other = visit()
    other.page.wait_for_timeout(500)
    assert other.page.locator("#chat-left .message.user").count() == 0, "it is this tab's alone"
    visitor.page.locator("#more-button").click()
    visitor.page.locator("#clear").click()
    wait_words(visitor, "Chat cleared")
    anew(visitor)
    visitor.page.wait_for_selector('#live [data-source="recorded"]')
    assert visitor.page.locator("#chat-left .message.user").count() == 0


def test_a_network_that_is_gone_for_a_while_loses_nothing(browser, site, engine):
    """Gradio says that the connection is lost, asks for it every two seconds, and loads the page anew."""
    engine.words, engine.delay = 400, 0.05
    visitor = Visitor(browser, site[1])
    try:
        visitor.send("tell me")
        visitor.wait_answer("left", "word1.5")
        before = shown(visitor)
        visitor.context.set_offline(True)
        visitor.page.wait_for_function("document.body.innerText.includes('onnection')", timeout=30_000)
        assert is_kept(before, shown(visitor))
        with recovery("the network is back"):
            visitor.context.set_offline(False)
            wait_words(visitor, "the chat is here again", 30_000)
        assert is_kept(before, shown(visitor))
        next_is_answered(visitor, engine)
    finally:
        visitor.context.close()


HIDE = """(state) => {
  Object.defineProperty(document, 'visibilityState', { get: () => state, configurable: true });
  Object.defineProperty(document, 'hidden', { get: () => state === 'hidden', configurable: true });
  window.held ??= window.requestAnimationFrame;
  const waiting = window.waitingFrames ??= [];
  window.requestAnimationFrame = state === 'hidden' ? (draw) => waiting.push(draw) : window.held.bind(window);
  if (state === 'visible') for (const draw of waiting.splice(0)) window.requestAnimationFrame(draw);
  document.dispatchEvent(new Event('visibilitychange'));
}"""


def test_a_hidden_tab_has_the_whole_answer_when_it_is_looked_at_again(writing, engine):
    """No frame is drawn in a hidden tab; what was written meanwhile is all there afterwards, drawn once."""
    writing.page.evaluate(HIDE, "hidden")
    engine.delay, engine.words = 0.0, 400
    writing.wait_run("over", 60_000)
    with recovery("a hidden tab is looked at again"):
        writing.page.evaluate(HIDE, "visible")
        writing.page.wait_for_selector("#send:visible")
    assert "word1.250" in writing.answer("left") and "word1.250" in writing.answer("right")
    assert writing.figure("left", "context") == writing.figure("right", "context") > 250
    next_is_answered(writing, engine)


def test_a_frozen_tab_goes_on_where_it_was(writing, engine):
    """What a browser does with tabs that are hidden for long: nothing of the page runs at all."""
    control = writing.context.new_cdp_session(writing.page)
    control.send("Page.setWebLifecycleState", {"state": "frozen"})
    time.sleep(3)
    engine.delay = 0.0
    with recovery("a frozen tab goes on"):
        control.send("Page.setWebLifecycleState", {"state": "active"})
        writing.wait_over()
    assert "word1.250" in writing.answer("left")
    next_is_answered(writing, engine)


@pytest.fixture
def real(browser):
    """A visitor of tiny real models, and their engine."""
    models = {}
    for name, changes in SHAPES.items():
        side = side_of(tiny_model(**changes, max_position_embeddings=8192), f"tiny {name}")
        models[name] = Model(side, Runtime(side.config, side.tensors, weights="fp32"))
    engine = SigmaEngine(models)
    page, url, loader = launch(engine)
    assert loader.wait(60)
    visitor = Visitor(browser, url)
    yield engine, visitor
    visitor.context.close()
    page.close()
    engine.close()


def test_an_engine_whose_thread_is_killed_says_so_beside_what_it_had_written(real, monkeypatch):
    engine, visitor = real
    whole = Runtime.decode_many

    def slow(self, steps):
        for _ in range(10):
            time.sleep(0.005)
        return whole(self, steps)

    monkeypatch.setattr(Runtime, "decode_many", slow)
    visitor.send("tell me")
    visitor.page.wait_for_function("document.querySelector('#chat-left .message.assistant')?.innerText.length > 5")
    before = shown(visitor)
    number = ctypes.c_ulong(engine._device._worker.thread.ident)
    with recovery("the engine's thread is killed, as a visitor sees it"):
        assert ctypes.pythonapi.PyThreadState_SetAsyncExc(number, ctypes.py_object(SystemExit)) == 1
        wait_words(visitor, "another has taken its place")
        assert is_kept(before, shown(visitor))
        monkeypatch.undo()
        visitor.page.wait_for_selector("#send:visible")
        visitor.send("again")
        visitor.page.wait_for_function("document.querySelectorAll('#chat-left .message.assistant').length === 2")
    assert not visitor.errors
