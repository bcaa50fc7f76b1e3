"""A meter's counts and an engine's figures in the text format that Prometheus reads.

Gauges are read when they are asked for; nothing is kept here. One line a name is in sigma/observe/README.md.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from sigma.events import SIDES
from sigma.observe.health import Loaded, health
from sigma.observe.meter import FIRST_TOKEN_SECONDS, Meter, Times

CONTENT_TYPE = CONTENT_TYPE_LATEST
OUTCOMES = ("finished", "stopped", "refused", "failed")
KINDS = ("prompt", "reused", "new")
STATES = ("loading", "ready", "degraded")


def exposed(loader: Loaded) -> bytes:
    """All of it as text."""
    registry = CollectorRegistry()
    registry.register(_Collector(loader))
    ProcessCollector(registry=registry)  # processor time, memory and open files of this process, where Linux tells
    return generate_latest(registry)


class _Collector:
    def __init__(self, loader: Loaded):
        self._loader = loader

    def collect(self) -> Iterator[Metric]:
        yield from _state(self._loader)
        yield from _counted(self._loader.meter)
        yield from _lines(self._loader.meter)
        if self._loader.engine is not None:
            yield from _engine(self._loader)


def _state(loader: Loaded) -> Iterator[Metric]:
    found = health(loader)
    state = GaugeMetricFamily("sigma_state", "1 for how it stands, 0 for the others", labels=["state"])
    for name in STATES:
        state.add_metric([name], float(name == found.state))
    yield state


def _counted(meter: Meter) -> Iterator[Metric]:
    counts = meter.counts()
    requests = CounterMetricFamily("sigma_requests", "Requests that have ended, by outcome", labels=["outcome"])
    for outcome in OUTCOMES:  # also those that have not happened: a rate needs its zero
        requests.add_metric([outcome], counts.requests.get(outcome, 0))
    yield requests
    words = "Tokens: of prompts read, of prompts found in a cache, and written"
    tokens = CounterMetricFamily("sigma_tokens", words, labels=["side", "kind"])
    for side in SIDES:
        for kind in KINDS:
            tokens.add_metric([side, kind], counts.tokens.get((side, kind), 0))
    yield tokens
    errors = CounterMetricFamily("sigma_errors", "Errors logged, by logger", labels=["logger"])
    for name, count in sorted(counts.errors.items()):
        errors.add_metric([name], count)
    yield errors
    words = "Seconds from a request, its turn having come, to its first token"
    first = HistogramMetricFamily("sigma_first_token_seconds", words, labels=["side"])
    for side in SIDES:
        times = counts.first_token.get(side) or Times()
        first.add_metric([side], _buckets(times), times.total)
    yield first


def _buckets(times: Times) -> list[tuple[str, float]]:
    """(upper end, how many were at most that), as the format wants them."""
    ends = [*(str(end) for end in FIRST_TOKEN_SECONDS), "+Inf"]
    return [(end, sum(times.counts[: i + 1])) for i, end in enumerate(ends)]


def _lines(meter: Meter) -> Iterator[Metric]:
    answered = GaugeMetricFamily("sigma_answering", "Visitors of a line that are being answered", labels=["line"])
    waiting = GaugeMetricFamily("sigma_queue_length", "Visitors of a line that wait", labels=["line"])
    words = "Visitors that were sent away because too many waited"
    refused = CounterMetricFamily("sigma_queue_refused", words, labels=["line"])
    for name, line in sorted(meter.lines.items()):
        for family, number in zip((answered, waiting, refused), line.standing()):
            family.add_metric([name], number)
    yield from (answered, waiting, refused)


def _engine(loader: Loaded) -> Iterator[Metric]:
    figures = loader.engine.figures()
    yield GaugeMetricFamily("sigma_batch_size", "Answers that the newest decode step served", value=figures.batch)
    yield CounterMetricFamily("sigma_decode_steps", "Decode steps of the device", value=figures.steps)
    yield CounterMetricFamily("sigma_decode_step_tokens", "Tokens that these steps made", value=figures.stepped)
    words = "Bytes of K and V: given to answers being written, kept for sessions, and the most of both"
    cache = GaugeMetricFamily("sigma_cache_bytes", words, labels=["kind"])
    cache.add_metric(["answers"], figures.answer_bytes)
    cache.add_metric(["sessions"], figures.kept_bytes)
    if figures.limit_bytes is not None:
        cache.add_metric(["limit"], figures.limit_bytes)
    yield cache
