"""A request's number follows it through generators that are advanced in other contexts."""

import contextvars
import re

import pytest

from sigma.observe.numbers import bound, current, new_number, numbered


def elsewhere(function, *arguments):
    """Call it as a server's thread does: in a copy of the context, whose changes are lost."""
    return contextvars.copy_context().run(function, *arguments)


def test_numbers_differ_and_can_be_read_aloud():
    made = {new_number() for _ in range(100)}
    assert len(made) == 100 and all(re.fullmatch(r"req_[0-9a-f]{12}", number) for number in made)
    assert current() is None


def test_every_step_of_a_bound_generator_has_its_number_whatever_the_context():
    seen = []

    def steps():
        try:
            for n in range(3):
                seen.append(current())
                yield n
        finally:
            seen.append(current())

    items = bound("req_1", steps())
    assert [elsewhere(next, items) for _ in range(2)] == [0, 1] and current() is None
    elsewhere(items.close)
    assert seen == ["req_1"] * 3 and current() is None
    assert list(bound("req_2", iter([1, 2]))) == [1, 2]


def test_an_error_passes_through_and_the_number_is_gone():
    def steps():
        yield 1
        raise KeyError(current())

    items = bound("req_3", steps())
    next(items)
    with pytest.raises(KeyError, match="req_3"):
        next(items)
    assert current() is None


def test_a_generator_may_leave_a_block_in_another_context():
    def steps():
        with numbered("req_4"):
            yield current()
        yield current()

    items = steps()
    assert elsewhere(next, items) == "req_4"
    assert elsewhere(next, items) is None  # a token of the first context would raise here
    with numbered("req_5"), numbered("req_6"):
        assert current() == "req_6"
    assert current() is None
