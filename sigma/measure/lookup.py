"""What prompt lookup gains: answers with it and without, alternately, on texts that repeat and on plain chat."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from sigma.events import ChatRequest, Engine, Lookup, PromptError, Sampling, StepEvent

TEXT = (
    "The harbour of Lindesund lies at the end of a narrow fjord. Every morning at six the ferry leaves for the islands, "
    "carrying fishermen, letters and a few tourists. The captain, a tall woman named Ragna, has sailed this route for "
    "twenty years and knows every rock by heart. In winter the ice closes the inner bay, and the ferry waits for the red "
    "icebreaker from the south. In summer the quay is full of boats, and the smell of smoked herring drifts over the market."
)
LIST = (
    "Rack 1: node-101, node-102, node-103, node-104, firmware 7.2.1\n"
    "Rack 2: node-201, node-202, node-203, node-204, firmware 7.2.1\n"
    "Rack 3: node-301, node-302, node-303, node-304, firmware 7.1.9\n"
    "Rack 4: node-401, node-402, node-403, node-404, firmware 7.2.1\n"
    "Rack 5: node-501, node-502, node-503, node-504, firmware 7.1.9"
)
KQL = "You write one Kusto (KQL) query for the task and nothing else."
HEARTBEAT = (
    "Table Heartbeat has the columns TimeGenerated, Computer, OSType, Version, ResourceGroup. Write a KQL query that counts "
    "the computers of each OSType in the last hour, the most first."
)
HEARTBEAT_ANSWER = (
    "Heartbeat\n| where TimeGenerated > ago(1h)\n| summarize Computers = dcount(Computer) by OSType\n"
    "| order by Computers desc"
)
METRICS = (
    "Table GpuMetrics has the columns TimeGenerated, Node, GpuIndex, TemperatureC, PowerW, MemoryUsedMB. Write a KQL query "
    "that shows for each Node the highest temperature and the average power of the last day in steps of one hour."
)
METRICS_ANSWER = (
    "GpuMetrics\n| where TimeGenerated > ago(1d)\n| summarize MaxTemperature = max(TemperatureC), AvgPower = avg(PowerW) by "
    "Node, bin(TimeGenerated, 1h)\n| where MaxTemperature > 0\n| order by Node asc, TimeGenerated asc"
)


def _user(content: str) -> dict[str, str]:
    return {"role": "user", "content": content}


def _follow_up(question: str, answer: str, next_question: str) -> list[dict[str, str]]:
    start = [{"role": "system", "content": KQL}, _user(question)]
    return [*start, {"role": "assistant", "content": answer}, _user(next_question)]


WORKLOADS: dict[str, list[list[dict[str, str]]]] = {
    "repeat": [
        [_user(f"Repeat this text exactly, but write Solveig instead of Ragna:\n\n{TEXT}")],
        [_user(f"Copy this text word for word and change only the word tall to small.\n\n{TEXT}")],
        [_user(f"Repeat this list exactly, but with firmware 7.3.0 for Rack 3:\n\n{LIST}")],
    ],
    "kql": [
        _follow_up(HEARTBEAT, HEARTBEAT_ANSWER, "The same query, but for the last day."),
        _follow_up(HEARTBEAT, HEARTBEAT_ANSWER, "The same query, but by ResourceGroup instead of OSType."),
        _follow_up(METRICS, METRICS_ANSWER, "The same query, but for the last 7 days."),
        _follow_up(METRICS, METRICS_ANSWER, "The same query, but in steps of 5 minutes."),
    ],
    "chat": [
        [_user("What is a GPU?")],
        [_user("Explain in a few sentences why the sky is blue.")],
        [_user("Write a short story about a lighthouse keeper who finds a message in a bottle.")],
        [_user("Give me three tips for a job interview.")],
        [_user("How do I make an omelette?")],
    ],
}
"""By name: chats whose answers repeat what stands there, and some that do not."""


@dataclass(frozen=True, slots=True)
class Gain:
    """One side's answers of one workload, together. tok_s: behind the first token, on the clock; ratio: with over without.

    steps, drafted, accepted: as `sigma.events.Lookup`, added up; off: answers at whose end nothing was guessed any more.
    same: whether every answer was the same with and without, token for token.
    """

    HEADER = (
        "workload",
        "side",
        "answers",
        "tokens",
        "tok/s",
        "with lookup",
        "ratio",
        "a step",
        "% right",
        "off",
        "same",
    )

    workload: str
    side: str
    answers: int
    tokens: int
    tok_s: float
    lookup_tok_s: float
    ratio: float
    tokens_per_step: float
    accepted_percent: float | None
    off: int
    same: bool

    def cells(self) -> tuple:
        """A row of the table."""
        return tuple(asdict(self).values())

    def figures(self) -> dict:
        """What `--json` prints."""
        return asdict(self)


@dataclass(slots=True)
class _Answer:
    ids: list[int]
    seconds: float  # from the first token to the last
    lookup: Lookup | None


def answered(engine: Engine, request: ChatRequest) -> _Answer:
    """One answer of one side, timed as who waits for it would."""
    ids, times, lookup = [], [], None
    for event in engine.stream(request):
        if isinstance(event, StepEvent):
            times.append(time.perf_counter())
            ids.append(event.token_id)
            lookup = event.lookup or lookup
    return _Answer(ids, times[-1] - times[0], lookup)


def gains(
    engine: Engine,
    sides: tuple[str, ...],
    tokens: int,
    repeats: int,
    selective_k: int | None = None,
    progress: Callable[[float], None] = lambda part: None,
) -> list[Gain]:
    """Every answer of every workload by every side, with and without in turn, `repeats` times after one round to warm up.

    tokens: most new tokens of an answer. Of each answer's times the median counts. PromptError for tokens or repeats below
    what can be timed.
    """
    if tokens < 2 or repeats < 1:
        raise PromptError("An answer needs at least 2 tokens to be timed, and 1 repeat.")
    asked = [(name, side, i) for name, chats in WORKLOADS.items() for side in sides for i in range(len(chats))]
    found: dict[tuple[str, str, int, bool], list[_Answer]] = {}
    for repeat in range(repeats + 1):
        for done, (name, side, i) in enumerate(asked):
            for on in (False, True) if repeat % 2 else (True, False):
                sampling = Sampling(max_new_tokens=tokens)
                request = ChatRequest({side: WORKLOADS[name][i]}, sampling, selective_k, lookup=on)
                answer = answered(engine, request)
                if repeat:
                    found.setdefault((name, side, i, on), []).append(answer)
            progress((repeat * len(asked) + done + 1) / ((repeats + 1) * len(asked)))
    return list(_summed(found, sides))


def _summed(found: dict[tuple[str, str, int, bool], list[_Answer]], sides: tuple[str, ...]) -> Iterator[Gain]:
    for name, chats in WORKLOADS.items():
        for side in sides:
            seconds, made, accounts, same = {True: 0.0, False: 0.0}, 0, [], True
            for i in range(len(chats)):
                with_it, without = found[name, side, i, True], found[name, side, i, False]
                for on, answers in ((True, with_it), (False, without)):
                    seconds[on] += statistics.median(answer.seconds for answer in answers)
                made += len(without[0].ids) - 1
                accounts += [with_it[-1].lookup] if with_it[-1].lookup else []
                same = same and all(answer.ids == without[0].ids for answer in (*with_it, *without))
            steps = sum(one.steps for one in accounts)
            drafted, accepted = sum(one.drafted for one in accounts), sum(one.accepted for one in accounts)
            yield Gain(
                name,
                side,
                len(chats),
                made,
                made / seconds[False],
                made / seconds[True],
                seconds[False] / seconds[True],
                (steps + accepted) / steps if steps else 1.0,
                100 * accepted / drafted if drafted else None,
                sum(one.off != "" for one in accounts),
                same,
            )
