"""Lessons of NL2KQL: questions about the fleet in many people's words, each with the query in one canonical style.

The style is the one of the task's own truths: the full name of the table, the condition on the time first, then one `where`
for each condition in the order of the question, then what is asked, aggregates without names where nothing refers to them.
No value, and no pair of a table and the end of a query, is one that the task keeps for dev and test.

nl2kql_words       tables, columns and conditions in words
nl2kql_values      what slots are filled with
nl2kql_times       stretches of time and bins
nl2kql_conditions  predicates with their words
nl2kql_shapes      what may be asked of any table
nl2kql_asks_*      what is asked of one table only
nl2kql_joins       two tables, and let
nl2kql_renamed     the fleet under other names
nl2kql_style       bare, plain, chatty, mistyped
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from functools import cache, lru_cache

from sigma.aimicius.contract import Case
from sigma.aimicius.nl2kql import TASK
from sigma.aimicius.nl2kql.cases import templates_of
from sigma.aimicius.nl2kql.prompt import SHOWN, choose
from sigma.aimicius.nl2kql.schema import fleet
from sigma.training.lessons import Lesson
from sigma.training.lessons.nl2kql_questions import Question, ask, joined, shaped
from sigma.training.lessons.nl2kql_renamed import renamed

COUNT = 10_000
KINDS = {shaped: 0.54, ask: 0.37, joined: 0.09}
BARE = 0.055  # of the questions on one table are asked without a schema, the table named
OTHER_NAMES = 0.06  # of all others are asked of a schema with other names


def lessons(seed: int) -> Iterator[Lesson]:
    """All lessons in mixed order, the same for the same seed."""
    for case, topic in cases(seed):
        yield Lesson("nl2kql", tuple(TASK.messages(case)), case.truth, topic)


def cases(seed: int) -> Iterator[tuple[Case, str]]:
    """The lessons as cases of the task, so that they can be judged, and their topics."""
    rng = random.Random(f"lessons of nl2kql {seed}")
    seen: set[str] = set()
    while len(seen) < COUNT:
        made = rng.choices(list(KINDS), list(KINDS.values()))[0]
        bare = made is not joined and rng.random() < BARE
        question = made(rng, named=bare)
        if question is None or question.text in seen or (len(question.tables) == 1 and held_back(question)):
            continue
        seen.add(question.text)
        fields = {"question": question.text}
        if bare:
            fields = {"prompt": question.text, "question": ""}
        elif rng.random() < OTHER_NAMES:
            yield _renamed(rng, question, len(seen)), "other names"
            continue
        elif (tables := _excerpt(rng, question)) is not None:
            fields["tables"] = tables
        topic = "bare" if bare else question.topic
        yield Case(f"lesson-{len(seen):05d}", fields, question.kql, "train"), topic


def _renamed(rng: random.Random, question: Question, number: int) -> Case:
    """The question over a schema with other names."""
    text, kql, schema, tables = renamed(rng, _chosen(rng, question), question.text, question.kql)
    return Case(f"lesson-{number:05d}", {"question": text, "schema": schema, "tables": tables}, kql, "train")


def held_back(question: Question) -> bool:
    """Whether the task keeps this table with this end of a query for dev or test."""
    stages = question.kql.rpartition("; ")[2].split(" | ")  # what a let defines comes before
    while len(stages) > 1 and stages[1].startswith("where "):
        del stages[1]
    tail = " | ".join(stages[1:])
    for pattern, slot in _SLOTS:
        tail = re.sub(pattern, slot, tail)
    return f"{question.tables[0].name} | {tail}" in _kept()


_SLOTS = (
    (r"\b(top|take) \d+", r"\1 {n}"),
    (r"bin\((\w+), \w+\)", r"bin(\1, {bin})"),
    (r"percentile\((\w+), \d+\)", r"percentile(\1, {pct})"),
    (r"Count > \d+", "Count > {times}"),
)


@cache
def _kept() -> frozenset[str]:
    return frozenset(template.key for split in ("dev", "test") for template in templates_of(split))


def _excerpt(rng: random.Random, question: Question) -> list[str] | None:
    """The tables that the prompt shows: those it would choose itself (None) where they will do, or some of our choosing."""
    if {table.key for table in question.tables} <= set(_likely(question.text)[:SHOWN]) and rng.random() < 0.55:
        return None
    return _chosen(rng, question)


def _chosen(rng: random.Random, question: Question) -> list[str]:
    """One to five tables in any order: the question's, then the likeliest wrong ones, then any."""
    keys = [table.key for table in question.tables]
    size = max(len(keys), rng.choices((1, 2, 3, 4, 5), (4, 14, 50, 26, 6))[0])
    others = [key for key in _likely(question.text) if key not in keys][:2]
    others += rng.sample([table.key for table in fleet().tables if table.key not in (*keys, *others)], 4)
    chosen = [*keys, *others[: size - len(keys)]]
    rng.shuffle(chosen)
    return chosen


@lru_cache(maxsize=4)
def _likely(text: str) -> list[str]:
    return [table.key for table in choose(fleet(), text, 6)]
