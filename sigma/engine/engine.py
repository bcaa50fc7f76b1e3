"""Generation as a stream of events: one decode loop for the page, the command line, the API and the evaluation.

All device work runs on one thread (`sigma.engine.batch`): a chunk of a prompt, or a decode step of all answers that wait
for one. Within a request the side that has used less device time goes next, so neither model throttles the other.
"""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from statistics import mode
from typing import TypeVar

from kernels.device import free_bytes
from sigma.checkpoints.load import CheckpointError
from sigma.checkpoints.preset import Place
from sigma.checkpoints.tokenizer import StreamDecoder, piece
from sigma.engine.ahead import Answered, ReadAhead
from sigma.engine.batch import Device
from sigma.engine.common import Common
from sigma.engine.faults import memory_may_run_out
from sigma.engine.inspection import KeptTensors, recompute
from sigma.engine.memory import FREE_SHARE, Memory, grown_bytes
from sigma.engine.models import checked, made, read_pairs, usable
from sigma.engine.priority import step_back
from sigma.engine.requests import check_request
from sigma.engine.run import Model, Run
from sigma.engine.sessions import Sessions
from sigma.engine.sessions import free as free_sides
from sigma.events import (
    SOURCE_FIRST,
    AnswersTogether,
    ChatRequest,
    Column,
    EngineFigures,
    Event,
    OverLimit,
    PastRun,
    PromptError,
    RunTokens,
    SideInfo,
)
from sigma.limits.current import limits
from sigma.measure.together import answers_together

T = TypeVar("T")

TOO_LONG = (
    "The answer took longer than {seconds:,.0f} s, which is this server's limit, and was ended here. "
    "Ask for fewer new tokens, or shorten the prompt."
)

__all__ = ["CheckpointError", "Model", "SigmaEngine", "load_engine"]


