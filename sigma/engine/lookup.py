"""Prompt lookup: what follows is guessed from what stands in the prompt and the answer already, and checked in one step.

Where the newest tokens stood before, what followed them there is drafted (arXiv 2304.04487 calls it inference with
reference). A step computes the drafted tokens beside the newest one, and those that the model would have written itself
stay: the answer is the same, token for token. It pays where an answer repeats: a text with one word changed, a query that
goes on from the last one. A step of several tokens takes longer than one of a single token, so a wrong guess costs time:
each answer keeps an account of both, and guesses no more than it can afford.
"""

from __future__ import annotations

from collections.abc import Iterable

from sigma.events import Lookup

MOST_ROWS = 8
"""Tokens of one sequence in a step: the newest and those drafted behind it."""

KEY, BITS = 3, 32  # tokens that must stand together in both places, and bits of a token's number
CANDIDATES = 8  # newest places that are compared
LONGEST = 16  # tokens compared at each
RESUMES = 2  # tokens that may differ from what was expected, one after the other

EXTRA = {"cpu": 0.25, "cuda": 0.03}  # of a step's time, what one more row takes; until it has been measured
LEARNING = 0.2
LOSS, LOSS_SHARE = 0.5, 0.015  # steps that guessing may cost in all, and of every token written
WORTH = 1.03  # tokens a step expected of a guess, per step's time

SAMPLED, FEW_RIGHT = "sampled", "few right"


class Repeats:
    """Where a text's newest tokens stood before."""

    def __init__(self, ids: Iterable[int] = ()):
        self._ids: list[int] = []
        self._key = 0  # the newest KEY tokens in one number
        self._newest: dict[int, int] = {}  # by key, the newest place behind such tokens
        self._older: list[int] = []  # by place, the one before it behind the same tokens; -1 for none
        self._next: int | None = (
            None  # of the token that comes next if the text goes on as it did where it was followed
        )
        self._differ = 0
        for token in ids:
            self.add(token)

    def add(self, token: int) -> None:
        """The text's next token."""
        place = len(self._ids)
        self._older.append(self._newest.get(self._key, -1) if place >= KEY else -1)
        if place >= KEY:
            self._newest[self._key] = place
        self._key = (self._key << BITS | token) & ((1 << KEY * BITS) - 1)
        self._ids.append(token)
        if self._next is not None:
            self._differ = 0 if self._ids[self._next] == token else self._differ + 1
            self._next = self._next + 1 if self._differ <= RESUMES else None

    def follow(self, most: int) -> tuple[list[int], int]:
        """Up to `most` tokens that followed where the longest end of the text stood before, and that end's length.

        Where no KEY tokens stood before, the place that was followed last is followed on: one word may stand for another.
        """
        best, length = None, 0
        place = self._newest.get(self._key, -1) if len(self._ids) >= KEY else -1
        for _ in range(CANDIDATES):
            if place < 0:
                break
            found = self._common(place)
            if found > length:
                best, length = place, found
            place = self._older[place]
        if best is None and self._next is not None:
            best, length = self._next, self._common(self._next)
        if best is None:
            return [], 0
        if best != self._next:
            self._next, self._differ = best, 0
        found: list[int] = []
        for place in range(best, best + most):  # a text that repeats itself goes on so beyond its end
            found.append(self._ids[place] if place < len(self._ids) else found[place - len(self._ids)])
        return found, length

    def _common(self, place: int) -> int:
        """How many tokens before `place` are the text's newest ones, LONGEST at most."""
        ids, count = self._ids, 0
        while count < min(place, LONGEST) and ids[place - 1 - count] == ids[-1 - count]:
            count += 1
        return count


class Pace:
    """By rows of one sequence in a step, how much longer than one row's it takes, in parts of that; learned."""

    def __init__(self, device: str):
        self.extra = [EXTRA.get(device, EXTRA["cpu"]) * i for i in range(MOST_ROWS)]

    def of(self, rows: int) -> float:
        """The part of a one-row step that `rows` rows take besides."""
        return self.extra[rows - 1]

    def note(self, rows: int, part: float) -> None:
        """A step of `rows` rows has taken that much more; never more than so many steps of one row."""
        part = min(max(part, 0.0), rows - 1.0)
        self.extra[rows - 1] += LEARNING * (part - self.extra[rows - 1])


class Chance:
    """How likely a guessed token is right when those before it were; by the length of what stood before."""

    # Guesses (right, wrong) that are taken for granted, per class of length.
    GRANTED = {"resumed": (1.0, 1.0), "short": (1.5, 1.0), "long": (6.0, 1.0)}

    def __init__(self):
        self._counts = {kind: list(granted) for kind, granted in self.GRANTED.items()}

    @staticmethod
    def kind(length: int) -> str:
        return "resumed" if length < KEY else "short" if length < 2 * KEY else "long"

    def of(self, length: int) -> float:
        right, wrong = self._counts[self.kind(length)]
        return right / (right + wrong)

    def note(self, length: int, drafted: int, right: int) -> None:
        """Of so many tokens the first `right` were right."""
        counts = self._counts[self.kind(length)]
        counts[0] += right
        counts[1] += right < drafted


class Guesses:
    """One answer's guesses and their account. ids: the prompt. off: why there are none at all, "" if there may be."""

    def __init__(self, ids: Iterable[int], pace: Pace, off: str = ""):
        self.pace, self.off = pace, off
        self.drafted = self.accepted = self.tokens = self.steps = 0
        self._repeats = Repeats(() if off else ids)
        self._chance = Chance()
        self._balance = 0.0  # steps that were saved
        self._single: float | None = None  # ms of a step of one row
        self._length = 0

    def draft(self, most: int) -> list[int]:
        """What to check behind the newest token: at most `most` tokens, as many as promise to pay."""
        if self.off == SAMPLED or most < 1:
            return []
        found, self._length = self._repeats.follow(min(most, MOST_ROWS - 1))
        count = self._worth(len(found))
        limit = self._balance + LOSS + LOSS_SHARE * self.tokens
        affordable = count
        while affordable and self.pace.of(1 + affordable) > limit:
            affordable -= 1
        if found:
            self.off = FEW_RIGHT if self.drafted and not affordable else ""
        return found[:affordable]

    def _worth(self, most: int) -> int:
        """How many of so many tokens to draft for the most tokens in a step's time; 0 where that is hardly one."""
        chance, best, count = self._chance.of(self._length), WORTH, 0
        expected = 1.0
        for drafted in range(1, most + 1):
            expected += chance**drafted
            rate = expected / (1.0 + self.pace.of(1 + drafted))
            if rate > best:
                best, count = rate, drafted
        return count

    def add(self, token: int) -> None:
        """The answer's next token."""
        self.tokens += 1
        if self.off != SAMPLED:
            self._repeats.add(token)

    def note(self, drafted: int, right: int, ms: float | None) -> None:
        """A step has checked so many tokens, of which the first `right` stay. ms: its time, None if others shared it."""
        self.steps += 1
        self.drafted, self.accepted = self.drafted + drafted, self.accepted + right
        if not drafted:
            if ms is not None:
                self._single = ms if self._single is None else self._single + LEARNING * (ms - self._single)
            return
        if ms is not None and self._single:
            self.pace.note(1 + drafted, ms / self._single - 1.0)
        self._chance.note(self._length, drafted, right)
        self._balance += right - self.pace.of(1 + drafted)

    def told(self) -> Lookup:
        """The account as the events tell it."""
        return Lookup(self.steps, self.drafted, self.accepted, self.off)
