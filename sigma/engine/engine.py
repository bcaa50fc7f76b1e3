"""Generation as a stream of events: one decode loop for the page, the command line, the API and the evaluation.

All device work runs on one worker thread, one chunk of prefill or one decode step at a time. Its queue is first in,
first out, so several visitors interleave; within a request the side that has used less device time goes next, so
neither model throttles the other.
"""

from __future__ import annotations

import itertools
import math
import os
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

import torch

from kernels.device import chosen_device
from sigma.checkpoints.load import CheckpointError, Side, load_pair
from sigma.checkpoints.tokenizer import StreamDecoder, piece
from sigma.engine.inspection import Inspection, recompute
from sigma.engine.prompts import prompt_ids
from sigma.engine.sampling import Sampler
from sigma.events import (
    ChatRequest,
    Event,
    PastRun,
    PrefillEvent,
    PromptError,
    PromptEvent,
    RunTokens,
    SideInfo,
    StepEvent,
)
from sigma.model.cache import DiffKVCache
from sigma.runtime import Runtime

PREFILL_CHUNK = 256
KEPT_SESSIONS = 8
KEPT_RUNS = 64  # token ids only, a few KB each
ENGINE_NICENESS = 8  # of 19; see _step_back

__all__ = ["CheckpointError", "Model", "SigmaEngine", "load_engine"]


@dataclass(slots=True)
class Model:
    """One side, ready to run."""

    side: Side
    runtime: Runtime

    @property
    def stop_ids(self) -> set[int]:
        configured = self.side.config.eos_token_id
        configured = configured if isinstance(configured, (list, tuple)) else [configured]
        return {i for i in (*configured, self.side.tokenizer.eos_token_id) if i is not None}


@dataclass(slots=True)
class Kept:
    """The cache of a finished turn: `ids` are exactly the tokens whose K and V it holds."""

    cache: DiffKVCache
    ids: list[int]
    selective_k: int | None


class _Run:
    """One side of one request: prefill in chunks, then one token per `advance`."""

    def __init__(self, name: str, model: Model, request: ChatRequest, kept: Kept | None):
        self.name, self.model, self.request, self.sampling = name, model, request, request.sampling
        self.sampler = Sampler(self.sampling, model.runtime.device)
        self.top_k = request.selective_k if self.name == "sigma" else None
        self.ids = prompt_ids(model.side.tokenizer, request.messages[name], model.side.config.max_position_embeddings)
        self.prompt_length = len(self.ids)
        self.cache, self.reused = self._cache(kept)
        self.decoder = StreamDecoder(model.side.tokenizer)
        self.logits: torch.Tensor | None = None
        self.spent = 0.0
        self.step = 0
        self.finished = False

    def _cache(self, kept: Kept | None) -> tuple[DiffKVCache, int]:
        """The kept cache cropped to the common prefix, or a new one. At least one token is always prefilled."""
        if kept is None:
            return self.model.runtime.new_cache(), 0
        if kept.selective_k != self.top_k:  # rows decoded under another selection are not this request's rows
            kept.cache.free()
            return self.model.runtime.new_cache(), 0
        pairs = zip(kept.ids, self.ids[:-1])
        common = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
        kept.cache.keep_first(common)
        return kept.cache, common

    def opening(self) -> PromptEvent:
        tokenizer = self.model.side.tokenizer
        return PromptEvent(self.name, tuple(self.ids), tuple(piece(tokenizer, i) for i in self.ids), self.reused)

    def advance(self) -> Event:
        """The next piece of work; runs on the device's thread."""
        begun = time.perf_counter()
        if self.cache.length < self.prompt_length:
            start = self.cache.length
            stop = min(start + PREFILL_CHUNK, self.prompt_length)
            self.logits = self.model.runtime.prefill(torch.tensor([self.ids[start:stop]]), self.cache)
            return PrefillEvent(self.name, stop, self.prompt_length, self._clock(begun), self.cache.bytes())
        probe = None
        if self.step > 0:
            self.logits, probe = self.model.runtime.decode(
                torch.tensor([self.ids[-1:]]), self.cache, top_k=self.top_k, probe_layer=self.request.probe_layer
            )
        token = self.sampler.next(self.ids, self.logits)
        self.ids.append(token)
        self.step += 1
        stopped = token in self.model.stop_ids
        text = self.decoder.flush() if stopped else self.decoder.push(token)
        reason = self._reason(stopped)
        if reason is not None and not stopped:
            text += self.decoder.flush()
        self.finished = reason is not None
        shown = "" if stopped else piece(self.model.side.tokenizer, token)
        return StepEvent(
            self.name, self.step - 1, token, text, shown, self._clock(begun), self.cache.bytes(), probe, reason
        )

    def _reason(self, stopped: bool) -> str | None:
        if stopped:
            return "stop"
        if self.step >= self.sampling.max_new_tokens:
            return "length"
        return "context" if len(self.ids) >= self.model.side.config.max_position_embeddings else None

    def _clock(self, begun: float) -> float:
        """Milliseconds since `begun`, added to this side's account. Results were read back, so a GPU is done too."""
        spent = (time.perf_counter() - begun) * 1e3
        self.spent += spent
        return spent

    def keep(self) -> Kept:
        return Kept(self.cache, self.ids[: self.cache.length], self.top_k)


