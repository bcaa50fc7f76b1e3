"""Gaps between the tokens of chats while nothing else happens, and while somebody's long prompt is read beside them."""

from __future__ import annotations

import math
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from itertools import pairwise

from sigma.events import ChatRequest, Engine, PrefillEvent, PromptError, Sampling, StepEvent

TOPICS = ("a lighthouse", "a mountain village", "a lost letter", "an old clock", "a long winter", "a train", "a river")
SENTENCE = (
    "The lighthouse keeper wrote in the old book that the ship had passed the rocks at night and the lamp was out. "
)
TOKENS_OF_SENTENCE = 23  # by the default model's tokenizer; what was read is counted
CHAT_TOKENS = 400
QUIET_SECONDS = 5.0  # how long the chats are watched alone
MOST_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Gaps:
    """Milliseconds between one token and the next of the same chat and side, that began in a stretch of `seconds`.

    chats: answered at once by `sides` sides each; tokens: what all of them wrote meanwhile. read: tokens of the prompts
    that were read beside them (of both sides).
    """

    HEADER = ("while", "chats", "sides", "read", "s", "tokens", "gap p50, ms", "p95", "most")

    name: str
    chats: int
    sides: int
    read: int
    seconds: float
    tokens: int
    p50_ms: float
    p95_ms: float
    most_ms: float

    def cells(self) -> tuple:
        """A row of the table."""
        return tuple(asdict(self).values())

    def figures(self) -> dict:
        """What `--json` prints."""
        return asdict(self)


@dataclass
class _Chat:
    """One visitor, who asks again when an answer ends; `times`: of each answer of each side, when its tokens came."""

    prompt: str
    times: list[list[float]] = field(default_factory=list)
    problem: Exception | None = None

    def talk(self, engine: Engine, sides: Sequence[str], over: threading.Event) -> None:
        """Ask until it is over."""
        try:
            sampling = Sampling(max_new_tokens=CHAT_TOKENS)
            asked = ChatRequest({side: [{"role": "user", "content": self.prompt}] for side in sides}, sampling)
            while not over.is_set():
                answers: dict[str, list[float]] = {side: [] for side in sides}
                self.times += answers.values()
                with closing(engine.stream(asked)) as events:
                    for event in events:
                        if isinstance(event, StepEvent) and event.token_id >= 0:
                            answers[event.side].append(time.perf_counter())
                        if over.is_set():
                            break
        except Exception as error:
            self.problem = error

    @property
    def writing(self) -> bool:
        """Whether every side has begun its answer."""
        return bool(self.times) and all(len(times) > 1 for times in self.times)


def beside(
    engine: Engine,
    sides: Sequence[str],
    chats: int,
    prompt_tokens: int,
    progress: Callable[[str], None] = lambda said: None,
) -> list[Gaps]:
    """The chats alone, and while a prompt of about `prompt_tokens` is read for each of `sides`.

    PromptError for fewer than 1 chat or a prompt too short to be read in pieces; RuntimeError where a chat failed.
    """
    if chats < 1 or prompt_tokens < 2 * TOKENS_OF_SENTENCE:
        raise PromptError(f"Gaps need at least 1 chat and a prompt of {2 * TOKENS_OF_SENTENCE} tokens.")
    over = threading.Event()
    visitors = [_Chat(f"Write a very long story about {TOPICS[i % len(TOPICS)]}, part {i + 1}.") for i in range(chats)]
    threads = [threading.Thread(target=one.talk, args=(engine, sides, over), daemon=True) for one in visitors]
    try:
        for thread in threads:
            thread.start()
        progress(f"waiting until {chats} chats are being answered")
        _wait(visitors)
        progress("chats alone")
        alone = time.perf_counter(), _later(QUIET_SECONDS)
        progress(f"reading a prompt of {prompt_tokens:,} tokens beside them")
        begun = time.perf_counter()
        read = _read(engine, sides, prompt_tokens)
        while_read = begun, time.perf_counter()
    finally:
        over.set()
        for thread in threads:
            thread.join(MOST_SECONDS)
    if (problem := next((one.problem for one in visitors if one.problem), None)) is not None:
        raise RuntimeError(f"a chat failed: {problem}") from problem
    count = len(visitors), len(sides)
    return [_gaps("alone", visitors, *count, 0, *alone), _gaps("reading", visitors, *count, read, *while_read)]


def _wait(visitors: list[_Chat]) -> None:
    end = time.perf_counter() + MOST_SECONDS
    while not all(one.writing or one.problem for one in visitors):
        if time.perf_counter() > end:
            raise RuntimeError(f"the chats have not begun within {MOST_SECONDS:.0f} s")
        time.sleep(0.02)


def _later(seconds: float) -> float:
    time.sleep(seconds)
    return time.perf_counter()


def _read(engine: Engine, sides: Sequence[str], tokens: int) -> int:
    """Read the long prompt to its first token; its tokens, of all sides."""
    text = SENTENCE * (tokens // TOKENS_OF_SENTENCE)
    asked = ChatRequest({side: [{"role": "user", "content": text}] for side in sides}, Sampling(max_new_tokens=1))
    totals = {event.side: event.total for event in engine.stream(asked) if isinstance(event, PrefillEvent)}
    return sum(totals.values())


def _gaps(name: str, visitors: list[_Chat], chats: int, sides: int, read: int, begun: float, ended: float) -> Gaps:
    found = [
        (later - earlier) * 1e3
        for one in visitors
        for times in one.times
        for earlier, later in pairwise(times)
        if later > begun and earlier < ended
    ]
    tokens = sum(begun < at <= ended for one in visitors for times in one.times for at in times)
    if not found:
        raise RuntimeError("no token came while the gaps were measured")
    ordered = sorted(found)
    p95 = ordered[min(len(ordered) - 1, math.ceil(0.95 * len(ordered)) - 1)]
    return Gaps(name, chats, sides, read, ended - begun, tokens, statistics.median(ordered), p95, ordered[-1])
