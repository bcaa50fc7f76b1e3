"""Speed of answers that step together: how many tokens a second they get in all, and what a step reads for them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import torch

from sigma.checkpoints.load import Side
from sigma.engine.run import PREFILL_CHUNK
from sigma.model.cache import DiffKVCache
from sigma.runtime import Runtime, SequenceStep

Timed = dict[str, tuple[Side, Runtime]]


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


def filled(runtime: Runtime, prompt: torch.Tensor, answers: int) -> list[DiffKVCache]:
    """Caches that hold the same prompt [1, t] in memory of their own."""
    first = runtime.new_cache()
    for part in prompt.split(PREFILL_CHUNK, dim=1):
        runtime.prefill(part, first)
    caches = [first]
    for _ in range(answers - 1):
        copy = runtime.new_cache()
        for mine, theirs in zip(first.layers, copy.layers):
            theirs.update(mine.keys, mine.values)
        caches.append(copy)
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
    generator = torch.Generator().manual_seed(0)
    vocabulary = min(side.config.vocab_size for side, _ in sides.values())
    prompt = torch.randint(20, vocabulary, (1, context), generator=generator)
    caches = {name: filled(runtime, prompt, max(batches)) for name, (_, runtime) in sides.items()}
    chosen = {name: top_k if name == "sigma" else None for name in sides}
    times: dict[tuple[str, int], list[float]] = {(name, n): [] for n in batches for name in sides}
    for repeat in range(repeats + 1):  # the first round warms up
        for (name, n), each in times.items():
            took = seconds(sides[name][1], caches[name][:n], tokens, chosen[name])
            if repeat:
                each.append(took)
        progress(repeat / repeats)
    middle = context + (tokens + 1) // 2
    rows = []
    for (name, n), each in times.items():
        side, runtime = sides[name]
        speed = n * tokens / statistics.median(each)
        fewest = batches[0] * tokens / statistics.median(times[name, batches[0]])
        kv = kv_bytes(side, runtime, middle, n, chosen[name])
        rows.append(Together(name, n, speed, speed / fewest, 1e3 * n / speed, weight_bytes(side) / 1e6, kv / 1e6))
    return rows
