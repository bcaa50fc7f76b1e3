"""What is kept of a session between its turns: the caches of the last one, and which tokens it read and wrote."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from sigma.events import PastRun
from sigma.limits.current import limits
from sigma.model.cache import DiffKVCache


def same_start(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two texts have in common from their start on."""
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other)))


@dataclass(slots=True)
class Kept:
    """The cache of a finished turn's prompt: `ids` are exactly the tokens whose K and V it holds.

    The rows of the answer are not kept: a decode step computes them in another way than the prefill of the next turn
    would, so with them a chat would read on differently from the same chat asked afresh. `sigma.engine.ahead` reads
    the answer again, as a prefill, and extends what is kept.
    """

    cache: DiffKVCache
    ids: list[int]
    maker: Any = None  # the model that computed the rows: another's next turn cannot use them
    _lock: Lock = field(default_factory=Lock, repr=False)
    claimed: bool = False

    def claim(self) -> Kept:
        """This, now the caller's alone: from here on nothing extends it. Waits while a piece is being read."""
        with self._lock:
            self.claimed = True
        return self

    def extend(self, step: Callable[[DiffKVCache, list[int]], list[int]]) -> bool:
        """Let `step(cache, ids)` read more and return the ids there are then; False when claimed or nothing was added."""
        with self._lock:
            if self.claimed:
                return False
            before, self.ids = self.ids, []  # nothing, should the step break off in the middle of a layer
            self.ids = step(self.cache, before)
            return len(self.ids) > len(before)


class Sessions:
    """Caches of the newest sessions and past runs of the newest ones, as many as the limits say; safe between threads."""

    def __init__(self):
        self._caches: OrderedDict[str, dict[str, Kept]] = OrderedDict()
        self._past: OrderedDict[str, PastRun] = OrderedDict()
        self._lock = Lock()

    def take(self, session: str | None) -> dict[str, Kept]:
        """The session's caches by side, now the caller's own: a second stream of the same session starts afresh."""
        with self._lock:
            sides = self._caches.pop(session, {}) if session is not None else {}
        return {side: kept.claim() for side, kept in sides.items()}

    def keep(self, session: str, sides: dict[str, Kept]) -> None:
        """Keep a finished turn's caches; what they replace, and the oldest beyond the limit `sessions`, is freed."""
        with self._lock:
            dropped = [self._caches.pop(session, {})]
            self._caches[session] = sides
            while len(self._caches) > limits().sessions:
                dropped.append(self._caches.popitem(last=False)[1])
        for one in dropped:
            free(one)

    def make_room(self, size: int) -> None:
        """Free the oldest sessions' caches until `size` bytes are free, or none is left."""
        dropped = []
        with self._lock:
            while size > 0 and self._caches:
                dropped.append(self._caches.popitem(last=False)[1])
                size -= _allocated(dropped[-1])
        for one in dropped:
            free(one)

    def note(self, session: str, past: PastRun) -> None:
        """Remember the session's newest ended turn; the oldest beyond the limit `past_runs` is forgotten (token ids only, a few KB each)."""
        with self._lock:
            self._past.pop(session, None)
            self._past[session] = past
            while len(self._past) > limits().past_runs:
                self._past.popitem(last=False)

    def past_run(self, session: str) -> PastRun | None:
        """The session's newest ended turn, if it is still remembered."""
        return self._past.get(session)

    def release(self, session: str) -> None:
        """Free and forget all of a session. Unknown sessions are ignored."""
        self._past.pop(session, None)
        free(self.take(session))

    def close(self) -> None:
        """Release every session that holds a cache."""
        for session in list(self._caches):
            self.release(session)

    def cached_bytes(self) -> int:
        """Bytes allocated for sessions between turns."""
        with self._lock:
            return sum(map(_allocated, self._caches.values()))


def _allocated(sides: dict[str, Kept]) -> int:
    return sum(kept.cache.bytes().allocated for kept in sides.values())


def free(sides: dict[str, Kept]) -> None:
    """Free the caches."""
    for kept in sides.values():
        kept.claim().cache.free()
