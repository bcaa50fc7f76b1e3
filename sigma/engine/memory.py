"""Admission by bytes: an answer begins only where its K and V will have room to the end, whatever else is being written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

from sigma.engine.run import Model, Run
from sigma.events import OverLimit, PromptError

FREE_SHARE = 0.5  # of the memory that is free when the engine is made; weights and drawing need some, too


def most_bytes(run: Run) -> int:
    """Bytes that a run's buffers may grow to: its prompt and all new tokens, and what the last growth makes too much."""
    return grown_bytes(run.model, run.cache.layers[0].chunk, most_rows(run))


def grown_bytes(model: Model, chunk: int, rows: int) -> int:
    """Bytes that a cache's buffers may take once it holds `rows` tokens; it grows by `chunk` rows, or by an eighth."""
    rows = -(-(rows + max(chunk, rows // 8)) // chunk) * chunk
    return sum(model.side.config.kv_bytes(rows, model.runtime.kv_itemsize))


def most_rows(run: Run) -> int:
    """Tokens that a run's cache may come to hold."""
    return min(run.prompt_length + run.sampling.max_new_tokens, run.model.context_length)


class Memory:
    """Bytes for K and V, given to the answers being written and to what sessions keep.

    limit: None sets none. kept: bytes that sessions hold; make_room: frees that many of them, or all there are.
    """

    def __init__(self, limit: int | None, kept: Callable[[], int], make_room: Callable[[int], None]):
        self.limit, self._kept, self._make_room = limit, kept, make_room
        self.claimed = 0
        self._lock = Lock()

    def room(self, size: int) -> bool:
        """Whether so many bytes more may be kept without freeing any."""
        return self.limit is None or self.claimed + self._kept() + size <= self.limit

    @contextmanager
    def claim(self, runs: Sequence[Run]) -> Iterator[None]:
        """Room for the runs of a request while it is answered; PromptError where there is none."""
        rows = max(most_rows(run) for run in runs)
        what = (
            f"With its prompt and all its new tokens this answer may come to {rows:,} tokens, whose K and V need up to"
        )
        with self.hold(sum(most_bytes(run) for run in runs), what, "this answer may need", "ask for fewer new tokens"):
            yield

    @contextmanager
    def hold(self, need: int, what: str, needs: str, instead: str) -> Iterator[None]:
        """Room for `need` bytes; PromptError where there is none, in the words of who asks.

        what: its sentence's begin where it would never fit, needs: where others have the room now; instead: what to do.
        """
        self._take(need, what, needs, instead)
        try:
            yield
        finally:
            with self._lock:
                self.claimed -= need

    def _take(self, need: int, what: str, needs: str, instead: str) -> None:
        with self._lock:
            if self.limit is not None:
                if need > self.limit:
                    raise PromptError(
                        f"{what} {_size(need)}; this server has {_size(self.limit)} for all answers. "
                        f"{instead[0].upper()}{instead[1:]}."
                    )
                missing = self.claimed + need - self.limit
                if missing > 0:
                    raise OverLimit(
                        f"The memory for K and V is taken by other answers: {_size(self.limit - self.claimed)} of "
                        f"{_size(self.limit)} are free, and {needs} {_size(need)}. Try again in a minute, or {instead}.",
                        "kv_memory",
                    )
                if (missing := missing + self._kept()) > 0:
                    self._make_room(missing)
            self.claimed += need


def _size(number: int) -> str:
    return f"{number / 2**30:.2f} GiB" if number >= 2**30 else f"{number / 2**20:.1f} MiB"
