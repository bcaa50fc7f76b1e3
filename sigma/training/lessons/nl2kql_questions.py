"""One question with its query: a shape over a table's rows, a table's own question, or two tables."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from sigma.aimicius.nl2kql.schema import Table, fleet
from sigma.training.lessons import nl2kql_asks_gpu, nl2kql_asks_jobs, nl2kql_asks_net
from sigma.training.lessons.nl2kql_conditions import PLACES, condition, pick, unit
from sigma.training.lessons.nl2kql_joins import JOINS, LETS
from sigma.training.lessons.nl2kql_shapes import BEST, LEAST, SHAPES, Shape
from sigma.training.lessons.nl2kql_style import dress, keep, swapped
from sigma.training.lessons.nl2kql_times import bin_words, when
from sigma.training.lessons.nl2kql_values import pool
from sigma.training.lessons.nl2kql_words import ROWS, THINGS, column, many

ASKS = {**nl2kql_asks_gpu.ASKS, **nl2kql_asks_jobs.ASKS, **nl2kql_asks_net.ASKS}
SLOT = re.compile(r"\{(\w+?)(2?)\}")
# Tables that people ask about more often.
OFTEN = ("GpuMetrics", "XidErrors", "JobEvents", "SyslogData", "NodeHealth")
# What may be added up; a sum of temperatures means nothing.
SUMS = frozenset("SymbolErrors LinkDowned RcvGB XmitWait Flaps TxGB RxGB CrcErrors NicDrops DurationMin Errors HoursOpen Gpus SizeGB Seconds Ports OutageMin Pending Running GpusFree TokensPerSec".split())  # fmt: skip
LEADS = ("kql:", "KQL:", "kql for", "kusto:", "write kql:", "KQL query:", "query in kql:", "kql -", "Kusto query:", "kql please:")  # fmt: skip
# The rows in a saying about a figure that only one table has; people leave them out.
OF_ROWS = re.compile(r",? ?(?:\b(?:for|over|of|in|among|from))?(?: the| all)? ?\{rows\}:? ?(?:- )?")
# Where a question asks for now or for all there is, a stretch of time is rarely added.
NO_TIME = re.compile(r"\b(now|current|ever|history|moment|latest|newest|last|recent|details|look up|ticket \{)\b")


@dataclass(frozen=True, slots=True)
class Question:
    """What is typed, the query, its tables, and what it is about."""

    text: str
    kql: str
    tables: tuple[Table, ...]
    topic: str


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Conditions: their stages, the words after the noun, words that go in front, and the time's words."""

    stages: tuple[str, ...]
    after: str
    front: str
    time: str


def shaped(rng: random.Random, named: bool = False) -> Question | None:
    """A shape over the rows of any table; None where the table drawn lacks what the shape needs."""
    table = _table(rng)
    shape = rng.choices(SHAPES, [each.weight for each in SHAPES])[0]
    slots = _slots(rng, table, shape)
    if slots is None:
        return None
    fixed = {str(slots[name]) for name in ("g", "h") if name in slots}
    least = 1 if shape.kql == "" else 0
    narrowed = _narrow(rng, table, fixed, least, allow_time=shape.name not in ("first_last", "oldest"))
    rows = f"{_noun(rng, table, named, shape)} {narrowed.after}".strip()
    place = rng.random()
    if narrowed.time and place < 0.3:
        rows = f"{rows} {narrowed.time}"
    saying = rng.choice(shape.says)
    plain = not named and "count" not in shape.kql and {"m", "g"} <= set(slots)
    if plain and slots["metric"] in _only_here(table.name) and rng.random() < 0.6:
        saying = f"{OF_ROWS.sub(' ', saying)} {{rows}}".strip()
        rows = f"{narrowed.after} {narrowed.time if place < 0.3 else ''}".strip()
    text = _say(saying, slots | {"rows": rows})
    if narrowed.time and place >= 0.3:
        text = _with_time(rng, text, narrowed.time, place > 0.82)
    if narrowed.front:
        text = f"{narrowed.front}{rng.choice((', ', ': ', ' - '))}{text}"
    tail = _fill(shape.kql, slots)
    kql = " | ".join([table.kql, *narrowed.stages, *([tail] if tail else [])])
    return Question(dress(rng, _lead(rng, text, named)), kql, (table,), shape.name)


