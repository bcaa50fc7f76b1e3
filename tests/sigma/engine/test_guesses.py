"""Prompt lookup: what is guessed, and what guessing may cost."""

import random

import pytest

from sigma.engine import lookup
from sigma.engine.lookup import FEW_RIGHT, MOST_ROWS, SAMPLED, Guesses, Pace, Repeats


def test_what_follows_the_longest_end_that_stood_before():
    text = Repeats([1, 2, 3, 4, 5, 6, 9, 2, 3, 4, 7, 7, 1, 2, 3, 4])
    assert text.follow(3) == ([5, 6, 9], 4)  # 1 2 3 4, not the newer 2 3 4
    assert text.follow(1) == ([5], 4)
    text.add(8)
    assert text.follow(2) == ([6, 9], 0)  # another word in the place of the 5
    text.add(6)
    text.add(9)
    assert text.follow(2) == ([2, 3], 2)
    for other in (50, 51, 52):
        text.add(other)
    assert text.follow(2) == ([], 0)  # no longer the same text
    assert Repeats([1, 2]).follow(4) == ([], 0) and Repeats().follow(4) == ([], 0)


def test_what_repeats_itself_goes_on_beyond_its_end():
    assert Repeats([5, 6, 7, 5, 6, 7, 5, 6, 7]).follow(7)[0] == [5, 6, 7, 5, 6, 7, 5]
    assert Repeats([4] * 5).follow(7)[0] == [4] * 7


def test_of_ends_as_long_the_newest_counts():
    assert Repeats([1, 2, 3, 8, 0, 1, 2, 3, 9, 6, 1, 2, 3]).follow(1) == ([9], 3)


def guesses(ids, extra=0.25, **more):
    pace = Pace("cpu")
    pace.extra = [extra * i for i in range(MOST_ROWS)]
    return Guesses(ids, pace, **more)


def written(one, answer, ms=None):
    """Answer with guesses as a run does; the tokens drafted in each step."""
    drafts, at = [], 0
    one.add(answer[0])
    while at + 1 < len(answer):
        draft = one.draft(min(MOST_ROWS - 1, len(answer) - at - 2))
        right = 0
        while right < len(draft) and draft[right] == answer[at + 1 + right]:
            right += 1
        for token in answer[at + 1 : at + right + 2]:
            one.add(token)
        one.note(len(draft), right, ms)
        drafts.append(len(draft))
        at += right + 1
    return drafts


def test_a_text_that_is_repeated_takes_few_steps():
    text = random.Random(0).sample(range(1000), 200)
    changed = [*text[:90], 1001, *text[91:]]
    one = guesses(text)
    written(one, changed)
    assert one.told().off == "" and one.accepted + one.steps == 199
    assert one.steps < 199 / 4 and one.accepted > 0.9 * one.drafted


@pytest.mark.parametrize("length", [40, 100, 400])
def test_wrong_guesses_cost_no_more_than_they_may(length):
    """An answer with words that stood before and never with what followed them."""
    prompt = [token for i in range(400) for token in (7, 8, 9, 1000 + i)]
    dice, answer = random.Random(1), []
    while len(answer) < length:
        answer += [7, 8, 9, *(dice.randrange(5000, 9000) for _ in range(dice.randint(3, 9)))]
    one = guesses(prompt)
    written(one, answer)
    cost = sum(one.pace.of(1 + n) for n in written(guesses(prompt), answer) if n)
    assert one.drafted > 0 and one.told().off == FEW_RIGHT
    assert cost - one.accepted <= lookup.LOSS + lookup.LOSS_SHARE * len(answer) < 0.03 * len(answer) + 0.5


def test_where_a_row_costs_as_much_as_a_step_nothing_is_guessed():
    text = list(range(100))
    assert not any(written(guesses(text, extra=1.0), text))
    assert max(written(guesses(text, extra=0.02), text)) == MOST_ROWS - 1


def test_the_pace_is_learned_from_steps_of_one_and_of_several():
    one = guesses([], extra=0.25)
    for _ in range(30):
        one.note(0, 0, 10.0)
        one.note(3, 3, 16.0)
    assert one.pace.of(4) == pytest.approx(0.6, abs=0.01) and one.pace.of(2) == 0.25
    one.note(3, 3, 5000.0)  # a machine that was busy with something else
    assert one.pace.of(4) < 1.2
    one.note(3, 3, None)
    one.pace.note(4, -5.0)
    assert one.pace.of(4) >= 0


def test_sampled_answers_are_not_guessed():
    one = guesses([1, 2, 3, 4, 1, 2, 3], off=SAMPLED)
    assert written(one, [4, 1, 2, 3, 4]) == [0] * 4 and one.told().off == SAMPLED
