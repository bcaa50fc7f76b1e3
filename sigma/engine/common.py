"""Texts that anybody may know, read once: whoever's prompt begins with one gets a copy of its rows.

What a session keeps is its own, and no other one's answer may tell by its haste what was asked elsewhere. A text of the page
itself is nobody's: a request names it (`ChatRequest.common`), and its rows serve every session that begins with it. They are
copied, not shared: a cache lies in one piece, and copying takes a hundredth of the time of reading.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock

from sigma.engine.prompts import prompt_ids
from sigma.engine.run import PREFILL_CHUNK, Model, Run
from sigma.engine.sessions import Kept, same_start
from sigma.events import ChatRequest, PromptError
from sigma.model.cache import DiffKVCache

MOST = 4  # texts times models; the longest unused is freed
LEAST = PREFILL_CHUNK  # tokens: what is shorter is read as quickly


@dataclass(slots=True)
class _Text:
    model: Model
    ids: list[int]
    cache: DiffKVCache
    lock: Lock = field(default_factory=Lock, repr=False)  # nothing is freed that is being copied

    def free(self) -> int:
        """The bytes that were allocated."""
        with self.lock:
            size, self.ids = self.cache.bytes().allocated, []
            self.cache.free()
        return size


class Common:
    """The rows of such texts by model; safe between threads. room: whether so many bytes more may be held."""

    def __init__(self, room: Callable[[int], bool]):
        self._room = room
        self._texts: OrderedDict[tuple[int, str], _Text] = OrderedDict()
        self._lock = Lock()

    def better(self, model: Model, request: ChatRequest, ids: Sequence[int], kept: Kept | None) -> Kept | None:
        """A copy of a text's rows where `ids` have more in common with it than with what the session kept, which is freed then."""
        if not request.common:
            return kept
        own = same_start(kept.ids, ids) if kept is not None and kept.maker is model else 0
        with self._lock:
            if (found := self._texts.get((id(model), request.common))) is None:
                return kept
            self._texts.move_to_end((id(model), request.common))
        rows = same_start(found.ids, ids)
        if rows <= own or not self._room(_bytes(model, rows)):
            return kept
        with found.lock:
            if not found.ids:  # freed meanwhile
                return kept
            copy = found.cache.copied(rows, PREFILL_CHUNK)
        if kept is not None:
            kept.cache.free()
        return Kept(copy, list(ids[:rows]), model)

    def keep(self, run: Run) -> None:
        """Copy the rows of the text from a run that has read it, unless they are here."""
        text, model = run.request.common, run.model
        if not text or (id(model), text) in self._texts:
            return
        rows = same_start(_beginning(run, text), run.ids[: run.prompt_length])
        if not model.runtime.cuts_freely:
            rows = rows // PREFILL_CHUNK * PREFILL_CHUNK
        if rows < LEAST or not self._room(_bytes(model, rows)):
            return
        try:
            made = _Text(model, run.ids[:rows], run.cache.copied(rows, PREFILL_CHUNK))
        except (MemoryError, RuntimeError):  # no room for what only saves time: torch says it in either way
            return
        with self._lock:
            dropped = [self._texts.pop((id(model), text), None)]
            self._texts[id(model), text] = made
            while len(self._texts) > MOST:
                dropped.append(self._texts.popitem(last=False)[1])
        for one in dropped:
            if one is not None:
                one.free()

    def cached_bytes(self) -> int:
        """Bytes allocated."""
        with self._lock:
            return sum(text.cache.bytes().allocated for text in self._texts.values())

    def free(self) -> int:
        """Forget all texts; the bytes that were allocated."""
        with self._lock:
            texts, self._texts = list(self._texts.values()), OrderedDict()
        return sum(text.free() for text in texts)


def _bytes(model: Model, rows: int) -> int:
    return sum(model.side.config.kv_bytes(rows, model.runtime.kv_itemsize))


def _beginning(run: Run, text: str) -> list[int]:
    """The tokens with which every prompt begins whose first message begins with the text; [] where this one's does not."""
    first, *_ = run.request.messages[run.name]
    if run.request.plain or not first["content"].startswith(text):
        return []
    chats = ([{**first, "content": text + end}] for end in ("a", "1"))
    try:
        one, other = (prompt_ids(run.model.side.tokenizer, chat, run.model.context_length) for chat in chats)
    except PromptError:
        return []
    return one[: same_start(one, other)]
