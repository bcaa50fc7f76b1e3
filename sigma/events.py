"""What the engine tells its callers: plain frozen dataclasses of numbers, strings and NumPy arrays.

The page, the command line, the API and the evaluation all read these and nothing else, so none of them
needs to know tensors. No torch here. It is over 300 lines because the contract is read as a whole.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np

T = TypeVar("T")

SIDES = ("sigma", "gqa")
SOURCE_FIRST = SIDES[::-1]
"""The order of a table of measurements: the source, then what was made of it."""
SIDE_NAMES = {"sigma": "Sigma", "gqa": "GQA"}
"""What the sides are called where no model is loaded that has a name of its own (`SideInfo.name`)."""


class PromptError(ValueError):
    """A request that cannot be answered (empty, too long, wrong option); the message is for the visitor."""


class OverLimit(PromptError):
    """A request beyond what this server gives; the message says what to do. `limit`: its name in `sigma.limits`.

    `seconds`: after which to ask again where that helps, as far as it is known.
    """

    def __init__(self, message: str, limit: str = "", seconds: int = 60):
        super().__init__(message)
        self.limit, self.seconds = limit, seconds


class DamagedStep(PromptError):
    """A model's step gave values that are no numbers: its answer ends there. The message is for the visitor."""


class GpuLost(PromptError):
    """A GPU that was lent for an answer was taken back before it was done. The message is for the visitor."""

    def __init__(
        self,
        message: str = "The GPU, which is lent for each answer, was taken back before this one was done. Try again.",
    ):
        super().__init__(message)


class Interrupted(PromptError):
    """A request that was right could not be answered to its end; what happened and what to do is for the visitor."""


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
    """First event of a side, or of a column (`ChatRequest.columns`): the tokens of the prompt. `reused` of them were still in this session's cache."""

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
class Likelihood:
    """What the model itself gave the token that was taken: natural logarithms of the softmax over the whole vocabulary.

    Before temperature, penalties, filters and a grammar. `likeliest`: (token id, logarithm), likeliest first.
    """

    taken: float
    likeliest: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Lookup:
    """Prompt lookup in an answer so far: decode steps, tokens drafted, and those of them that stayed.

    `steps` steps have made `steps + accepted` tokens. `off`: why nothing is guessed now, "sampled" (the tokens are drawn) or
    "few right" (wrong guesses have cost what they may); "" while guesses are made.
    """

    steps: int
    drafted: int
    accepted: int
    off: str


