"""Train, dev and test questions with their queries: tables, conditions and shapes put together, seeded.

A template is a table and the end of a query with its columns (say, XidErrors and `summarize count() by Model`): which split
a template belongs to is decided by a hash of it, so no template of one split is in another; nor is any value (`pools`),
nor any wording of a shape or frame (`shapes`).
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sigma.aimicius.contract import SPLITS, Case, CaseError
from sigma.aimicius.nl2kql.generator import joins
from sigma.aimicius.nl2kql.generator.phrasing import SLOT, dress, fill, share, span_words, table_named
from sigma.aimicius.nl2kql.generator.shapes import SHAPES, SPANS, Shape
from sigma.aimicius.nl2kql.generator.wording import TABLES, Wording
from sigma.aimicius.nl2kql.pools import values
from sigma.aimicius.nl2kql.prompt import choose
from sigma.aimicius.nl2kql.schema import fleet

COUNTS = {"train": 5_000, "dev": 100, "test": 100}
SEED = 6


@dataclass(frozen=True)
class Template:
    """A table and how its query ends. `columns` fills the shape's column slots."""

    wording: Wording
    shape: Shape
    columns: tuple[tuple[str, str], ...]

    @property
    def key(self) -> str:
        """What decides the split: table and end of the query, values left open."""
        return f"{self.wording.table} | {self.tail}"

    @property
    def tail(self) -> str:
        """The end of the query; slots of values stay."""
        return fill(self.shape.kql, dict(self.columns), partial=True)


def cases(split: str) -> Iterator[Case]:
    """The cases of a split. Raises CaseError for an unknown one."""
    if split not in SPLITS:
        raise CaseError(f"there is no split {split!r}; there are {', '.join(SPLITS)}")
    rng = random.Random(f"nl2kql {SEED} {split}")
    templates = templates_of(split)
    weights = [template.shape.weight for template in templates]
    seen: set[str] = set()
    while len(seen) < COUNTS[split]:
        if rng.random() < 0.08:
            question, truth, tables = joins.case(rng, split)
        else:
            question, truth, tables = _single(rng, split, rng.choices(templates, weights)[0])
        if question in seen:
            continue
        seen.add(question)
        number = len(seen)
        yield Case(
            f"nl2kql-{split}-{number:05d}",
            {"question": question, "tables": _excerpt(rng, question, tables)},
            truth,
            split,
        )


@lru_cache(maxsize=3)
def templates_of(split: str) -> list[Template]:
    """All templates of a split: 8 in 10 train, the rest dev and test."""
    found = []
    for wording in TABLES:
        for shape in SHAPES:
            for columns in _columns(wording, shape):
                template = Template(wording, shape, columns)
                if split_of(template.key) == split:
                    found.append(template)
    return found


def split_of(key: str) -> str:
    """The split of a template."""
    bucket = hashlib.sha256(f"{SEED} {key}".encode()).digest()[0]
    return "train" if bucket < 205 else "dev" if bucket < 225 else "test"


def examples() -> list[Case]:
    """For one click: the paper's own question, and five of ours in the words of train."""
    return [Case(f"nl2kql-example-{n}", {"question": q}, t, "train") for n, (q, t) in enumerate(_EXAMPLES, 1)]


def _single(rng: random.Random, split: str, template: Template) -> tuple[str, str, list[str]]:
    """One question on one table."""
    wording, shape = template.wording, template.shape
    table = table_named(wording.table)
    filters, phrases = conditions(rng, split, wording, dict(template.columns).get("g", ""))
    rows = " ".join([rng.choice(wording.rows), *phrases])
    slots = dict(template.columns) | {"rows": rows}
    if "{bin}" in shape.kql:
        slots["bin"] = rng.choice(values("bin", split))
        slots["bins"] = span_words(slots["bin"]).removeprefix("1 ")
    for name in ("n", "times", "pct"):
        slots[name] = str(rng.choice(values(name, split)))
    ask = fill(rng.choice(share(shape.says, split)), slots)
    tail = fill(shape.kql, slots)
    truth = " | ".join([table.kql, *(f"where {each}" for each in filters), tail])
    return dress(rng, split, ask), truth, [table.key]