def ask(rng: random.Random, named: bool = False) -> Question | None:
    """One of a table's own questions."""
    table = _table(rng)
    body, says = rng.choice(ASKS[table.name])
    saying = pick(rng, says)
    slots = _values(rng, body)
    text = swapped(rng, _say(saying, slots))
    stages = _fill(body, slots).split(" | ")
    wheres = [stage for stage in stages if stage.startswith("where ")]
    leading = next((i for i, stage in enumerate(stages) if not stage.startswith("where ")), len(stages))
    places = [name for name in table.columns if name in PLACES and name not in body]
    if places and len(wheres) < 2 and rng.random() < 0.3:
        predicate, words = condition(rng, table, rng.choice(places))
        stages.insert(leading, f"where {predicate}")
        text = f"{text}, {words}" if "," in text or ":" in text else f"{text} {words}"
    if (
        _time(table)
        and _time(table) not in _conditions_of(stages)
        and rng.random() < (0.2 if NO_TIME.search(saying) else 0.72)
    ):
        right, time = when(rng)
        stages.insert(0, f"where {_time(table)} {right}")
        text = _with_time(rng, text, _timed(time), rng.random() < 0.25)
    if named:
        text = rng.choice(("{n}: {q}", "{q} (table {n})", "{q}, from {n}", "{q}, use {n}")).format(
            q=text, n=keep(table.name)
        )
    topic = f"asked of {table.name}"
    return Question(dress(rng, _lead(rng, text, named)), " | ".join([table.kql, *stages]), (table,), topic)


def joined(rng: random.Random, named: bool = False) -> Question | None:
    """A question over two tables, or one with a let."""
    pair = rng.choice(LETS if rng.random() < 0.2 else JOINS)
    tables = tuple(_named(name) for name in pair.tables)
    slots = _values(rng, pair.kql) | {str(i): table.kql for i, table in enumerate(tables)}
    text = swapped(rng, _say(rng.choice(pair.says), slots))
    slots["since"] = ""
    if "{since}" in pair.kql and rng.random() < 0.65:
        right, time = when(rng)
        slots["since"] = f"where {_time(tables[0])} {right} | "
        text = _with_time(rng, text, _timed(time), rng.random() < 0.3)
    return Question(dress(rng, text), _fill(pair.kql, slots), tables, "let" if pair in LETS else "two tables")


def _slots(rng: random.Random, table: Table, shape: Shape) -> dict[str, Any] | None:
    """Columns and values for a shape's slots; None if the table has no such column."""
    groups = [name for name in table.columns if column(table.name, name).kind == "group"]
    measures = [name for name in table.columns if column(table.name, name).kind == "measure"]
    if "sum(" in shape.kql:
        measures = [name for name in measures if name in SUMS]
    needs = set(re.findall(r"\{(\w+)\}", shape.kql))
    short = ("g" in needs and not groups) or ("h" in needs and len(groups) < 2) or ("m" in needs and not measures)
    if short or ("t" in needs and not _time(table)):
        return None
    slots: dict[str, Any] = {"t": _time(table), "best": pick(rng, BEST), "least": pick(rng, LEAST)}
    if "g" in needs:
        chosen = rng.sample(groups, 2 if "h" in needs else 1)
        for letter, one, more, name in zip("gh", ("group", "other"), ("groups", "others"), chosen):
            label = pick(rng, column(table.name, name).names)
            slots |= {letter: name, one: label, more: many(label)}
    if "m" in needs:
        slots["m"] = rng.choice(measures)
        words = column(table.name, slots["m"])
        slots["metric"] = pick(rng, words.names)
        slots["v"] = rng.choice(pool(words.pool))
        slots["value"] = unit(rng, words, slots["v"])
    if "columns" in needs:
        shown = rng.sample(list(table.columns), min(len(table.columns), rng.choice((1, 2, 2, 3, 3, 4))))
        labels = [pick(rng, column(table.name, name).names) for name in shown]
        slots |= {"columns": ", ".join(shown), "cols": _listed(rng, labels)}
    if "bin" in needs:
        slots["bin"] = rng.choice(pool("bin"))
        slots["steps"] = bin_words(rng, slots["bin"])
    for name in ("n", "times", "pct"):
        slots[name] = rng.choice(pool(name))
    return slots