class SigmaEngine:
    """`sigma.events.Engine` on real models.

    tuned: the same sides with the base's tuned minima, where there are any. kv_bytes: most bytes of K and V, of all
    answers and kept sessions together; None is a share of what is free (`sigma.engine.memory`). warning: what is to be
    told of the kernels (`sigma.engine.self_check`).
    """

    def __init__(
        self,
        models: dict[str, Model],
        tuned: dict[str, Model] | None = None,
        kv_bytes: int | None = None,
        warning: str = "",
    ):
        self.models, self.tuned, self.warning = models, tuned or {}, warning
        self._device = Device(step_back)
        self._sessions, self._common = Sessions(), Common(lambda size: self._memory.room(size))
        if kv_bytes is None and (free := free_bytes(next(iter(models.values())).runtime.device)) is not None:
            kv_bytes = int(free * FREE_SHARE)
        self._memory = Memory(kv_bytes, self.cached_bytes, self._make_room)
        self._ahead = ReadAhead(self._device.submit)

    def info(self, side: str) -> SideInfo:
        """The side's description; raises KeyError for an unknown side."""
        model = self.models[side]
        c, runtime = model.side.config, model.runtime
        return SideInfo(
            side=side,
            name=model.side.name,
            layers=c.num_hidden_layers,
            query_heads=c.num_attention_heads,
            key_heads=mode(c.key_heads),
            value_heads=c.num_value_heads,
            key_head_dim=c.key_head_dim,
            value_head_dim=c.head_dim,
            augmented_query_dim=mode(c.augmented_query_dims),
            kv_itemsize=runtime.kv_itemsize,
            context_length=model.context_length,
            weights=runtime.weights,
            device=str(runtime.device),
            kernels=runtime.kernels,
            tuned=self.tuned[side].side.name if side in self.tuned else "",
            warning=self.warning,
            note=model.side.manifest.get("note", ""),
            layer_key_heads=c.key_heads if isinstance(c.num_key_heads, list) else (),
            parameters=sum(math.prod(tensor.shape) for tensor in model.side.tensors.values()),
        )

    def stream(self, request: ChatRequest, session: str | None = None) -> Generator[Event, None, None]:
        """See `sigma.events.Engine.stream`."""
        with self._ahead.paused(), memory_may_run_out(self._spare):
            return self._started(request, session)

    def _started(self, request: ChatRequest, session: str | None) -> Generator[Event, None, None]:
        asked = self._asked(request)
        kept = self._sessions.take(session)
        runs: list[Run] = []
        try:
            for name, column in asked.items():
                model = (self.tuned if column.tuned else self.models)[column.model]
                runs.append(Run(name, model, request, kept.pop(name, None), self._common.better))
        except BaseException:
            _free(runs)
            raise
        finally:
            free_sides(kept)  # of sides that are not asked
        return self._events(runs, session)

    def _asked(self, request: ChatRequest) -> dict[str, Column]:
        """Who answers under each name; PromptError if the models cannot."""
        asked = {name: request.column(name) for name in request.messages}
        if not self.tuned and any(column.tuned for column in asked.values()):
            raise PromptError("These models have no tuned minima.")
        check_request(request, self.models)
        return asked

    def _events(self, runs: list[Run], session: str | None) -> Generator[Event, None, None]:
        with self._ahead.paused(), memory_may_run_out(self._spare):
            yield from self._run(runs, session)

    def _run(self, runs: list[Run], session: str | None) -> Generator[Event, None, None]:
        begun = done = False
        try:
            with self._memory.claim(runs), self._device.request():
                begun, seconds = True, limits().answer_seconds
                end = time.monotonic() + seconds
                for run in runs:
                    yield run.opening()
                while live := [run for run in runs if not run.finished]:
                    yield self._device.advance(live)
                    if time.monotonic() > end and not all(run.finished for run in runs):
                        raise OverLimit(TOO_LONG.format(seconds=seconds), "answer_seconds")
            done = True
            for run in runs:
                self._common.keep(run)
        finally:
            if begun and session is not None:
                tokens = {run.name: RunTokens(tuple(run.told), run.prompt_length) for run in runs}
                self._sessions.note(session, PastRun(runs[0].request, tokens))
            if done and session is not None:
                self._keep(session, runs)
            else:
                _free(runs)

    def _spare(self) -> None:
        self._make_room(sys.maxsize)  # what chats keep is read again when they go on

    def _make_room(self, size: int) -> None:
        if (left := size - self._common.free()) > 0:
            self._sessions.make_room(left)

    def _keep(self, session: str, runs: list[Run]) -> None:
        sides = {run.name: run.keep() for run in runs}
        self._sessions.keep(session, sides)
        for run in runs:
            if run.model.runtime.cuts_freely and run.text:  # elsewhere only whole chunks are used again
                self._ahead.add(Answered(run.model, sides[run.name], run.request.messages[run.name], run.text))

    def release(self, session: str) -> None:
        """Free whatever a session keeps. Unknown sessions are ignored."""
        self._sessions.release(session)

    def past_run(self, session: str) -> PastRun | None:
        """The session's newest turn that has ended, stopped ones too; None if there is none or it was released."""
        return self._sessions.past_run(session)

    def inspect(
        self,
        side: str,
        ids: Sequence[int],
        prompt_length: int,
        cancelled: threading.Event | None = None,
        progress: Callable[[float], None] | None = None,
        tuned: bool = False,
    ) -> KeptTensors:
        """See `sigma.events.Engine.inspect`.

        Each chunk is one piece of the device's work, so that answers being written go on in between.
        """
        model = (self.tuned if tuned else self.models)[side]
        run = lambda work: self._device.submit(work).result()  # noqa: E731
        with self._ahead.paused():
            return recompute(model.runtime, ids, prompt_length, run, cancelled, progress)

    def aside(self, work: Callable[[], T]) -> T:
        """See `sigma.events.Engine.aside`."""
        return self._device.submit(work).result()

    def together(
        self, context: int, answers: Sequence[int], selective_k: int | None = None, rounds: int = 5
    ) -> Generator[float, None, list[AnswersTogether]]:
        """See `sigma.events.Engine.together`."""
        most = min(model.context_length for model in self.models.values()) - 1
        if not 2 <= context <= most:
            raise PromptError(f"The context must be from 2 to {most:,} tokens, not {context:,}.")
        if not answers or not all(1 <= n <= limits().batch for n in answers):
            raise PromptError(f"From 1 to {limits().batch} answers step together.")
        if rounds < 1 or (selective_k is not None and selective_k < 1):
            raise PromptError("Rounds and selective k must be at least 1.")
        return self._together(context, sorted(set(answers)), selective_k, rounds)

    def _together(
        self, context: int, answers: Sequence[int], selective_k: int | None, rounds: int
    ) -> Generator[float, None, list[AnswersTogether]]:
        sides = {side: (self.models[side].side, self.models[side].runtime) for side in SOURCE_FIRST}
        need = sum(
            max(answers) * grown_bytes(model, model.runtime.new_cache().layers[0].chunk, context + 1)
            for model in self.models.values()
        )
        what = f"Timing {max(answers)} answers of {context:,} tokens on both sides needs K and V of"
        with self._memory.hold(need, what, "this may need", "choose a shorter context"):
            return (yield from answers_together(sides, context, answers, selective_k, rounds, self.aside))

    def piece(self, side: str, token_id: int) -> str:
        """One token of a side's vocabulary, printable."""
        return piece(self.models[side].side.tokenizer, token_id)

    def text(self, side: str, ids: Sequence[int]) -> str:
        """What a side's tokens say together: characters whole, control tokens left out."""
        decoder = StreamDecoder(self.models[side].side.tokenizer)
        return "".join(decoder.push(i) for i in ids) + decoder.flush()

    def cached_bytes(self) -> int:
        """Bytes allocated for sessions between turns, and for texts that all may begin with."""
        return self._sessions.cached_bytes() + self._common.cached_bytes()

    def figures(self) -> EngineFigures:
        """See `sigma.events.Engine.figures`."""
        memory, kept = self._memory, self.cached_bytes()
        held = {"answer_bytes": memory.claimed, "kept_bytes": kept, "limit_bytes": memory.limit}
        return EngineFigures(**self._device.figures(), **held)

    def close(self) -> None:
        """Free every session and stop the worker."""
        self._ahead.close()
        self._sessions.close()
        self._common.free()
        self._device.close()


