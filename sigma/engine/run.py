"""One side of one request: prefill in chunks, then one token per step (`sigma.engine.batch` says when).

Nothing that a session keeps may change an answer. So of a kept cache only those rows are used that this prompt's own
prefill would compute bit for bit the same: where the path's rows do not depend on how a prompt is cut, the whole common
prefix; elsewhere its whole chunks.
"""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass

import torch

from kernels.selective.missing_mass import check_missing_mass, check_threshold
from sigma.checkpoints.load import Side
from sigma.checkpoints.tokenizer import StreamDecoder, piece
from sigma.engine.constrained import Constraint
from sigma.engine.options import MOST_LIKELIEST
from sigma.engine.prompts import prompt_ids, text_ids
from sigma.engine.sampling import Sampler
from sigma.engine.sessions import Kept, same_start
from sigma.events import (
    SIDE_NAMES,
    AttentionProbe,
    ChatRequest,
    Column,
    DamagedStep,
    Likelihood,
    PrefillEvent,
    PromptError,
    PromptEvent,
    StepEvent,
)
from sigma.model.cache import DiffKVCache
from sigma.runtime import Runtime, SequenceStep, Trace

PREFILL_CHUNK = 256

log = logging.getLogger(__name__)


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


def check_request(request: ChatRequest, models: dict[str, Model]) -> None:
    """Raises PromptError if the models cannot answer it."""
    if not request.messages:
        raise PromptError("Choose at least one side.")
    for name in request.messages:
        _check_column(request, request.column(name), models)
    if request.likeliest is not None and not 0 <= request.likeliest <= MOST_LIKELIEST:
        raise PromptError(
            f"Of 0 to {MOST_LIKELIEST} likeliest tokens the likelihood is told, not of {request.likeliest}."
        )


def _check_column(request: ChatRequest, column: Column, models: dict[str, Model]) -> None:
    if column.model not in models:
        raise PromptError(f"There is no side {column.model!r}; there are {', '.join(models)}.")
    config = models[column.model].side.config
    if request.probe_layer is not None and not 0 <= request.probe_layer < config.num_hidden_layers:
        raise PromptError(
            f"Layer {request.probe_layer} does not exist: layers are 0 to {config.num_hidden_layers - 1}."
        )
    if column.selective_k is not None:
        if column.model != "sigma":
            raise PromptError(f"Selective V is Sigma's; the {SIDE_NAMES[column.model]} side reads every V row.")
        if not 1 <= column.selective_k <= config.max_position_embeddings:
            raise PromptError(
                f"Selective V needs k from 1 to the context length {config.max_position_embeddings}, got {column.selective_k}."
            )
    try:
        if column.selective_missing_mass is not None:
            check_missing_mass("The missing mass", column.selective_missing_mass)
        if column.selective_threshold is not None:
            check_threshold("The threshold of selective V", column.selective_threshold)
    except ValueError as error:
        raise PromptError(f"{error}.") from None
    if column.sampling.max_new_tokens < 1:
        raise PromptError(f"At least one new token has to be asked for, got {column.sampling.max_new_tokens}.")


def _likelihood(logits: torch.Tensor, token: int, count: int) -> Likelihood:
    """Logarithms of the softmax of logits [1, vocabulary]: of the token taken and of the `count` likeliest."""
    logs = logits[0].float().log_softmax(-1)
    values, ids = logs.topk(count)
    return Likelihood(float(logs[token]), tuple(zip(ids.tolist(), values.tolist())))


