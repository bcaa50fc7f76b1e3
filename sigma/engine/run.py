"""One side of one request: prefill in chunks, then a token per step, or several (`sigma.engine.batch` says when).

Nothing that a session keeps may change an answer. So of a kept cache only those rows are used that this prompt's own
prefill would compute bit for bit the same: where the path's rows do not depend on how a prompt is cut, the whole common
prefix; elsewhere its whole chunks.
"""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch

from sigma.checkpoints.load import Side
from sigma.checkpoints.tokenizer import StreamDecoder, piece
from sigma.engine.constrained import Constraint
from sigma.engine.lookup import SAMPLED, Guesses, Pace
from sigma.engine.prompts import prompt_ids, text_ids
from sigma.engine.sampling import Sampler, likelihood_of
from sigma.engine.sessions import Kept, same_start
from sigma.events import (
    SIDE_NAMES,
    AttentionProbe,
    CacheBytes,
    ChatRequest,
    DamagedStep,
    PrefillEvent,
    PromptEvent,
    StepEvent,
)
from sigma.limits.current import limits
from sigma.model.cache import DiffKVCache
from sigma.runtime import Runtime, SequenceStep, Trace

PREFILL_CHUNK = 256

Found = tuple[torch.Tensor, AttentionProbe | None]
"""What a step finds for a token: the logits behind it, and its probe (`Runtime.decode_many`)."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Model:
    """One side, ready to run. pace: what its steps of several tokens have taken so far."""

    side: Side
    runtime: Runtime
    pace: Pace = field(init=False)

    def __post_init__(self):
        self.pace = Pace(self.runtime.device.type)

    @property
    def stop_ids(self) -> set[int]:
        configured = self.side.config.eos_token_id
        configured = configured if isinstance(configured, (list, tuple)) else [configured]
        return {i for i in (*configured, self.side.tokenizer.eos_token_id) if i is not None}

    @property
    def context_length(self) -> int:
        """Tokens of a chat with its answer: what the model can take, or less where the server's limit is lower."""
        own = self.side.config.max_position_embeddings
        return own if limits().context is None else min(own, limits().context)


def ids_of(model: Model, request: ChatRequest, name: str) -> list[int]:
    """The prompt's tokens under a name of the request's messages; PromptError if the model cannot read them."""
    read = text_ids if request.plain else prompt_ids
    return read(model.side.tokenizer, request.messages[name], model.context_length)


