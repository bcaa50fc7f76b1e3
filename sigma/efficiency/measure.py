"""The run: a generator of progress that ends with a result; closing it cancels.

At each length every part of every side is timed once per round, one after the other, a round forward and the next one
backward, so that what the machine does besides falls on all alike. On a CPU a call is timed by the monotonic clock, on a
GPU by CUDA events around a graph of all calls.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import torch

from kernels.backends import chosen_backend
from kernels.bench import device_name
from kernels.timing import once, warm
from sigma.efficiency.estimate import ROUNDS, Estimate, check, copy_rate
from sigma.efficiency.layer import Layers
from sigma.efficiency.results import Machine, Point, Result, Seconds, disturbed, point
from sigma.efficiency.settings import Settings
from sigma.events import PromptError

MOST_ROUNDS = 40
LENGTH_SECONDS = 2.0
"""How long one length is timed, once it has its fewest rounds."""

T = TypeVar("T")
Alone = Callable[[Callable[[], T]], T]
"""Does a short piece of work on the device while nothing else works there, and returns what it returns."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The run has begun: what it will need, and the lengths that it times."""

    estimate: Estimate
    lengths: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Timed:
    """A round at a length is done: `fraction` of the whole run."""

    tokens: int
    rounds: int
    fraction: float


Progress = Begun | Timed | Point


def directly(work: Callable[[], T]) -> T:
    """For who has the machine to itself."""
    return work()


def measure(
    settings: Settings, device: str = "cpu", alone: Alone = directly, clock: Callable[[], float] = time.perf_counter
) -> Generator[Progress, None, Result]:
    """Time both shapes; yields `Begun`, then a `Timed` per round and a `Point` per length, and returns the `Result`.

    device: "cpu" or "cuda". PromptError, before anything is allocated, for what would not fit the memory or the time
    budget, and where the memory is gone all the same. Closing the generator frees the buffers.
    """
    begun, notes = clock(), []
    needs = check(settings, device, alone(lambda: copy_rate(device)))
    lengths = settings.lengths()
    yield Begun(needs, lengths)
    try:
        layers = Layers(settings, device)
    except (RuntimeError, MemoryError) as error:
        _free(device)
        raise PromptError(_no_memory(needs.memory)) from error
    points: list[Point] = []
    try:
        deadline = begun + settings.seconds
        share = min(LENGTH_SECONDS, 0.8 * settings.seconds / len(lengths))
        for number, tokens in enumerate(lengths):
            done = yield from _length(layers, tokens, number, share, deadline, alone, clock)
            if done is None:
                notes.append(f"The time budget of {settings.seconds} s ended the run before {tokens:,} tokens.")
                break
            points.append(done)
            yield done
    except torch.OutOfMemoryError as error:
        raise PromptError(_no_memory(needs.memory)) from error
    finally:
        del layers
        _free(device)
    if not points:
        raise PromptError(f"In its time budget of {settings.seconds} s this run could not time one length.")
    if (doubt := disturbed(points)) is not None:
        notes.append(doubt)
    return Result.of(settings, machine(device), points, clock() - begun, notes)


def _length(
    layers: Layers,
    tokens: int,
    number: int,
    share: float,
    deadline: float,
    alone: Alone,
    clock: Callable[[], float],
) -> Generator[Progress, None, Point | None]:
    """Rounds of one length; None where the time was over before there were enough."""
    contenders, all_lengths = layers.contenders(tokens), len(layers.settings.lengths())
    for each in contenders.values():
        alone(_timed(lambda each=each: warm(each, layers.device, graph=True)))
        if clock() > deadline:
            return None
    seconds: Seconds = {side: {} for side, _ in contenders}
    ends, rounds = min(clock() + share, deadline), 0
    while rounds < ROUNDS or (rounds < MOST_ROUNDS and clock() < ends):
        order = list(contenders.items())
        for (side, part), each in order if rounds % 2 == 0 else reversed(order):
            took = alone(_timed(lambda each=each, turn=rounds: once(each.calls, each.replay, turn, layers.device)))
            seconds[side].setdefault(part, []).append(took)
        rounds += 1
        part_done = min(1.0, max(rounds / MOST_ROUNDS, 1 - max(0.0, ends - clock()) / max(share, 1e-9)))
        yield Timed(tokens, rounds, (number + part_done) / all_lengths)
        if clock() > deadline and rounds < ROUNDS:
            return None
    return point(tokens, seconds)


def _timed(work: Callable[[], Any]) -> Callable[[], Any]:
    def inferring() -> Any:
        with torch.inference_mode():  # belongs to the thread that does the work
            return work()

    return inferring


def _free(device: str) -> None:
    if device == "cuda":
        with suppress(RuntimeError):
            torch.cuda.empty_cache()


def _no_memory(need: int) -> str:
    return f"There was no memory for this run, which needs {need / 2**30:.2f} GiB. Choose shorter prefixes or fewer sequences."


def machine(device: str) -> Machine:
    """What times here."""
    backend = chosen_backend("decode_attention", torch.device(device))
    threads = torch.get_num_threads() if device == "cpu" else None
    date = datetime.now(UTC).isoformat(timespec="seconds")
    return Machine(device_name(device), device, threads, backend, torch.__version__, date)
