"""Answers from a GPU that is lent for one call at a time, as ZeroGPU's Spaces do; everything else from this machine's CPU.

Whoever lends it forks this process: the fork has the GPU, with the weights that were made for it here moved there, and what
it yields comes back pickled. So nothing on the GPU outlives a call. A chat is kept as its texts and token ids, and each turn
reads all of it again. This process itself must never touch the GPU: it checks what is asked, counts how long the GPU
will be needed, and inspects, times and tells tokens with models of its own (`near`).
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, Protocol

import torch

from sigma.checkpoints.preset import Place
from sigma.engine.engine import SigmaEngine
from sigma.engine.models import Models, Say, checked, made, read_pairs, usable
from sigma.engine.run import ids_of
from sigma.events import (
    ChatRequest,
    EngineFigures,
    Event,
    GpuLost,
    OverLimit,
    PastRun,
    PromptError,
    PromptEvent,
    RunTokens,
    SideInfo,
    StepEvent,
)
from sigma.observe.numbers import current, logged, numbered
from sigma.observe.private import mark

BEGIN_SECONDS = 5.0  # a fork, its weights and its first launches
FIRST_SECONDS = 60  # for the first answer on this machine: its kernels are compiled, and checked
READ_SPEED, WRITE_SPEED = 4000, 100
"""Tokens a second of a prompt and of an answer that are reckoned with: cautious estimates, not measured on such a GPU."""

TOO_SLOW = (
    "The GPU was lent for {seconds} s, and this answer took longer, so it was ended here. "
    "Ask for fewer new tokens, or shorten the prompt."
)

log = logging.getLogger(__name__)

Items = Generator[Any, None, None]


class Lend(Protocol):
    """Makes of a generator function one that runs where the GPU is.

    task: its arguments and what it yields can be pickled. seconds: by the same arguments, how long it needs the GPU. Calling
    what comes back yields what the task yields. It raises OverLimit or PromptError, with words for the visitor, where no
    GPU is lent, and GpuLost where it is taken back on the way; closing it ends the task.
    """

    def __call__(self, task: Callable[..., Items], seconds: Callable[..., int]) -> Callable[..., Items]: ...


@dataclass(frozen=True, slots=True)
class _Checked:
    """The kernels were checked on the GPU; what is to be told of them."""

    words: str


@dataclass(frozen=True, slots=True)
class _Failed:
    """Something unforeseen went wrong in the fork, which has logged it under this number."""

    number: str


class LentEngine(SigmaEngine):
    """`sigma.events.Engine` whose answers come from `far`: the same models with their weights made for the GPU.

    near, near_tuned: the models on this machine's CPU, by side, for all but answers; kv_bytes, warning: theirs.
    """

    def __init__(
        self,
        near: tuple[Models, Models],
        far: tuple[Models, Models],
        lend: Lend,
        kv_bytes: int | None = None,
        warning: str = "",
    ):
        super().__init__(*near, kv_bytes, warning)
        self._far = far
        self._answer = lend(self._there, lambda request, seconds, check, number: seconds)
        self._lock = Lock()
        self._answering = self._steps = 0
        self._known_to_work = False  # an answer has come back, and its kernels were right
        self._far_warning = ""

    def info(self, side: str) -> SideInfo:
        """See `sigma.events.Engine.info`: where answers are made."""
        near, runtime = super().info(side), self._far[0][side].runtime
        return replace(
            near,
            device=f"{runtime.device} (lent for each answer)",
            near=near.device,
            weights=runtime.weights,
            kernels=runtime.kernels,
            kv_itemsize=runtime.kv_itemsize,
            warning=self._far_warning or near.warning,
        )

    def seconds(self, request: ChatRequest) -> int:
        """For how long the GPU is asked: as short as can be, for that is what a visitor's quota is held against.

        PromptError for a prompt that a model cannot read.
        """
        read = write = 0
        for name in request.messages:
            column = request.column(name)
            model = self.models[column.model]
            prompt = len(ids_of(model, request, name))
            read += prompt
            write += min(column.sampling.max_new_tokens, model.context_length - prompt)
        seconds = math.ceil(BEGIN_SECONDS + read / READ_SPEED + write / WRITE_SPEED)
        return seconds if self._known_to_work else max(FIRST_SECONDS, seconds)

    def stream(self, request: ChatRequest, session: str | None = None) -> Generator[Event, None, None]:
        """See `sigma.events.Engine.stream`; what cannot be answered is refused before a GPU is asked for.

        Besides, with the first event: OverLimit or PromptError where none is lent. From any later one GpuLost.
        """
        self._asked(request)
        return self._lent(request, session, self.seconds(request))

    def _lent(self, request: ChatRequest, session: str | None, seconds: int) -> Generator[Event, None, None]:
        ids: dict[str, list[int]] = {}
        prompts: dict[str, int] = {}
        left = set(request.messages)
        with self._counted(), closing(self._answer(request, seconds, not self._known_to_work, current())) as items:
            try:
                for item in items:
                    if isinstance(item, _Checked):
                        self._far_warning = item.words
                        continue
                    if isinstance(item, _Failed):
                        raise RuntimeError(f"an answer failed where the GPU is; it is in the log under {item.number}")
                    if isinstance(item, PromptError):
                        raise item
                    if isinstance(item, PromptEvent):
                        ids[item.side], prompts[item.side] = list(item.token_ids), len(item.token_ids)
                    elif isinstance(item, StepEvent):
                        self._stepped()
                        if item.token_id >= 0:
                            ids[item.side].append(item.token_id)
                        if item.finish_reason is not None:
                            left.discard(item.side)
                    if not left:  # whoever reads this may not come back: the GPU is given back before
                        self._known_to_work = not self._far_warning
                        next(items, None)
                    yield item
                if left:
                    raise GpuLost
            finally:
                if session is not None and ids:
                    sides = {name: RunTokens(tuple(told), prompts[name]) for name, told in ids.items()}
                    self._sessions.note(session, PastRun(request, sides))

    def _there(self, request: ChatRequest, seconds: int, check: bool, number: str | None) -> Items:
        """One answer, in the process that has the GPU: its events, or in their place what went wrong."""
        end = time.monotonic() + seconds
        torch.set_num_threads(1)  # the threads of the process that was forked are not here
        with numbered(number):
            try:
                if check:
                    yield _Checked(checked(*self._far))
                alone = replace(
                    request, common=""
                )  # nothing outlives this process that a later answer could begin with
                with closing(SigmaEngine(*self._far)) as engine, closing(engine.stream(alone)) as events:
                    late = False
                    for event in events:
                        if late:
                            raise OverLimit(TOO_SLOW.format(seconds=seconds), "answer_seconds")
                        yield event
                        late = time.monotonic() > end
            except PromptError as error:
                yield error
            except Exception as error:
                mark(error, [message["content"] for chat in request.messages.values() for message in chat])
                yield _Failed(logged(log, "an answer failed on the lent GPU"))

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self._answering += 1
        try:
            yield
        finally:
            with self._lock:
                self._answering -= 1

    def _stepped(self) -> None:
        with self._lock:
            self._steps += 1

    def figures(self) -> EngineFigures:
        """See `sigma.events.Engine.figures`: each answer steps alone, on a GPU of its own."""
        near = super().figures()
        with self._lock:
            return replace(
                near,
                answering=near.answering + self._answering,
                batch=max(near.batch, min(1, self._steps)),
                steps=near.steps + self._steps,
                stepped=near.stepped + self._steps,
            )


def load_lent_engine(
    lend: Lend,
    checkpoint: str | None = None,
    base: str | None = None,
    device: str = "auto",
    weights: str = "auto",
    progress: Say | None = None,
    tuned: str = "auto",
    kv_bytes: int | None = None,
) -> LentEngine:
    """Both sides twice, on this machine's CPU and for the GPU that `lend` gives; otherwise as `load_engine`.

    Must run where weights may be put on a GPU that is not there yet: in ZeroGPU's case the thread that imported `spaces`,
    before the page is served. Those are checked by the first answer.
    """
    say = progress or (lambda *_: None)

    def read() -> tuple[Any, ...]:
        pairs = read_pairs(checkpoint, base, tuned, progress, Place("cpu", "auto"))
        near = made(*pairs, "cpu", "auto", say)
        return pairs, near, checked(*near)

    with ThreadPoolExecutor(max_workers=1) as plain:  # in this thread torch's own functions may be others'
        pairs, near, warning = plain.submit(read).result()
    far = made(*pairs, usable(device), weights, say)
    say("ready", 1.0)
    return LentEngine(near, far, lend, kv_bytes, warning)
