"""A deterministic engine behind the `Engine` protocol: no weights, exact cache bytes, plausible attention.

It serves the page's tests and shows what the page may rely on: all of the protocol (tests/test_contract.py). It keeps a record of every generator it opened,
closed and released, so that a test can assert that a cache was freed. It is over 300 lines because it holds all of the protocol.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TypeVar

import numpy as np

from sigma.events import (
    SIDE_NAMES,
    AnswersTogether,
    AttentionProbe,
    CacheBytes,
    Cancelled,
    ChatRequest,
    Column,
    EngineFigures,
    Event,
    Likelihood,
    Lookup,
    NextTokens,
    PastRun,
    PrefillEvent,
    PromptError,
    PromptEvent,
    RunTokens,
    SideInfo,
    StepEvent,
)
from visualizers.explore.payloads import squares_of

T = TypeVar("T")

LAYERS, QUERY_HEADS, VALUE_HEADS, DIM, ITEM, CONTEXT = 30, 9, 3, 64, 2, 8192
KEY_HEADS = {"sigma": 1, "gqa": 3}
PREFILL_CHUNK = 64


def fake_info(side: str) -> SideInfo:
    """The default pair's shapes."""
    return SideInfo(
        side,
        f"{SIDE_NAMES[side]} 135M",
        LAYERS,
        QUERY_HEADS,
        KEY_HEADS[side],
        VALUE_HEADS,
        DIM,
        DIM,
        864 if side == "sigma" else None,
        ITEM,
        CONTEXT,
        179_000_000 if side == "sigma" else 135_000_000,
        "int4",
        "cpu",
        "reference",
    )


def cache_bytes(side: str, tokens: int, selective_k: int | None) -> CacheBytes:
    """The formula of the contract, L * T * (n_k * d_k + n_v * d_v) * itemsize, and what one step reads."""
    k = LAYERS * tokens * KEY_HEADS[side] * DIM * ITEM
    v = LAYERS * tokens * VALUE_HEADS * DIM * ITEM
    if side != "sigma" or selective_k is None:
        return CacheBytes(tokens, k, v, k, v, v, (k + v) * 2)
    requested = LAYERS * QUERY_HEADS * (min(selective_k, tokens - 1) + 1) * DIM * ITEM
    return CacheBytes(tokens, k, v, k, requested, min(requested, v), (k + v) * 2)


def score_logits(side: str, layer: int, tokens: int, seed: int) -> np.ndarray:
    """Scores of the newest of `tokens` tokens [n_q, tokens]: a sink, a recency slope per head, a few seeded peaks."""
    rng = np.random.default_rng([seed, layer, tokens, KEY_HEADS[side]])
    age = np.arange(tokens)[::-1].astype(np.float64)
    reach = 2.0 + 6.0 * np.arange(1, QUERY_HEADS + 1)[:, None]
    logits = -age / reach + rng.normal(0, 0.7, (QUERY_HEADS, tokens))
    peaks = np.random.default_rng([seed, layer]).integers(0, CONTEXT, 6) % max(tokens, 1)
    logits[:, peaks] += 2.0
    logits[:, 0] += 2.5
    return logits


def softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def attention(side: str, layer: int, tokens: int, selective_k: int | None, seed: int) -> AttentionProbe:
    """What a step is told of its newest token's attention."""
    scores = softmax(score_logits(side, layer, tokens, seed))
    if side != "sigma" or selective_k is None:
        return AttentionProbe(layer, scores, None, np.ones(QUERY_HEADS, np.float32))
    kept = min(selective_k, tokens - 1)
    chosen = np.argsort(-scores[:, :-1], axis=1)[:, :kept]
    newest = np.full((QUERY_HEADS, 1), tokens - 1)
    positions = np.sort(np.concatenate([chosen, newest], axis=1), axis=1).astype(np.int32)
    return AttentionProbe(layer, scores, positions, np.take_along_axis(scores, positions, axis=1).sum(axis=1))