class Run:
    """One side (or column) of one request: `read` until the prompt is read, then one token per `take`."""

    def __init__(self, name: str, model: Model, request: ChatRequest, kept: Kept | None):
        self.name, self.model, self.request, self.column = name, model, request, request.column(name)
        self.sampling = self.column.sampling
        self.sampler = Sampler(self.sampling, model.runtime.device)
        read = text_ids if request.plain else prompt_ids
        self.ids = read(model.side.tokenizer, request.messages[name], model.side.config.max_position_embeddings)
        self.prompt_length = len(self.ids)
        self.constraint: Constraint | None = None
        if request.grammar is not None:
            config = model.side.config
            self.constraint = Constraint(model.side.tokenizer, request.grammar, config.vocab_size, model.stop_ids)
        self.cache, self.reused = self._cache(kept)
        self.text = ""
        self.decoder = StreamDecoder(model.side.tokenizer)
        self.logits: torch.Tensor | None = None
        self.spent = 0.0
        self.step = 0
        self.finished = False

    def _cache(self, kept: Kept | None) -> tuple[DiffKVCache, int]:
        """The kept cache cropped to the common prefix, or a new one. At least one token is always prefilled."""
        if kept is not None and kept.maker is not self.model:
            kept.cache.free()
            kept = None
        if kept is None:
            return self.model.runtime.new_cache(), 0
        common = same_start(kept.ids, self.ids)
        if not self.model.runtime.cuts_freely:
            common = min(common, self.prompt_length - 1) // PREFILL_CHUNK * PREFILL_CHUNK
            return kept.cache.as_filled(common, PREFILL_CHUNK), common
        if len(kept.ids) > 1:
            common = max(0, min(common, self.prompt_length - 2))
        else:  # a prompt of one token was computed as a decode step
            common = 0
        kept.cache.keep_first(common)
        return kept.cache, common

    @property
    def reading(self) -> bool:
        """Whether tokens of the prompt are still to be read."""
        return self.cache.length < self.prompt_length

    def _chunk(self, most: int | None) -> tuple[int, int]:
        """The next piece of the prompt. Where the cut is free it may be a small one, and none is a single token, which
        would be computed apart."""
        free, start = self.model.runtime.cuts_freely, self.cache.length
        size = min(most, PREFILL_CHUNK) if most is not None and free else PREFILL_CHUNK
        stop = min(start + size, self.prompt_length)
        return start, stop - (free and self.prompt_length - stop == 1)

    def opening(self) -> PromptEvent:
        tokenizer = self.model.side.tokenizer
        return PromptEvent(self.name, tuple(self.ids), tuple(piece(tokenizer, i) for i in self.ids), self.reused)

    def read(self, most: int | None = None) -> PrefillEvent:
        """Read the next piece of the prompt, of `most` tokens where that changes nothing; on the device's thread."""
        begun = time.perf_counter()
        start, stop = self._chunk(most)
        self.logits = self.model.runtime.prefill(torch.tensor([self.ids[start:stop]]), self.cache)
        took = (time.perf_counter() - begun) * 1e3  # a result was read back, so a GPU is done too
        self.spent += took
        return PrefillEvent(self.name, stop, self.prompt_length, took, self.cache.bytes())

    def ask(self) -> SequenceStep:
        """This run's part of a step: its newest token, read in its own way."""
        own = self.column
        trace = Trace(self.request.probe_layer, own.selective_missing_mass, own.selective_threshold)
        return SequenceStep(self.ids[-1], self.cache, own.selective_k, trace)

    def take(self, probe: AttentionProbe | None, step_ms: float, share_ms: float) -> StepEvent:
        """Draw a token from `logits`, which the prompt or a step has just given; on the device's thread.

        step_ms: what that step took, which the event tells; share_ms: the part of it that is charged to this side.
        """
        begun = time.perf_counter()
        self._check()
        logits = self.logits if self.constraint is None else self.constraint.apply(self.logits)
        token = self.sampler.next(self.ids, logits)
        likelihood = None if self.request.likeliest is None else _likelihood(self.logits, token, self.request.likeliest)
        if self.constraint is not None:
            self.constraint.took(token)
        self.ids.append(token)
        self.step += 1
        stopped = token in self.model.stop_ids
        text = self.decoder.flush() if stopped else self.decoder.push(token)
        reason = self._reason(stopped)
        if reason is not None and not stopped:
            text += self.decoder.flush()
        self.text += text
        self.finished = reason is not None
        shown = "" if stopped else piece(self.model.side.tokenizer, token)
        own = (time.perf_counter() - begun) * 1e3
        self.spent += share_ms + own
        return StepEvent(
            self.name,
            self.step - 1,
            token,
            text,
            shown,
            step_ms + own,
            self.cache.bytes(),
            probe,
            reason,
            likelihood,
        )

    def _check(self) -> None:
        """DamagedStep unless every logit is a finite number: NaN would be sampled as some token or other."""
        if math.isfinite(float(self.logits.sum())):  # one pass; a NaN or an infinity reaches the sum
            return
        log.error("%s: logits that are not finite at position %d", self.name, len(self.ids))
        raise DamagedStep(
            f"The {SIDE_NAMES.get(self.column.model, self.name)} side computed values that are not numbers at token "
            f"{len(self.ids) + 1:,}, so the answer ends here. Ask again; if it stays so, the checkpoint is damaged."
        )

    def _reason(self, stopped: bool) -> str | None:
        if stopped:
            return "stop"
        if self.step >= self.sampling.max_new_tokens:
            return "length"
        return "context" if len(self.ids) >= self.model.side.config.max_position_embeddings else None

    def keep(self) -> Kept:
        """The rows of the prompt, for the session's next turn."""
        self.cache.keep_first(self.prompt_length)
        return Kept(self.cache, self.ids[: self.prompt_length], self.model)
