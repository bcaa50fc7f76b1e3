"""Speed of answers that step together: how many tokens a second they get in all, and what a step reads for them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

import torch

from sigma.checkpoints.load import Side
from sigma.engine.run import PREFILL_CHUNK
from sigma.events import AnswersTogether
from sigma.model.cache import DiffKVCache
from sigma.runtime import Runtime, SequenceStep

T = TypeVar("T")
Timed = dict[str, tuple[Side, Runtime]]
Line = tuple[str, int | None]
"""What is timed: a side, and V rows fetched per query head or None for all."""

Alone = Callable[[Callable[[], T]], T]
"""Does a piece of work on the device while nothing else works there."""


@dataclass(frozen=True, slots=True)
class Together:
    """`answers` of one side in a step. tok_s: of all together; ratio: to one alone, or to the fewest there were.

    weight_mb, kv_mb: 10^6 bytes that a step reads, computed from the tensors' sizes and the cache's formula.
    """

    HEADER = ("side", "answers", "tok/s", "x fewest", "ms a step", "MB weights", "MB K and V")

    side: str
    answers: int
    tok_s: float
    ratio: float
    step_ms: float
    weight_mb: float
    kv_mb: float

    def cells(self) -> tuple:
        """A row of the table."""
        return tuple(asdict(self).values())

    def figures(self) -> dict:
        """What `--json` prints."""
        return asdict(self)


def weight_bytes(side: Side) -> int:
    """Packed bytes that a step reads: every tensor, a tied embedding as the head."""
    tied = "lm_head.weight" not in side.tensors
    return sum(tensor.nbytes for name, tensor in side.tensors.items() if tied or name != "model.embed_tokens.weight")


def kv_bytes(side: Side, runtime: Runtime, tokens: int, answers: int, top_k: int | None) -> int:
    """Bytes of K and V that a step over `tokens` rows reads, the newest included."""
    k, v = side.config.kv_bytes(tokens, runtime.kv_itemsize, answers)
    return k + (v if top_k is None else side.config.v_read_bytes(tokens, top_k, runtime.kv_itemsize, answers))


def directly(work: Callable[[], T]) -> T:
    """For who has the device to itself."""
    return work()


def filling(
    runtime: Runtime, prompt: torch.Tensor, answers: int, caches: list[DiffKVCache], alone: Alone = directly
) -> Iterator[None]:
    """Fill `caches` with so many that hold the same prompt [1, t] in memory of their own; yields after each piece of work."""
    first = alone(runtime.new_cache)
    caches.append(first)
    for part in prompt.split(PREFILL_CHUNK, dim=1):
        alone(lambda part=part: runtime.prefill(part, first))
        yield
    for _ in range(answers - 1):
        caches.append(alone(lambda: _copied(runtime, first)))
        yield


def _copied(runtime: Runtime, cache: DiffKVCache) -> DiffKVCache:
    copy = runtime.new_cache()
    for mine, theirs in zip(cache.layers, copy.layers):
        theirs.update(mine.keys, mine.values)
    return copy


def filled(runtime: Runtime, prompt: torch.Tensor, answers: int) -> list[DiffKVCache]:
    """As `filling`, at once."""
    caches: list[DiffKVCache] = []
    for _ in filling(runtime, prompt, answers, caches):
        pass
    return caches


def seconds(runtime: Runtime, caches: Sequence[DiffKVCache], tokens: int, top_k: int | None) -> float:
    """Time for that many steps of all the caches, which are as before afterwards."""
    length = caches[0].length
    begun = time.perf_counter()
    for i in range(tokens):
        found = runtime.decode_many([SequenceStep(20 + i, cache, top_k) for cache in caches])
    found[-1][0].cpu()
    took = time.perf_counter() - begun
    for cache in caches:
        cache.keep_first(length)
    return took


def rounds_together(
    sides: Timed,
    lines: Sequence[Line],
    context: int,
    tokens: int,
    batches: Sequence[int],
    repeats: int,
    alone: Alone = directly,
) -> Generator[float, None, dict[tuple[Line, int], list[float]]]:
    """Seconds for `tokens` steps by line and number of answers, one per round; in a round each is timed in turn.

    lines: (side, top_k or None), what is compared. Yields the part done. The caches are freed at the end, also where the
    generator is closed.
    """
    generator = torch.Generator().manual_seed(0)
    vocabulary = min(side.config.vocab_size for side, _ in sides.values())
    prompt = torch.randint(20, vocabulary, (1, context), generator=generator)
    caches: dict[str, list[DiffKVCache]] = {name: [] for name in sides}
    times: dict[tuple[Line, int], list[float]] = {(line, n): [] for n in batches for line in lines}
    pieces = len(sides) * (-(-context // PREFILL_CHUNK) + max(batches) - 1)
    whole, done = pieces + (repeats + 1) * len(times), 0
    try:
        for name, (_, runtime) in sides.items():
            for _ in filling(runtime, prompt, max(batches), caches[name], alone):
                done += 1
                yield done / whole
        for repeat in range(repeats + 1):  # the first round warms up
            for ((name, top_k), n), each in times.items():
                part = caches[name][:n]
                took = alone(
                    lambda part=part, name=name, top_k=top_k: seconds(sides[name][1], part, tokens, top_k),
                )
                if repeat:
                    each.append(took)
                done += 1
                yield done / whole
    finally:
        for cache in (cache for each in caches.values() for cache in each):
            cache.free()
    return times


def time_together(
    sides: Timed,
    context: int,
    tokens: int,
    batches: Sequence[int],
    top_k: int | None,
    repeats: int,
    progress: Callable[[float], None],
) -> list[Together]:
    """Medians over `repeats` rounds; in a round each number of answers is timed on each side in turn. top_k: Sigma's."""
    lines = [(name, top_k if name == "sigma" else None) for name in sides]
    going = rounds_together(sides, lines, context, tokens, batches, repeats)
    while True:
        try:
            progress(next(going))
        except StopIteration as end:
            times = end.value
            break
    middle = context + (tokens + 1) // 2
    rows = []
    for ((name, chosen), n), each in times.items():
        side, runtime = sides[name]
        speed = n * tokens / statistics.median(each)
        fewest = batches[0] * tokens / statistics.median(times[(name, chosen), batches[0]])
        kv = kv_bytes(side, runtime, middle, n, chosen)
        rows.append(Together(name, n, speed, speed / fewest, 1e3 * n / speed, weight_bytes(side) / 1e6, kv / 1e6))
    return rows


def answers_together(
    sides: Timed,
    context: int,
    answers: Sequence[int],
    selective_k: int | None,
    rounds: int,
    alone: Alone,
) -> Generator[float, None, list[AnswersTogether]]:
    """As `sigma.events.Engine.together`; a piece of work is one step, so that others' answers go on in between."""
    lines: list[Line] = [(name, None) for name in sides]
    if selective_k is not None:
        lines.append(("sigma", selective_k))
    times = yield from rounds_together(sides, lines, context, 1, answers, rounds, alone)
    found = []
    for ((name, top_k), n), each in times.items():
        side, runtime = sides[name]
        took = statistics.median(each)
        held = kv_bytes(side, runtime, context + 1, n, None)
        read = kv_bytes(side, runtime, context + 1, n, top_k)
        found.append(AnswersTogether(name, top_k, n, n / took, 1e3 * took, weight_bytes(side), held, read))
    return found
