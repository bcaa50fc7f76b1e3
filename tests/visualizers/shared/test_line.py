"""The line before the engine: first come, first served, and whoever leaves makes room."""

import threading
import time

import pytest

from sigma.events import PromptError
from visualizers.shared.line import Line


def test_the_first_are_answered_and_the_others_know_how_many_are_before_them():
    line = Line(places=2, waiting=5)
    places = [line.join() for _ in range(4)]
    assert [place.before for place in places] == [0, 1, 2, 3]
    assert [place.wait(0) for place in places] == [True, True, False, False]
    places[1].leave()
    assert [place.before for place in places] == [0, 0, 1, 2]
    assert places[2].wait(0) and not places[3].wait(0)
    places[2].leave()
    places[2].leave()
    assert places[3].wait(0)


def test_whoever_gives_up_lets_the_next_ones_move_up():
    line = Line(places=1, waiting=5)
    answered, gives_up, last = (line.join() for _ in range(3))
    with pytest.raises(RuntimeError), gives_up:
        raise RuntimeError
    assert last.before == 1 and not last.wait(0)
    answered.leave()
    assert last.wait(0)


def test_a_place_is_taken_as_soon_as_it_is_free():
    line = Line(places=1)
    answered, next_one = line.join(), line.join()
    threading.Timer(0.1, answered.leave).start()
    begun = time.monotonic()
    assert next_one.wait(30) and time.monotonic() - begun < 15


def test_only_some_may_wait():
    line = Line(places=1, waiting=1)
    first, _ = line.join(), line.join()
    with pytest.raises(PromptError, match="Too many visitors"):
        line.join()
    first.leave()
    line.join()


def test_the_line_tells_how_it_stands():
    line = Line(places=2, waiting=1)
    assert line.standing() == (0, 0, 0)
    places = [line.join() for _ in range(3)]
    assert line.standing() == (2, 1, 0)
    for _ in range(2):
        with pytest.raises(PromptError):
            line.join()
    places[0].leave()
    assert line.standing() == (2, 0, 2)
