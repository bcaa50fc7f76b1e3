"""What is kept of a session between its turns: the caches of the last one, and which tokens it read and wrote."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

from sigma.events import PastRun
from sigma.model.cache import DiffKVCache

KEPT_SESSIONS = 8
KEPT_RUNS = 64  # token ids only, a few KB each


@dataclass(slots=True)
class Kept:
    """The cache of a finished turn's prompt: `ids` are exactly the tokens whose K and V it holds.

    The rows of the answer are not kept: a decode step computes them in another way than the prefill of the next turn
    would, so with them a chat would read on differently from the same chat asked afresh.
    """

    cache: DiffKVCache
    ids: list[int]


class Sessions:
    """Caches of the newest KEPT_SESSIONS sessions and past runs of the newest KEPT_RUNS; safe between threads."""

    def __init__(self):
        self._caches: OrderedDict[str, dict[str, Kept]] = OrderedDict()
        self._past: OrderedDict[str, PastRun] = OrderedDict()
        self._lock = Lock()

    def take(self, session: str | None) -> dict[str, Kept]:
        """The session's caches by side, now the caller's own: a second stream of the same session starts afresh."""
        with self._lock:
            return self._caches.pop(session, {}) if session is not None else {}

    def keep(self, session: str, sides: dict[str, Kept]) -> None:
        """Keep a finished turn's caches; what they replace, and the oldest beyond KEPT_SESSIONS, is freed."""
        with self._lock:
            dropped = [self._caches.pop(session, {})]
            self._caches[session] = sides
            while len(self._caches) > KEPT_SESSIONS:
                dropped.append(self._caches.popitem(last=False)[1])
        for one in dropped:
            free(one)

    def note(self, session: str, past: PastRun) -> None:
        """Remember the session's newest ended turn; the oldest beyond KEPT_RUNS is forgotten."""
        with self._lock:
            self._past.pop(session, None)
            self._past[session] = past
            while len(self._past) > KEPT_RUNS:
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
            return sum(kept.cache.bytes().allocated for sides in self._caches.values() for kept in sides.values())


def free(sides: dict[str, Kept]) -> None:
    """Free the caches."""
    for kept in sides.values():
        kept.cache.free()