def _step_back() -> None:
    """Lower this thread's priority, and with it that of the threads it starts for its matrix products.

    They take every core they get; on a small machine the server, and a browser beside it, must still be quick.
    """
    if sys.platform == "linux":  # where priorities belong to threads
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), ENGINE_NICENESS)


class SigmaEngine:
    """`sigma.events.Engine` on real models."""

    def __init__(self, models: dict[str, Model]):
        self.models = models
        self._device = ThreadPoolExecutor(max_workers=1, thread_name_prefix="device", initializer=_step_back)
        self._sessions: OrderedDict[str, dict[str, Kept]] = OrderedDict()
        self._past: OrderedDict[str, PastRun] = OrderedDict()
        self._lock = Lock()

    def info(self, side: str) -> SideInfo:
        """The side's description; raises KeyError for an unknown side."""
        model = self.models[side]
        c, runtime = model.side.config, model.runtime
        return SideInfo(
            side=side,
            name=model.side.name,
            layers=c.num_hidden_layers,
            query_heads=c.num_attention_heads,
            key_heads=c.num_key_heads,
            value_heads=c.num_value_heads,
            key_head_dim=c.key_head_dim,
            value_head_dim=c.head_dim,
            augmented_query_dim=c.augmented_query_dim,
            kv_itemsize=runtime.kv_itemsize,
            context_length=c.max_position_embeddings,
            weights=runtime.weights,
            device=str(runtime.device),
            kernels=runtime.kernels,
            parameters=sum(math.prod(tensor.shape) for tensor in model.side.tensors.values()),
        )

    def stream(self, request: ChatRequest, session: str | None = None) -> Iterator[Event]:
        """See `sigma.events.Engine.stream`."""
        self._check(request)
        kept = self._take(session)
        runs: list[_Run] = []
        try:
            for side in request.messages:
                runs.append(_Run(side, self.models[side], request, kept.pop(side, None)))
            for side_kept in kept.values():
                side_kept.cache.free()
            kept.clear()
        except BaseException:
            self._free(runs, kept)
            raise
        return self._events(runs, session)

    def _events(self, runs: list[_Run], session: str | None) -> Iterator[Event]:
        done = False
        try:
            for run in runs:
                yield run.opening()
            while live := [run for run in runs if not run.finished]:
                yield self._device.submit(min(live, key=lambda run: run.spent).advance).result()
            done = True
        finally:
            if session is not None:
                self._note(session, runs)
            if done and session is not None:
                self._keep(session, {run.name: run.keep() for run in runs})
            else:
                self._free(runs, {})

    def release(self, session: str) -> None:
        """Free whatever a session keeps. Unknown sessions are ignored."""
        self._past.pop(session, None)
        self._free([], self._take(session))

    def past_run(self, session: str) -> PastRun | None:
        """The session's newest turn that has ended, stopped ones too; None if there is none or it was released."""
        return self._past.get(session)

    def inspect(
        self,
        side: str,
        ids: Sequence[int],
        prompt_length: int,
        cancelled: threading.Event | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> Inspection:
        """What a side's attention did with a text; see `sigma.engine.inspection.recompute`. KeyError for an unknown side.

        Each chunk is one piece of the device's work, so that answers being written go on in between.
        """
        model = self.models[side]
        run = lambda work: self._device.submit(work).result()  # noqa: E731
        return recompute(model.runtime, ids, prompt_length, run, cancelled, progress)

    def piece(self, side: str, token_id: int) -> str:
        """One token of a side's vocabulary, printable."""
        return piece(self.models[side].side.tokenizer, token_id)

    def cached_bytes(self) -> int:
        """Bytes allocated for sessions between turns."""
        with self._lock:
            return sum(kept.cache.bytes().allocated for sides in self._sessions.values() for kept in sides.values())

    def close(self) -> None:
        """Free every session and stop the worker."""
        for session in list(self._sessions):
            self.release(session)
        self._device.shutdown(wait=True)

    def _check(self, request: ChatRequest) -> None:
        if not request.messages:
            raise PromptError("Choose at least one side.")
        for side in request.messages:
            if side not in self.models:
                raise PromptError(f"There is no side {side!r}; there are {', '.join(self.models)}.")
            config = self.models[side].side.config
            if request.probe_layer is not None and not 0 <= request.probe_layer < config.num_hidden_layers:
                raise PromptError(
                    f"Layer {request.probe_layer} does not exist: layers are 0 to {config.num_hidden_layers - 1}."
                )
            if request.selective_k is not None and not 1 <= request.selective_k <= config.max_position_embeddings:
                raise PromptError(
                    f"Selective V needs k from 1 to the context length {config.max_position_embeddings}, got {request.selective_k}."
                )
        if request.sampling.max_new_tokens < 1:
            raise PromptError(f"At least one new token has to be asked for, got {request.sampling.max_new_tokens}.")

    def _note(self, session: str, runs: list[_Run]) -> None:
        past = PastRun(runs[0].request, {run.name: RunTokens(tuple(run.ids), run.prompt_length) for run in runs})
        with self._lock:
            self._past.pop(session, None)
            self._past[session] = past
            while len(self._past) > KEPT_RUNS:
                self._past.popitem(last=False)

    def _take(self, session: str | None) -> dict[str, Kept]:
        """The session's caches, now the caller's own: a second stream of the same session starts afresh."""
        with self._lock:
            return self._sessions.pop(session, {}) if session is not None else {}

    def _keep(self, session: str, sides: dict[str, Kept]) -> None:
        with self._lock:
            old = self._sessions.pop(session, {})
            self._sessions[session] = sides
            dropped = [old]
            while len(self._sessions) > KEPT_SESSIONS:
                dropped.append(self._sessions.popitem(last=False)[1])
        for one in dropped:
            self._free([], one)

    @staticmethod
    def _free(runs: list[_Run], kept: dict[str, Kept]) -> None:
        for run in runs:
            run.cache.free()
        for one in kept.values():
            one.cache.free()


def load_engine(
    checkpoint: str | None = None,
    base: str | None = None,
    device: str = "auto",
    weights: str = "auto",
    progress: Callable[[str, float], None] | None = None,
) -> SigmaEngine:
    """Both sides loaded, their common tensors once, and a first step taken on each.

    Args:
        checkpoint: packed or full Sigma (folder or Hub id); None is the embedded default.
        base: the GQA model (folder, GGUF file or Hub id); None is the default base.
        device: "auto", "cpu" or "cuda"; weights: "auto", "int4", "bf16" or "fp32".
        progress: called with (what is being done, fraction).

    Raises CheckpointError with a message for the user.
    """
    say = progress or (lambda *_: None)
    device = chosen_device() if device == "auto" else device
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise CheckpointError("device 'cuda' was asked for, but torch finds no GPU; use --device cpu")
    pair = load_pair(checkpoint, base, progress)
    say("preparing the GQA side", 0.6)
    gqa = Runtime(pair.gqa.config, pair.gqa.tensors, device=device, weights=weights)
    say("preparing the Sigma side", 0.8)
    sigma = Runtime(pair.sigma.config, pair.sigma.tensors, device=device, weights=weights, share=gqa)
    say("checking both sides", 0.95)
    for name, runtime in (("Sigma", sigma), ("GQA", gqa)):
        cache = runtime.new_cache()
        ids = torch.arange(8, device=device)[None]
        logits = runtime.prefill(ids, cache)
        step, _ = runtime.decode(ids[:, :1], cache)
        if not (logits.isfinite().all() and step.isfinite().all()):
            raise CheckpointError(f"The {name} side computes values that are not finite: the checkpoint is damaged.")
        cache.free()
    say("ready", 1.0)
    return SigmaEngine({"sigma": Model(pair.sigma, sigma), "gqa": Model(pair.gqa, gqa)})