@dataclass(frozen=True, slots=True)
class StepEvent:
    """One generated token of one side.

    `step` counts from 0. `text` is what became printable (may be empty while a character is incomplete); the
    answer is the concatenation. `piece` is the token alone, printable, for a token strip. `compute_ms` is the
    device time of this step (step 0: sampling only, its forward pass is the prefill's); a step that other answers share
    counts whole, as each of them waited for it.
    `finish_reason`: None, "stop" (end token), "length" (max_new_tokens) or "context" (context is full).
    `likelihood`: where the request asked for it. `lookup`: likewise; the tokens of one step come one after the other, the
    first with the step's time, and their `cache` and `probe` are those of a step of their own. `token_id` is -1 in an event that only flushes text or ends the stream.
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
    likelihood: Likelihood | None = None
    lookup: Lookup | None = None


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
class Column:
    """Who answers under one name of a request's messages, and how: `model` is a side, the rest as in `ChatRequest`.

    Selective V is Sigma's: a column of another model has no `selective_k`.
    """

    model: str
    sampling: Sampling = field(default_factory=Sampling)
    selective_k: int | None = None
    selective_missing_mass: str | None = None
    selective_threshold: float | None = None
    tuned: bool = False


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One turn for one or both sides, or for columns that are each a side with settings of its own.

    `messages`: {"role": "system" | "user" | "assistant", "content": str} for each side (the two sides' earlier
    answers differ, so each side has its own history). `columns`: a name of `messages` that is no side, or has other
    settings than the request's, and who answers there: one model may so be asked twice; events, caches and past runs then
    go by these names. `selective_k`: V rows fetched per query head on the Sigma
    side; None fetches all. `selective_missing_mass`: what becomes of the weight of the rows that are not fetched, a word
    of `kernels.selective.missing_mass`; `selective_threshold`: rows that weigh less are not fetched; None for either is
    what the model is configured for. `probe_layer`: whose attention to return with each step; None for none. `grammar`: Lark text
    that the answers are held to (`sigma.engine.constrained`); None for free ones. `tuned`: whether both sides answer with
    the base's tuned minima (`SideInfo.tuned`). `plain`: the texts of
    the messages are continued as they are, without the model's chat template. `likeliest`: of each step the likelihood of
    the token taken and of this many likeliest ones; None for none. `lookup`: tokens are guessed from what stands in the
    prompt and the answer, and several checked in one step (`sigma.engine.lookup`); the answer is the same. `common`: the
    beginning of the first messages where that is a text which anybody may know (`sigma.engine.common`); "" for none.
    """

    messages: dict[str, list[dict[str, str]]]
    sampling: Sampling = field(default_factory=Sampling)
    selective_k: int | None = None
    probe_layer: int | None = None
    grammar: str | None = None
    tuned: bool = False
    plain: bool = False
    likeliest: int | None = None
    selective_missing_mass: str | None = None
    selective_threshold: float | None = None
    columns: dict[str, Column] = field(default_factory=dict)
    lookup: bool = False
    common: str = ""

    def column(self, name: str) -> Column:
        """Who answers under a name of `messages`: as `columns` has it, else the side of that name with the request's settings."""
        if name in self.columns:
            return self.columns[name]
        selective_k = self.selective_k if name == "sigma" else None
        how = selective_k, self.selective_missing_mass, self.selective_threshold
        return Column(name, self.sampling, *how, self.tuned)


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
    """What a side is: its name and the numbers that the cache formula needs. `tuned` names its tuned form; "" if it has none.

    `warning`: what the check of its kernels at the start found, and what is done about it; "" if all is well. `near`: the
    device of everything but answers (`aside`, `inspect`, `together`), where theirs is lent to them alone; "" for the same.
    `note`: what is to be known before its answers are read; "" for nothing. `key_heads` and `augmented_query_dim` are those
    of most layers; `layer_key_heads`: of each layer, where they differ, else ().
    """

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
    tuned: str = ""
    warning: str = ""
    near: str = ""
    note: str = ""
    layer_key_heads: tuple[int, ...] = ()

    def key_heads_of(self, layer: int) -> int:
        """K heads of one layer."""
        return self.layer_key_heads[layer] if self.layer_key_heads else self.key_heads

    @property
    def kv_bytes_per_token(self) -> int:
        """K and V that one token adds, all layers (arXiv 2501.13629, Eq. 1)."""
        keys = sum(self.layer_key_heads) or self.layers * self.key_heads
        return (keys * self.key_head_dim + self.layers * self.value_heads * self.value_head_dim) * self.kv_itemsize


@dataclass(frozen=True, slots=True)
class AnswersTogether:
    """What `answers` of one side get when they step together, and what one step of them all costs.

    `selective_k`: V rows fetched per query head, None reads all. `tok_s`: of all together; `step_ms`: a step's median.
    `weight_bytes`, `kv_read_bytes`: what a step reads; `kv_resident_bytes`: their caches. Bytes are computed from the
    tensors' sizes and the cache's formula.
    """

    side: str
    selective_k: int | None
    answers: int
    tok_s: float
    step_ms: float
    weight_bytes: int
    kv_resident_bytes: int
    kv_read_bytes: int


@dataclass(frozen=True, slots=True)
class EngineFigures:
    """What an engine does and holds at this moment, for whoever runs it; nothing of anybody's text.

    `working`: False once its device takes no more work. `answering`: requests being answered. `batch`: answers that the
    newest decode step served; `steps`, `stepped`: decode steps so far, and the tokens they made. Bytes of K and V:
    `answer_bytes` given to answers being written, to their ends, and to `together`; `kept_bytes` allocated for sessions between turns;
    `limit_bytes` the most of both together, None where there is no limit.
    """

    working: bool
    answering: int
    batch: int
    steps: int
    stepped: int
    answer_bytes: int
    kept_bytes: int
    limit_bytes: int | None


class Cancelled(Exception):
    """Whoever asked has left before the work was done."""


@dataclass(frozen=True, slots=True)
class NextTokens:
    """What the model expected after one position: its likeliest tokens, and the token that came.

    `ids` and `probabilities` float32 [len(ids)], likeliest first; `taken`: probability of the token that follows in the
    text (nan after the last one); `entropy` of the whole distribution in bits.
    """

    ids: tuple[int, ...]
    probabilities: np.ndarray
    taken: float
    entropy: float