def conditions(rng: random.Random, split: str, wording: Wording, group: str) -> tuple[list[str], list[str]]:
    """Predicates, the time's first, and the words for them, the time's last; none that fixes the column grouped by."""
    count = rng.choices((0, 1, 2), (2, 5, 3))[0]
    chosen, used = [], {group}
    for condition in rng.sample(wording.conditions, len(wording.conditions)):
        column = condition.kql.split()[0]
        if len(chosen) < count and column not in used:
            used.add(column)
            chosen.append(condition)
    filters, phrases = [], []
    for condition in chosen:
        slots = {name: rng.choice(values(name, split)) for name in SLOT.findall(condition.kql)}
        filters.append(fill(condition.kql, slots))
        phrases.append(fill(rng.choice(condition.says), slots))
    if wording.time and rng.random() < 0.75:
        span = rng.choice(values("span", split))
        filters.insert(0, f"{wording.time} > ago({span})")
        phrases.append(rng.choice(SPANS).format(span=span_words(span) if rng.random() < 0.6 else span))
    return filters, phrases


def _columns(wording: Wording, shape: Shape) -> Iterator[tuple[tuple[str, str], ...]]:
    """All fillings of a shape's column slots by a table."""
    groups: list[Any] = list(wording.groups) if "group" in shape.needs else [None]
    metrics: list[Any] = list(wording.metrics) if "metric" in shape.needs else [None]
    shows: list[Any] = list(wording.shows) if "shows" in shape.needs else [None]
    if "time" in shape.needs and not wording.time:
        return
    for group in groups:
        for metric in metrics:
            for show in shows:
                slots = {"t": wording.time}
                if group:
                    slots |= {"g": group[0], "group": group[1], "groups": group[2]}
                if metric:
                    slots |= {"m": metric[0], "metric": metric[1]}
                if show:
                    slots |= {"columns": show[0], "cols": show[1]}
                yield tuple(slots.items())


def _excerpt(rng: random.Random, question: str, keys: list[str]) -> list[str]:
    """The schema excerpt of a case: its tables, the likeliest wrong one, and one at random, in any order."""
    likely = [table.key for table in choose(fleet(), question, 4) if table.key not in keys][0]
    others = [table.key for table in fleet().tables if table.key not in keys and table.key != likely]
    chosen = [*keys, likely, rng.choice(others)]
    rng.shuffle(chosen)
    return chosen


_EXAMPLES = (
    (
        "Check which UFM device in previous 1d under the cluster prefixed with phx61.",
        'cluster("azphynet").database(\'azdhmds\').SyslogData | where TIMESTAMP > ago(1d) | where Device startswith "phx61" '
        '| where Device endswith "ufm" | distinct Device, DeviceIp',
    ),
    (
        "top 5 nodes by number of XID errors with Xid 79 in the last 2 days",
        'cluster("gpufleet").database("health").XidErrors | where Timestamp > ago(2d) | where Xid == 79 '
        "| summarize Count = count() by Node | top 5 by Count",
    ),
    (
        "What is the average GPU temperature of each node in rack wus-r11 over the last 6 hours?",
        'cluster("gpufleet").database("telemetry").GpuMetrics | where TIMESTAMP > ago(6h) '
        '| where Node startswith "wus-r11" | summarize avg(TempC) by Node',
    ),
    (
        "A customer says jobs keep dying. Which users had job events of type Failed in the past 12 hours?",
        'cluster("jobhub").database("scheduler").JobEvents | where EventTime > ago(12h) | where Event == "Failed" '
        "| distinct User",
    ),
    (
        "rack power per hour, past 1d, rack eus-r10, mean",
        'cluster("fleetops").database("facility").RackPower | where TIMESTAMP > ago(1d) | where Rack == "eus-r10" '
        "| summarize avg(PowerKw) by bin(TIMESTAMP, 1h)",
    ),
    (
        "How many repair tickets for a GPU are there per status?",
        'cluster("gpufleet").database("health").RepairTickets | where Component == "GPU" | summarize count() by Status',
    ),
)
