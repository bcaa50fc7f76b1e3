"""How `kernels.bench` times: cold buffers in turn, CUDA graphs where a library allows them, memory traffic beside."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

_PROBE_BYTES = {"cpu": 128 << 20, "cuda": 1 << 30}


@dataclass(slots=True)
class Contender:
    """Something to time: one call per set of buffers, used in turn. bytes and operations: the least it must do."""

    variant: str
    peer: str | None
    calls: list[Callable[[], object]]
    bytes: int
    operations: int
    seconds: list[float] = field(default_factory=list)
    replay: Callable[[], None] | None = None  # all calls as one CUDA graph


def warm(contender: Contender, device: str, graph: bool) -> str | None:
    """Call it a few times and, if `graph`, capture all its calls as one CUDA graph, so that launches cost nothing.

    Returns why there is no graph, or None.
    """
    for call in contender.calls[:3]:
        call()
    if device == "cpu" or not graph:
        return None
    torch.cuda.synchronize()
    captured = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(captured):
            for call in contender.calls:
                call()
        captured.replay()
        torch.cuda.synchronize()
    except RuntimeError as problem:
        torch.cuda.synchronize()
        return str(problem).strip().splitlines()[0][:80]
    contender.replay = captured.replay
    return None


def take_rounds(contenders: list[Contender], device: str, rounds: int, seconds: float) -> dict[str, float]:
    """Time every contender once per round, at least three rounds; returns the bandwidths [GB/s] measured in between."""
    probe = Probe(device)
    deadline = time.perf_counter() + seconds
    done = 0
    while done < 3 or (done < rounds and time.perf_counter() < deadline):
        # A round forward, the next one backward: no contender always follows the same neighbour.
        for contender in contenders if done % 2 == 0 else reversed(contenders):
            contender.seconds.append(once(contender.calls, contender.replay, done, device))
        probe.measure()
        done += 1
    return probe.result()


class Probe:
    """Plain memory traffic: a copy counts what it reads and what it writes, a sum what it reads."""

    def __init__(self, device: str):
        self.device = device
        self.source = torch.ones(_PROBE_BYTES[device] // 4, device=device)
        self.target = torch.empty_like(self.source)
        self.calls = {"copy_gb_s": lambda: self.target.copy_(self.source), "read_gb_s": lambda: self.source.sum()}
        self.seconds = {name: [] for name in self.calls}
        for call in self.calls.values():
            call()

    def measure(self) -> None:
        for name, call in self.calls.items():
            self.seconds[name].append(once([call], None, 0, self.device))

    def result(self) -> dict[str, float]:
        """Medians, in GB/s."""
        moved = {"copy_gb_s": 2 * self.source.nbytes, "read_gb_s": self.source.nbytes}
        return {name: moved[name] / 1e9 / statistics.median(times) for name, times in self.seconds.items()}


def probe_bytes(device: str) -> int:
    """Memory that a `Probe` holds."""
    return 2 * _PROBE_BYTES[device]


def once(calls: list[Callable[[], object]], replay: Callable[[], None] | None, turn: int, device: str) -> float:
    """Seconds of one call: on a CPU the next buffers in turn, on a GPU the mean over all of them."""
    if device == "cpu":
        call = calls[turn % len(calls)]
        begun = time.perf_counter()
        call()
        return time.perf_counter() - begun
    start, stop = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    if replay:
        replay()
    else:
        for call in calls:
            call()
    stop.record()
    stop.synchronize()
    return start.elapsed_time(stop) / 1e3 / len(calls)