class FakeInspection:
    """`sigma.events.HeldInspection` whose rows are the probes of the same text; errors are the mass that was not read."""

    layers, query_heads, value_heads, first_query = LAYERS, QUERY_HEADS, VALUE_HEADS, 0

    def __init__(self, side: str, ids: tuple[int, ...], prompt_length: int, seed: int):
        self.side, self.ids, self.prompt_length, self.seed = side, ids, prompt_length, seed
        self.tokens, self.key_heads = len(ids), KEY_HEADS[side]
        self.freed = False

    @property
    def nbytes(self) -> int:
        return 0 if self.freed else cache_bytes(self.side, self.tokens, None).allocated

    def free(self) -> None:
        self.freed = True

    def weights(self, layer: int, start: int, stop: int) -> np.ndarray:
        return self.attend(layer, start, stop)[0]

    def attend(self, layer: int, start: int, stop: int, head: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        if not 0 <= layer < LAYERS or not 0 <= start < stop <= self.tokens:
            raise ValueError(f"queries {start} to {stop - 1} of layer {layer} are not there")
        weights = np.zeros((QUERY_HEADS, stop - start, stop), np.float32)
        sums = np.zeros((QUERY_HEADS, stop - start), np.float32)
        for row, query in enumerate(range(start, stop)):
            logits = score_logits(self.side, layer, query + 1, self.seed)
            weights[:, row, : query + 1] = softmax(logits)
            sums[:, row] = np.log(np.exp(logits).sum(axis=1))
        own = slice(None) if head is None else slice(head, head + 1)
        return weights[own], sums[own]

    def squares(self, layer, queries, keys, width, head=None) -> tuple[np.ndarray, np.ndarray]:
        weights, sums = self.attend(layer, *queries, head)
        return squares_of(weights, keys, width), sums

    def output_errors(self, layer: int, query: int, ks: Sequence[int], missing_mass: str | None = None) -> np.ndarray:
        row = self.weights(layer, query, query + 1)[:, 0]
        earlier = np.cumsum(-np.sort(-row[:, :-1], axis=1), axis=1)
        read = [row[:, -1] + (earlier[:, min(k, query) - 1] if query else 0) for k in ks]
        share = {None: 1, "drop": 1, "renormalize": 0.5, "mean": 0.25}[missing_mass]
        return share * np.clip(1 - np.stack(read, axis=1), 0, 1).astype(np.float32)

    def next_tokens(self, position: int) -> NextTokens | None:
        if not self.prompt_length - 1 <= position < self.tokens:
            return None
        follows = self.ids[position + 1] if position + 1 < self.tokens else None
        ids = tuple([] if follows is None else [follows]) + tuple(i for i in range(6) if i != follows)
        likeliest = np.float32([0.5, 0.2, 0.1, 0.05, 0.02])
        return NextTokens(ids[:5], likeliest, float("nan") if follows is None else 0.5, 2.0)


def split_pieces(text: str) -> list[str]:
    """Words with their leading space: the fake tokenizer."""
    words = text.split(" ")
    return [word if i == 0 else " " + word for i, word in enumerate(words)]


class FakeEngine:
    """`delay`: seconds per decode step; `prefill_delay`: seconds per prefill chunk; `words`: length of an answer."""

    def __init__(self, delay: float = 0.0, prefill_delay: float = 0.0, words: int = 40):
        self.delay, self.prefill_delay, self.words = delay, prefill_delay, words
        self.opened: list[int] = []
        self.closed: list[int] = []
        self.completed: list[int] = []
        self.released: list[str] = []
        self.requests: list[ChatRequest] = []
        self.sessions: list[str | None] = []
        self.fail_next: Exception | None = None
        self.steps, self.stopped = 0, False
        self._numbers = itertools.count()
        self._device = threading.Lock()
        self._vocabulary: list[str] = []
        self._past: dict[str, PastRun] = {}

    def info(self, side: str) -> SideInfo:
        return fake_info(side)

    def release(self, session: str) -> None:
        self.released.append(session)
        self._past.pop(session, None)

    def past_run(self, session: str) -> PastRun | None:
        return self._past.get(session)

    def piece(self, side: str, token_id: int) -> str:
        return self._vocabulary[token_id]

    def text(self, side: str, ids: Sequence[int]) -> str:
        return "".join(self._vocabulary[i] for i in ids)

    def figures(self) -> EngineFigures:
        held = len(self.open_now())
        answers = held * cache_bytes("sigma", CONTEXT, None).allocated
        return EngineFigures(not self.stopped, held, min(held, 1), self.steps, self.steps, answers, 0, None)

    def close(self) -> None:
        self.stopped = True
        self._past.clear()

    def inspect(
        self,
        side: str,
        ids: Sequence[int],
        prompt_length: int,
        cancelled: threading.Event | None = None,
        progress: Callable[[float], None] | None = None,
        tuned: bool = False,
    ) -> FakeInspection:
        if not ids:
            raise PromptError("There is nothing to look at: the run has no tokens.")
        for done in range(PREFILL_CHUNK, len(ids) + PREFILL_CHUNK, PREFILL_CHUNK):
            if cancelled is not None and cancelled.is_set():
                raise Cancelled
            self._work(self.prefill_delay)
            if progress is not None:
                progress(min(done, len(ids)) / len(ids))
        seed = self._seed([self._vocabulary[i] for i in ids[:prompt_length]])
        return FakeInspection(side, tuple(ids), prompt_length, seed)

    def aside(self, work: Callable[[], T]) -> T:
        with self._device:
            return work()

    def together(
        self, context: int, answers: Sequence[int], selective_k: int | None = None, rounds: int = 5
    ) -> Generator[float, None, list[AnswersTogether]]:
        if not 2 <= context < CONTEXT:
            raise PromptError(f"The context must be from 2 to {CONTEXT - 1:,} tokens, not {context:,}.")
        lines = [("gqa", None), ("sigma", None), *([("sigma", selective_k)] if selective_k else [])]
        return self._together(lines, context, answers, rounds)

    def _together(
        self, lines: list[tuple[str, int | None]], context: int, answers: Sequence[int], rounds: int
    ) -> Generator[float, None, list[AnswersTogether]]:
        """A step takes what it reads at 10 GB/s."""
        number = next(self._numbers)
        self.opened.append(number)
        try:
            for done in range(rounds):
                self._work(self.delay)
                yield (done + 1) / rounds
            rows = []
            for n in answers:
                for side, k in lines:
                    cache = cache_bytes(side, context + 1, k)
                    weights = 126_000_000 if side == "sigma" else 97_000_000
                    read = n * (cache.k_read + cache.v_read)
                    ms = (weights + read) / 1e7
                    held = n * (cache.k_resident + cache.v_resident)
                    rows.append(AnswersTogether(side, k, n, 1e3 * n / ms, ms, weights, held, read))
            return rows
        finally:
            self.closed.append(number)

    def _id(self, piece: str) -> int:
        """A number for every different piece, in the order they appear."""
        if piece not in self._vocabulary:
            self._vocabulary.append(piece)
        return self._vocabulary.index(piece)

    @staticmethod
    def _seed(pieces: list[str]) -> int:
        return zlib.crc32(" ".join(pieces).encode())

    def open_now(self) -> set[int]:
        """Numbers of the streams whose cache is still held."""
        return set(self.opened) - set(self.closed)

    def stream(self, request: ChatRequest, session: str | None = None) -> Generator[Event, None, None]:
        error, self.fail_next = self.fail_next, None
        if error is not None:
            raise error
        for name in request.messages:
            self._check(request.column(name))
        pieces = {name: self._prompt_pieces(messages, request.plain) for name, messages in request.messages.items()}
        longest = max(len(p) for p in pieces.values())
        if longest >= CONTEXT:
            raise PromptError(f"The prompt has {longest:,} tokens; this model's context holds {CONTEXT:,}.")
        return self._stream(request, session, pieces)

    @staticmethod
    def _check(column: Column) -> None:
        if column.model not in KEY_HEADS:
            raise PromptError(f"There is no side {column.model!r}; there are {', '.join(KEY_HEADS)}.")
        if column.model != "sigma" and column.selective_k is not None:
            raise PromptError(f"Selective V is Sigma's; the {SIDE_NAMES[column.model]} side reads every V row.")

    def _stream(
        self, request: ChatRequest, session: str | None, pieces: dict[str, list[str]]
    ) -> Generator[Event, None, None]:
        number = next(self._numbers)
        self.opened.append(number)
        self.requests.append(request)
        self.sessions.append(session)
        ids = {side: [self._id(piece) for piece in prompt] for side, prompt in pieces.items()}
        try:
            yield from self._prefill(request, pieces, ids)
            for event in self._decode(request, pieces):
                ids[event.side].append(event.token_id)
                yield event
            self.completed.append(number)
        finally:
            self.closed.append(number)
            if session is not None:
                tokens = {side: RunTokens(tuple(own), len(pieces[side])) for side, own in ids.items()}
                self._past[session] = PastRun(request, tokens)

    def _prefill(
        self, request: ChatRequest, pieces: dict[str, list[str]], ids: dict[str, list[int]]
    ) -> Iterator[Event]:
        for name, prompt in pieces.items():
            yield PromptEvent(name, tuple(ids[name]), tuple(prompt), 0)
        for name, prompt in pieces.items():
            side = request.column(name).model
            for done in range(PREFILL_CHUNK, len(prompt) + PREFILL_CHUNK, PREFILL_CHUNK):
                self._work(self.prefill_delay)
                done = min(done, len(prompt))
                yield PrefillEvent(name, done, len(prompt), 2.0, cache_bytes(side, done, None))

    def _decode(self, request: ChatRequest, pieces: dict[str, list[str]]) -> Iterator[StepEvent]:
        asked = {name: request.column(name) for name in request.messages}
        answers = {name: self._answer(asked[name].model, messages) for name, messages in request.messages.items()}
        for step in range(max(map(len, answers.values()))):
            for name, words in answers.items():
                column = asked[name]
                side, budget = column.model, column.sampling.max_new_tokens
                if step >= min(len(words), budget):
                    continue
                self._work(self.delay)
                self.steps += 1
                tokens = len(pieces[name]) + step
                probe = None
                if request.probe_layer is not None:
                    probe = attention(side, request.probe_layer, tokens, column.selective_k, self._seed(pieces[name]))
                finish = "stop" if step == len(words) - 1 else "length" if step == budget - 1 else None
                text = words[step] if step == 0 else " " + words[step]
                yield StepEvent(
                    name,
                    step,
                    self._id(text),
                    text,
                    text,
                    0.5 if step == 0 else 20.0,
                    cache_bytes(side, tokens, column.selective_k),
                    probe,
                    finish,
                    None if request.likeliest is None else self._likelihood(text, request.likeliest),
                    self._lookup(request, step),
                )

    @staticmethod
    def _lookup(request: ChatRequest, step: int) -> Lookup | None:
        """Every other token was guessed, four were drafted for each."""
        if not request.lookup or step == 0:
            return None
        off = "sampled" if request.sampling.temperature else ""
        right = 0 if off else step // 2
        return Lookup(step - right, 4 * right, right, off)

    def _likelihood(self, taken: str, count: int) -> Likelihood:
        """The token taken has half of the mass, others that are known a half of the rest each."""
        known = [self._id(taken), *(i for i in range(len(self._vocabulary)) if self._vocabulary[i] != taken)]
        return Likelihood(math.log(0.5), tuple((i, -(n + 1) * math.log(2)) for n, i in enumerate(known[:count])))

    def _answer(self, side: str, messages: list[dict[str, str]]) -> list[str]:
        prompt = messages[-1]["content"]
        head = f"{fake_info(side).name} heard: {prompt[:60]}".split()
        turn = sum(m["role"] == "user" for m in messages)
        tail = [f"word{turn}.{i}" for i in range(max(0, self.words - len(head)))]
        return [*head, *tail]

    @staticmethod
    def _prompt_pieces(messages: list[dict[str, str]], plain: bool) -> list[str]:
        if plain:
            return [piece for m in messages for piece in split_pieces(m["content"])]
        return [piece for m in messages for piece in (f"<{m['role']}>", *split_pieces(m["content"]))]

    def _work(self, seconds: float) -> None:
        if seconds:
            with self._device:
                time.sleep(seconds)
