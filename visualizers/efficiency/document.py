"""The long document: a text of about 6,000 tokens that ships with the page, asked about on both sides and measured. No Gradio.

The document stands before the question, so that two questions begin with the same tokens. The engine keeps the rows of a
session's last prompt (`sigma.engine.sessions`), and those of the document for every visitor (`sigma.engine.common`), so a
later question reads only itself: `reused` is what it found there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from typing import Any

from sigma.events import SIDES, CacheBytes, ChatRequest, Engine, PromptError, Sampling, StepEvent
from visualizers.page.assets import ASSETS
from visualizers.shared.metrics import SideMeter
from visualizers.shared.options import clean_prompt

FILE = ASSETS / "examples" / "document.md"
TOKENS = 96
"""The longest answer."""

MOST_CHARACTERS = 2_000
"""Of a question: the document takes most of the context."""

READING = 0.85
"""The part of the progress that reading takes; the rest is writing."""

QUESTIONS = {
    "Which environment variable overrides the choice of kernels?": "An environment variable called SIGMA_KERNELS overrides "
    "the choice with one of three words: reference, cpu, or triton.",
    "On which port does the page listen?": "The page listens on port 7860 unless told otherwise, and only on the machine itself.",
    "How many sessions keep a cache at most?": "At most eight sessions keep a cache.",
    "What is a needle?": "A needle is a code hidden in a long text, asked for at the end.",
}
"""Questions of one click, each with the sentence of the document that answers it."""


@dataclass(frozen=True, slots=True)
class SideFigures:
    """What one side measured for one question. Times in ms of its own computing, bytes of K and V.

    first_ms: reading what was not reused, and the first token; tok_s: from the second token on, None for a single one.
    """

    side: str
    name: str
    prompt_tokens: int
    reused: int
    new_tokens: int
    first_ms: float | None
    first_wall_ms: float | None
    tok_s: float | None
    resident_bytes: int
    allocated_bytes: int
    v_read_bytes: int
    finish: str
    text: str


@dataclass(frozen=True, slots=True)
class Answered:
    """One question and what both sides made of it; `sentence`: where the document answers it, "" where that is not known."""

    question: str
    sentence: str
    sides: tuple[SideFigures, ...]


@cache
def document() -> str:
    """The text. OSError where the file is missing."""
    return FILE.read_text("utf-8").strip()


def place_of(sentence: str) -> float:
    """Where in the document a sentence begins, 0 to 1. ValueError where it is not in it."""
    return document().index(sentence) / len(document())


def messages(question: str) -> list[dict[str, str]]:
    """The chat that is sent: the document first, then the question."""
    asked = f"{document()}\n\nAnswer in one sentence from the text above: {question}"
    return [{"role": "user", "content": asked}]


def checked(question: Any) -> str:
    """The question, cleaned; PromptError for none or one that is too long."""
    text = clean_prompt(question, "question").strip()
    if not text:
        raise PromptError("Write a question first, or choose one.")
    if len(text) > MOST_CHARACTERS:
        raise PromptError(
            f"The question has {len(text):,} characters; beside the document {MOST_CHARACTERS:,} have room."
        )
    return text


def ask(
    engine: Engine, question: str, session: str, clock: Callable[[], float] = time.monotonic
) -> Generator[tuple[str, float], None, Answered]:
    """Ask both sides; yields (what is done, part of the whole). Closing it frees the session's caches.

    Raises what the engine raises: PromptError where the document does not fit the model's context or the memory.
    """
    infos = {side: engine.info(side) for side in SIDES}
    asked = {side: messages(question) for side in SIDES}
    request = ChatRequest(asked, Sampling(max_new_tokens=TOKENS), common=document())
    started = clock()
    meters, texts = {side: SideMeter(started) for side in SIDES}, dict.fromkeys(SIDES, "")
    with closing(engine.stream(request, session)) as events:
        for event in events:
            meters[event.side].feed(event, clock())
            if isinstance(event, StepEvent):
                texts[event.side] += event.text
            yield told({infos[side].name: meter for side, meter in meters.items()})
    sides = tuple(figures(side, infos[side].name, meters[side], texts[side]) for side in SIDES)
    return Answered(question, QUESTIONS.get(question, ""), sides)


def told(meters: dict[str, SideMeter]) -> tuple[str, float]:
    """What the sides, by name, are doing, and the part that is done."""
    said, parts = [], []
    for name, meter in meters.items():
        if meter.step < 0:
            left = meter.prompt_tokens - meter.reused
            said.append(f"{name} reads {meter.prefilled:,} of {meter.prompt_tokens:,} tokens")
            parts.append(READING * (meter.prefilled - meter.reused) / left if left else 0.0)
        else:
            said.append(f"{name} has written {meter.step + 1}")
            parts.append(1.0 if meter.finish else READING + (1 - READING) * (meter.step + 1) / TOKENS)
    return "; ".join(said), sum(parts) / len(parts)


def figures(side: str, name: str, meter: SideMeter, text: str) -> SideFigures:
    """One side's figures, read from its meter."""
    cache = meter.cache or CacheBytes(0, 0, 0, 0, 0, 0, 0)
    return SideFigures(
        side,
        name,
        meter.prompt_tokens,
        meter.reused,
        meter.step + 1,
        meter.first_ms,
        meter.first_wall_ms,
        meter.tokens_per_second,
        cache.k_resident + cache.v_resident,
        cache.allocated,
        cache.v_read,
        meter.finish or "",
        text,
    )
