"""Stop strings in text that comes in pieces: cut as in the whole text, however it is cut."""

import random

import pytest

from sigma.serving.stopping import StopText


def cut(text, stops):
    places = [place for place in (text.find(stop) for stop in stops) if place >= 0]
    return text[: min(places)] if places else text


@pytest.mark.parametrize("seed", range(200))
def test_pieces_give_what_the_whole_gives(seed):
    rng = random.Random(seed)
    text = "".join(rng.choice("ab\n") for _ in range(rng.randint(0, 30)))
    stops = ["".join(rng.choice("ab\n") for _ in range(rng.randint(1, 4))) for _ in range(rng.randint(0, 3))]
    stream, shown, rest = StopText(stops), "", text
    while rest:
        n = rng.randint(0, 4)
        shown, rest = shown + stream.push(rest[:n]), rest[n:]
        assert cut(text, stops).startswith(shown)
    assert shown + stream.flush() == cut(text, stops) and stream.found == any(stop in text for stop in stops)


def test_only_what_may_begin_a_stop_is_held_back():
    stream = StopText(["\n\nUser:"])
    assert stream.push("Yes.") == "Yes." and stream.push("\n") == "" and stream.push("No") == "\nNo"
    assert stream.push("\n\nUs") == "" and stream.push("er: x") == "" and stream.found and stream.push("y") == ""