def _narrow(rng: random.Random, table: Table, fixed: set[str], least: int, allow_time: bool) -> Narrowed:
    """Up to three conditions and a time."""
    free = [name for name in table.columns if name not in fixed and name != _time(table)]
    free = [name for name in free if column(table.name, name).kind != "id" or rng.random() < 0.3]
    count = max(least, rng.choices((0, 1, 2, 3), (24, 46, 24, 6))[0])
    made = [(name, *condition(rng, table, name)) for name in rng.sample(free, min(count, len(free)))]
    front = ""
    if made and made[0][0] in PLACES and rng.random() < 0.2:
        front = made[0][2]
    words = [text for _, _, text in made[1 if front else 0 :]]
    after = rng.choice((" and ", " ", ", ", " ")).join(words)
    stages = [f"where {predicate}" for _, predicate, _ in made]
    time = ""
    if allow_time and _time(table) and rng.random() < 0.68:
        right, time = when(rng)
        stages.insert(0, f"where {_time(table)} {right}")
    return Narrowed(tuple(stages), after, front, _timed(time) if time else "")


def _values(rng: random.Random, kql: str) -> dict[str, Any]:
    """Values for all slots of a query; {node2} is another node than {node}, {dbm2} a lower power than {dbm}."""
    slots: dict[str, Any] = {}
    for name in dict.fromkeys(name for name, _ in SLOT.findall(kql)):
        if name != "since" and not name.isdigit():
            one, two = rng.sample(pool(name), 2) if len(pool(name)) > 1 else (pool(name)[0],) * 2
            slots |= {f"{name}2": two, name: one}
    if "dbm" in slots:
        slots["dbm2"], slots["dbm"] = sorted((slots["dbm"], slots["dbm2"]))
    if "bin" in slots:
        slots["steps"] = bin_words(rng, slots["bin"])
    return slots


def _say(saying: str, slots: dict[str, Any]) -> str:
    """A saying with its slots filled; values are kept from every style, words are not."""
    plain = {"rows", "group", "groups", "other", "others", "metric", "cols", "best", "least", "steps", "value"}
    return SLOT.sub(lambda m: _said(m[1] + m[2], slots, plain), saying)


def _said(name: str, slots: dict[str, Any], plain: set[str]) -> str:
    return str(slots[name]) if name in plain else keep(slots[name])


def _fill(kql: str, slots: dict[str, Any]) -> str:
    return SLOT.sub(lambda m: str(slots[m[1] + m[2]]), kql)


@cache
def _only_here(name: str) -> frozenset[str]:
    """What a table's figures are called, where no other table has a figure of that name."""
    mine, others = set(), set()
    for table in fleet().tables:
        for each in table.columns:
            if (words := column(table.name, each)).kind == "measure":
                (mine if table.name == name else others).update(words.names.split("|"))
    return frozenset(mine - others)


def _noun(rng: random.Random, table: Table, named: bool, shape: Shape) -> str:
    if named or rng.random() < 0.06:
        return rng.choice(("rows in {}", "{} rows", "{} entries", "records in {}", "rows of {}", "{}")).format(
            keep(table.name)
        )
    counted = "count" in shape.kql or "{g}" in shape.kql
    return pick(
        rng, THINGS[table.name] if table.name in THINGS and not counted and rng.random() < 0.4 else ROWS[table.name]
    )


def _lead(rng: random.Random, text: str, named: bool) -> str:
    """What a bare question begins with: it says which language is meant."""
    return f"{keep(rng.choice(LEADS))} {text}" if named else text


def _with_time(rng: random.Random, text: str, time: str, first: bool) -> str:
    if first:
        return f"{time}{rng.choice((', ', ', ', ': ', ' '))}{text}"
    return f"{text}{rng.choice((' ', ' ', ' ', ', '))}{time}"


def _timed(time: str) -> str:
    """A stretch of time whose numbers no slip may hit."""
    return re.sub(r"\d[\w:.-]*", lambda m: keep(m[0]), time)


def _listed(rng: random.Random, labels: list[str]) -> str:
    if len(labels) == 1:
        return labels[0]
    return ", ".join(labels[:-1]) + rng.choice((" and ", " and ", ", ", " & ")) + labels[-1]


def _conditions_of(stages: list[str]) -> str:
    return " ".join(stage for stage in stages if stage.startswith("where "))


@cache
def _named(name: str) -> Table:
    table = fleet().find(name)
    assert table is not None, name
    return table


def _time(table: Table) -> str:
    """The column that a stretch of time means; "" for the inventories."""
    first, kind = next(iter(table.columns.items()))
    return first if kind == "datetime" else ""


def _table(rng: random.Random) -> Table:
    tables = fleet().tables
    return rng.choices(tables, [1.5 if table.name in OFTEN else 1 for table in tables])[0]
