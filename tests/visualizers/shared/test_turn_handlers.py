"""What every turn's handlers share, without a page; and that a message shows as the text that it is."""

import threading

import pytest

from sigma.events import PromptError
from sigma.observe.numbers import current
from tests.fake_engine import FakeEngine
from visualizers.shared import turn_handlers
from visualizers.shared.line import Line
from visualizers.shared.loader import EngineLoader
from visualizers.shared.stream import Run
from visualizers.shared.turn_handlers import FAILED, TurnParts
from visualizers.shared.turn_view import TurnView

HOSTILE = '<img src=x onerror="window.broken=1"> a < b & "c"'


@pytest.fixture
def parts():
    return TurnParts("start", "stop", "notice", "Your own answer can be judged")


@pytest.fixture
def toasts(monkeypatch):
    shown = []
    monkeypatch.setattr(turn_handlers.gr, "Warning", lambda message, duration: shown.append(message))
    return shown


def returned(steps):
    """What a generator yields, and what it returns."""
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as stop:
            return seen, stop.value


def test_a_warning_is_escaped_where_it_stays_and_where_it_floats(parts, toasts):
    (notice,) = parts.warn(HOSTILE).values()
    for html in (notice, *toasts):
        assert "<img" not in html and "&lt;img" in html
    assert len(toasts) == 1 and "<img" not in parts.say(HOSTILE)["notice"] and parts.say("") == {"notice": ""}


def test_one_of_the_two_buttons_is_there(parts):
    for running in (False, True):
        updates = parts.buttons(running)
        assert (updates["start"]["visible"], updates["stop"]["visible"]) == (not running, running)


def test_the_wait_shows_the_progress_and_gives_the_engine(parts, monkeypatch):
    monkeypatch.setattr(turn_handlers, "WAIT_SECONDS", 0.01)
    gate, engine = threading.Event(), FakeEngine()

    def load(progress):
        progress("reading <weights>", 0.5)
        gate.wait(10)
        return engine

    loader = EngineLoader(load).start()
    steps = parts.await_engine(loader, Run(TurnView(0.0)))
    first = next(steps)["notice"]
    while "50 %" not in first:
        first = next(steps)["notice"]
    assert "reading &lt;weights&gt;, 50 %. Your own answer can be judged already." in first
    gate.set()
    seen, found = returned(steps)
    assert found is engine and seen[-1] == {"notice": ""}
    assert returned(parts.await_engine(loader, Run(TurnView(0.0)))) == ([], engine), "nothing to show when it is there"


def test_a_wait_that_is_stopped_ends_without_an_engine(parts, monkeypatch):
    monkeypatch.setattr(turn_handlers, "WAIT_SECONDS", 0.01)
    gate, run = threading.Event(), Run(TurnView(0.0))
    steps = parts.await_engine(EngineLoader(lambda progress: gate.wait(10)).start(), run)
    next(steps)
    run.stop.set()
    assert returned(steps)[1] is None
    gate.set()


def test_the_wait_for_a_place_says_how_many_are_before(parts, monkeypatch):
    monkeypatch.setattr(turn_handlers, "TELL_SECONDS", 0.01)
    line, run = Line(places=1), Run(TurnView(0.0))
    earlier, place = [line.join(), line.join()], line.join()
    steps = parts.await_place(place, run)
    assert "waiting: 2 before you" in next(steps)["notice"]
    assert "waiting" not in str(next(steps)["notice"])  # nothing new, but a yield
    earlier[0].leave()
    assert "waiting: 1 before you" in next(steps)["notice"]
    earlier[1].leave()
    assert returned(steps) == ([{"notice": ""}], True)
    assert returned(parts.await_place(place, run)) == ([], True), "nothing to show where nobody is before"


def test_the_wait_for_a_place_can_be_stopped(parts):
    line, run = Line(places=1), Run(TurnView(0.0))
    line.join()
    steps = parts.await_place(line.join(), run, lambda note: {"bubble": note})
    assert next(steps) == {"bubble": "waiting: 1 before you"}
    run.stop.set()
    assert returned(steps)[1] is False


def test_no_engine_is_a_message_that_says_what_works_all_the_same(parts):
    def load(progress):
        raise ValueError("no such folder.")

    loader = EngineLoader(load).start()
    assert loader.wait(5)
    with pytest.raises(PromptError, match=r"no such folder\. Your own answer can be judged all the same"):
        list(parts.await_engine(loader, Run(TurnView(0.0))))


@pytest.mark.parametrize("error", [PromptError("too long"), RuntimeError("secret")])
def test_an_error_ends_the_turn_with_a_message(parts, error, monkeypatch):
    numbers, logged = [], []
    monkeypatch.setattr(turn_handlers.log, "exception", lambda words: logged.append((words, current())))

    def updates():
        numbers.append(current())
        yield {"a": 1}
        numbers.append(current())
        raise error

    run = Run(TurnView(0.0))
    first, last = parts.guarded(run, updates(), lambda message: {"failed": message})
    assert first == {"a": 1} and run.ended.is_set() and current() is None
    assert len(set(numbers)) == 1 and numbers[0].startswith("req_")
    if isinstance(error, PromptError):
        assert last == {"failed": "too long"} and not logged
    else:  # the visitor is told where in the log it is, and the log has it there
        assert last == {"failed": FAILED.format(number=numbers[0])} and numbers[0] in last["failed"]
        assert logged == [("a turn failed", numbers[0])]


def test_a_turn_that_is_closed_is_over(parts):
    closed, run = [], Run(TurnView(0.0))

    def updates():
        try:
            while True:
                yield {}
        finally:
            closed.append(run.ended.is_set())

    steps = parts.guarded(run, updates(), lambda message: {})
    next(steps)
    steps.close()
    assert closed == [False] and run.ended.is_set(), "first what it holds, then the word that it is over"


@pytest.mark.browser
def test_a_message_is_text_in_the_browser_too(visit):
    visitor = visit()
    visitor.page.locator("#settings button.label-wrap").click()
    visitor.page.locator("#selective input").fill("<img src=x>")
    visitor.page.keyboard.press("Tab")
    visitor.send("hello")
    toast = visitor.page.locator("[data-testid=toast-text]")
    toast.wait_for(timeout=10_000)
    assert "<img src=x>" in toast.inner_text() and toast.locator("img").count() == 0
    assert "<img src=x>" in visitor.notice()
