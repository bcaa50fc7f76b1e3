"""A deterministic engine behind the `Engine` protocol: no weights, exact cache bytes, plausible attention.

It serves the page's tests and shows what the page may rely on. It keeps a record of every generator it opened,
closed and released, so that a test can assert that a cache was freed.
"""

from __future__ import annotations

import itertools
import threading
import time
import zlib
from collections.abc import Iterator

import numpy as np

from sigma.events import (
    AttentionProbe,
    CacheBytes,
    ChatRequest,
    Event,
    PrefillEvent,
    PromptError,
    PromptEvent,
    SideInfo,
    StepEvent,
)

LAYERS, QUERY_HEADS, VALUE_HEADS, DIM, ITEM, CONTEXT = 30, 9, 3, 64, 2, 8192
KEY_HEADS = {"sigma": 1, "gqa": 3}
PREFILL_CHUNK = 64


def fake_info(side: str) -> SideInfo:
    """The default pair's shapes."""
    name = {"sigma": "Sigma 135M", "gqa": "GQA 135M"}[side]
    return SideInfo(
        side,
        name,
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


def attention(side: str, layer: int, tokens: int, selective_k: int | None, seed: int) -> AttentionProbe:
    """Softmax scores with a sink, a recency slope that differs per head, and a few seeded peaks."""
    rng = np.random.default_rng([seed, layer, tokens, KEY_HEADS[side]])
    age = np.arange(tokens)[::-1].astype(np.float64)
    reach = 2.0 + 6.0 * np.arange(1, QUERY_HEADS + 1)[:, None]
    logits = -age / reach + rng.normal(0, 0.7, (QUERY_HEADS, tokens))
    peaks = np.random.default_rng([seed, layer]).integers(0, CONTEXT, 6) % max(tokens, 1)
    logits[:, peaks] += 2.0
    logits[:, 0] += 2.5
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    scores = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    if side != "sigma" or selective_k is None:
        return AttentionProbe(layer, scores, None, np.ones(QUERY_HEADS, np.float32))
    kept = min(selective_k, tokens - 1)
    chosen = np.argsort(-scores[:, :-1], axis=1)[:, :kept]
    newest = np.full((QUERY_HEADS, 1), tokens - 1)
    positions = np.sort(np.concatenate([chosen, newest], axis=1), axis=1).astype(np.int32)
    return AttentionProbe(layer, scores, positions, np.take_along_axis(scores, positions, axis=1).sum(axis=1))


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
        self._numbers = itertools.count()
        self._device = threading.Lock()

    def info(self, side: str) -> SideInfo:
        return fake_info(side)

    def release(self, session: str) -> None:
        self.released.append(session)

    def open_now(self) -> set[int]:
        """Numbers of the streams whose cache is still held."""
        return set(self.opened) - set(self.closed)

    def stream(self, request: ChatRequest, session: str | None = None) -> Iterator[Event]:
        error, self.fail_next = self.fail_next, None
        if error is not None:
            raise error
        pieces = {side: self._prompt_pieces(messages) for side, messages in request.messages.items()}
        longest = max(len(p) for p in pieces.values())
        if longest >= CONTEXT:
            raise PromptError(f"The prompt has {longest:,} tokens; this model's context holds {CONTEXT:,}.")
        return self._stream(request, session, pieces)

    def _stream(self, request: ChatRequest, session: str | None, pieces: dict[str, list[str]]) -> Iterator[Event]:
        number = next(self._numbers)
        self.opened.append(number)
        self.requests.append(request)
        self.sessions.append(session)
        try:
            yield from self._prefill(request, pieces)
            yield from self._decode(request, pieces)
            self.completed.append(number)
        finally:
            self.closed.append(number)

    def _prefill(self, request: ChatRequest, pieces: dict[str, list[str]]) -> Iterator[Event]:
        for side, prompt in pieces.items():
            yield PromptEvent(side, tuple(range(len(prompt))), tuple(prompt), 0)
        for side, prompt in pieces.items():
            for done in range(PREFILL_CHUNK, len(prompt) + PREFILL_CHUNK, PREFILL_CHUNK):
                self._work(self.prefill_delay)
                done = min(done, len(prompt))
                yield PrefillEvent(side, done, len(prompt), 2.0, cache_bytes(side, done, None))

    def _decode(self, request: ChatRequest, pieces: dict[str, list[str]]) -> Iterator[Event]:
        answers = {side: self._answer(side, messages) for side, messages in request.messages.items()}
        budget = request.sampling.max_new_tokens
        for step in range(max(map(len, answers.values()))):
            for side, words in answers.items():
                if step >= min(len(words), budget):
                    continue
                self._work(self.delay)
                tokens = len(pieces[side]) + step
                probe = None
                if request.probe_layer is not None:
                    seed = zlib.crc32(" ".join(pieces[side]).encode())
                    probe = attention(side, request.probe_layer, tokens, request.selective_k, seed)
                finish = "stop" if step == len(words) - 1 else "length" if step == budget - 1 else None
                text = words[step] if step == 0 else " " + words[step]
                yield StepEvent(
                    side,
                    step,
                    1000 + step,
                    text,
                    text,
                    0.5 if step == 0 else 20.0,
                    cache_bytes(side, tokens, request.selective_k),
                    probe,
                    finish,
                )

    def _answer(self, side: str, messages: list[dict[str, str]]) -> list[str]:
        prompt = messages[-1]["content"]
        head = f"{fake_info(side).name} heard: {prompt[:60]}".split()
        turn = sum(m["role"] == "user" for m in messages)
        tail = [f"word{turn}.{i}" for i in range(max(0, self.words - len(head)))]
        return [*head, *tail]

    @staticmethod
    def _prompt_pieces(messages: list[dict[str, str]]) -> list[str]:
        return [piece for m in messages for piece in (f"<{m['role']}>", *split_pieces(m["content"]))]

    def _work(self, seconds: float) -> None:
        if seconds:
            with self._device:
                time.sleep(seconds)
