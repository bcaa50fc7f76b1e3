"""What the engine tells its callers: plain frozen dataclasses of numbers, strings and NumPy arrays.

The page, the command line, the API and the evaluation all read these and nothing else, so none of them
needs to know tensors. No torch here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

SIDES = ("sigma", "gqa")
SOURCE_FIRST = SIDES[::-1]
"""The order of a table of measurements: the source, then what was made of it."""
SIDE_NAMES = {"sigma": "Sigma", "gqa": "GQA"}
"""What the sides are called where no model is loaded that has a name of its own (`SideInfo.name`)."""


class PromptError(ValueError):
    """A request that cannot be answered (empty, too long, wrong option); the message is for the visitor."""


@dataclass(frozen=True, slots=True)
class CacheBytes:
    """KV-cache bytes of one side, taken from the tensors themselves (all layers, one sequence).

    `k_resident`, `v_resident`: rows held now. `k_read`, `v_read`: bytes the last step requested; with selective V
    `v_read` counts every requested row, `n_q * (min(k, t - 1) + 1) * d_v * itemsize` per layer, and `v_distinct`
    the distinct rows among them. `allocated`: the preallocated buffers, which grow in chunks.
    """

    tokens: int
    k_resident: int
    v_resident: int
    k_read: int
    v_read: int
    v_distinct: int
    allocated: int


@dataclass(frozen=True, slots=True)
class AttentionProbe:
    """One layer's attention of the newest token.

    `scores`: float32 [n_q, T], softmax over all T positions (the newest is T - 1), before any selection.
    `positions`: int32 [n_q, k + 1], the V rows fetched per query head, ascending; None when all rows were read.
    `captured`: float32 [n_q], the part of the softmax mass on the fetched rows (1 when all were read).
    """

    layer: int
    scores: np.ndarray
    positions: np.ndarray | None
    captured: np.ndarray


@dataclass(frozen=True, slots=True)
class PromptEvent:
    """First event of a side: the tokens of the prompt. `reused` of them were still in this session's cache."""

    side: str
    token_ids: tuple[int, ...]
    pieces: tuple[str, ...]
    reused: int


@dataclass(frozen=True, slots=True)
class PrefillEvent:
    """A prefill chunk is done: `done` of `total` prompt tokens are in the cache."""

    side: str
    done: int
    total: int
    compute_ms: float
    cache: CacheBytes


@dataclass(frozen=True, slots=True)
class StepEvent:
    """One generated token of one side.

    `step` counts from 0. `text` is what became printable (may be empty while a character is incomplete); the
    answer is the concatenation. `piece` is the token alone, printable, for a token strip. `compute_ms` is this
    side's own device time for this step (step 0: sampling only, its forward pass is the prefill's).
    `finish_reason`: None, "stop" (end token), "length" (max_new_tokens) or "context" (context is full).
    `token_id` is -1 in an event that only flushes text or ends the stream.
    """

    side: str
    step: int
    token_id: int
    text: str
    piece: str
    compute_ms: float
    cache: CacheBytes
    probe: AttentionProbe | None = None
    finish_reason: str | None = None


Event = PromptEvent | PrefillEvent | StepEvent


@dataclass(frozen=True, slots=True)
class Sampling:
    """Sampling options; `temperature` 0 is greedy. Applied as transformers does (`sigma.engine.sampling`)."""

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    repetition_penalty: float = 1.0
    seed: int | None = None
    max_new_tokens: int = 256


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One turn for one or both sides.

    `messages`: {"role": "system" | "user" | "assistant", "content": str} for each side (the two sides' earlier
    answers differ, so each side has its own history). `selective_k`: V rows fetched per query head on the Sigma
    side; None fetches all. `probe_layer`: whose attention to return with each step; None for none.
    """

    messages: dict[str, list[dict[str, str]]]
    sampling: Sampling = field(default_factory=Sampling)
    selective_k: int | None = None
    probe_layer: int | None = None


@dataclass(frozen=True, slots=True)
class RunTokens:
    """What one side read and wrote: `ids`, of which the first `prompt_length` are the prompt."""

    ids: tuple[int, ...]
    prompt_length: int


@dataclass(frozen=True, slots=True)
class PastRun:
    """A turn that has ended, by itself or by Stop: what was asked, and the tokens of each side."""

    request: ChatRequest
    sides: dict[str, RunTokens]


@dataclass(frozen=True, slots=True)
class SideInfo:
    """What a side is: its name and the numbers that the cache formula needs."""

    side: str
    name: str
    layers: int
    query_heads: int
    key_heads: int
    value_heads: int
    key_head_dim: int
    value_head_dim: int
    augmented_query_dim: int | None
    kv_itemsize: int
    context_length: int
    parameters: int
    weights: str
    device: str
    kernels: str


class Engine(Protocol):
    """The one decode loop, as its callers see it."""

    def info(self, side: str) -> SideInfo:
        """The side's description; raises KeyError for an unknown side."""

    def stream(self, request: ChatRequest, session: str | None = None) -> Iterator[Event]:
        """Run the sides in `request.messages` together, each getting equal device time.

        Raises PromptError before the first event if the request cannot be run. Per side: one PromptEvent, then
        PrefillEvents, then StepEvents, the last with a `finish_reason`. With a `session` the KV cache of a finished
        turn is kept and its common prefix reused by the session's next turn. Closing the generator (Stop, or a tab
        closed) frees the caches at once.
        """

    def release(self, session: str) -> None:
        """Free whatever a session keeps. Unknown sessions are ignored."""