def _free(runs: list[Run]) -> None:
    for run in runs:
        run.cache.free()


def load_engine(
    checkpoint: str | None = None,
    base: str | None = None,
    device: str = "auto",
    weights: str = "auto",
    progress: Callable[[str, float], None] | None = None,
    tuned: str = "auto",
    kv_bytes: int | None = None,
) -> SigmaEngine:
    """Both sides loaded, their common tensors once, a first step taken on each and their kernels checked.

    Args:
        checkpoint: packed or full Sigma (folder or Hub id); None is the embedded default; `preset:NAME` has random weights.
        base: the GQA model (folder, GGUF file or Hub id); None is the default base.
        device: "auto", "cpu" or "cuda"; weights: "auto", "int4", "bf16" or "fp32".
        progress: called with (what is being done, fraction).
        tuned: whose minima answer where a request asks for the tuned base: "auto" (the checkpoint's own, if they can be
            used), "off" or a file.
        kv_bytes: as `SigmaEngine`.

    Raises CheckpointError with a message for the user.
    """
    say = progress or (lambda *_: None)
    device = usable(device)
    pair, twin = read_pairs(checkpoint, base, tuned, progress, Place(device, weights))
    models, tuned_models = made(pair, twin, device, weights, say)
    say("checking both sides", 0.95)
    warning = checked(models, tuned_models)
    say("ready", 1.0)
    return SigmaEngine(models, tuned_models, kv_bytes, warning)
