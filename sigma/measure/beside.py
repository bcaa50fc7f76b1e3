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
    """Milliseconds between one token and the next, that began in a stretch of `seconds`: of a chat, whichever side wrote
    them (what its visitor sees move), and of one side of it.

    chats: answered at once by `sides` sides each; tokens: what all of them wrote meanwhile. read: tokens of the prompts
    that were read beside them (of both sides).
    """

    HEADER = (
        "while",
        "chats",
        "sides",
        "read",
        "s",
        "tokens",
        "chat p50, ms",
        "p95",
        "most",
        "side p50",
        "p95",
        "most",
    )

    name: str
    chats: int
    sides: int
    read: int
    seconds: float
    tokens: int
    p50_ms: float
    p95_ms: float
    most_ms: float
    side_p50_ms: float
    side_p95_ms: float
    side_most_ms: float

    def cells(self) -> tuple:
        """A row of the table."""
        return tuple(asdict(self).values())

    def figures(self) -> dict:
        """What `--json` prints."""
        return asdict(self)


@dataclass
class _Chat:
    """One visitor, who asks again when an answer ends; `turns`: of each turn by side, when its tokens came."""

    prompt: str
    turns: list[dict[str, list[float]]] = field(default_factory=list)
    problem: Exception | None = None

    def talk(self, engine: Engine, sides: Sequence[str], over: threading.Event) -> None:
        """Ask until it is over."""
        try:
            sampling = Sampling(max_new_tokens=CHAT_TOKENS)
            asked = ChatRequest({side: [{"role": "user", "content": self.prompt}] for side in sides}, sampling)
            while not over.is_set():
                answers: dict[str, list[float]] = {side: [] for side in sides}
                self.turns.append(answers)
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
        return bool(self.turns) and all(len(times) > 1 for times in self.turns[0].values())


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
    turns = [turn for one in visitors for turn in one.turns]
    of_side = [times for turn in turns for times in turn.values()]
    of_chat = [sorted(at for times in turn.values() for at in times) for turn in turns]
    tokens = sum(begun < at <= ended for times in of_side for at in times)
    return Gaps(
        *(name, chats, sides, read, ended - begun, tokens),
        *_spread(of_chat, begun, ended),
        *_spread(of_side, begun, ended),
    )


def _spread(lines: list[list[float]], begun: float, ended: float) -> tuple[float, float, float]:
    """p50, p95 and the most of the gaps that lie in the stretch, in ms."""
    found = sorted(
        (later - earlier) * 1e3
        for times in lines
        for earlier, later in pairwise(times)
        if later > begun and earlier < ended
    )
    if not found:
        raise RuntimeError("no token came while the gaps were measured")
    return statistics.median(found), found[min(len(found) - 1, math.ceil(0.95 * len(found)) - 1)], found[-1]