class Run:
    """One side (or column) of one request: `read` until the prompt is read, then `take` after every step.

    kept: what the session has of its last turn; better: gives it back, or something that saves more (`sigma.engine.common`).
    ready: events of tokens that a step has given besides the one that was told first, to be told next.
    """

    def __init__(
        self, name: str, model: Model, request: ChatRequest, kept: Kept | None, better: Callable[..., Kept | None]
    ):
        self.name, self.model, self.request, self.column = name, model, request, request.column(name)
        self.sampling = self.column.sampling
        self.sampler = Sampler(self.sampling, model.runtime.device)
        self.ids = ids_of(model, request, name)
        self.prompt_length = len(self.ids)
        self.constraint: Constraint | None = None
        if request.grammar is not None:
            config = model.side.config
            self.constraint = Constraint(model.side.tokenizer, request.grammar, config.vocab_size, model.stop_ids)
        self.cache, self.reused = self._cache(better(model, request, self.ids, kept))
        self.text = ""
        self.decoder = StreamDecoder(model.side.tokenizer)
        self.logits: torch.Tensor | None = None
        self.spent = 0.0
        self.step = 0
        self.ended = False
        self.ready: deque[StepEvent] = deque()
        self.guesses: Guesses | None = None
        if request.lookup:
            self.guesses = Guesses(self.ids, model.pace, "" if self.sampler.greedy else SAMPLED)
        self.draft: list[int] = []
        self.settling = False  # the next step is of one token: two are as likely but for the margin

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

    @property
    def finished(self) -> bool:
        """Whether the last token has been told."""
        return self.ended and not self.ready

    @property
    def told(self) -> list[int]:
        """The prompt and the tokens that have been told."""
        return self.ids[: len(self.ids) - len(self.ready)]

    def ask(self, rows: int = 1) -> list[SequenceStep]:
        """This run's part of a step: its newest token, read in its own way, and at most `rows - 1` drafted ones."""
        own = self.column

        def step(token: int, drafted: bool = False) -> SequenceStep:
            trace = Trace(self.request.probe_layer, own.selective_missing_mass, own.selective_threshold)
            return SequenceStep(token, self.cache, own.selective_k, trace, drafted)

        self.draft = []
        if self.guesses is not None and not self.settling:
            self.draft = self.guesses.draft(min(rows - 1, self._room()))
        return [step(self.ids[-1]), *(step(token, True) for token in self.draft)]

    def _room(self) -> int:
        """Tokens that may be drafted: no more than are asked for, and none for which the buffers had to grow."""
        wanted = min(self.sampling.max_new_tokens - self.step, self._context - len(self.ids)) - 1
        return min(wanted, self.cache.layers[0].capacity - self.cache.length - 1)

    @property
    def _context(self) -> int:
        return self.model.context_length

    def begin(self) -> StepEvent:
        """Draw the first token, from the prompt's logits; on the device's thread."""
        begun = time.perf_counter()
        return self._event(self._draw(0.0), None, self.cache.bytes(), 0.0, begun)

    def take(
        self, steps: Sequence[SequenceStep], found: Sequence[Found], step_ms: float, share: float
    ) -> StepEvent | None:
        """Draw a token from the logits that a step has `found` for what this run asked, and one more behind each drafted
        token that was right; on the device's thread. Returns the first one's event, or None where it takes a step of its
        own to tell which token it is.

        step_ms: what that step took, which the event tells; share: the part of it that is charged to this side.
        """
        self.spent += step_ms * share
        before, events, ms = self.cache.length - len(steps), [], step_ms
        margin = self.model.runtime.draft_margin if self.draft else 0.0
        self.settling = False
        for i, (step, (logits, probe)) in enumerate(zip(steps, found)):
            begun = time.perf_counter()
            self.logits = logits
            try:
                token = self._draw(margin)
            except DamagedStep:
                if not events:
                    raise
                break  # what came before is told first; the next step finds the damage again
            if token is None:
                self.settling = True
                break
            if step.drafted:
                probe = self.model.runtime.taken(step)
            events.append(self._event(token, probe, self.cache.bytes(before + i + 1), ms, begun))
            ms = 0.0
            if self.ended or self.draft[i : i + 1] != [token]:
                break
        if self.draft:
            self.cache.keep_first(len(self.ids) - 1)
        if self.guesses is not None:
            self.guesses.note(len(self.draft), max(0, len(events) - 1), step_ms if share == 1 else None)
            events = [replace(event, lookup=self.guesses.told()) for event in events]
        self.ready.extend(events)
        return self.ready.popleft() if events else None

    def _draw(self, margin: float) -> int | None:
        """The next token after `ids` from `logits`; None where another one is as likely but for the margin."""
        self._check()
        logits = self.logits if self.constraint is None else self.constraint.apply(self.logits)
        return self.sampler.next(self.ids, logits, margin)

    def _event(
        self, token: int, probe: AttentionProbe | None, cache: CacheBytes, step_ms: float, begun: float
    ) -> StepEvent:
        """Write a token down. begun: when its drawing was; what it took is charged to this side and told."""
        count = self.request.likeliest
        likelihood = None if count is None else likelihood_of(self.logits, token, count)
        if self.constraint is not None:
            self.constraint.took(token)
        self.ids.append(token)
        if self.guesses is not None:
            self.guesses.add(token)
        self.step += 1
        stopped = token in self.model.stop_ids
        text = self.decoder.flush() if stopped else self.decoder.push(token)
        reason = self._reason(stopped)
        if reason is not None and not stopped:
            text += self.decoder.flush()
        self.text += text
        self.ended = reason is not None
        shown = "" if stopped else piece(self.model.side.tokenizer, token)
        own = (time.perf_counter() - begun) * 1e3
        self.spent += own
        return StepEvent(self.name, self.step - 1, token, text, shown, step_ms + own, cache, probe, reason, likelihood)

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
        return "context" if len(self.ids) >= self._context else None

    def keep(self) -> Kept:
        """The rows of the prompt, for the session's next turn."""
        self.cache.keep_first(self.prompt_length)
        return Kept(self.cache, self.ids[: self.prompt_length], self.model)