class Inspection(Protocol):
    """What one side's attention did with a text of `tokens` tokens; NumPy only.

    `first_query`: queries before it were not kept.
    """

    tokens: int
    layers: int
    query_heads: int
    value_heads: int
    first_query: int

    def weights(self, layer: int, start: int, stop: int) -> np.ndarray:
        """Softmax weights of the queries start .. stop - 1 over the positions 0 .. stop - 1.

        float32 [n_q, stop - start, stop]; 0 where a query cannot look. ValueError for queries that are not there.
        """

    def attend(self, layer: int, start: int, stop: int, head: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """`weights`, and the log-sum-exp of each query's scores, float32 [n_q, stop - start]; of one head: n_q is 1.

        A score is the scaled product of query and key before the softmax, so it is ln(weight) + log-sum-exp. nan for
        a text of a single token, whose query was not kept.
        """

    def squares(
        self, layer: int, queries: tuple[int, int], keys: tuple[int, int], width: int, head: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The largest weight of each square of `width` queries and keys, and the log-sum-exp as from `attend`.

        queries, keys: [start, stop) of a window. float32 [n_q, ceil(queries / width), ceil(keys / width)]; 0 where no query
        of the square can look. Without the weights between, so a text of thousands of tokens takes a fraction of `attend`'s
        time. ValueError as `weights`.
        """

    def output_errors(self, layer: int, query: int, ks: Sequence[int], missing_mass: str | None = None) -> np.ndarray:
        """|o_k - o| / |o| of every head with the V rows of its k best scores and of the current token.

        float32 [n_q, len(ks)]; o is full attention, o_k selective V as the model's configuration has it, or with the
        missing mass as one of `kernels.selective.missing_mass`. Ties go to the lowest index. ValueError for a query that
        is not there, a k below 1 or another word.
        """

    def next_tokens(self, position: int) -> NextTokens | None:
        """What the model expected after `position`; None for positions before the end of the prompt."""


class HeldInspection(Inspection, Protocol):
    """An inspection that holds memory until it is freed."""

    @property
    def nbytes(self) -> int:
        """Bytes held."""

    def free(self) -> None:
        """Drop what is held; the answers that were given stay valid."""


class Engine(Protocol):
    """The one decode loop, as its callers see it: everything they may call."""

    def info(self, side: str) -> SideInfo:
        """The side's description; raises KeyError for an unknown side."""

    def stream(self, request: ChatRequest, session: str | None = None) -> Generator[Event, None, None]:
        """Run the sides in `request.messages` together, each getting equal device time, beside all other requests.

        Raises PromptError before the first event if the request cannot be run; from any later one DamagedStep once a
        side computes values that are not finite, and OverLimit when it takes too long; the caches are then freed. Per side: one PromptEvent, then
        PrefillEvents, then StepEvents, the last with a `finish_reason`. With a `session` the KV cache of a finished
        turn's prompt is kept, and the session's next turn reuses those rows of it that it would compute bit for bit
        the same: greedy answers do not depend on what was asked before. Of the answer those rows may be computed while
        nothing else is asked. Closing the generator (Stop, or a tab closed) frees the caches at once.
        """

    def release(self, session: str) -> None:
        """Free whatever a session keeps. Unknown sessions are ignored."""

    def past_run(self, session: str) -> PastRun | None:
        """The session's newest turn that has ended, stopped ones too; None if there is none or it was released."""

    def inspect(
        self,
        side: str,
        ids: Sequence[int],
        prompt_length: int,
        cancelled: threading.Event | None = None,
        progress: Callable[[float], None] | None = None,
        tuned: bool = False,
    ) -> HeldInspection:
        """What a side's attention did with a text; the caller frees it. KeyError for an unknown side.

        prompt_length: from its last token on, next-token distributions are kept. progress: called with the part done.
        tuned: by the side with the base's tuned minima; KeyError where there are none.
        Raises Cancelled once `cancelled` is set, and PromptError for a text that cannot be read.
        """

    def aside(self, work: Callable[[], T]) -> T:
        """Do a short piece of work on the device while nothing else works there; returns what it returns.

        Answers that are being written go on before and after it. Raises what the work raises.
        """

    def together(
        self, context: int, answers: Sequence[int], selective_k: int | None = None, rounds: int = 5
    ) -> Generator[float, None, list[AnswersTogether]]:
        """Time steps of so many answers over `context` cached tokens each, both sides in turn; yields the part done.

        With `selective_k` Sigma is timed with selective V, too. `rounds`: steps of each, of which the median counts. Answers
        that are being written go on between the steps; closing the generator frees the caches. PromptError for what cannot
        be asked, or has no room among the answers' K and V.
        """

    def piece(self, side: str, token_id: int) -> str:
        """One token of a side's vocabulary, printable."""

    def text(self, side: str, ids: Sequence[int]) -> str:
        """What a side's tokens say together: characters whole, control tokens left out."""

    def figures(self) -> EngineFigures:
        """What it does and holds now. Safe from any thread, at once: it waits for no work of the device."""

    def close(self) -> None:
        """Free everything and stop; the engine is not used again."""
